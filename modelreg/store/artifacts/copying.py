"""Copying and hashing files; for large files a second thread copies while this one hashes."""

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

BLOCK = 256 * 1024  # bytes; hashing is faster when the block fits into the cache of a core
_PIECE = 8 * 1024 * 1024  # bytes per call of copy_file_range
_NOT_IN_KERNEL = (errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)
"""Errors of copy_file_range(2) where it cannot be used, for instance between different file systems."""

Progress = Callable[[int, int], None]
"""Called with the number of bytes done, and the total."""
Advance = Callable[[int], None]
"""Called with the number of bytes done since the last call."""


def copy_and_hash(source: int, target: int | None, advance: Advance | None = None) -> tuple[Digest, int]:
    """Hash the file ``source``, and copy it to ``target`` unless that is None; returns digest and length in bytes.

    Both are descriptors; ``target`` is open to write and read. A large file is hashed as read back from ``target``, so
    the digest is of the bytes that arrived. For a file that keeps growing, reading stops soon after its initial size.
    """
    expected = os.fstat(source).st_size
    if expected <= BLOCK:
        return _copy_and_hash_small(source, target, advance)
    if target is None:
        return _hash(source, iter([expected + 1]), advance)
    copied_to = _copy(source, target, expected)
    if expected < _PIECE:  # too small to be worth a thread
        return _hash(target, copied_to, advance)
    with _run_ahead(copied_to) as available:
        return _hash(target, available, advance)


def digest_of(descriptor: int, advance: Advance | None = None) -> Digest:
    """The digest of an open file."""
    return copy_and_hash(descriptor, None, advance)[0]


def counting(progress: Progress, total: int) -> Advance:
    """An `Advance` that reports the sum to ``progress``."""
    completed = 0

    def advance(length: int) -> None:
        nonlocal completed
        completed += length
        progress(completed, total)

    return advance


def digest_of_bytes(content: bytes | memoryview) -> Digest:
    """The digest of ``content``."""
    return Digest(DIGEST_PREFIX + hashlib.sha256(content).hexdigest())


def _copy_and_hash_small(source: int, target: int | None, advance: Advance | None) -> tuple[Digest, int]:
    content = b""
    while len(content) <= BLOCK and (block := os.pread(source, BLOCK, len(content))):
        content += block
    if target is not None:
        _write(target, content, 0)
    _report(advance, len(content))
    return digest_of_bytes(content), len(content)


def _hash(descriptor: int, available: Iterator[int], advance: Advance | None) -> tuple[Digest, int]:
    """Hash a file up to each offset that ``available`` yields, to the end of the last; returns digest and length."""
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
    """Copy in pieces; yields the number of bytes copied so far."""
    copy_piece = _copy_in_kernel
    copied = flushed = 0
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
            copy_piece = _copy_block  # the kernel cannot copy these files, or reports the end too early
            continue
        copied += length
        if copied - flushed >= WRITE_BACK:
            start_write_back(target, flushed, copied - flushed)
            flushed = copied
        yield copied


def _copy_in_kernel(source: int, target: int, offset: int) -> int:
    """copy_file_range(2): the bytes do not pass through this process, and some file systems only share blocks."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    while True:
        with suppress(InterruptedError):  # by a handled signal; Python repeats other calls itself
            return os.copy_file_range(source, target, _PIECE, offset, offset)


def _copy_block(source: int, target: int, offset: int) -> int:
    content = os.pread(source, BLOCK, offset)
    _write(target, content, offset)
    return len(content)


def _write(target: int, content: bytes, offset: int) -> None:
    remaining = memoryview(content)
    while remaining:
        written = os.pwrite(target, remaining, offset)
        remaining, offset = remaining[written:], offset + written


@contextmanager
def _run_ahead(numbers: Iterator[int]) -> Iterator[Iterator[int]]:
    """Run an iterator in a second thread; yields an iterator of its results. Raises the thread's error at the end."""
    from concurrent.futures import ThreadPoolExecutor  # 10 ms; only for large files

    results: SimpleQueue[int | None] = SimpleQueue()
    stopped = Event()

    def run() -> None:
        try:
            for number in numbers:
                results.put(number)
                if stopped.is_set():
                    break
        finally:
            results.put(None)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run)
        try:
            yield iter(results.get, None)
        finally:
            stopped.set()
        future.result()


def _report(advance: Advance | None, length: int) -> None:
    if advance is not None:
        advance(length)
