"""Reading bytes once: hashed in a second thread while they are copied."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread

from modelreg.artifacts.durability import WRITE_BACK, start_write_back
from modelreg.references import DIGEST_PREFIX, Digest

BLOCK = 1024 * 1024  # bytes
_BLOCKS = 4  # being read, hashed and written at once

Progress = Callable[[int, int], None]
"""Called now and then with how many bytes are done, and how many there are."""
Advance = Callable[[int], None]
"""Called with the number of bytes that were done since the last call."""


def copy_and_hash(source: int, target: int | None, advance: Advance | None = None) -> tuple[Digest, int]:
    """Read the descriptor ``source`` to its end; returns the digest of what was read and its length in bytes.

    The same bytes go to the descriptor ``target``, if there is one. A file that grows meanwhile is not followed: more
    than it had at first may be read, and never all of what comes.
    """
    expected = os.fstat(source).st_size
    if expected > BLOCK:
        return _copy_in_blocks(source, target, expected, advance)
    content = b""  # too little for a thread to be worth it
    while more := os.read(source, expected + 1 - len(content)):
        content += more
    _write(target, memoryview(content))
    _report(advance, len(content))
    return of_bytes(content), len(content)


def digest_of(descriptor: int) -> Digest:
    """The digest of everything that can be read from ``descriptor``."""
    return copy_and_hash(descriptor, None)[0]


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


def _copy_in_blocks(source: int, target: int | None, expected: int, advance: Advance | None) -> tuple[Digest, int]:
    size = started = 0
    digest = hashlib.sha256()
    with _hashing_thread(digest.update) as (filled, free):
        while size <= expected and (length := os.readv(source, [block := free.get()])):
            content = memoryview(block)[:length]
            filled.put(content)
            _write(target, content)
            size += length
            if target is not None and size - started >= WRITE_BACK:
                start_write_back(target, started, size - started)
                started = size
            _report(advance, length)
    return Digest(DIGEST_PREFIX + digest.hexdigest()), size


@contextmanager
def _hashing_thread(
    update: Callable[[memoryview], object],
) -> Iterator[tuple[SimpleQueue[memoryview | None], SimpleQueue[bytearray]]]:
    """A thread that hashes what is put into the first queue, in order, and gives blocks back through the second."""
    filled: SimpleQueue[memoryview | None] = SimpleQueue()
    free: SimpleQueue[bytearray] = SimpleQueue()
    for _ in range(_BLOCKS):
        free.put(bytearray(BLOCK))

    def work() -> None:
        while (content := filled.get()) is not None:
            update(content)
            free.put(content.obj)  # type: ignore[arg-type]  # the bytearray that the view was made of

    thread = Thread(target=work, name="hashing")
    thread.start()
    try:
        yield filled, free
    finally:
        filled.put(None)
        thread.join()


def _write(target: int | None, content: memoryview) -> None:
    while target is not None and content:
        content = content[os.write(target, content) :]


def _report(advance: Advance | None, length: int) -> None:
    if advance is not None:
        advance(length)
