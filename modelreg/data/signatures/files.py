"""Infer signature fields from CSV, JSON Lines and parquet files, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelreg.data.signatures.in_memory import infer_frame_fields
from modelreg.data.signatures.stated import read_stated_fields
from modelreg.data.tables.casting import MISSING
from modelreg.data.tables.columns import check_column, parse_dtype
from modelreg.data.tables.csv import INDEX, csv_errors, is_ascii_superset, read_csv_chunks, read_csv_columns
from modelreg.data.tables.json_lines import read_json_chunks, read_json_columns
from modelreg.data.tables.parquet import open_parquet, read_parquet_columns
from modelreg.data.tables.reading import load_frame
from modelreg.data.tables.table_file import TableFile, TextLayout, open_table
from modelreg.domain.signatures import NA, NONE, SignatureField
from modelreg.errors import InvalidData

if TYPE_CHECKING:
    import pandas as pd

_MAX_UINT64 = (1 << 64) - 1
_BLOCK = 1 << 17  # bytes; fits the processor's cache


def read_fields(
    path: Path, types: Mapping[str, str], layout: TextLayout | None = None, notes: list[str] | None = None
) -> tuple[SignatureField, ...]:
    """The fields of a file's columns, with the stated ``types`` of some; raises `InvalidData` or `SourceNotFound`."""
    with open_table(path, layout) as table:
        if table.layout.header is False:
            hint = "leave out --signature-from for a model of arrays; 'predict' and 'evaluate' accept --no-header"
            raise InvalidData(f"{table.name} has no column names for a signature", hint)
        fields = infer_table_fields(table, [] if notes is None else notes, frozenset(types))
        names = [str(field.name) for field in fields]
        for column in types:
            check_column(column, names, table.name)
        stated = read_stated_fields(table, {str(field.name): field for field in fields}, types)
        return tuple(stated.get(str(field.name), field) for field in fields)


def infer_table_fields(
    table: TableFile,
    notes: list[str] | None = None,
    stated: frozenset[str] = frozenset(),
    known_names: Sequence[str] = (),
) -> tuple[SignatureField, ...]:
    """The inferred fields of an open table's columns; raises `InvalidData`.

    With ``notes``, the fields are for a signature: an index that pandas wrote is left out. ``notes`` gets a message
    for that, and for each column not ``stated`` whose type pandas would infer differently.
    """
    match table.format:
        case "parquet":
            return _infer_parquet(table)
        case "jsonl":
            return _infer_json(table)
        case "frame":
            return infer_frame_fields(load_frame(table), table.name)
        case _:
            return _infer_csv(table, notes, stated, known_names)


# --- CSV ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ColumnSummary:
    """What is known about a column after some of its rows."""

    type: str | None = None
    """A key of `_RANKS`, or a type of signatures; None while all values are missing."""
    has_empty: bool = False
    """Whether a value is empty."""
    has_marker: bool = False
    """Whether a value is ``NA`` or similar: missing in a column of numbers, a text in a column of texts."""
    padded: str | None = None
    """A number with a leading zero, such as a zip code, which makes the column text."""


_RANKS = {"natural": 0, "negative": 1, "large": 1, "huge": 2, "float64": 3}
"""Kinds of numbers: int64 of 0 or more, int64 with negative ones, uint64 beyond int64, integers beyond both."""
_TYPES = {"natural": "int64", "negative": "int64", "large": "uint64", "huge": "string", None: "any"}
_PADDED = re.compile(r"\s*[+-]?0\d+(\.\d*)?\s*")
_MARKERS = [marker for marker in MISSING if marker]
_MARKER_PARTS = (b"NA", b"N/A", b"n/a", b"NULL", b"null", b"NaN", b"nan", b"None", b"#IND")
"""Each marker contains at least one of these."""
_MARKER_LETTERS = (b"N", b"n", b"#")
"""Each part contains at least one of these; searching for a single byte is much faster."""


def _infer_csv(
    table: TableFile, notes: list[str] | None, stated: frozenset[str], known_names: Sequence[str]
) -> tuple[SignatureField, ...]:
    names = read_csv_columns(table, known_names)
    summaries = dict(zip(names, _summarize_columns(table, names), strict=True))
    if notes is not None:
        if INDEX in summaries and len(summaries) > 1:
            del summaries[INDEX]
            notes.append("the signature leaves out the first column: it has no name, like the index that pandas writes")
        notes += [
            f"{name} is text because {summary.padded} has a leading zero; if the model was trained on numbers, add"
            f" --types {name}=int64"
            for name, summary in summaries.items()
            if summary.padded and name not in stated
        ]
    return tuple(_build_field(name, summary) for name, summary in summaries.items())


