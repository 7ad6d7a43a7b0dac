"""Whether a file that an untrusted process wrote is the table that it reported."""

from __future__ import annotations

import codecs
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from modelreg.data.tables.writing import OutputFile, header_line

_BLOCK = 1 << 20  # bytes
_PACKED_BLOCK = 1 << 16  # bytes
_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # as `writing` has it made: no name, no time, any system (RFC 1952)
_GZIP = 31  # what zlib.decompressobj takes for the header and the checksum of gzip
_PARQUET = b"PAR1"  # at both ends of a file, as the Parquet format has it
_SHORTEST_PARQUET = 12  # bytes: both, and the length of the metadata
_LONGEST_ROW = 16 << 20  # bytes outside of quotes: a hundred thousand numbers take 2 MiB
_MISPLACED = re.compile(rb'[^",\n]"|"[^",\n]|\r')  # a quote within a value, text behind a quoted one, a carriage return
_BLANK_LINE = re.compile(rb"^[ \t]*\n", re.MULTILINE)
_DATA = bytes(set(range(256)) - set(b",\n"))  # everything but separators
CheckTime = Callable[[], None]


class NotTheTable(Exception):
    """The file does not hold what was reported."""


def check_table(output: OutputFile, rows: int, columns: Sequence[str], check_time: CheckTime) -> None:
    """Raise `NotTheTable` for a file that is incomplete, or not of its format.

    A CSV file must have exactly these columns and this number of rows, in a form that every reader reads alike. Of
    parquet, which takes a library, both ends are looked at. ``check_time`` is called now and then and may raise.
    """
    with os.fdopen(os.dup(output.file.fileno()), "rb") as file:
        _check_size(file)
        match output.format:
            case "parquet":
                _check_parquet(file)
            case "csv.gz":
                _check_csv(_unpacked(file, check_time), rows, columns)
            case _:
                _check_csv(_blocks(file, _BLOCK, check_time), rows, columns)


def _check_size(file: IO[bytes]) -> None:
    """Refuse a file with holes: it can be larger than any disk, and reading it takes as long."""
    size = file.seek(0, os.SEEK_END)
    if size == 0 or (hasattr(os, "SEEK_HOLE") and os.lseek(file.fileno(), 0, os.SEEK_HOLE) < size):
        raise NotTheTable
    file.seek(0)


def _check_parquet(file: IO[bytes]) -> None:
    size = file.seek(0, os.SEEK_END)
    start, end = (os.pread(file.fileno(), len(_PARQUET), place) for place in (0, max(0, size - len(_PARQUET))))
    if size < _SHORTEST_PARQUET or start != _PARQUET or end != _PARQUET:
        raise NotTheTable


def _blocks(file: IO[bytes], size: int, check_time: CheckTime) -> Iterator[bytes]:
    while block := file.read(size):
        check_time()
        yield block


def _unpacked(file: IO[bytes], check_time: CheckTime) -> Iterator[bytes]:
    """The content of a gzip file of one member, with the header that `writing` has it made with and nothing behind it.

    The time is asked for at each block that goes in and at each that comes out: either may be without end.
    """
    if file.read(len(_GZIP_HEADER)) != _GZIP_HEADER:
        raise NotTheTable
    unpacker = zlib.decompressobj(_GZIP)
    unpacker.decompress(_GZIP_HEADER)
    try:
        for packed in _blocks(file, _PACKED_BLOCK, check_time):
            if unpacker.eof:
                raise NotTheTable
            yield unpacker.decompress(packed, _BLOCK)
            while not unpacker.eof and (block := unpacker.decompress(unpacker.unconsumed_tail, _BLOCK)):
                check_time()
                yield block
    except zlib.error as error:
        raise NotTheTable from error
    if not unpacker.eof or unpacker.unused_data:
        raise NotTheTable


def _check_csv(blocks: Iterator[bytes], rows: int, columns: Sequence[str]) -> None:
    header, found = header_line(columns), _Rows(len(columns))
    for block in blocks:
        start = block[: len(header)]
        if not header.startswith(start):
            raise NotTheTable
        header = header[len(start) :]
        found.add(block[len(start) :])
        if found.count > rows:
            raise NotTheTable
    found.end()
    if header or found.count != rows:
        raise NotTheTable


class _Rows:
    """The rows of a CSV file, which comes in blocks; each method raises `NotTheTable` for what is none.

    A row has the right number of values. A quote opens only at the start of a value and closes only at its end; one
    within a value is written as two. Nothing is read in different ways: no carriage return outside of quotes, no empty
    line, nothing but UTF-8.
    """

    def __init__(self, columns: int) -> None:
        self.count = 0
        self._commas = columns - 1
        self._is_quoted = False
        self._rest = b""
        """The row that has not ended, with an empty pair of quotes for what is within quotes."""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def add(self, block: bytes) -> None:
        """The next part of the file."""
        try:
            self._decoder.decode(block)
        except UnicodeDecodeError as error:
            raise NotTheTable from error
        lines, separator, self._rest = (self._rest + self._outside_of_quotes(block)).rpartition(b"\n")
        if separator:
            self._check(lines + separator)
        if len(self._rest) > _LONGEST_ROW:
            raise NotTheTable

    def end(self) -> None:
        """There is no more."""
        pending, _ = self._decoder.getstate()
        if self._is_quoted or self._rest or pending:
            raise NotTheTable

    def _outside_of_quotes(self, block: bytes) -> bytes:
        pieces = block.split(b'"')
        outside = pieces[self._is_quoted :: 2]
        text = b'""'.join(outside)
        if self._is_quoted and outside:
            text = b'"' + text
        self._is_quoted ^= len(pieces) % 2 == 0  # there is one piece more than quotes
        return text + b'"' if self._is_quoted and outside else text

    def _check(self, lines: bytes) -> None:
        """Whole rows, without what is within quotes."""
        count = lines.count(b"\n")
        if (b'"' in lines or b"\r" in lines) and _MISPLACED.search(lines):
            raise NotTheTable
        if self._commas == 0 and _BLANK_LINE.search(lines):
            raise NotTheTable
        # counted first, so that what is compared is no longer than the lines are
        if lines.count(b",") != count * self._commas:
            raise NotTheTable
        if lines.translate(None, _DATA) != (b"," * self._commas + b"\n") * count:
            raise NotTheTable
        self.count += count
