"""Every member of a zip archive, read in spite of what is wrong with the archive.

`zipfile` and the readers of other libraries differ in what they refuse: flags, checksums, directories that do not
fit the members. What one of them reads has to be looked at, so members are read here whatever the flags and checksums
say, and also where only a member's own header tells of them. Layout: PKWARE's APPNOTE, 4.3.7 and 4.4.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from modelreg.analysis.containers.archive import END_REACH, damage, has_modest_directory
from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.compressed import inflating, unpacking_bzip2
from modelreg.analysis.containers.section import section

_HEADER = struct.Struct("<4sHHHHHLLLHH")  # a member's own
_MARK = b"PK\x03\x04"
_ENCRYPTED = 0x1
_DESCRIPTOR = 24  # bytes that may follow a member: its sizes once more
_BLOCK = 1 << 20  # bytes searched at once
_UNICODE_PATH = 0x7075  # the extra field with a second name (APPNOTE 4.6.9), which some readers prefer


@dataclass(frozen=True, slots=True)
class Member:
    """One member, wherever its header was found."""

    name: str
    method: int
    header: int
    """Where its own header stands."""
    start: int
    """Where its bytes begin in the archive."""
    size: int
    """Its bytes in the archive, compressed or not."""
    says_its_size: bool = True
    """Whether its own header does: writers that cannot go back leave that to the directory."""


def may_be_zip(file: BinaryIO) -> bool:
    """Whether a zip archive ends the file, as `zipfile` sees it; also where it trips over one."""
    try:
        return zipfile.is_zipfile(file)
    except damage():
        return True


def _has_two_names(entry: zipfile.ZipInfo) -> bool:
    """Whether readers may call the member by different names: one that a NUL ends, or that is given once more."""
    if entry.filename != entry.orig_filename or "\0" in entry.orig_filename:
        return True
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _UNICODE_PATH and extra[9 : 4 + length] != entry.orig_filename.encode("utf-8", "replace"):
            return True
        extra = extra[4 + length :]
    return False


class ZipMembers:
    """The members of the archive in a file that can seek."""

    def __init__(self, file: BinaryIO, size: int, bounds: Bounds) -> None:
        self._file = file
        self._size = size
        self._bounds = bounds
        self._known: set[int] = set()  # where members begin that the directory tells of
        self.problems: list[str] = []
        """What is wrong with the archive, as ends of sentences."""

    def __iter__(self) -> Iterator[Member]:
        yield from self._of_directory()
        if self.problems:
            yield from self._of_headers()

    def open(self, member: Member) -> tuple[BinaryIO, int | None] | None:
        """Its content, and its size where it can seek; None where its compression is not known."""
        packed = section(self._file, member.start, member.size, self._bounds)
        match member.method:
            case zipfile.ZIP_STORED:
                return packed, member.size
            case zipfile.ZIP_DEFLATED:
                return inflating(packed, self._bounds), None
            case zipfile.ZIP_BZIP2:
                return unpacking_bzip2(packed, self._bounds), None
            case _:
                return None

    def _of_directory(self) -> list[Member]:
        self._file.seek(max(0, self._size - END_REACH))
        if not has_modest_directory(self._file.read()):
            self.problems.append("a zip archive without a directory, or with one beyond all measure")
            return []
        try:
            archive = zipfile.ZipFile(self._file)
        except damage() as error:
            self.problems.append(f"a broken zip archive ({error})")
            return []
        entries = archive.infolist()
        if not self._bounds.take(members=len(entries)):
            return []
        for entry in entries:
            if _has_two_names(entry):
                self.problems.append(f"a zip archive whose member {entry.filename!r} has two names")
        if len({entry.filename for entry in entries}) != len(entries):
            self.problems.append("a zip archive with two members of one name")
        found = [members for entry in entries if (members := self._from_directory(entry))]
        self._known = {member.start for members in found for member in members}
        return list(self._apart(found, archive.start_dir))

    def _from_directory(self, entry: zipfile.ZipInfo) -> list[Member]:
        """The member as the directory has it and, where its own header says otherwise, as that has it, too."""
        own = self._from_header(entry.header_offset)
        if own is None:
            self.problems.append(f"a zip archive whose member {entry.filename!r} is not where it should be")
            return []
        if entry.flag_bits & _ENCRYPTED:
            self.problems.append(f"a zip archive whose member {entry.filename!r} says that it is encrypted")
        listed = Member(own.name, entry.compress_type, own.header, own.start, min(entry.compress_size, self._size))
        same_size = own.size == entry.compress_size or not own.says_its_size
        if (own.name, own.method) == (entry.orig_filename, entry.compress_type) and same_size:
            return [listed]
        self.problems.append(f"a zip archive whose member {entry.filename!r} has two headers that differ")
        return [listed, own]

    def _from_header(self, offset: int) -> Member | None:
        """The member whose own header stands at ``offset``, as large as it says, or as there is room."""
        if not 0 <= offset <= self._size - _HEADER.size:
            return None
        self._file.seek(offset)
        header = self._file.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(_MARK):
            return None
        _, _, flags, method, _, _, _, packed, _, name_length, extra = _HEADER.unpack(header)
        name = self._file.read(name_length).decode("utf-8" if flags & 0x800 else "cp437", "replace")
        start = offset + _HEADER.size + name_length + extra
        room = max(0, self._size - start)
        says_its_size = 0 < packed <= room
        return Member(name, method, offset, start, packed if says_its_size else room, says_its_size)

    def _apart(self, found: list[list[Member]], directory: int) -> Iterator[Member]:
        """The members that have bytes of their own: those that share some with one before may be a bomb.

        Bytes that belong to no member, up to the directory, may be members all the same, for another reader.
        """
        end = 0
        for members in sorted(found, key=lambda members: members[0].header):
            listed = members[0]
            self._look_for_a_gap(end, listed.header)
            if listed.header >= end:
                end = listed.start + listed.size
                yield from members
        self._look_for_a_gap(end, directory)

    def _look_for_a_gap(self, end: int, begin: int) -> None:
        problem = "a zip archive with bytes that belong to no member, or to two"
        if not end <= begin <= end + _DESCRIPTOR and problem not in self.problems:
            self.problems.append(problem)

    def _of_headers(self) -> Iterator[Member]:
        """Members that are found by the mark of their header, anywhere."""
        kept, position = b"", 0
        for _ in range(self._size // _BLOCK + 1):
            self._file.seek(position)
            data = kept + self._file.read(_BLOCK)
            begin = position - len(kept)
            at = data.find(_MARK)
            while at >= 0:
                member = self._from_header(begin + at)
                if member is not None and member.start not in self._known:
                    if not self._bounds.take(strays=1):
                        return
                    yield member
                at = data.find(_MARK, at + 1)
            position, kept = position + _BLOCK, data[-3:]
