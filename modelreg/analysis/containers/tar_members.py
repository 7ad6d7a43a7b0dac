"""Every member of a tar archive that `tarfile` would extract, read once from front to back.

`tarfile` reads long names, extended headers and maps of sparse files into memory, however long they are, and calls
itself for each: here its headers alone are parsed by it. Where readers could differ, the archive is doubted. Layout:
POSIX's ``pax``, 'ustar Interchange Format' and 'pax Header Block', and what GNU tar adds.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

from modelreg.analysis.containers.bounds import Bounds

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_RECORD = 512  # bytes; everything begins at a multiple of it
_BLOCK = 1 << 20  # bytes read for nothing at once
_LONGEST_HEADER = 1 << 20  # bytes; a name is seldom longer than 4 KiB
_EXTENDED = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_LONG_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_LONGEST_NUMBER = 18  # digits
_KEY = re.compile(rb"(\d{1,7}) ([^=]+)=")
_SPARSE = "a tar archive with a sparse file, which no model is"


class BadTar(Exception):
    """The archive is damaged, or such that readers would differ about it; says how it goes on from 'it is'."""


def is_tar(start: bytes) -> bool:
    """By its mark, or without one by the checksum of the first header."""
    return _header(start[:_RECORD]) is not None


class TarMembers:
    """The members of the archive in a file, which has to be read in order: each as far as one likes."""

    def __init__(self, file: BinaryIO, bounds: Bounds) -> None:
        self._file = file
        self._bounds = bounds
        self.left = b""
        """What was read behind the archive's end, once all members were read."""

    def __iter__(self) -> Iterator[tuple[str, BinaryIO]]:
        """Names and contents; raises `BadTar`."""
        size: int | None = None
        while (header := self._next()) is not None:
            if header.type in _EXTENDED:
                size = _size_in(self._extension(header), header.type == tarfile.XGLTYPE, size)
            elif header.type in _LONG_NAMES:
                self._extension(header)
            elif not _is_extracted(header):
                if header.size or size:
                    raise BadTar("a tar archive with content of what has none")
                size = None
            else:
                if size is not None and header.size not in (0, size):
                    raise BadTar("a tar archive with two sizes of one member")
                yield from self._member(header.name, header.size if size is None else size)
                size = None

    def _next(self) -> tarfile.TarInfo | None:
        """The next header; None at the end, where a record is empty, missing or none."""
        record = _read(self._file, _RECORD)
        header = _header(record)
        if header is None:
            self.left = record.strip(b"\0")
        elif not self._bounds.take(members=1):
            return None
        elif header.size < 0 or header.type == tarfile.GNUTYPE_SPARSE:
            raise BadTar(_SPARSE)
        return header

    def _extension(self, header: tarfile.TarInfo) -> bytes:
        if header.size > _LONGEST_HEADER:
            raise BadTar("a tar archive with a header beyond all measure")
        data = _read(self._file, header.size + -header.size % _RECORD)
        if len(data) < header.size:
            raise BadTar("a tar archive that is cut off")
        return data

    def _member(self, name: str, size: int) -> Iterator[tuple[str, BinaryIO]]:
        part = _Part(self._file, size)
        yield name, cast("BinaryIO", io.BufferedReader(part))
        if not part.skip() or not _Part(self._file, -size % _RECORD).skip():
            raise BadTar("a tar archive that is cut off")


class _Part(io.RawIOBase):
    """The next bytes of a file as a file of their own."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._file.read(min(len(view), self._left))
        self._left -= len(data)
        view[: len(data)] = data
        return len(data)

    def skip(self) -> bool:
        """Read the rest for nothing; returns whether it was there."""
        while self._left and (data := self._file.read(min(self._left, _BLOCK))):
            self._left -= len(data)
        return not self._left


def _header(record: bytes) -> tarfile.TarInfo | None:
    try:
        return tarfile.TarInfo.frombuf(record, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return None


def _is_extracted(header: tarfile.TarInfo) -> bool:
    """Whether `tarfile` takes it for a regular file, as it does what it does not know."""
    return header.isreg() or header.type not in tarfile.SUPPORTED_TYPES


def _size_in(extension: bytes, for_all: bool, known: int | None) -> int | None:
    """The size that an extended header says, else the one ``known`` before; raises `BadTar` where it is not certain."""
    for key, value in _records(extension):
        if key.startswith(b"GNU.sparse"):
            raise BadTar(_SPARSE)
        if key == b"size":
            if for_all or known is not None or not value.isdigit() or len(value) > _LONGEST_NUMBER:
                raise BadTar("a tar archive with a size that is not certain")
            known = int(value)
    return known


def _records(extension: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values, each with its length before it; raises `BadTar` where it is not quite so."""
    at = 0
    while at < len(extension) and extension[at]:
        record = _KEY.match(extension, at)
        end = at + int(record[1]) if record else at
        if record is None or not record.end() < end <= len(extension) or extension[end - 1 : end] != b"\n":
            raise BadTar("a tar archive with a damaged header")
        yield record[2], extension[record.end() : end - 1]
        at = end


def _read(file: BinaryIO, count: int) -> bytes:
    """``count`` bytes, or all that there are."""
    data = file.read(count)
    while len(data) < count and (more := file.read(count - len(data))):
        data += more
    return data
