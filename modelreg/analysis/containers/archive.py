"""Looks into zip archives, within bounds: their members' names, and small members as a whole.

The layout is that of PKWARE's APPNOTE, sections 4.3.14 to 4.3.16. The directory at the end of an archive is measured
before `zipfile` reads it, since it reads all of it into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from modelreg.analysis.containers.content import head, tail

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

_FIRST_BYTES = b"PK\x03\x04"
_END_MARK = b"PK\x05\x06"
_END_64_MARK = b"PK\x06\x06"
_END_LENGTH, _LOCATOR_LENGTH, _END_64_LENGTH = 22, 20, 56  # bytes
END_REACH = _END_64_LENGTH + _LOCATOR_LENGTH + _END_LENGTH + 0xFFFF  # the last: the longest comment
_MOST_DIRECTORY = 8 << 20  # bytes; about 100,000 members
_READ_COMPRESSIONS = (0, 8, 12)  # stored, deflate and bzip2


class Archive:
    """An open zip archive."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._members = {member.filename: member for member in archive.infolist()}
        self.names = frozenset(self._members)

    def read(self, name: str, most: int) -> bytes | None:
        """A member's content; None when there is no such member, it is longer than ``most`` bytes, or is damaged."""
        with self.opened(name) as content:
            data = None if content is None else _read(content, most + 1)
        return data if data is not None and len(data) <= most else None

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes] | None]:
        """A member's content as a stream, whose reads may raise what `damage` lists; None where it can't be had."""
        content = self._open(self._members.get(name))
        if content is None:
            yield None
        else:
            with content:
                yield content

    def _open(self, member: ZipInfo | None) -> IO[bytes] | None:
        # LZMA and Zstandard could ask for any amount of memory, and hardly a model is written with them
        if member is None or member.compress_type not in _READ_COMPRESSIONS or member.header_offset < 0:
            return None
        try:
            return self._archive.open(member)
        except damage():
            return None


@contextmanager
def opened_archive(path: Path) -> Iterator[Archive | None]:
    """The zip archive at ``path``; None when it is none, is damaged, or has a directory beyond all measure."""
    archive = _open(path)
    if archive is None:
        yield None
    else:
        with archive:
            yield Archive(archive)


def damage() -> tuple[type[Exception], ...]:
    """Everything that reading a damaged archive raises."""
    import struct
    import zipfile
    import zlib

    # zipfile: RuntimeError for encrypted members, NotImplementedError for features that it lacks; seek: ValueError
    errors = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OverflowError)
    return (*errors, OSError)  # of bzip2


def _open(path: Path) -> ZipFile | None:
    if head(path, 4) != _FIRST_BYTES or not has_modest_directory(tail(path, END_REACH)):
        return None
    import zipfile  # about 15 ms

    try:
        return zipfile.ZipFile(path)
    except damage():
        return None


def has_modest_directory(end: bytes) -> bool:
    """Whether the archive that ends with ``end`` has a directory, and one that may be read as a whole."""
    return 0 < _directory_size(end) <= _MOST_DIRECTORY


def _directory_size(end: bytes) -> int:
    """Bytes of the directory, from the very record that `zipfile` goes by; 0 when there is none."""
    at = len(end) - _END_LENGTH
    if end[at : at + 4] != _END_MARK or end[-2:] != b"\0\0":
        at = end.rfind(_END_MARK)
    at_64 = at - _END_64_LENGTH - _LOCATOR_LENGTH
    if at < 0:
        return 0
    if at_64 >= 0 and end[at_64 : at_64 + 4] == _END_64_MARK:
        return int.from_bytes(end[at_64 + 40 : at_64 + 48], "little")
    return int.from_bytes(end[at + 12 : at + 16], "little")


def _read(content: IO[bytes], count: int) -> bytes | None:
    try:
        return content.read(count)
    except damage():
        return None
