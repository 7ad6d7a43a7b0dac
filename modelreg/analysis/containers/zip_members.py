"""Reads every member of a zip archive, even if the archive is damaged or inconsistent.

`zipfile` and other zip readers reject different things: flags, checksums, directories that do not match the members.
Everything that any of them would read must be scanned. So flags and checksums are ignored, and members that only have
a local header are read, too. The layout is described in PKWARE's APPNOTE, 4.3.7 and 4.4.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from modelreg.analysis.containers.archive import MAX_END_LENGTH, is_directory_within_limit, zip_errors
from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.compressed import open_bzip2, open_deflated
from modelreg.analysis.containers.section import open_section

_HEADER = struct.Struct("<4sHHHHHLLLHH")  # local header of a member
_MEMBER_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1
_MAX_DESCRIPTOR_SIZE = 24  # bytes; the data descriptor after a member repeats its sizes
_CHUNK_SIZE = 1 << 20  # bytes
_UNICODE_PATH = 0x7075  # extra field with a second name (APPNOTE 4.6.9), which some readers prefer


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a zip archive, listed in the directory or not. Positions and sizes are in bytes."""

    name: str
    method: int
    header: int
    """Offset of the local header."""
    start: int
    """Offset of the content."""
    size: int
    """Size in the archive: compressed, if the member is."""
    states_size: bool = True
    """Whether the local header has the size. Streaming writers only write it to the directory."""


def may_be_zip(file: BinaryIO) -> bool:
    """Whether `zipfile` finds an archive at the end of the file, or fails while it looks for one."""
    try:
        return zipfile.is_zipfile(file)
    except zip_errors():
        return True


def _has_two_names(entry: zipfile.ZipInfo) -> bool:
    """Whether readers may see different names: one that contains NUL, or a second name in an extra field."""
    if entry.filename != entry.orig_filename or "\0" in entry.orig_filename:
        return True
    extra = entry.extra
    while len(extra) >= 4:
        field_id, length = struct.unpack_from("<HH", extra)
        if field_id == _UNICODE_PATH and extra[9 : 4 + length] != entry.orig_filename.encode("utf-8", "replace"):
            return True
        extra = extra[4 + length :]
    return False


class ZipMembers:
    """The members of the zip archive in a seekable file."""

    def __init__(self, file: BinaryIO, size: int, bounds: Bounds) -> None:
        self._file = file
        self._size = size
        self._bounds = bounds
        self._listed_starts: set[int] = set()
        self.problems: list[str] = []
        """Problems of the archive. Each continues the sentence 'it is …'."""

    def __iter__(self) -> Iterator[Member]:
        yield from self._read_directory()
        if self.problems:
            yield from self._find_unlisted_members()

    def open(self, member: Member) -> tuple[BinaryIO, int | None] | None:
        """Open the content of a member, with its size if it is seekable; None for an unsupported compression."""
        content = open_section(self._file, member.start, member.size, self._bounds)
        match member.method:
            case zipfile.ZIP_STORED:
                return content, member.size
            case zipfile.ZIP_DEFLATED:
                return open_deflated(content, self._bounds), None
            case zipfile.ZIP_BZIP2:
                return open_bzip2(content, self._bounds), None
            case _:
                return None

    def _read_directory(self) -> list[Member]:
        self._file.seek(max(0, self._size - MAX_END_LENGTH))
        if not is_directory_within_limit(self._file.read()):
            self.problems.append("a zip archive whose directory is missing or too large")
            return []
        try:
            archive = zipfile.ZipFile(self._file)
        except zip_errors() as error:
            self.problems.append(f"a damaged zip archive ({error})")
            return []
        entries = archive.infolist()
        if not self._bounds.take(members=len(entries)):
            return []
        for entry in entries:
            if _has_two_names(entry):
                self.problems.append(f"a zip archive whose member {entry.filename!r} has two names")
        if len({entry.filename for entry in entries}) != len(entries):
            self.problems.append("a zip archive with two members of the same name")
        listings = [members for entry in entries if (members := self._read_listed_member(entry))]
        self._listed_starts = {member.start for members in listings for member in members}
        return list(self._skip_overlapping(listings, archive.start_dir))

    def _read_listed_member(self, entry: zipfile.ZipInfo) -> list[Member]:
        """The member as listed in the directory, and also as in its local header if the two differ."""
        local = self._read_member_header(entry.header_offset)
        if local is None:
            self.problems.append(f"a zip archive without member {entry.filename!r} at its listed offset")
            return []
        if entry.flag_bits & _ENCRYPTED:
            self.problems.append(f"a zip archive whose member {entry.filename!r} is marked as encrypted")
        listed = Member(
            local.name, entry.compress_type, local.header, local.start, min(entry.compress_size, self._size)
        )
        has_same_size = local.size == entry.compress_size or not local.states_size
        if (local.name, local.method) == (entry.orig_filename, entry.compress_type) and has_same_size:
            return [listed]
        self.problems.append(f"a zip archive whose member {entry.filename!r} has two different headers")
        return [listed, local]

    def _read_member_header(self, offset: int) -> Member | None:
        """Read the local header at ``offset``; without a plausible size, the member extends to the end of the file."""
        if not 0 <= offset <= self._size - _HEADER.size:
            return None
        self._file.seek(offset)
        header = self._file.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(_MEMBER_SIGNATURE):
            return None
        _, _, flags, method, _, _, _, compressed_size, _, name_length, extra = _HEADER.unpack(header)
        name = self._file.read(name_length).decode("utf-8" if flags & 0x800 else "cp437", "replace")
        start = offset + _HEADER.size + name_length + extra
        available = max(0, self._size - start)
        states_size = 0 < compressed_size <= available
        return Member(name, method, offset, start, compressed_size if states_size else available, states_size)

    def _skip_overlapping(self, listings: list[list[Member]], directory: int) -> Iterator[Member]:
        """Yield the members that do not overlap an earlier one: overlapping members may be a bomb.

        Gaps between members are reported as a problem: another reader may find members in them.
        """
        end = 0
        for members in sorted(listings, key=lambda members: members[0].header):
            listed = members[0]
            self._check_gap(end, listed.header)
            if listed.header >= end:
                end = listed.start + listed.size
                yield from members
        self._check_gap(end, directory)

    def _check_gap(self, end: int, next_start: int) -> None:
        problem = "a zip archive with overlapping members or gaps between them"
        if not end <= next_start <= end + _MAX_DESCRIPTOR_SIZE and problem not in self.problems:
            self.problems.append(problem)

    def _find_unlisted_members(self) -> Iterator[Member]:
        """Yield members that the directory does not list, found by the signature of their local headers."""
        overlap, position = b"", 0
        for _ in range(self._size // _CHUNK_SIZE + 1):
            self._file.seek(position)
            data = overlap + self._file.read(_CHUNK_SIZE)
            start = position - len(overlap)
            index = data.find(_MEMBER_SIGNATURE)
            while index >= 0:
                member = self._read_member_header(start + index)
                if member is not None and member.start not in self._listed_starts:
                    if not self._bounds.take(unlisted_members=1):
                        return
                    yield member
                index = data.find(_MEMBER_SIGNATURE, index + 1)
            position, overlap = position + _CHUNK_SIZE, data[-3:]
