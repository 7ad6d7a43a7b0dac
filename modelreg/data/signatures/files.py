"""The columns of CSV, JSON Lines and parquet files, found in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelreg.data.signatures.stated import stated_fields
from modelreg.data.tables.casting import MISSING
from modelreg.data.tables.columns import require_column, type_of
from modelreg.data.tables.csv import INDEX, csv_chunks, csv_columns, has_ascii, reading_csv
from modelreg.data.tables.json_lines import json_chunks, json_columns
from modelreg.data.tables.parquet import parquet, parquet_columns
from modelreg.data.tables.reading import frame_of
from modelreg.data.tables.source import TableFile, TextLayout, opened
from modelreg.domain.signatures import NA, NONE, SignatureField
from modelreg.errors import InvalidData

if TYPE_CHECKING:
    import pandas as pd

_HIGHEST_UINT64 = (1 << 64) - 1
_BLOCK = 1 << 17  # bytes, which the processor's cache holds


def read_columns(
    path: Path, types: Mapping[str, str], layout: TextLayout | None = None, notes: list[str] | None = None
) -> tuple[SignatureField, ...]:
    """The columns of a file, of which ``types`` states some; raises `InvalidData` or `SourceNotFound`."""
    with opened(path, layout) as table:
        if table.layout.header is False:
            hint = "leave out --signature-from for a model of arrays; 'predict' and 'evaluate' take --no-header"
            raise InvalidData(f"{table.name} has no names of columns to learn", hint)
        fields = columns_in(table, [] if notes is None else notes, frozenset(types))
        names = [str(field.name) for field in fields]
        for column in types:
            require_column(column, names, table.name)
        stated = stated_fields(table, {str(field.name): field for field in fields}, types)
        return tuple(stated.get(str(field.name), field) for field in fields)


def columns_in(
    table: TableFile, notes: list[str] | None = None, stated: frozenset[str] = frozenset(), known: Sequence[str] = ()
) -> tuple[SignatureField, ...]:
    """The columns of a table that is open; raises `InvalidData`.

    With ``notes`` they are for a signature: an index that pandas wrote is left out, and ``notes`` gets a sentence for
    that and for each column, but those ``stated``, that pandas would guess otherwise.
    """
    match table.format:
        case "parquet":
            return _parquet_columns(table)
        case "jsonl":
            return _json_columns(table)
        case "frame":
            from modelreg.data.signatures.in_memory import frame_fields

            return frame_fields(frame_of(table), table.name)
        case _:
            return _csv_columns(table, notes, stated, known)


# --- CSV ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What the values of a column so far have in common."""

    type: str | None = None
    """One of `_RANKS`, or a type; None while every value is missing."""
    has_empty: bool = False
    """Whether a value is empty."""
    has_mark: bool = False
    """Whether a value is ``NA`` or the like, which is missing among numbers and a text among texts."""
    padded: str | None = None
    """A number that begins with a zero, as zip codes do, so that the column is text."""


_RANKS = {"natural": 0, "negative": 1, "large": 1, "huge": 2, "float64": 3}
"""Kinds of numbers: int64 without a sign, int64 of which one has it, uint64 beyond int64, whole beyond both."""
_TYPES = {"natural": "int64", "negative": "int64", "large": "uint64", "huge": "string", None: "any"}
_PADDED = re.compile(r"\s*[+-]?0\d+(\.\d*)?\s*")
_MARKS = [mark for mark in MISSING if mark]
_PARTS_OF_MARKS = (b"NA", b"N/A", b"n/a", b"NULL", b"null", b"NaN", b"nan", b"None", b"#IND")
"""One of them is in each of the marks."""
_LETTERS_OF_MARKS = (b"N", b"n", b"#")
"""One of them is in each of the parts; one byte is searched for much faster than several."""


def _csv_columns(
    table: TableFile, notes: list[str] | None, stated: frozenset[str], known: Sequence[str]
) -> tuple[SignatureField, ...]:
    names = csv_columns(table, known)
    found = dict(zip(names, _evidence(table, names), strict=True))
    if notes is not None:
        notes += _note_of_index(found)
        notes += [_note(name, column) for name, column in found.items() if column.padded and name not in stated]
    return tuple(_guessed(name, column) for name, column in found.items())


def _evidence(table: TableFile, names: Sequence[str]) -> list[_Evidence]:
    """What each column holds: as pandas guesses it, or by all its texts where a guess would lose some.

    Whether one would is found out in a thread, beside the guesses, which end then.
    """
    from concurrent.futures import ThreadPoolExecutor

    with reading_csv(table), ThreadPoolExecutor(1) as beside:
        loses_text = beside.submit(_may_lose_text, table)
        guessed = csv_chunks(table, names, dtype_backend="numpy_nullable")

        def is_known_to_lose() -> bool:
            return loses_text.done() and loses_text.result()

        try:
            found = _learned(table, takewhile(lambda _: not is_known_to_lose(), guessed), _widened)
        except (InvalidData, ValueError):
            if not loses_text.result():
                raise
        if loses_text.result():
            found = _learned(table, csv_chunks(table, names, dtype="str", keep_default_na=False), _widened_by_texts)
        return found


