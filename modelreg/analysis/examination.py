"""Looks for pickles in a file by its content, whatever its name: in compressed files, archives and arrays, too.

Nothing is unpacked onto a disk. What a container holds is looked at as a file is, a few levels deep.
"""

from __future__ import annotations

import codecs
import io
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import IO, Any, BinaryIO, cast

from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.compressed import (
    BadCompression,
    MissingDecompressor,
    is_compressed,
    is_damaged,
    open_decompressed,
)
from modelreg.analysis.containers.json_text import MAX_JSON_SIZE, count_values, parse_object
from modelreg.analysis.containers.safetensors_header import LENGTH_SIZE, describes_tensors, read_header_length
from modelreg.analysis.containers.tar_members import BadTar, TarMembers, is_tar
from modelreg.analysis.containers.zip_members import Member, ZipMembers, may_be_zip
from modelreg.analysis.evidence import Evidence, SkopsArchive
from modelreg.analysis.formats import keras_layers, numpy_header, skops_schema, yaml_tags
from modelreg.analysis.formats.arrays import StoredArray
from modelreg.analysis.formats.skops_reader import read_schema
from modelreg.analysis.judge import judge
from modelreg.analysis.pickle.reader import MAX_START_SIZE, Budget, End, Reading, read_pickles
from modelreg.analysis.pickle.stream import UnreadablePickle
from modelreg.analysis.policy import verdict_of
from modelreg.domain.scans import Verdict

_START = 512  # bytes
_DEEPEST = 6  # containers within containers
_MOST_SPOOLED = 4 << 30  # bytes of an archive within a compressed file, which has to be read at will
_IN_MEMORY = 64 << 20
_BLOCK = 1 << 20
_MOST_TEXT = 8 << 20  # bytes of a text within a container that are looked at: nobody loads longer YAML from there
_ENDLESS = 1 << 62
_MANY_OPERATIONS = 50
"""Of a pickle, which other bytes do not happen to be."""

_Z_FILE, _Z_HEADER = b"ZF", 21  # bytes: two, and a length in hexadecimal digits
_ZIP, _NPY = b"PK\x03\x04", b"\x93NUMPY"
_TORCH_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_UBJ = b"{L\0\0\0\0\0\0\0\x07learner", b"{L\0\0\0\0\0\0\0\x06Config"  # XGBoost's, by itself and in skops
_WITHOUT_CODE = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"GGUF", b"PAR1", b"ARROW1", b"CBM1", *_UBJ)
_RAW_MEMBERS = {
    "data.pkl": re.compile(r"(^|/)(\.?data/[^/]+|[^/]*version|byteorder|\.storage_alignment)$"),
    "config.json": re.compile(r"\.h5$|(^|/)assets/"),
    "schema.json": re.compile(r"^[^/]*\.bin$"),
}
"""A member that tells what an archive is -> the members of it that are numbers and nothing else."""
_KERAS, _SKOPS = "config.json", "schema.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a content stands."""

    name: str
    depth: int = 0
    is_raw: bool = False
    """Whether it may be anything, since those who load it take it for numbers."""
    is_torch: bool = False
    """Whether it is loaded by PyTorch, which resolves persistent ids."""
    is_model: bool = False
    """Whether a model that is a pickle is unpickled from here, at the beginning."""

    def inside(self, member: str, *, is_raw: bool = False, is_torch: bool = False) -> Place:
        """A member of this container."""
        return Place(f"{self.name}!{member}", self.depth + 1, is_raw, is_torch)


_EVERYTHING = Place("")