def _summarize_columns(table: TableFile, names: Sequence[str]) -> list[_ColumnSummary]:
    """Summarize each column: by the types that pandas infers, or by all its texts if that would lose some.

    A thread searches for texts that would be lost. If it finds one, the first pass stops early.
    """
    from concurrent.futures import ThreadPoolExecutor

    with csv_errors(table), ThreadPoolExecutor(1) as executor:
        loses_text = executor.submit(_may_lose_text, table)
        inferred = read_csv_chunks(table, names, dtype_backend="numpy_nullable")

        def is_known_to_lose() -> bool:
            return loses_text.done() and loses_text.result()

        try:
            summaries = _summarize_chunks(table, takewhile(lambda _: not is_known_to_lose(), inferred), _add_values)
        except (InvalidData, ValueError):
            if not loses_text.result():
                raise
        if loses_text.result():
            texts = read_csv_chunks(table, names, dtype="str", keep_default_na=False)
            summaries = _summarize_chunks(table, texts, _add_texts)
        return summaries


def _summarize_chunks(
    table: TableFile,
    chunks: Iterable[pd.DataFrame],
    add: Callable[[_ColumnSummary, pd.Series[Any]], _ColumnSummary],
) -> list[_ColumnSummary]:
    """Summarize the columns over all chunks; raises `InvalidData` if there are no rows."""
    summaries: list[_ColumnSummary] = []
    rows = 0
    for chunk in chunks:
        rows += len(chunk)
        summaries = summaries or [_ColumnSummary()] * chunk.shape[1]
        summaries = [add(summary, chunk.iloc[:, position]) for position, summary in enumerate(summaries)]
    if not rows:
        raise InvalidData(f"{table.name} has no rows to infer types from")
    return summaries


def _build_field(name: str, summary: _ColumnSummary) -> SignatureField:
    type_ = _TYPES.get(summary.type) or str(summary.type)
    has_missing = summary.has_empty or (summary.has_marker and type_ != "string")
    return SignatureField(name, type_, nullable=has_missing)


def _may_lose_text(table: TableFile) -> bool:
    """Whether a value has a leading zero or is a marker such as ``NA``: then the types of pandas cannot be used."""
    if not is_ascii_superset(table):
        return True
    delimiter = re.escape(table.delimiter).encode()
    markers = b"|".join(re.escape(marker).encode() for marker in _MARKERS)
    start = rb'(?:[\n\r"]|' + delimiter + rb")[ \t]*"
    pattern = re.compile(start + rb"(?:[+-]?0\d|(?:" + markers + rb')(?=["\r\n]|$|' + delimiter + rb"))")
    with table.text() as file:
        rest = b"\n"
        while block := file.read(_BLOCK):
            text = rest + block
            if _may_match(text, table.delimiter.encode()) and pattern.search(text):
                return True
            rest = text[-64:]
    return False


def _may_match(text: bytes, delimiter: bytes) -> bool:
    """Whether a block may contain such a value; much faster than searching it."""
    import numpy as np

    if any(letter in text for letter in _MARKER_LETTERS) and any(part in text for part in _MARKER_PARTS):
        return True
    values = np.frombuffer(b"\0\0" + text + b"\0", dtype="uint8")
    begins, signs = _is_any_of(values, b'\n\r" \t' + delimiter), _is_any_of(values, b"+-")
    begins[1:] |= begins[:-1] & signs[1:]
    return bool((begins[:-2] & (values[1:-1] == ord("0")) & (values[2:] - ord("0") < 10)).any())


def _is_any_of(values: Any, candidates: bytes) -> Any:
    """A mask of the elements of ``values``, an array of bytes, that are among ``candidates``."""
    mask = values == candidates[0]
    for byte in candidates[1:]:
        mask |= values == byte
    return mask


def _add_values(summary: _ColumnSummary, values: pd.Series[Any]) -> _ColumnSummary:
    missing = values.isna()
    if parse_dtype(str(values.dtype)) == "string":  # pandas keeps empty texts next to integers beyond int64
        missing |= values == ""
    has_missing = bool(missing.any())
    kind = None if missing.all() else _get_kind_of_values(values[~missing] if has_missing else values)
    return replace(summary, type=_widen(summary.type, kind), has_empty=summary.has_empty or has_missing)


def _add_texts(summary: _ColumnSummary, values: pd.Series[Any]) -> _ColumnSummary:
    kind, padded = summary.type, summary.padded
    has_empty, has_marker = summary.has_empty, summary.has_marker
    for text in values.drop_duplicates():
        if text in MISSING:
            has_empty, has_marker = has_empty or text == "", has_marker or text != ""
        elif _PADDED.fullmatch(text):
            kind, padded = "string", padded or text
        elif kind != "string":
            kind = _widen(kind, _get_kind_of_text(text))
    return _ColumnSummary(kind, has_empty, has_marker, padded)


