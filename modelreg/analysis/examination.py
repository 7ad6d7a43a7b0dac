"""Find pickles in a file by content, also inside compressed files, archives and arrays. File names do not matter.

Nothing is extracted to disk. Members of containers are examined like files, to a depth of `_MAX_DEPTH`.
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

_START_LENGTH = 512  # bytes
_MAX_DEPTH = 6  # nested containers
_MAX_SPOOLED = 4 << 30  # bytes of an archive in a compressed file, which needs random access
_MAX_IN_MEMORY = 64 << 20
_BLOCK = 1 << 20
_MAX_NESTED_TEXT = 8 << 20  # bytes of a text in a container that are examined: no loader reads longer YAML from one
_NO_LIMIT = 1 << 62
_CONVINCING_OPERATIONS = 50
"""Operations after which bytes with the mark of a pickle are taken for one: other data does not get that far."""

_Z_FILE, _Z_HEADER = b"ZF", 21  # bytes: two, and a length in hexadecimal digits
_ZIP, _NPY = b"PK\x03\x04", b"\x93NUMPY"
_TORCH_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_UBJ = b"{L\0\0\0\0\0\0\0\x07learner", b"{L\0\0\0\0\0\0\0\x06Config"  # XGBoost's UBJSON: a model, and its form in skops
_CODE_FREE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"GGUF", b"PAR1", b"ARROW1", b"CBM1", *_UBJ)
_RAW_MEMBERS = {
    "data.pkl": re.compile(r"(^|/)(\.?data/[^/]+|[^/]*version|byteorder|\.storage_alignment)$"),
    "config.json": re.compile(r"\.h5$|(^|/)assets/"),
    "schema.json": re.compile(r"^[^/]*\.bin$"),
}
"""Member that identifies the kind of archive -> the members that its library reads as numbers only."""
_KERAS, _SKOPS = "config.json", "schema.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where some content is: in a file or in a member of a container."""

    name: str
    depth: int = 0
    is_raw: bool = False
    """Whether the content may be any bytes, because its library reads them as numbers."""
    is_torch: bool = False
    """Whether PyTorch loads it, which resolves persistent ids."""
    is_model: bool = False
    """Whether the model itself is loaded from the beginning of this content."""

    def inside(self, member: str, *, is_raw: bool = False, is_torch: bool = False) -> Place:
        """The place of a member of this container."""
        return Place(f"{self.name}!{member}", self.depth + 1, is_raw, is_torch)


_WHOLE_MODEL = Place("")


