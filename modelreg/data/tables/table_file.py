"""Open the file of a table once, so that the digest belongs to the bytes that are read."""

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
from modelreg.errors import InvalidData, InvalidInput, SourceNotFound, shown

if TYPE_CHECKING:
    import pandas as pd

STDIN = "-"
_BLOCK = 1 << 20  # bytes
_MAX_GZIP_RATIO = 1032  # bytes of content per byte of a gzip file
_GZIP = b"\x1f\x8b"
_ENDINGS = {
    "parquet": (".parquet", ".pq"),
    "csv": (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz"),
    "jsonl": (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz"),
}
"""Format -> file name endings."""
_SUPPORTED = "supported are .csv, .tsv, .txt, .jsonl and .ndjson (also with .gz), .parquet and .pq"
_TAB_SEPARATED = (".tsv", ".tsv.gz")
_DELIMITERS = {"tab": "\t", "\\t": "\t"}


@dataclass(frozen=True, slots=True)
class TextLayout:
    """How to read a text file."""

    delimiter: str | None = None
    """The separator of values; None for a comma, or a tab in a ``.tsv`` file."""
    encoding: str = "utf-8"
    header: bool | None = None
    """Whether the first line has the column names; None to require that it does not look like values."""

    @classmethod
    def parse(cls, delimiter: str | None, encoding: str | None, header: bool | None) -> TextLayout:
        """Check the options of a user; raises `InvalidInput`."""
        separator = _DELIMITERS.get(delimiter, delimiter) if delimiter is not None else None
        if separator is not None and (len(separator) != 1 or not separator.isascii() or separator in '"\r\n'):
            raise InvalidInput(f"{shown(separator)} is not a delimiter", "use one ASCII character, or tab")
        try:
            name = codecs.lookup(encoding or "utf-8").name
            "".encode(name)  # raises for codecs that do not encode text
        except (LookupError, ValueError):
            hint = "use a Python encoding, such as utf-8, latin-1, cp1252 or utf-16"
            raise InvalidInput(f"unknown encoding {shown(str(encoding))}", hint) from None
        return cls(separator, name, header)


@dataclass(frozen=True, slots=True)
class TableFile:
    """An open file with a table."""

    name: str
    """The name in messages."""
    file: IO[bytes]
    format: str
    """``csv``, ``jsonl``, ``parquet``, or ``frame``: a pickled DataFrame, unpickled in the model's process."""
    is_gzipped: bool
    layout: TextLayout = TextLayout()
    path: str | os.PathLike[str] | None = None
    """The path, if other processes may write to the file."""
    state: tuple[int, ...] = ()
    """Size and modification time at opening; see `_get_state`."""
    known_digest: Digest | None = None
    """For a DataFrame, the digest of its CSV file."""
    known_rows: int | None = None
    """For a DataFrame, its number of rows."""

    @property
    def delimiter(self) -> str:
        """The separator of values in a CSV file."""
        return self.layout.delimiter or ","

    def check_unchanged(self) -> None:
        """Raise `InvalidData` if the file changed since it was opened."""
        if self.path is not None and _get_state(self.file) != self.state:
            raise build_change_error(self.path)

    def digest(self) -> Digest:
        """SHA-256 of the file itself, compressed or not; of a DataFrame, that of its CSV file."""
        if self.known_digest is not None:
            return self.known_digest
        self.file.seek(0)
        return _hash(self.file)

    def max_rows(self) -> int | None:
        """An upper bound on the number of rows; None if only pyarrow could tell."""
        if self.format in ("parquet", "frame"):
            return self.known_rows
        if self.is_gzipped:  # a row has at least one character and a line end
            return os.fstat(self.file.fileno()).st_size * _MAX_GZIP_RATIO // 2
        has_header = self.format == "csv" and self.layout.header is not False
        return max(0, self._count_lines() - has_header)

    def _count_lines(self) -> int:
        """Count lines that end in LF, CR or CRLF, and an unterminated last line."""
        lines, last, offset = 0, b"", 0
        while block := os.pread(self.file.fileno(), _BLOCK, offset):
            offset += len(block)
            lines += block.count(b"\n")
            if b"\r" in block:
                lines += block.count(b"\r") - block.count(b"\r\n")
            if last == b"\r" and block[:1] == b"\n":
                lines -= 1
            last = block[-1:]
        return lines + (last not in (b"", b"\n", b"\r"))

    @contextmanager
    def text(self) -> Iterator[IO[bytes]]:
        """Open the uncompressed bytes of a text file from the start; several readers may be open at once."""
        with io.BufferedReader(_IndependentReader(self.file.fileno()), _BLOCK) as file:
            if not self.is_gzipped:
                yield file
                return
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast("IO[bytes]", unpacked)


class _IndependentReader(io.RawIOBase):
    """Reads a file descriptor from the start, without using or moving its shared offset."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._offset = descriptor, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = os.pread(self._descriptor, len(buffer), self._offset)
        buffer[: len(data)] = data
        self._offset += len(data)
        return len(data)


@contextmanager
def open_table(path: str | os.PathLike[str], layout: TextLayout | None = None) -> Iterator[TableFile]:
    """Open a CSV, JSON Lines or parquet file, recognised by the ending of its name; ``-`` is CSV from stdin.

    Raises `SourceNotFound`, and `InvalidData` for any other file and, on exit, if the file was modified meanwhile.
    """
    layout = layout or TextLayout()
    if os.fspath(path) == STDIN:
        with _spool_stdin() as (file, is_gzipped):
            yield TableFile("stdin", file, "csv", is_gzipped, layout)
        return
    name = Path(path).name.lower()
    _check_file(path)
    format_ = next((format_ for format_, endings in _ENDINGS.items() if name.endswith(endings)), None)
    if format_ is None:
        raise InvalidData(f"{shown(os.fspath(path))} is not a CSV, JSON Lines or parquet file", _SUPPORTED)
    if layout.delimiter is None and name.endswith(_TAB_SEPARATED):
        layout = replace(layout, delimiter="\t")
    with _open_regular(path) as file:
        is_gzipped, state = name.endswith(".gz"), _get_state(file)
        table = TableFile(shown(os.fspath(path)), file, format_, is_gzipped, layout, path=path, state=state)
        yield table
        table.check_unchanged()


@contextmanager
def _spool_stdin() -> Iterator[tuple[IO[bytes], bool]]:
    """Copy stdin to a temporary file; yields the file, and whether it is gzipped."""
    if sys.stdin is None:
        raise InvalidData("stdin is closed", "pass the path of a file")
    with TemporaryFile() as spooled:
        shutil.copyfileobj(sys.stdin.buffer, spooled)
        spooled.flush()
        with _reopen_read_only(spooled) as file:
            yield file, file.read(len(_GZIP)) == _GZIP


@contextmanager
def open_data(data: str | os.PathLike[str] | pd.DataFrame, layout: TextLayout | None = None) -> Iterator[TableFile]:
    """Open a file, see `open_table`, or a DataFrame; raises `InvalidData`."""
    if isinstance(data, str | os.PathLike):
        with open_table(data, layout) as table:
            yield table
    elif type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "to_csv") and hasattr(data, "columns"):
        with spool_frame(data) as table:
            yield table
    else:
        raise InvalidData(f"{type(data).__name__} is not a table", "pass a path or a DataFrame")


@contextmanager
def spool_frame(frame: pd.DataFrame) -> Iterator[TableFile]:
    """Pickle a DataFrame to a temporary file for the model's process; raises `InvalidData` if it cannot be pickled.

    Its digest is that of the file that ``to_csv(index=False)`` writes, so that scores of both are comparable.
    """
    import pickle

    text = frame.to_csv(index=False, lineterminator="\n").encode(errors="surrogatepass")
    with TemporaryFile() as spooled:
        try:
            pickle.dump(frame, spooled, protocol=5)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise InvalidData(f"the DataFrame holds objects that cannot be pickled: {error}") from error
        spooled.flush()
        with _reopen_read_only(spooled) as file:
            digest = Digest(DIGEST_PREFIX + hashlib.sha256(text).hexdigest())
            yield TableFile("the DataFrame", file, "frame", False, known_digest=digest, known_rows=len(frame))


def hash_data_file(path: str | os.PathLike[str]) -> Digest:
    """SHA-256 of a data file of any format; raises `SourceNotFound` and `InvalidData`."""
    _check_file(path)
    with _open_regular(path) as file:
        state, digest = _get_state(file), _hash(file)
        if _get_state(file) != state:
            raise build_change_error(path)
        return digest


def build_change_error(path: str | os.PathLike[str]) -> InvalidData:
    """The error for a data file that changed while it was read."""
    return InvalidData(
        f"{shown(os.fspath(path))} changed while it was read; nothing was saved",
        "try again when no process is writing to it",
        code="data_changed",
    )


def _check_file(path: str | os.PathLike[str]) -> None:
    if not os.path.exists(path):
        raise SourceNotFound(path)
    if not os.path.isfile(path):
        raise InvalidData(f"{shown(os.fspath(path))} is not a file")


@contextmanager
def _reopen_read_only(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """Open the same file again with a descriptor that a model cannot write to."""
    try:
        reader: IO[bytes] = open(f"/proc/self/fd/{file.fileno()}", "rb")  # noqa: SIM115  # the block below closes it
    except OSError:  # the system has no /proc
        file.seek(0)
        yield file
        return
    with reader:
        yield reader


@contextmanager
def _open_regular(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    try:
        file = open(path, "rb")  # noqa: SIM115  # the block below closes it
    except OSError as error:
        raise InvalidData(f"{shown(os.fspath(path))} cannot be read: {error.strerror}") from error
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InvalidData(f"{shown(os.fspath(path))} was replaced by something that is not a file")
        yield file


def _hash(file: IO[bytes]) -> Digest:
    return Digest(DIGEST_PREFIX + hashlib.file_digest(file, "sha256").hexdigest())  # type: ignore[arg-type]


def _get_state(file: IO[bytes]) -> tuple[int, ...]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns
