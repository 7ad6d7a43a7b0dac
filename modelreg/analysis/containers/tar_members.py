"""Reads every member of a tar archive that `tarfile` would extract, in one pass.

`tarfile` reads extended headers of any size into memory and recurses for each one, so only single headers are parsed
with it. Archives that different readers could interpret differently are rejected. The layout is described in POSIX
``pax`` ('ustar Interchange Format', 'pax Header Block') and in the GNU tar manual.
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

_RECORD_SIZE = 512  # bytes; headers and members are aligned to it
_CHUNK_SIZE = 1 << 20  # bytes
_MAX_HEADER_SIZE = 1 << 20  # bytes; names are rarely longer than 4 KiB
_PAX_TYPES = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_GNU_NAME_TYPES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_MAX_DIGITS = 18  # of a size
_PAX_RECORD = re.compile(rb"(\d{1,7}) ([^=]+)=")
_SPARSE_PROBLEM = "a tar archive with a sparse file"


class BadTar(Exception):
    """The archive is damaged or ambiguous. The message continues the sentence 'it is …'."""


def is_tar(start: bytes) -> bool:
    """Whether the first bytes of a file are a tar header with a valid checksum."""
    return _parse_header(start[:_RECORD_SIZE]) is not None


class TarMembers:
    """The members of a tar archive, in order. Each can be read completely, partially or not at all."""

    def __init__(self, file: BinaryIO, bounds: Bounds) -> None:
        self._file = file
        self._bounds = bounds
        self.trailing_data = b""
        """Data found after the end of the archive; set once all members were read."""

    def __iter__(self) -> Iterator[tuple[str, BinaryIO]]:
        """Yield name and content of each member; raises `BadTar`."""
        size: int | None = None
        while (header := self._read_header()) is not None:
            if header.type in _PAX_TYPES:
                size = _find_size(self._read_extension(header), header.type == tarfile.XGLTYPE, size)
            elif header.type in _GNU_NAME_TYPES:
                self._read_extension(header)
            elif not _is_extracted(header):
                if header.size or size:
                    raise BadTar("a tar archive with content in a member that is not a file")
                size = None
            else:
                if size is not None and header.size not in (0, size):
                    raise BadTar("a tar archive with two sizes of one member")
                yield from self._read_member(header.name, header.size if size is None else size)
                size = None

    def _read_header(self) -> tarfile.TarInfo | None:
        """Read the next header; None at the end of the archive: an empty, missing or invalid record."""
        record = _read(self._file, _RECORD_SIZE)
        header = _parse_header(record)
        if header is None:
            self.trailing_data = record.strip(b"\0")
        elif not self._bounds.take(members=1):
            return None
        elif header.size < 0 or header.type == tarfile.GNUTYPE_SPARSE:
            raise BadTar(_SPARSE_PROBLEM)
        return header

    def _read_extension(self, header: tarfile.TarInfo) -> bytes:
        if header.size > _MAX_HEADER_SIZE:
            raise BadTar(f"a tar archive with a header of {header.size} bytes, more than {_MAX_HEADER_SIZE}")
        data = _read(self._file, header.size + -header.size % _RECORD_SIZE)
        if len(data) < header.size:
            raise BadTar("a tar archive that is cut off")
        return data

    def _read_member(self, name: str, size: int) -> Iterator[tuple[str, BinaryIO]]:
        content = _NextBytes(self._file, size)
        yield name, cast("BinaryIO", io.BufferedReader(content))
        if not content.skip() or not _NextBytes(self._file, -size % _RECORD_SIZE).skip():
            raise BadTar("a tar archive that is cut off")


class _NextBytes(io.RawIOBase):
    """The next ``size`` bytes of a file, opened as a file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._remaining = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self._file.read(min(len(view), self._remaining))
        self._remaining -= len(data)
        view[: len(data)] = data
        return len(data)

    def skip(self) -> bool:
        """Read and discard the rest; returns whether it was complete."""
        while self._remaining and (data := self._file.read(min(self._remaining, _CHUNK_SIZE))):
            self._remaining -= len(data)
        return not self._remaining


def _parse_header(record: bytes) -> tarfile.TarInfo | None:
    try:
        return tarfile.TarInfo.frombuf(record, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return None


def _is_extracted(header: tarfile.TarInfo) -> bool:
    """Whether `tarfile` extracts it as a regular file. It does so for unknown types, too."""
    return header.isreg() or header.type not in tarfile.SUPPORTED_TYPES


def _find_size(extension: bytes, is_global: bool, size: int | None) -> int | None:
    """The size in an extended header, or the ``size`` stated before; raises `BadTar` if it is ambiguous."""
    for key, value in _parse_pax_records(extension):
        if key.startswith(b"GNU.sparse"):
            raise BadTar(_SPARSE_PROBLEM)
        if key == b"size":
            if is_global or size is not None or not value.isdigit() or len(value) > _MAX_DIGITS:
                raise BadTar("a tar archive with an ambiguous member size")
            size = int(value)
    return size


def _parse_pax_records(extension: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values of pax records: ``length key=value``; raises `BadTar` if they are malformed."""
    position = 0
    while position < len(extension) and extension[position]:
        record = _PAX_RECORD.match(extension, position)
        end = position + int(record[1]) if record else position
        if record is None or not record.end() < end <= len(extension) or extension[end - 1 : end] != b"\n":
            raise BadTar("a tar archive with a damaged header")
        yield record[2], extension[record.end() : end - 1]
        position = end


def _read(file: BinaryIO, count: int) -> bytes:
    """Read ``count`` bytes, or all that remain."""
    data = file.read(count)
    while len(data) < count and (more := file.read(count - len(data))):
        data += more
    return data
