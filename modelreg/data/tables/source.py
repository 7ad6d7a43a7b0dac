"""A table's file: opened once, so that the bytes that are hashed are those that are read."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, cast

from modelreg.domain.references import DIGEST_PREFIX, Digest
from modelreg.errors import DataChanged, InvalidData, InvalidInput, SourceNotFound, shown

if TYPE_CHECKING:
    import pandas as pd

STDIN = "-"
_BLOCK = 1 << 20  # bytes
_MOST_DEFLATED = 1032  # bytes that one byte of a gzip file can stand for
_GZIP = b"\x1f\x8b"
_ENDINGS = {
    "parquet": (".parquet", ".pq"),
    "csv": (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz"),
    "jsonl": (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz"),
}
"""Format -> the endings of its files' names."""
_KNOWN = "the name ends in .csv, .tsv, .txt, .jsonl or .ndjson (also with .gz), .parquet or .pq"
_TABS = (".tsv", ".tsv.gz")
_DELIMITERS = {"tab": "\t", "\\t": "\t"}


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How a text file is to be read."""

    delimiter: str | None = None
    """Between two values; None for a comma, or what the file's name says."""
    encoding: str = "utf-8"
    header: bool | None = None
    """Whether the first line names the columns; None to refuse a first line that looks like values."""

    @classmethod
    def parse(cls, delimiter: str | None, encoding: str | None, header: bool | None) -> TextLayout:
        """What a user states; raises `InvalidInput`."""
        separator = _DELIMITERS.get(delimiter, delimiter) if delimiter is not None else None
        if separator is not None and (len(separator) != 1 or not separator.isascii() or separator in '"\r\n'):
            raise InvalidInput(f"{shown(separator)} cannot separate values", "name one ASCII character, or tab")
        try:
            name = codecs.lookup(encoding or "utf-8").name
            "".encode(name)  # which codecs that are no encodings of text refuse
        except (LookupError, ValueError):
            hint = "name one of Python's, as utf-8, latin-1, cp1252 or utf-16"
            raise InvalidInput(f"there is no encoding {shown(str(encoding))}", hint) from None
        return cls(separator, name, header)


@dataclass(frozen=True, slots=True)
class TableFile:
    """An open file that holds a table."""

    name: str
    """As errors show it."""
    file: IO[bytes]
    format: str
    """``csv``, ``jsonl``, ``parquet``, or ``frame`` for a pickled DataFrame, which is read where models run alone."""
    is_gzipped: bool
    layout: TextLayout = TextLayout()
    path: str | os.PathLike[str] | None = None
    """Where it is, if it is a file that others may write to meanwhile."""
    state: tuple[int, ...] = ()
    """What `_state` told when it was opened."""
    known_digest: Digest | None = None
    """Of a DataFrame: the digest of the CSV file that it would be."""
    known_rows: int | None = None
    """Of a DataFrame: its number of rows."""

    @property
    def delimiter(self) -> str:
        """What stands between two values of a CSV file."""
        return self.layout.delimiter or ","

    def require_unchanged(self) -> None:
        """Raise `DataChanged` when somebody wrote to the file since it was opened."""
        if self.path is not None and _state(self.file) != self.state:
            raise DataChanged(self.path)

    def digest(self) -> Digest:
        """SHA-256 of the file as it was given, compressed or not; of a DataFrame that of the CSV file it would be."""
        if self.known_digest is not None:
            return self.known_digest
        self.file.seek(0)
        return _digest(self.file)

    def most_rows(self) -> int | None:
        """A number of rows that the file cannot exceed; None where only a library can tell."""
        if self.format in ("parquet", "frame"):
            return self.known_rows
        if self.is_gzipped:  # each row is at least a value and the end of a line
            return os.fstat(self.file.fileno()).st_size * _MOST_DEFLATED // 2
        has_header = self.format == "csv" and self.layout.header is not False
        return max(0, self._lines() - has_header)

    def _lines(self) -> int:
        """Lines that end with a newline, a carriage return or both, and one that the end of the file ends."""
        lines, last, place = 0, b"", 0
        while block := os.pread(self.file.fileno(), _BLOCK, place):
            place += len(block)
            lines += block.count(b"\n")
            if b"\r" in block:
                lines += block.count(b"\r") - block.count(b"\r\n")
            if last == b"\r" and block[:1] == b"\n":
                lines -= 1
            last = block[-1:]
        return lines + (last not in (b"", b"\n", b"\r"))

    @contextmanager
    def text(self) -> Iterator[IO[bytes]]:
        """The bytes of a CSV file from their beginning, unpacked if they are gzipped; several may be read at once."""
        with io.BufferedReader(_Reading(self.file.fileno()), _BLOCK) as file:
            if not self.is_gzipped:
                yield file
                return
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast("IO[bytes]", unpacked)