def _learned(
    table: TableFile,
    chunks: Iterable[pd.DataFrame],
    widened: Callable[[_Evidence, pd.Series[Any]], _Evidence],
) -> list[_Evidence]:
    """What the columns of all chunks hold; raises `InvalidData` when there are no rows."""
    evidence: list[_Evidence] = []
    rows = 0
    for chunk in chunks:
        rows += len(chunk)
        evidence = evidence or [_Evidence()] * chunk.shape[1]
        evidence = [widened(known, chunk.iloc[:, place]) for place, known in enumerate(evidence)]
    if not rows:
        raise InvalidData(f"{table.name} has no rows to learn types from")
    return evidence


def _note_of_index(found: dict[str, _Evidence]) -> list[str]:
    """A column without a name at the beginning is left out: pandas writes its index so."""
    if INDEX not in found or len(found) == 1:
        return []
    del found[INDEX]
    return ["the first column has no name, as the index that pandas writes: it is left out of the signature"]


def _guessed(name: str, column: _Evidence) -> SignatureField:
    type_ = _TYPES.get(column.type) or str(column.type)
    has_missing = column.has_empty or (column.has_mark and type_ != "string")
    return SignatureField(name, type_, nullable=has_missing)


def _note(name: str, column: _Evidence) -> str:
    return (
        f"{name} is text, since {column.padded} begins with a zero; if the model was trained on numbers, add"
        f" --types {name}=int64"
    )


def _may_lose_text(table: TableFile) -> bool:
    """Whether a value begins with a zero or is a mark like ``NA``: then pandas' guesses cannot be used."""
    if not has_ascii(table):
        return True
    delimiter = re.escape(table.delimiter).encode()
    marks = b"|".join(re.escape(mark).encode() for mark in _MARKS)
    start = rb'(?:[\n\r"]|' + delimiter + rb")[ \t]*"
    telling = re.compile(start + rb"(?:[+-]?0\d|(?:" + marks + rb')(?=["\r\n]|$|' + delimiter + rb"))")
    with table.text() as file:
        rest = b"\n"
        while block := file.read(_BLOCK):
            text = rest + block
            if _may_tell(text, table.delimiter.encode()) and telling.search(text):
                return True
            rest = text[-64:]
    return False


def _may_tell(text: bytes, delimiter: bytes) -> bool:
    """Whether a block is worth searching, which is told much faster than the search takes."""
    import numpy as np

    if any(letter in text for letter in _LETTERS_OF_MARKS) and any(part in text for part in _PARTS_OF_MARKS):
        return True
    values = np.frombuffer(b"\0\0" + text + b"\0", dtype="uint8")
    begins, signs = _is_among(b'\n\r" \t' + delimiter, values), _is_among(b"+-", values)
    begins[1:] |= begins[:-1] & signs[1:]
    return bool((begins[:-2] & (values[1:-1] == ord("0")) & (values[2:] - ord("0") < 10)).any())


def _is_among(few: bytes, values: Any) -> Any:
    """Which of ``values``, an array of bytes, are among ``few``."""
    found = values == few[0]
    for byte in few[1:]:
        found |= values == byte
    return found


def _widened(known: _Evidence, values: pd.Series[Any]) -> _Evidence:
    missing = values.isna()
    if type_of(str(values.dtype)) == "string":  # empty ones are left beside whole numbers beyond int64
        missing |= values == ""
    some = bool(missing.any())
    found = None if missing.all() else _kind(values[~missing] if some else values)
    return replace(known, type=_wider(known.type, found), has_empty=known.has_empty or some)


def _widened_by_texts(known: _Evidence, values: pd.Series[Any]) -> _Evidence:
    texts = values.drop_duplicates()
    kind, padded, has_empty, has_mark = known.type, known.padded, known.has_empty, known.has_mark
    for text in texts:
        if text in MISSING:
            has_empty, has_mark = has_empty or text == "", has_mark or text != ""
        elif _PADDED.fullmatch(text):
            kind, padded = "string", padded or text
        elif kind != "string":
            kind = _wider(kind, _kind_of_text(text))
    return _Evidence(kind, has_empty, has_mark, padded)


def _kind_of_text(text: str) -> str:
    """The kind of one value, as pandas reads it."""
    if text in ("True", "TRUE", "true", "False", "FALSE", "false"):
        return "boolean"
    if re.fullmatch(r"\s*[+-]?\d{1,400}\s*", text):
        number = int(text)
        if number < 0:
            return "negative" if number >= -(1 << 63) else "huge"
        return "natural" if number < 1 << 63 else "large" if number <= _HIGHEST_UINT64 else "huge"
    try:
        float(text)
    except ValueError:
        return "string"
    return "string" if "_" in text or not text.isascii() else "float64"