class Examination:
    """One look at all the files of a model."""

    def __init__(self, evidence: Evidence, budget: Budget, bounds: Bounds) -> None:
        self._evidence = evidence
        self._budget = budget
        self._bounds = bounds

    def file(self, file: BinaryIO, size: int, place: Place) -> bool:
        """Look at a file that can seek; returns whether what it is was understood."""
        file.seek(0)
        start = file.read(_START)
        if _is_z_file(start):
            return self._unreadable(place, "it is in the form that joblib wrote before its release 0.10")
        understood = (
            (start.startswith(_ZIP) and self._zip(file, size, place))
            or (is_compressed(start) and self._compressed(file, place))
            or self._stream(file, size, place, start)
        )
        if self._bounds.is_exhausted:
            self._unreadable(_EVERYTHING, "what the model's archives hold is more than is looked at")
        return understood

    def _stream(self, file: BinaryIO, size: int | None, place: Place, start: bytes) -> bool:
        """Look at what stands in ``file``, of which ``start`` was read; one that can seek is taken from there."""
        if size is None:
            file = _chained(start, file)
        else:
            file.seek(0)
        if is_tar(start):
            return self._pickle_or_tar(file, size, place, start)
        if start.startswith(_NPY):
            return self._array(file, size, place)
        if self._pickles(file, size, place, start, begins=True):
            return True
        if size is not None and self._zip_behind(file, size, place, start):
            return True
        return self._plain(file, size, place, start)

    def _zip_behind(self, file: BinaryIO, size: int, place: Place, start: bytes = b"") -> bool:
        """Look at an archive behind something else, which those who read it find from its end."""
        return not start.startswith(_ZIP) and may_be_zip(file) and self._zip(file, size, place)

    def _compressed(self, file: BinaryIO, place: Place) -> bool:
        if place.depth >= _DEEPEST:
            return self._unreadable(place, "containers are nested too deeply in it")
        file.seek(0)
        try:
            content = open_decompressed(file, self._bounds)
            start = _beginning(content)
        except MissingDecompressor as missing:
            return self._unreadable(place, f"it is compressed, and {missing.package} is not installed")
        except BadCompression:
            return False
        inner = Place(place.name, place.depth + 1, place.is_raw, place.is_torch, place.is_model and not place.depth)
        if start.startswith(_ZIP) or is_compressed(start):
            return self._spooled(content, start, inner)
        understood = self._stream(content, None, inner, start)
        return self._unreadable(place, "its compression is damaged") if is_damaged(content) else understood

    def _spooled(self, content: BinaryIO, start: bytes, place: Place) -> bool:
        """Look at an archive that has to be read at will, from a copy without a name."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
            copy.write(start)
            while piece := content.read(_BLOCK):
                copy.write(piece)
                if copy.tell() > _MOST_SPOOLED:
                    return self._unreadable(place, "the archive in it is too large to be looked at")
            if is_damaged(content):
                self._unreadable(place, "its compression is damaged")
            return self.file(cast("BinaryIO", copy), copy.tell(), place)

    def _zip(self, file: BinaryIO, size: int, place: Place) -> bool:
        if place.depth >= _DEEPEST:
            return self._unreadable(place, "containers are nested too deeply in it")
        archive = ZipMembers(file, size, self._bounds)
        members = list(archive)
        if not members:
            return False
        names = [member.name for member in members]
        raw = next((pattern for mark, pattern in _RAW_MEMBERS.items() if _has(names, mark)), None)
        is_torch = _has(names, "data.pkl")
        for member in members:
            is_raw = raw is not None and raw.search(member.name) is not None
            inner = place.inside(member.name, is_raw=is_raw, is_torch=is_torch)
            if self._bounds.is_exhausted:
                break
            opened = archive.open(member)
            if opened is None:
                self._unreadable(inner, "its compression is not known")
            elif member.name == _KERAS:
                self._described(opened[0], inner, self._keras)
            elif member.name == _SKOPS:
                self._described(opened[0], inner, partial(self._skops, archive=archive, members=members, whole=place))
            elif not self._member(*opened, inner):
                self._unreadable(inner, "it is in no format that is known here")
        self._evidence.add_reasons(Verdict.UNREADABLE, place.name, (f"it is {problem}" for problem in archive.problems))
        return True

    def _described(self, content: BinaryIO, place: Place, examine: Callable[[dict[str, Any], Place], None]) -> None:
        """A member that names classes by JSON, as Keras and skops do."""
        try:
            data = content.read(MAX_JSON_SIZE + 1)
        except BadCompression:
            data = b""
        described = parse_object(data, self._bounds)
        if described is None:
            self._unreadable(place, "it is damaged or too large to be looked at")
        else:
            examine(described, place)

    def _keras(self, config: dict[str, Any], place: Place) -> None:
        keras_layers.examine(config, self._evidence, place.name)

    def _skops(
        self, schema: dict[str, Any], place: Place, *, archive: ZipMembers, members: list[Member], whole: Place
    ) -> None:
        """Judge what skops would make by the same policy as a pickle; ``whole`` is where its archive stands."""
        by_name = {member.name: member for member in members}

        @cache  # a schema may name one member many times
        def array_of(name: str) -> StoredArray | None:
            opened = archive.open(by_name[name])
            try:
                return None if opened is None else numpy_header.read_array(opened[0], self._bounds)
            except BadCompression:
                return None

        try:
            read = read_schema(schema, array_of, by_name.keys(), self._bounds)
        except UnreadablePickle as unreadable:
            self._unreadable(place, f"the schema is not in the form that skops writes: it {unreadable}")
            skops_schema.examine(schema, self._evidence, place.name)
            return
        for imported in read.names:
            self._evidence.imports(imported.module, imported.name, place.name)
        self._evidence.judged(judge(read.top, read.objects, self._budget), place.name)
        if whole.is_model and not whole.depth:
            named = {new: by_name[name] for new, name in read.members.items()}
            self._evidence.skops = SkopsArchive(read.rewritten, named)

    def _member(self, content: BinaryIO, size: int | None, place: Place) -> bool:
        try:
            if size is not None:
                return self.file(content, size, place)
            start = _beginning(content)
            if start.startswith(_ZIP) or is_compressed(start):
                return self._spooled(content, start, place)
            return self._stream(content, None, place, start)
        except BadCompression:
            return self._unreadable(place, "its compression is damaged")

    def _pickle_or_tar(self, file: BinaryIO, size: int | None, place: Place, start: bytes) -> bool:
        """A tar archive begins with a name of anybody's choice, which may be the beginning of a pickle."""
        head = file if size is not None else io.BytesIO(start)
        self._pickles(head, _ENDLESS if size is None else size, place, start, begins=True)
        if size is None and head.tell() >= _BLOCK:  # what was read ahead does not tell
            return self._spooled(file, b"", place)
        if size is not None:
            file.seek(0)
        return self._tar(file, size, place)

    def _tar(self, content: BinaryIO, size: int | None, place: Place) -> bool:
        if place.depth >= _DEEPEST:
            return self._unreadable(place, "containers are nested too deeply in it")
        archive = TarMembers(content, self._bounds)
        try:
            for name, inside in archive:
                inner = place.inside(name)
                if not self._member(inside, None, inner):
                    self._unreadable(inner, "it is in no format that is known here")
            if archive.trailing_data or _has_more(content):
                self._unreadable(place, "it is a tar archive that goes on behind its end")
        except (BadTar, BadCompression) as problem:
            self._unreadable(place, f"it is {problem}" if str(problem) else "it is a damaged tar archive")
        return (size is not None and self._zip_behind(content, size, place)) or True

    def _array(self, content: BinaryIO, size: int | None, place: Place) -> bool:
        """NumPy's own format (``numpy/lib/format.py``): a pickle where the type holds objects."""
        start = content.read(12)
        long = start[6:7] != b"\x01"
        length = int.from_bytes(start[8:12] if long else start[8:10], "little")
        behind = _chained(start[12 if long else 10 :], content)
        header = behind.read(min(length, numpy_header.MAX_HEADER_SIZE + 1)).decode("latin-1")
        elements = numpy_header.parse_header(header, self._bounds) if len(header) == length else None
        if elements is None:
            self._unreadable(place, "its array's header is none that NumPy writes")
        if elements is None or elements.bytes is None:
            if not self._pickles(behind, None, place):
                self._unreadable(place, "its array of objects is no pickle")
        elif size is None:
            self._numbers(behind, _skip(behind, elements.bytes), place)
        else:
            end = (12 if long else 10) + length + elements.bytes
            content.seek(min(end, size))
            self._numbers(content, end <= size, place)
        return (size is not None and self._zip_behind(content, size, place)) or True

    def _numbers(self, behind: BinaryIO, are_whole: bool, place: Place) -> None:
        """Look at what stands behind an array: whoever loads one thing after another goes on there."""
        more = behind.read(_START)
        if not are_whole:
            self._unreadable(place, "its array is cut off")
        elif more:
            self._unreadable(place, "its array is followed by something else")
            self._pickles(_chained(more, behind), None, place)

    def _pickles(
        self, content: BinaryIO, size: int | None, place: Place, start: bytes = b"", *, begins: bool = False
    ) -> bool:
        """Look at one pickle after another; returns whether there was one, or what would act as one.

        ``begins`` says that the content at ``place`` begins with the first.
        """
        is_torch = place.is_torch or start.startswith(_TORCH_LEGACY)
        found = stopped = False
        for reading in read_pickles(content, size, self._budget, persistent=is_torch, start=start):
            if not _acts(reading):
                if reading.end is End.STOP:  # what stands behind may act all the same
                    stopped = True
                    continue
                if size is None and reading.position > _BLOCK and not self._is_known(place, start):
                    self._unreadable(place, "it goes on for long as a pickle would, and is none")
                if found and not is_torch:
                    self._unreadable(place, "its pickle is followed by something else")
                return found
            if begins and place.is_model and not found and not stopped:
                self._evidence.model = reading
            found = True
            self._record(reading, place)
        return found

    def _record(self, reading: Reading, place: Place) -> None:
        for imported in reading.globals:
            self._evidence.imports(imported.module, imported.name, place.name)
        if reading.end is End.LIMIT:
            self._unreadable(place, "the pickle is too large to be analysed to its end")
        elif reading.end is End.UNREADABLE:
            self._unreadable(place, f"the pickle is not in the form that Python writes: it {reading.problem}")
        else:
            self._evidence.judged(judge(reading.top, reading.objects, self._budget), place.name)

    def _plain(self, file: BinaryIO, size: int | None, place: Place, start: bytes) -> bool:
        """What is neither a pickle nor holds one: text and numbers do nothing."""
        if self._is_known(place, start) or self._is_safetensors(file, size, place, start):
            return True
        if size is not None:
            file.seek(0)
            start = file.read(_BLOCK)
        if not _is_text(start):
            return False
        text, left = start, _MOST_TEXT if size is None else _ENDLESS
        while text and left > 0:
            left -= len(text)
            if yaml_tags.has_python_tag(text):
                self._evidence.add_reasons(Verdict.DANGEROUS, place.name, ["it is YAML that calls Python"])
            if yaml_tags.has_tag_directive(text):
                self._evidence.add_reasons(Verdict.UNKNOWN, place.name, ["it is YAML with tags of its own"])
            more = file.read(_BLOCK)
            text = more and text[-yaml_tags.MAX_TAG_SIZE :] + more
        return True

    def _is_known(self, place: Place, start: bytes) -> bool:
        """Whether the first bytes tell that what follows does nothing."""
        return place.is_raw or start.startswith(_WITHOUT_CODE)

    def _is_safetensors(self, file: BinaryIO, size: int | None, place: Place, start: bytes) -> bool:
        if start[LENGTH_SIZE : LENGTH_SIZE + 1] != b"{":
            return False
        length = read_header_length(start)
        if size is not None and length <= min(size - LENGTH_SIZE, MAX_JSON_SIZE):
            file.seek(0)
            start = file.read(LENGTH_SIZE + length)
        header = start[LENGTH_SIZE : LENGTH_SIZE + length]
        if len(header) < length:  # a stream's beginning tells of the rest, which nobody loads from there
            return size is None and _is_text(header)
        may_parse = not place.depth or self._bounds.take(values=count_values(header))
        return may_parse and describes_tensors(header)

    def _unreadable(self, place: Place, sentence: str) -> bool:
        self._evidence.add_reasons(Verdict.UNREADABLE, place.name, [sentence])
        return True