class _Reading(io.RawIOBase):
    """The bytes of a descriptor from their beginning, whatever others read by it meanwhile."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._place = descriptor, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = os.pread(self._descriptor, len(buffer), self._place)
        buffer[: len(found)] = found
        self._place += len(found)
        return len(found)


@contextmanager
def opened(path: str | os.PathLike[str], layout: TextLayout | None = None) -> Iterator[TableFile]:
    """The table in a CSV, JSON Lines or parquet file, by the ending of its name; ``-`` is CSV from stdin.

    Raises `SourceNotFound`, `InvalidData` for what is no such file, and `DataChanged` at the end when somebody wrote
    to it meanwhile.
    """
    layout = layout or TextLayout()
    if os.fspath(path) == STDIN:
        with _spooled_stdin() as (file, is_gzipped):
            yield TableFile("stdin", file, "csv", is_gzipped, layout)
        return
    name = Path(path).name.lower()
    if not os.path.exists(path):
        raise SourceNotFound(path)
    if not os.path.isfile(path):
        raise InvalidData(f"{shown(os.fspath(path))} is not a file")
    kind = next((each for each, endings in _ENDINGS.items() if name.endswith(endings)), None)
    if kind is None:
        raise InvalidData(f"{shown(os.fspath(path))} is not a table: no CSV, JSON Lines or parquet", _KNOWN)
    if layout.delimiter is None and name.endswith(_TABS):
        layout = replace(layout, delimiter="\t")
    with _regular(path) as file:
        table = TableFile(
            shown(os.fspath(path)), file, kind, name.endswith(".gz"), layout, path=path, state=_state(file)
        )
        yield table
        table.require_unchanged()


@contextmanager
def _spooled_stdin() -> Iterator[tuple[IO[bytes], bool]]:
    """Stdin in a file, and whether it is gzipped."""
    if sys.stdin is None:
        raise InvalidData("stdin is closed, so there is nothing to read", "name a file")
    with TemporaryFile() as spooled:
        shutil.copyfileobj(sys.stdin.buffer, spooled)
        spooled.flush()
        with _read_only(spooled) as file:
            yield file, file.read(len(_GZIP)) == _GZIP


@contextmanager
def table_of(data: str | os.PathLike[str] | pd.DataFrame, layout: TextLayout | None = None) -> Iterator[TableFile]:
    """A file, see `opened`, or a DataFrame as a table; raises `InvalidData`."""
    if isinstance(data, str | os.PathLike):
        with opened(data, layout) as table:
            yield table
    elif type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "to_csv") and hasattr(data, "columns"):
        with frame_table(data) as table:
            yield table
    else:
        raise InvalidData(f"{type(data).__name__} is no table", "give a path or a DataFrame")


@contextmanager
def frame_table(frame: pd.DataFrame) -> Iterator[TableFile]:
    """A DataFrame as a table that a model's process can read; raises `InvalidData` for what cannot be pickled.

    Its digest is that of the file that ``to_csv(index=False)`` writes, so that its scores compare with that file's.
    """
    import pickle

    text = frame.to_csv(index=False, lineterminator="\n").encode(errors="surrogatepass")
    with TemporaryFile() as spooled:
        try:
            pickle.dump(frame, spooled, protocol=5)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise InvalidData(f"the DataFrame holds objects that cannot be pickled: {error}") from error
        spooled.flush()
        with _read_only(spooled) as file:
            digest = Digest(DIGEST_PREFIX + hashlib.sha256(text).hexdigest())
            yield TableFile("the DataFrame", file, "frame", False, known_digest=digest, known_rows=len(frame))


def digest_of(path: str | os.PathLike[str]) -> Digest:
    """SHA-256 of a file with data, whatever its format; raises `SourceNotFound` and `InvalidData`."""
    if not os.path.exists(path):
        raise SourceNotFound(path)
    if not os.path.isfile(path):
        raise InvalidData(f"{shown(os.fspath(path))} is not a file")
    with _regular(path) as file:
        state, digest = _state(file), _digest(file)
        if _state(file) != state:
            raise DataChanged(path)
        return digest


@contextmanager
def _read_only(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """The same file from its beginning, by a descriptor that a model cannot write to."""
    try:
        reading: IO[bytes] = open(f"/proc/self/fd/{file.fileno()}", "rb")  # noqa: SIM115  # the block below closes it
    except OSError:  # a system without such names
        file.seek(0)
        yield file
        return
    with reading:
        yield reading


@contextmanager
def _regular(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    try:
        file = open(path, "rb")  # noqa: SIM115  # the block below closes it
    except OSError as error:
        raise InvalidData(f"{shown(os.fspath(path))} cannot be read: {error.strerror}") from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InvalidData(f"{shown(os.fspath(path))} is not a file any more")
        yield file


def _digest(file: IO[bytes]) -> Digest:
    return Digest(DIGEST_PREFIX + hashlib.file_digest(file, "sha256").hexdigest())  # type: ignore[arg-type]


def _state(file: IO[bytes]) -> tuple[int, ...]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns
