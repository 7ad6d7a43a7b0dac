"""A table's file: opened once, so that the bytes that are hashed are those that are read."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, cast

from modelreg.errors import DataChanged, InvalidData, SourceNotFound, shown
from modelreg.references import DIGEST_PREFIX, Digest

STDIN = "-"
_BLOCK = 1 << 20  # bytes
_MOST_DEFLATED = 1032  # bytes that one byte of a gzip file can stand for
_GZIP = b"\x1f\x8b"
_PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, slots=True)
class TableFile:
    """An open file that holds a table."""

    name: str
    """As errors show it."""
    file: IO[bytes]
    is_parquet: bool
    is_gzipped: bool
    path: str | os.PathLike[str] | None = None
    """Where it is, if it is a file that others may write to meanwhile."""
    state: tuple[int, ...] = ()
    """What `_state` told when it was opened."""

    def require_unchanged(self) -> None:
        """Raise `DataChanged` when somebody wrote to the file since it was opened."""
        if self.path is not None and _state(self.file) != self.state:
            raise DataChanged(self.path)

    def digest(self) -> Digest:
        """SHA-256 of the file as it was given, compressed or not."""
        self.file.seek(0)
        return _digest(self.file)

    def most_rows(self) -> int | None:
        """A number of rows that the file cannot exceed; None where only a library can tell."""
        if self.is_parquet:
            return None
        if self.is_gzipped:  # each row is at least a value and the end of a line
            return os.fstat(self.file.fileno()).st_size * _MOST_DEFLATED // 2
        return max(0, self._lines() - 1)  # the first line has the names of the columns

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
        """The bytes of a CSV file from their beginning, unpacked if they are gzipped."""
        self.file.seek(0)
        if not self.is_gzipped:
            yield self.file
            return
        with gzip.GzipFile(fileobj=self.file) as unpacked:
            yield cast("IO[bytes]", unpacked)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[TableFile]:
    """The table in a ``.csv``, ``.csv.gz`` or ``.parquet`` file; ``-`` is CSV from stdin.

    Raises `SourceNotFound`, `InvalidData` for what is no such file, and `DataChanged` at the end when somebody wrote
    to it meanwhile.
    """
    if os.fspath(path) == STDIN:
        if sys.stdin is None:
            raise InvalidData("stdin is closed, so there is nothing to read", "name a file")
        with TemporaryFile() as spooled:
            shutil.copyfileobj(sys.stdin.buffer, spooled)
            spooled.flush()
            with _read_only(spooled) as file:
                yield TableFile("stdin", file, is_parquet=False, is_gzipped=file.read(len(_GZIP)) == _GZIP)
        return
    name = Path(path).name.lower()
    if not os.path.exists(path):
        raise SourceNotFound(path)
    if not os.path.isfile(path):
        raise InvalidData(f"{shown(os.fspath(path))} is not a file")
    if not name.endswith((".csv", ".csv.gz", *_PARQUET)):
        hint = "the name ends in .csv, .csv.gz or .parquet"
        raise InvalidData(f"{shown(os.fspath(path))} is neither CSV nor parquet", hint)
    with _regular(path) as file:
        name_shown, state = shown(os.fspath(path)), _state(file)
        table = TableFile(name_shown, file, name.endswith(_PARQUET), name.endswith(".gz"), path, state)
        yield table
        table.require_unchanged()


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