class _Raw(io.RawIOBase):
    """A file that is read by a function."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        view = memoryview(buffer)
        data = self._read(len(view))
        view[: len(data)] = data
        return len(data)


def _is_z_file(start: bytes) -> bool:
    """Whether joblib takes a file for one of its old compressed ones (``joblib/numpy_pickle_compat.py``)."""
    try:
        return start.startswith(_Z_FILE) and int(start[len(_Z_FILE) : _Z_HEADER], 16) >= 0
    except ValueError:
        return False


def _acts(reading: Reading) -> bool:
    """Whether the bytes are a pickle, or would do something before Python finds out that they are none."""
    names = [each for each in reading.globals if each.has_valid_module]
    if reading.end is End.LIMIT or reading.may_import_more:  # whatever follows may act
        return True
    if reading.protocol >= 2:  # it says that it is one
        return bool(names) or reading.end is not End.UNREADABLE or reading.operations > _MANY_OPERATIONS
    if reading.end is End.STOP and reading.whole:
        return True
    dangerous = any(verdict_of(each.module, each.name) is Verdict.DANGEROUS for each in names)
    installed = any(each.module.partition(".")[0] in sys.stdlib_module_names for each in names)
    return dangerous or installed or (bool(names) and (reading.calls > 0 or reading.end is End.STOP))


def _chained(start: bytes, rest: IO[bytes]) -> BinaryIO:
    """``start``, and then what ``rest`` has."""
    before = io.BytesIO(start)

    def read(count: int) -> bytes:
        return before.read(count) or rest.read(count)

    return cast("BinaryIO", io.BufferedReader(_Raw(read)))


def _beginning(content: BinaryIO) -> bytes:
    """The first `MAX_START_SIZE` bytes; raises `BadCompression` where there are none."""
    start = b""
    try:
        while len(start) < MAX_START_SIZE and (more := content.read(MAX_START_SIZE - len(start))):
            start += more
    except BadCompression:
        if not start:
            raise
    return start


def _skip(content: BinaryIO, count: int) -> bool:
    """Read ``count`` bytes for nothing; returns whether there were so many."""
    while count and (piece := content.read(min(count, _BLOCK))):
        count -= len(piece)
    return not count


def _has(names: list[str], name: str) -> bool:
    return any(each.rpartition("/")[2] == name for each in names)


def _has_more(content: BinaryIO) -> bool:
    """Whether anything but zeros follows."""
    while piece := content.read(_BLOCK):
        if piece.count(0) < len(piece):
            return True
    return False


def _is_text(data: bytes) -> bool:
    if b"\0" in data:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)  # which lets the last character be cut
    except UnicodeDecodeError:
        return False
    return True
