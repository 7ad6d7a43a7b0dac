"""Check that a file written by an untrusted process is the table that the process reported."""

from __future__ import annotations

import codecs
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import IO

from modelreg.data.tables.writing import OutputFile, format_header

_BLOCK = 1 << 20  # bytes
_COMPRESSED_BLOCK = 1 << 16  # bytes
_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # as `writing` creates it: no name, no time, unknown system (RFC 1952)
_GZIP = 31  # wbits of zlib.decompressobj: 15 + 16 for a gzip header and checksum
_PARQUET = b"PAR1"  # at the start and the end of a parquet file
_MIN_PARQUET_SIZE = 12  # bytes: both markers and the length of the metadata
_MAX_ROW_SIZE = 16 << 20  # bytes outside of quotes; 100,000 numbers take 2 MiB
_MISPLACED = re.compile(rb'[^",\n]"|"[^",\n]|\r')  # quote in a value, text after a quoted value, carriage return
_BLANK_LINE = re.compile(rb"^[ \t]*\n", re.MULTILINE)
_DATA = bytes(set(range(256)) - set(b",\n"))  # all bytes except separators
CheckTime = Callable[[], None]


class TableMismatch(Exception):
    """The file is not the table that was reported."""


def check_table(output: OutputFile, rows: int, columns: Sequence[str], check_time: CheckTime) -> None:
    """Raise `TableMismatch` for a file that is incomplete or of another format.

    A CSV file must have exactly these columns and this number of rows, and no syntax that readers interpret
    differently. Of a parquet file only the markers at both ends are checked, since parsing it needs a library.
    ``check_time`` is called regularly and may raise.
    """
    with os.fdopen(os.dup(output.file.fileno()), "rb") as file:
        _check_size(file)
        match output.format:
            case "parquet":
                _check_parquet(file)
            case "csv.gz":
                _check_csv(_decompress(file, check_time), rows, columns)
            case _:
                _check_csv(_read_blocks(file, _BLOCK, check_time), rows, columns)


def _check_size(file: IO[bytes]) -> None:
    """Refuse an empty file, and a sparse one, which could be larger than the disk and take forever to read."""
    size = file.seek(0, os.SEEK_END)
    if size == 0 or (hasattr(os, "SEEK_HOLE") and os.lseek(file.fileno(), 0, os.SEEK_HOLE) < size):
        raise TableMismatch
    file.seek(0)


def _check_parquet(file: IO[bytes]) -> None:
    size = file.seek(0, os.SEEK_END)
    start, end = (os.pread(file.fileno(), len(_PARQUET), offset) for offset in (0, max(0, size - len(_PARQUET))))
    if size < _MIN_PARQUET_SIZE or start != _PARQUET or end != _PARQUET:
        raise TableMismatch


def _read_blocks(file: IO[bytes], size: int, check_time: CheckTime) -> Iterator[bytes]:
    while block := file.read(size):
        check_time()
        yield block


def _decompress(file: IO[bytes], check_time: CheckTime) -> Iterator[bytes]:
    """Yield the content of a gzip file with one member, the header that `writing` creates, and no trailing bytes.

    The time is checked for every block of input and of output, since either could be endless.
    """
    if file.read(len(_GZIP_HEADER)) != _GZIP_HEADER:
        raise TableMismatch
    decompressor = zlib.decompressobj(_GZIP)
    decompressor.decompress(_GZIP_HEADER)
    try:
        for compressed in _read_blocks(file, _COMPRESSED_BLOCK, check_time):
            if decompressor.eof:
                raise TableMismatch
            yield decompressor.decompress(compressed, _BLOCK)
            while not decompressor.eof and (block := decompressor.decompress(decompressor.unconsumed_tail, _BLOCK)):
                check_time()
                yield block
    except zlib.error as error:
        raise TableMismatch from error
    if not decompressor.eof or decompressor.unused_data:
        raise TableMismatch


def _check_csv(blocks: Iterator[bytes], rows: int, columns: Sequence[str]) -> None:
    header, scanner = format_header(columns), _RowScanner(len(columns))
    for block in blocks:
        start = block[: len(header)]
        if not header.startswith(start):
            raise TableMismatch
        header = header[len(start) :]
        scanner.add(block[len(start) :])
        if scanner.count > rows:
            raise TableMismatch
    scanner.finish()
    if header or scanner.count != rows:
        raise TableMismatch


class _RowScanner:
    """Counts the rows of a CSV file that arrives in blocks; the methods raise `TableMismatch` for a malformed row.

    Every row has the right number of values. A quote opens only at the start of a value and closes only at its end; a
    quote within a value is doubled. Syntax that readers interpret differently is refused: carriage returns outside of
    quotes, empty lines, and bytes that are not UTF-8.
    """

    def __init__(self, columns: int) -> None:
        self.count = 0
        self._commas = columns - 1
        self._is_quoted = False
        self._rest = b""
        """The start of the current row, with quoted text reduced to an empty pair of quotes."""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def add(self, block: bytes) -> None:
        """Scan the next part of the file."""
        try:
            self._decoder.decode(block)
        except UnicodeDecodeError as error:
            raise TableMismatch from error
        lines, separator, self._rest = (self._rest + self._remove_quoted(block)).rpartition(b"\n")
        if separator:
            self._check_rows(lines + separator)
        if len(self._rest) > _MAX_ROW_SIZE:
            raise TableMismatch

    def finish(self) -> None:
        """Check that the file ends after a complete row."""
        pending, _ = self._decoder.getstate()
        if self._is_quoted or self._rest or pending:
            raise TableMismatch

    def _remove_quoted(self, block: bytes) -> bytes:
        """Replace quoted text by an empty pair of quotes."""
        pieces = block.split(b'"')
        outside = pieces[self._is_quoted :: 2]
        text = b'""'.join(outside)
        if self._is_quoted and outside:
            text = b'"' + text
        self._is_quoted ^= len(pieces) % 2 == 0  # an even number of pieces means an odd number of quotes
        return text + b'"' if self._is_quoted and outside else text

    def _check_rows(self, lines: bytes) -> None:
        """Check complete rows, whose quoted text was removed."""
        count = lines.count(b"\n")
        if (b'"' in lines or b"\r" in lines) and _MISPLACED.search(lines):
            raise TableMismatch
        if self._commas == 0 and _BLANK_LINE.search(lines):
            raise TableMismatch
        # counting commas first bounds the length of the pattern that is built below
        if lines.count(b",") != count * self._commas:
            raise TableMismatch
        if lines.translate(None, _DATA) != (b"," * self._commas + b"\n") * count:
            raise TableMismatch
        self.count += count