def _wider(one: str | None, other: str | None) -> str | None:
    """The kind that pandas gives to values of both kinds together."""
    if one == other or one is None or other is None:
        return one or other
    if one not in _RANKS or other not in _RANKS:
        return "string"
    if _RANKS[one] == _RANKS[other]:
        return "huge"
    return max(one, other, key=_RANKS.__getitem__)


def _kind(values: pd.Series[Any]) -> str:
    match type_of(str(values.dtype)):
        case "int64":
            return "negative" if values.min() < 0 else "natural"
        case "uint64":
            return "large"
        case "string" if values.str.fullmatch(r"-?\d{1,400}").all():
            return _kind_of_long(values)
        case other:
            return other


def _kind_of_long(texts: pd.Series[Any]) -> str:
    """What whole numbers are that pandas reads as texts: uint64 beside a missing value, or beyond any type."""
    numbers = texts.map(int)
    return "large" if numbers.min() >= 0 and numbers.max() <= _HIGHEST_UINT64 else "huge"


# --- JSON Lines -----------------------------------------------------------------------------------------------


def _json_columns(table: TableFile) -> tuple[SignatureField, ...]:
    from modelreg.data.signatures.in_memory import frame_fields

    names = json_columns(table)
    found: dict[str, SignatureField] = {}
    for chunk in json_chunks(table, names):
        for field in frame_fields(chunk, table.name):
            name = str(field.name)
            found[name] = _joined(found.get(name), SignatureField(name, field.type, (), field.nullable), chunk[name])
    return tuple(found[name] for name in names)


def _joined(one: SignatureField | None, other: SignatureField, values: pd.Series[Any]) -> SignatureField:
    """One field for the rows of both; a column without any value is of no type yet."""
    if values.isna().all():
        other = replace(other, type=one.type if one else "any")
    if one is None or (one.type == "any" and one.nullable):
        return replace(other, nullable=other.nullable or one is not None)
    types = {one.type, other.type}
    type_ = one.type if len(types) == 1 else "float64" if types == {"int64", "float64"} else "any"
    return replace(one, type=type_, nullable=one.nullable or other.nullable)


# --- parquet --------------------------------------------------------------------------------------------------


def _parquet_columns(table: TableFile) -> tuple[SignatureField, ...]:
    """From the file's schema and statistics; of values only those of categorical columns are read."""
    with parquet(table) as file:
        wanted = set(parquet_columns(file, table))
        columns = [field for field in file.schema_arrow if field.name in wanted]
        missing = _columns_with_missing_values(file)
        own = _types_of_pandas(file)
        return tuple(
            _parquet_field(file, field, missing.get(field.name, field.nullable), own.get(field.name, ""))
            for field in columns
        )


def _parquet_field(file: Any, field: Any, nullable: bool, pandas_type: str) -> SignatureField:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_dictionary(field.type):
        return _parquet_category(file, field, nullable)
    type_ = type_of(str(field.type))
    details: dict[str, Any] = {}
    if pa.types.is_timestamp(field.type):
        details = {"unit": field.type.unit, "zone": field.type.tz}
    elif pa.types.is_date32(field.type):
        details = {"unit": "D"}
    elif (pandas_type[:1] in "IUF" and pandas_type) or pandas_type in ("boolean", "string"):
        details = {"missing": NA}
    elif type_ == "string" and nullable and pd.__version__ < "3":
        details = {"missing": NONE}  # as pandas before 3 reads it
    return SignatureField(field.name, type_, (), nullable, **details)


def _parquet_category(file: Any, field: Any, nullable: bool) -> SignatureField:
    from modelreg.data.signatures.in_memory import frame_fields

    frame = file.read(columns=[field.name]).to_pandas().reset_index(drop=True)
    found = frame_fields(frame, field.name)[0]
    return replace(found, name=field.name, nullable=nullable)


def _types_of_pandas(file: Any) -> dict[str, str]:
    """Column -> the type that it had in the DataFrame, where pandas wrote the file."""
    described = (file.schema_arrow.pandas_metadata or {}).get("columns", [])
    return {str(column["field_name"]): str(column["numpy_type"]) for column in described if "field_name" in column}


def _columns_with_missing_values(file: Any) -> dict[str, bool]:
    """Column -> whether a value is missing, for those of which the file's statistics tell."""
    metadata = file.metadata
    found: dict[str, bool] = {}
    for place in range(metadata.num_columns):
        groups = [metadata.row_group(group).column(place) for group in range(metadata.num_row_groups)]
        counts = [group.statistics.null_count if group.is_stats_set else None for group in groups]
        if None not in counts:
            found[metadata.schema.column(place).path] = any(counts)
    return found