class Examination:
    """The scan of all files of one model."""

    def __init__(self, evidence: Evidence, budget: Budget, bounds: Bounds) -> None:
        self._evidence = evidence
        self._budget = budget
        self._bounds = bounds

    def examine(self, file: BinaryIO, size: int, place: Place) -> bool:
        """Examine a seekable file of ``size`` bytes; returns whether its format was recognised."""
        file.seek(0)
        start = file.read(_START_LENGTH)
        if _is_z_file(start):
            return self._add_unreadable(place, "it is in the format of joblib before 0.10")
        is_recognised = (
            (start.startswith(_ZIP) and self._examine_zip(file, size, place))
            or (is_compressed(start) and self._examine_compressed(file, place))
            or self._examine_stream(file, size, place, start)
        )
        if self._bounds.is_exhausted:
            self._add_unreadable(_WHOLE_MODEL, "the archives of the model are too large to scan")
        return is_recognised

    def _examine_stream(self, file: BinaryIO, size: int | None, place: Place, start: bytes) -> bool:
        """Examine ``file``, whose first bytes ``start`` were already read. It can seek unless ``size`` is None."""
        if size is None:
            file = _prepend(start, file)
        else:
            file.seek(0)
        if is_tar(start):
            return self._examine_tar_or_pickle(file, size, place, start)
        if start.startswith(_NPY):
            return self._examine_array(file, size, place)
        if self._examine_pickles(file, size, place, start, begins=True):
            return True
        if size is not None and self._examine_trailing_zip(file, size, place, start):
            return True
        return self._examine_other(file, size, place, start)

    def _examine_trailing_zip(self, file: BinaryIO, size: int, place: Place, start: bytes = b"") -> bool:
        """Examine a zip archive after other content: zip readers find an archive from the end of the file."""
        return not start.startswith(_ZIP) and may_be_zip(file) and self._examine_zip(file, size, place)

    def _examine_compressed(self, file: BinaryIO, place: Place) -> bool:
        if place.depth >= _MAX_DEPTH:
            return self._add_unreadable(place, "its containers are nested too deeply")
        file.seek(0)
        try:
            content = open_decompressed(file, self._bounds)
            start = _read_start(content)
        except MissingDecompressor as missing:
            return self._add_unreadable(place, f"it is compressed, and {missing.package} is not installed")
        except BadCompression:
            return False
        inner = Place(place.name, place.depth + 1, place.is_raw, place.is_torch, place.is_model and not place.depth)
        if start.startswith(_ZIP) or is_compressed(start):
            return self._examine_spooled(content, start, inner)
        is_recognised = self._examine_stream(content, None, inner, start)
        return self._add_unreadable(place, "its compressed data is damaged") if is_damaged(content) else is_recognised

    def _examine_spooled(self, content: BinaryIO, start: bytes, place: Place) -> bool:
        """Examine an archive that needs random access, from a temporary copy without a name."""
        with tempfile.SpooledTemporaryFile(_MAX_IN_MEMORY) as copy:
            copy.write(start)
            while piece := content.read(_BLOCK):
                copy.write(piece)
                if copy.tell() > _MAX_SPOOLED:
                    return self._add_unreadable(place, "the archive in it is too large to scan")
            if is_damaged(content):
                self._add_unreadable(place, "its compressed data is damaged")
            return self.examine(cast("BinaryIO", copy), copy.tell(), place)

    def _examine_zip(self, file: BinaryIO, size: int, place: Place) -> bool:
        if place.depth >= _MAX_DEPTH:
            return self._add_unreadable(place, "its containers are nested too deeply")
        archive = ZipMembers(file, size, self._bounds)
        members = list(archive)
        if not members:
            return False
        names = [member.name for member in members]
        raw = next((pattern for mark, pattern in _RAW_MEMBERS.items() if _has_member(names, mark)), None)
        is_torch = _has_member(names, "data.pkl")
        for member in members:
            is_raw = raw is not None and raw.search(member.name) is not None
            inner = place.inside(member.name, is_raw=is_raw, is_torch=is_torch)
            if self._bounds.is_exhausted:
                break
            opened = archive.open(member)
            if opened is None:
                self._add_unreadable(inner, "its compression method is not supported")
            elif member.name == _KERAS:
                self._examine_json(opened[0], inner, self._examine_keras)
            elif member.name == _SKOPS:
                self._examine_json(
                    opened[0],
                    inner,
                    partial(self._examine_skops, archive=archive, members=members, archive_place=place),
                )
            elif not self._examine_member(*opened, inner):
                self._add_unreadable(inner, "it has an unrecognised format")
        self._evidence.add_reasons(Verdict.UNREADABLE, place.name, (f"it is {problem}" for problem in archive.problems))
        return True

    def _examine_json(self, content: BinaryIO, place: Place, examine: Callable[[dict[str, Any], Place], None]) -> None:
        """Examine a JSON member that names classes, as Keras and skops write."""
        try:
            data = content.read(MAX_JSON_SIZE + 1)
        except BadCompression:
            data = b""
        description = parse_object(data, self._bounds)
        if description is None:
            self._add_unreadable(place, "it is damaged or too large to scan")
        else:
            examine(description, place)

    def _examine_keras(self, config: dict[str, Any], place: Place) -> None:
        keras_layers.examine(config, self._evidence, place.name)

    def _examine_skops(
        self, schema: dict[str, Any], place: Place, *, archive: ZipMembers, members: list[Member], archive_place: Place
    ) -> None:
        """Check the objects that skops would build against the policy; the archive is at ``archive_place``."""
        by_name = {member.name: member for member in members}

        @cache  # a schema may name one member many times
        def array_of(name: str) -> StoredArray | None:
            opened = archive.open(by_name[name])
            try:
                return None if opened is None else numpy_header.read_array(opened[0], self._bounds)
            except BadCompression:
                return None

        try:
            content = read_schema(schema, array_of, by_name.keys(), self._bounds)
        except UnreadablePickle as error:
            self._add_unreadable(place, f"the schema is not one that skops writes: it {error}")
            skops_schema.examine(schema, self._evidence, place.name)
            return
        for imported in content.names:
            self._evidence.add_import(imported.module, imported.name, place.name)
        self._evidence.add_judgement(judge(content.top, content.objects, self._budget), place.name)
        if archive_place.is_model and not archive_place.depth:
            named = {new: by_name[name] for new, name in content.members.items()}
            self._evidence.skops = SkopsArchive(content.rewritten, named)

    def _examine_member(self, content: BinaryIO, size: int | None, place: Place) -> bool:
        try:
            if size is not None:
                return self.examine(content, size, place)
            start = _read_start(content)
            if start.startswith(_ZIP) or is_compressed(start):
                return self._examine_spooled(content, start, place)
            return self._examine_stream(content, None, place, start)
        except BadCompression:
            return self._add_unreadable(place, "its compressed data is damaged")

    def _examine_tar_or_pickle(self, file: BinaryIO, size: int | None, place: Place, start: bytes) -> bool:
        """Examine a tar archive also as a pickle: it begins with a file name, which may be the start of a pickle."""
        head = file if size is not None else io.BytesIO(start)
        self._examine_pickles(head, _NO_LIMIT if size is None else size, place, start, begins=True)
        if size is None and head.tell() >= _BLOCK:  # the pickle consumed the archive: start again from a copy
            return self._examine_spooled(file, b"", place)
        if size is not None:
            file.seek(0)
        return self._examine_tar(file, size, place)

    def _examine_tar(self, content: BinaryIO, size: int | None, place: Place) -> bool:
        if place.depth >= _MAX_DEPTH:
            return self._add_unreadable(place, "its containers are nested too deeply")
        archive = TarMembers(content, self._bounds)
        try:
            for name, member in archive:
                inner = place.inside(name)
                if not self._examine_member(member, None, inner):
                    self._add_unreadable(inner, "it has an unrecognised format")
            if archive.trailing_data or _has_data(content):
                self._add_unreadable(place, "it is a tar archive with data after its end")
        except (BadTar, BadCompression) as problem:
            self._add_unreadable(place, f"it is {problem}" if str(problem) else "it is a damaged tar archive")
        return (size is not None and self._examine_trailing_zip(content, size, place)) or True

    def _examine_array(self, content: BinaryIO, size: int | None, place: Place) -> bool:
        """Examine NumPy's own format (``numpy/lib/format.py``), which holds a pickle if the dtype has objects."""
        start = content.read(12)
        header_start = 10 if start[6:7] == b"\x01" else 12  # version 1 has a length of two bytes, later ones of four
        length = int.from_bytes(start[8:header_start], "little")
        rest = _prepend(start[header_start:], content)
        header = rest.read(min(length, numpy_header.MAX_HEADER_SIZE + 1)).decode("latin-1")
        elements = numpy_header.parse_header(header, self._bounds) if len(header) == length else None
        if elements is None:
            self._add_unreadable(place, "the header of its array is not one that NumPy writes")
        if elements is None or elements.bytes is None:
            if not self._examine_pickles(rest, None, place):
                self._add_unreadable(place, "its array of objects is not a pickle")
        elif size is None:
            self._check_end_of_array(rest, _skip_bytes(rest, elements.bytes), place)
        else:
            end = header_start + length + elements.bytes
            content.seek(min(end, size))
            self._check_end_of_array(content, end <= size, place)
        return (size is not None and self._examine_trailing_zip(content, size, place)) or True

    def _check_end_of_array(self, rest: BinaryIO, is_complete: bool, place: Place) -> None:
        """Examine the data after an array: a program that loads several values continues there."""
        more = rest.read(_START_LENGTH)
        if not is_complete:
            self._add_unreadable(place, "its array is truncated")
        elif more:
            self._add_unreadable(place, "its array is followed by other data")
            self._examine_pickles(_prepend(more, rest), None, place)

    def _examine_pickles(
        self, content: BinaryIO, size: int | None, place: Place, start: bytes = b"", *, begins: bool = False
    ) -> bool:
        """Examine consecutive pickles; returns whether there is at least one.

        ``begins`` tells that the content at ``place`` begins with the first.
        """
        is_torch = place.is_torch or start.startswith(_TORCH_LEGACY)
        has_pickle = has_ended = False
        for reading in read_pickles(content, size, self._budget, persistent=is_torch, start=start):
            if not _is_pickle(reading):
                if reading.end is End.STOP:  # a pickle may follow
                    has_ended = True
                    continue
                if size is None and reading.position > _BLOCK and not self._is_code_free(place, start):
                    self._add_unreadable(place, "its first MiB reads as a pickle, but it is not one")
                if has_pickle and not is_torch:
                    self._add_unreadable(place, "its pickle is followed by other data")
                return has_pickle
            if begins and place.is_model and not has_pickle and not has_ended:
                self._evidence.model = reading
            has_pickle = True
            self._add_reading(reading, place)
        return has_pickle

    def _add_reading(self, reading: Reading, place: Place) -> None:
        for imported in reading.globals:
            self._evidence.add_import(imported.module, imported.name, place.name)
        if reading.end is End.LIMIT:
            self._add_unreadable(place, "the pickle is too large to scan completely")
        elif reading.end is End.UNREADABLE:
            self._add_unreadable(place, f"the pickle is not one that Python writes: it {reading.problem}")
        else:
            self._evidence.add_judgement(judge(reading.top, reading.objects, self._budget), place.name)

    def _examine_other(self, file: BinaryIO, size: int | None, place: Place, start: bytes) -> bool:
        """Examine content that is not a pickle: text and numbers execute nothing, except YAML tags."""
        if self._is_code_free(place, start) or self._is_safetensors(file, size, place, start):
            return True
        if size is not None:
            file.seek(0)
            start = file.read(_BLOCK)
        if not _is_text(start):
            return False
        text, left = start, _MAX_NESTED_TEXT if size is None else _NO_LIMIT
        while text and left > 0:
            left -= len(text)
            if yaml_tags.has_python_tag(text):
                self._evidence.add_reasons(Verdict.DANGEROUS, place.name, ["it is YAML that calls Python"])
            if yaml_tags.has_tag_directive(text):
                self._evidence.add_reasons(Verdict.UNKNOWN, place.name, ["it is YAML with custom tags"])
            more = file.read(_BLOCK)
            text = more and text[-yaml_tags.MAX_TAG_SIZE :] + more
        return True

    def _is_code_free(self, place: Place, start: bytes) -> bool:
        """Whether the first bytes identify a format without code."""
        return place.is_raw or start.startswith(_CODE_FREE_STARTS)

    def _is_safetensors(self, file: BinaryIO, size: int | None, place: Place, start: bytes) -> bool:
        if start[LENGTH_SIZE : LENGTH_SIZE + 1] != b"{":
            return False
        length = read_header_length(start)
        if size is not None and length <= min(size - LENGTH_SIZE, MAX_JSON_SIZE):
            file.seek(0)
            start = file.read(LENGTH_SIZE + length)
        header = start[LENGTH_SIZE : LENGTH_SIZE + length]
        if len(header) < length:  # no loader reads safetensors from a stream, so its start is enough
            return size is None and _is_text(header)
        may_parse = not place.depth or self._bounds.take(values=count_values(header))
        return may_parse and describes_tensors(header)

    def _add_unreadable(self, place: Place, sentence: str) -> bool:
        self._evidence.add_reasons(Verdict.UNREADABLE, place.name, [sentence])
        return True