def _get_kind_of_text(text: str) -> str:
    """The kind of a single value, as pandas infers it."""
    if text in ("True", "TRUE", "true", "False", "FALSE", "false"):
        return "boolean"
    if re.fullmatch(r"\s*[+-]?\d{1,400}\s*", text):
        number = int(text)
        if number < 0:
            return "negative" if number >= -(1 << 63) else "huge"
        return "natural" if number < 1 << 63 else "large" if number <= _MAX_UINT64 else "huge"
    try:
        float(text)
    except ValueError:
        return "string"
    return "string" if "_" in text or not text.isascii() else "float64"


def _widen(one: str | None, other: str | None) -> str | None:
    """The kind that pandas infers for values of both kinds together."""
    if one == other or one is None or other is None:
        return one or other
    if one not in _RANKS or other not in _RANKS:
        return "string"
    if _RANKS[one] == _RANKS[other]:
        return "huge"
    return max(one, other, key=_RANKS.__getitem__)


def _get_kind_of_values(values: pd.Series[Any]) -> str:
    match parse_dtype(str(values.dtype)):
        case "int64":
            return "negative" if values.min() < 0 else "natural"
        case "uint64":
            return "large"
        case "string" if values.str.fullmatch(r"-?\d{1,400}").all():
            # pandas reads integers as texts if they are uint64 with missing values, or beyond uint64
            numbers = values.map(int)
            return "large" if numbers.min() >= 0 and numbers.max() <= _MAX_UINT64 else "huge"
        case type_:
            return type_


# --- JSON Lines -----------------------------------------------------------------------------------------------


def _infer_json(table: TableFile) -> tuple[SignatureField, ...]:
    names = read_json_columns(table)
    fields: dict[str, SignatureField] = {}
    for chunk in read_json_chunks(table, names):
        for field in infer_frame_fields(chunk, table.name):
            name = str(field.name)
            plain = SignatureField(name, field.type, (), field.nullable)
            fields[name] = _merge_fields(fields.get(name), plain, chunk[name])
    return tuple(fields[name] for name in names)


def _merge_fields(one: SignatureField | None, other: SignatureField, values: pd.Series[Any]) -> SignatureField:
    """Merge the field of earlier rows with that of ``values``; a column without values has the type ``any`` so far."""
    if values.isna().all():
        other = replace(other, type=one.type if one else "any")
    if one is None or (one.type == "any" and one.nullable):
        return replace(other, nullable=other.nullable or one is not None)
    types = {one.type, other.type}
    type_ = one.type if len(types) == 1 else "float64" if types == {"int64", "float64"} else "any"
    return replace(one, type=type_, nullable=one.nullable or other.nullable)


# --- parquet --------------------------------------------------------------------------------------------------


def _infer_parquet(table: TableFile) -> tuple[SignatureField, ...]:
    """Infer fields from the schema and the statistics; only the values of categorical columns are read."""
    with open_parquet(table) as file:
        names = set(read_parquet_columns(file, table))
        columns = [column for column in file.schema_arrow if column.name in names]
        has_missing = _read_missing_statistics(file)
        pandas_types = _read_pandas_types(file)
        return tuple(
            _infer_parquet_column(
                file, column, has_missing.get(column.name, column.nullable), pandas_types.get(column.name, "")
            )
            for column in columns
        )


def _infer_parquet_column(file: Any, column: Any, nullable: bool, pandas_type: str) -> SignatureField:
    import pandas as pd
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        frame = file.read(columns=[column.name]).to_pandas().reset_index(drop=True)
        return replace(infer_frame_fields(frame, column.name)[0], name=column.name, nullable=nullable)
    type_ = parse_dtype(str(column.type))
    details: dict[str, Any] = {}
    if pa.types.is_timestamp(column.type):
        details = {"unit": column.type.unit, "zone": column.type.tz}
    elif pa.types.is_date32(column.type):
        details = {"unit": "D"}
    elif pandas_type.startswith(("I", "U", "F")) or pandas_type in ("boolean", "string"):
        details = {"missing": NA}
    elif type_ == "string" and nullable and int(pd.__version__.partition(".")[0]) < 3:
        details = {"missing": NONE}  # the marker of pandas before 3
    return SignatureField(column.name, type_, (), nullable, **details)


def _read_pandas_types(file: Any) -> dict[str, str]:
    """Column -> its type in the DataFrame, if pandas wrote the file."""
    columns = (file.schema_arrow.pandas_metadata or {}).get("columns", [])
    return {str(column["field_name"]): str(column["numpy_type"]) for column in columns if "field_name" in column}


def _read_missing_statistics(file: Any) -> dict[str, bool]:
    """Column -> whether values are missing, for columns with statistics in the file."""
    metadata = file.metadata
    has_missing: dict[str, bool] = {}
    for position in range(metadata.num_columns):
        groups = [metadata.row_group(group).column(position) for group in range(metadata.num_row_groups)]
        counts = [group.statistics.null_count if group.is_stats_set else None for group in groups]
        if None not in counts:
            has_missing[metadata.schema.column(position).path] = any(counts)
    return has_missing
