"""Copying bytes, in a second thread, while those that have arrived are hashed."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from threading import Event

from modelreg.domain.references import DIGEST_PREFIX, Digest
from modelreg.system.durability import WRITE_BACK, start_write_back

BLOCK = 256 * 1024  # bytes; what fits into a core's own cache is hashed faster
_PIECE = 8 * 1024 * 1024  # bytes that are copied at once
_NOT_IN_KERNEL = (errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)
"""What copy_file_range(2) says where it cannot be used, as between file systems of different kinds."""

Progress = Callable[[int, int], None]
"""Called now and then with how many bytes are done, and how many there are."""
Advance = Callable[[int], None]
"""Called with the number of bytes that were done since the last call."""


def copy_and_hash(source: int, target: int | None, advance: Advance | None = None) -> tuple[Digest, int]:
    """Read the descriptor ``source`` from its start to its end; returns the digest and the length in bytes.

    The same bytes go to the descriptor ``target``, if there is one, which is open to write and read: a large file is
    hashed as it is read from there, so that the digest is that of the bytes which arrived. A file that grows
    meanwhile is not followed: more than it had at first may be read, and never all of what comes.
    """
    expected = os.fstat(source).st_size
    if expected <= BLOCK:
        return _copy_and_hash_small(source, target, advance)
    if target is None:
        return _hash(source, iter([expected + 1]), advance)
    arriving = _copy(source, target, expected)
    if expected < _PIECE:  # too little for a thread to be worth it
        return _hash(target, arriving, advance)
    with _ahead(arriving) as arrived:
        return _hash(target, arrived, advance)


def digest_of(descriptor: int, advance: Advance | None = None) -> Digest:
    """The digest of everything that can be read from ``descriptor``."""
    return copy_and_hash(descriptor, None, advance)[0]


def counting(progress: Progress, total: int) -> Advance:
    """An `Advance` that adds up, and tells ``progress`` the sum."""
    done = 0

    def advance(length: int) -> None:
        nonlocal done
        done += length
        progress(done, total)

    return advance


def of_bytes(content: bytes | memoryview) -> Digest:
    """The digest of ``content``."""
    return Digest(DIGEST_PREFIX + hashlib.sha256(content).hexdigest())


def _copy_and_hash_small(source: int, target: int | None, advance: Advance | None) -> tuple[Digest, int]:
    content = b""
    while len(content) <= BLOCK and (more := os.pread(source, BLOCK, len(content))):
        content += more
    if target is not None:
        _write(target, content, 0)
    _report(advance, len(content))
    return of_bytes(content), len(content)


def _hash(descriptor: int, available: Iterator[int], advance: Advance | None) -> tuple[Digest, int]:
    """Hash as many bytes as are ``available`` by and by; returns the digest of all, and how many there were."""
    block = bytearray(BLOCK)
    content = memoryview(block)
    digest = hashlib.sha256()
    size = 0
    for end in available:
        while size < end and (length := os.preadv(descriptor, [block], size)):
            digest.update(content[:length])
            size += length
            _report(advance, length)
    return Digest(DIGEST_PREFIX + digest.hexdigest()), size


def _copy(source: int, target: int, expected: int) -> Iterator[int]:
    """Copy piece by piece; yields how many bytes have arrived."""
    copy_piece = _copy_in_kernel
    copied = started = 0
    while copied <= expected:
        try:
            length = copy_piece(source, target, copied)
        except OSError as error:
            if copied or copy_piece is _copy_block or error.errno not in _NOT_IN_KERNEL:
                raise
            length = 0
        if not length:
            if copied >= expected or copy_piece is _copy_block:
                break
            copy_piece = _copy_block  # the kernel cannot, or says that this is the end where it is not
            continue
        copied += length
        if copied - started >= WRITE_BACK:
            start_write_back(target, started, copied - started)
            started = copied
        yield copied


def _copy_in_kernel(source: int, target: int, offset: int) -> int:
    """copy_file_range(2): the bytes do not pass through this process, and some file systems share them."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    while True:
        with suppress(InterruptedError):  # by a signal that somebody handles; other calls Python repeats itself
            return os.copy_file_range(source, target, _PIECE, offset, offset)


def _copy_block(source: int, target: int, offset: int) -> int:
    content = os.pread(source, BLOCK, offset)
    _write(target, content, offset)
    return len(content)


def _write(target: int, content: bytes, offset: int) -> None:
    left = memoryview(content)
    while left:
        written = os.pwrite(target, left, offset)
        left, offset = left[written:], offset + written


@contextmanager
def _ahead(pieces: Iterator[int]) -> Iterator[Iterator[int]]:
    """The same numbers, while a second thread works on the next ones; raises at the end what stopped it."""
    from concurrent.futures import ThreadPoolExecutor  # 10 ms, for large files alone

    done: SimpleQueue[int | None] = SimpleQueue()
    left = Event()

    def work() -> None:
        try:
            for piece in pieces:
                done.put(piece)
                if left.is_set():
                    break
        finally:
            done.put(None)

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(work)
        try:
            yield iter(done.get, None)
        finally:
            left.set()
        working.result()


def _report(advance: Advance | None, length: int) -> None:
    if advance is not None:
        advance(length)