class _FunctionReader(io.RawIOBase):
    """A raw file whose content comes from a function."""

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
    """Whether joblib would read a file in its old compressed format (``joblib/numpy_pickle_compat.py``)."""
    try:
        return start.startswith(_Z_FILE) and int(start[len(_Z_FILE) : _Z_HEADER], 16) >= 0
    except ValueError:
        return False


def _is_pickle(reading: Reading) -> bool:
    """Whether the bytes are a pickle, or would execute something before Python rejects them."""
    names = [name for name in reading.globals if name.has_valid_module]
    if reading.end is End.LIMIT or reading.may_import_more:  # the part that was not read may execute something
        return True
    if reading.protocol >= 2:  # it has the mark of a pickle
        return bool(names) or reading.end is not End.UNREADABLE or reading.operations > _CONVINCING_OPERATIONS
    if reading.end is End.STOP and reading.whole:
        return True
    is_dangerous = any(verdict_of(name.module, name.name) is Verdict.DANGEROUS for name in names)
    is_importable = any(name.module.partition(".")[0] in sys.stdlib_module_names for name in names)
    return is_dangerous or is_importable or (bool(names) and (reading.calls > 0 or reading.end is End.STOP))


def _prepend(start: bytes, rest: IO[bytes]) -> BinaryIO:
    """A file with ``start`` before the content of ``rest``."""
    before = io.BytesIO(start)

    def read(count: int) -> bytes:
        return before.read(count) or rest.read(count)

    return cast("BinaryIO", io.BufferedReader(_FunctionReader(read)))


def _read_start(content: BinaryIO) -> bytes:
    """Read the first `MAX_START_SIZE` bytes; raises `BadCompression` if not even one can be read."""
    start = b""
    try:
        while len(start) < MAX_START_SIZE and (more := content.read(MAX_START_SIZE - len(start))):
            start += more
    except BadCompression:
        if not start:
            raise
    return start


def _skip_bytes(content: BinaryIO, count: int) -> bool:
    """Skip ``count`` bytes; returns whether there were that many."""
    while count and (piece := content.read(min(count, _BLOCK))):
        count -= len(piece)
    return not count


def _has_member(names: list[str], name: str) -> bool:
    return any(member.rpartition("/")[2] == name for member in names)


def _has_data(content: BinaryIO) -> bool:
    """Whether any byte other than zero follows."""
    while piece := content.read(_BLOCK):
        if piece.count(0) < len(piece):
            return True
    return False


def _is_text(data: bytes) -> bool:
    if b"\0" in data:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)  # incremental, since the last character may be cut off
    except UnicodeDecodeError:
        return False
    return True
