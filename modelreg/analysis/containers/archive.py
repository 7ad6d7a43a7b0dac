"""Reads member names and small members of zip archives, within limits.

`zipfile` reads the whole central directory into memory, so its size is checked first. The layout is described in
PKWARE's APPNOTE, sections 4.3.14 to 4.3.16.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from modelreg.analysis.containers.content import head, tail

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

_MEMBER_SIGNATURE = b"PK\x03\x04"
_END_SIGNATURE = b"PK\x05\x06"
_END_64_SIGNATURE = b"PK\x06\x06"
_END_LENGTH, _LOCATOR_LENGTH, _END_64_LENGTH = 22, 20, 56  # bytes
MAX_END_LENGTH = _END_64_LENGTH + _LOCATOR_LENGTH + _END_LENGTH + 0xFFFF  # 0xFFFF: longest comment
_MAX_DIRECTORY_SIZE = 8 << 20  # bytes, enough for about 100,000 members
_SUPPORTED_COMPRESSIONS = (0, 8, 12)  # stored, deflate and bzip2


class Archive:
    """An open zip archive."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._members = {member.filename: member for member in archive.infolist()}
        self.names = frozenset(self._members)

    def read(self, name: str, max_size: int) -> bytes | None:
        """The content of a member; None if it is missing, damaged or larger than ``max_size`` bytes."""
        with self.open_member(name) as content:
            if content is None:
                return None
            try:
                data = content.read(max_size + 1)
            except zip_errors():
                return None
        return data if len(data) <= max_size else None

    @contextmanager
    def open_member(self, name: str) -> Iterator[IO[bytes] | None]:
        """Open a member as a stream; None if it is missing or unsupported. Reads may raise `zip_errors`."""
        content = self._open(self._members.get(name))
        if content is None:
            yield None
        else:
            with content:
                yield content

    def _open(self, member: ZipInfo | None) -> IO[bytes] | None:
        # LZMA and Zstandard headers can request any amount of memory, and models rarely use them
        if member is None or member.compress_type not in _SUPPORTED_COMPRESSIONS or member.header_offset < 0:
            return None
        try:
            return self._archive.open(member)
        except zip_errors():
            return None


@contextmanager
def open_archive(path: Path) -> Iterator[Archive | None]:
    """Open the zip archive at ``path``; None if it is not one, is damaged, or its directory is too large."""
    archive = _open(path)
    if archive is None:
        yield None
    else:
        with archive:
            yield Archive(archive)


def zip_errors() -> tuple[type[Exception], ...]:
    """All exceptions that reading a damaged archive may raise."""
    import struct
    import zipfile
    import zlib

    # RuntimeError: encrypted members; NotImplementedError, its subclass: unsupported features; ValueError: bad seeks;
    # OSError: bzip2
    return (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OverflowError, OSError)


def _open(path: Path) -> ZipFile | None:
    if head(path, 4) != _MEMBER_SIGNATURE or not is_directory_within_limit(tail(path, MAX_END_LENGTH)):
        return None
    import zipfile  # about 15 ms

    try:
        return zipfile.ZipFile(path)
    except zip_errors():
        return None


def is_directory_within_limit(end: bytes) -> bool:
    """Whether the archive that ends with ``end`` has a directory that is small enough to read into memory."""
    return 0 < _read_directory_size(end) <= _MAX_DIRECTORY_SIZE


def _read_directory_size(end: bytes) -> int:
    """Directory size in bytes, from the same end record that `zipfile` uses; 0 without a directory."""
    at = len(end) - _END_LENGTH
    if end[at : at + 4] != _END_SIGNATURE or end[-2:] != b"\0\0":
        at = end.rfind(_END_SIGNATURE)
    at_64 = at - _END_64_LENGTH - _LOCATOR_LENGTH
    if at < 0:
        return 0
    if at_64 >= 0 and end[at_64 : at_64 + 4] == _END_64_SIGNATURE:
        return int.from_bytes(end[at_64 + 40 : at_64 + 48], "little")
    return int.from_bytes(end[at + 12 : at + 16], "little")
