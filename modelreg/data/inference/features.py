"""Select the columns of a table that a model takes, in its order; missing and surplus columns are refused."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelreg.data.inference.predictor import Predictor
from modelreg.data.signatures.files import infer_table_fields
from modelreg.data.tables.columns import check_column, join_names
from modelreg.data.tables.csv import INDEX
from modelreg.data.tables.reading import Chunk, read_chunks, read_column_names
from modelreg.data.tables.table_file import TableFile
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import InvalidData, shown

_HOW_TO_IGNORE = "--ignore-extra ignores surplus columns; --id-column COLUMN excludes one column"
_IN_PYTHON = "load the model in Python with Registry.load, and call it there"


@dataclass(frozen=True, slots=True)
class Features:
    """The columns of a table that a model takes, and the form in which it takes them."""

    table: TableFile
    columns: tuple[str, ...]
    """All columns of the table."""
    fields: dict[str, SignatureField]
    """Column of the table -> its field, in the order of the model."""
    others: tuple[str, ...]
    """Columns that are read unconverted for another purpose."""
    form: str = "table"
    """``table``; ``array`` for a model trained on an array, which has no column names; or ``column``."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows in chunks."""
        return read_chunks(self.table, self.columns, self.fields, self.others)

    def select(self, chunk: Chunk) -> Any:
        """The input of the model for the rows of ``chunk``."""
        frame = chunk.features
        if self.form == "array":
            return frame.to_numpy()
        if self.form == "column":
            return frame.iloc[:, 0]
        names = [field.name for field in self.fields.values()]
        return frame if list(frame.columns) == names else frame.set_axis(names, axis=1)


def select_features(
    table: TableFile,
    signature: Signature | None,
    predictor: Predictor,
    others: Sequence[str],
    *,
    shared: Sequence[str] = (),
    ignore_extra: bool = False,
) -> Features:
    """Select the features among the columns of ``table``.

    ``others`` are columns that are not features, such as ids; ``shared`` are other columns that may be features as
    well. Raises `InvalidData` for missing and surplus columns.
    """
    fields = _get_named_fields(signature)
    names = list(fields) if fields is not None else list(predictor.feature_names or ())
    columns = read_column_names(table, {*names, *others})
    for other in (*others, *shared):
        check_column(other, columns, table.name)
    feature = next((other for other in others if other in names), None)
    if feature is not None:
        message = f"the column {shown(feature)} is an input of the model, so it cannot be a target, weight or id"
        raise InvalidData(message, "choose another column")
    surplus = [column for column in shared if column not in names] if names else []
    candidates = [column for column in columns if column not in others and column not in surplus]
    names_by_column = _match_columns(table, candidates, names, ignore_extra)
    selected = _select_fields(table, columns, names_by_column, fields, signature, predictor)
    form = _select_form(signature, predictor, selected, table)
    return Features(table, tuple(columns), selected, tuple(dict.fromkeys((*others, *shared))), form)


def _get_named_fields(signature: Signature | None) -> dict[str, SignatureField] | None:
    """The inputs of a signature by name; None if they have no names, as for an array."""
    if signature is None or not signature.inputs or any(field.name is None for field in signature.inputs):
        return None
    wide = next((field for field in signature.inputs if len(field.shape) > 1 and field.shape[1] not in (None, 1)), None)
    if wide is not None:
        message = f"the model takes the array {shown(str(wide.name))} of shape {wide.shape}, which no column can hold"
        raise InvalidData(message, _IN_PYTHON)
    return {str(field.name): replace(field, shape=()) for field in signature.inputs}


def _match_columns(
    table: TableFile, candidates: Sequence[str], names: Sequence[str], ignore_extra: bool
) -> dict[str, str]:
    """Column of the table -> its name in the model, in the order of the model."""
    if not names:
        return {column: column for column in candidates}
    if table.layout.header is False:  # matched by position
        if len(candidates) != len(names):
            raise InvalidData(f"{table.name} has {len(candidates)} columns for the model, which takes {len(names)}")
        return dict(zip(candidates, names, strict=True))
    available, required = set(candidates), set(names)
    missing = [name for name in names if name not in available]
    surplus = [] if ignore_extra else [name for name in candidates if name not in required]
    problems = [f"has no column {join_names(missing)}"] if missing else []
    problems += [f"has {join_names(surplus)}, which the model does not take"] if surplus else []
    if problems:
        if missing:
            hint = f"the model takes {join_names(names)}"
        elif INDEX in surplus:
            hint = f"{shown(INDEX)} is the index that pandas writes without index=False; {_HOW_TO_IGNORE}"
        else:
            hint = f"the model takes {join_names(names)}; {_HOW_TO_IGNORE}"
        raise InvalidData(f"{table.name} {', and '.join(problems)}", hint)
    return {name: name for name in names}


def _select_fields(
    table: TableFile,
    columns: Sequence[str],
    names_by_column: dict[str, str],
    fields: dict[str, SignatureField] | None,
    signature: Signature | None,
    predictor: Predictor,
) -> dict[str, SignatureField]:
    """The field of each column: from the signature, the model, or inferred from the whole table.

    With a field, a column has the same type in every chunk.
    """
    array = _get_array_field(signature)
    if array is not None:
        width = array.shape[1] if len(array.shape) > 1 else 1
        if width not in (None, len(names_by_column)):
            message = f"{table.name} has {len(names_by_column)} columns for the model, which takes {width} in order"
            raise InvalidData(message, "--id-column COLUMN excludes a column that is not an input")
        return {column: replace(array, name=name, shape=()) for column, name in names_by_column.items()}
    field_by_name: dict[str, SignatureField] = {}
    for name, field in (fields or {}).items():
        model_field = predictor.fields.get(name)
        lacks_categories = model_field is not None and model_field.categories is not None and field.categories is None
        field_by_name[name] = (
            replace(model_field, name=field.name) if model_field is not None and lacks_categories else field
        )
    if fields is None:
        field_by_name = {name: field for name, field in predictor.fields.items() if name in names_by_column.values()}
    if all(name in field_by_name and not _is_untyped(field_by_name[name]) for name in names_by_column.values()):
        return {column: field_by_name[name] for column, name in names_by_column.items()}
    inferred_fields = infer_table_fields(table, known_names=(*columns, *names_by_column.values()))
    inferred = {str(field.name): field for field in inferred_fields}
    return {
        column: _select_field(field_by_name.get(name), inferred[column], name)
        for column, name in names_by_column.items()
    }


def _select_field(field: SignatureField | None, inferred: SignatureField, name: str) -> SignatureField:
    """The field of the signature or the model, unless it is untyped and the inferred one is not."""
    if field is None:
        return replace(inferred, name=name)
    if not _is_untyped(field) or inferred.type == "any":
        return field
    return replace(inferred, name=field.name)


def _is_untyped(field: SignatureField) -> bool:
    return field.type == "any" and field.categories is None


def _get_array_field(signature: Signature | None) -> SignatureField | None:
    """The field of a signature with a single array; raises `InvalidData` for one that no table can hold."""
    if signature is None or len(signature.inputs) != 1 or signature.inputs[0].name is not None:
        return None
    field = signature.inputs[0]
    if len(field.shape) > 2:
        message = f"the model takes an array with {len(field.shape)} dimensions, but a table has two"
        raise InvalidData(message, _IN_PYTHON)
    return field


def _select_form(signature: Signature | None, predictor: Predictor, fields: Collection[str], table: TableFile) -> str:
    """``table``, ``array`` or ``column``; see `Features.form`."""
    array = _get_array_field(signature)
    one_column = (signature is not None and signature.one_column) or (array is not None and len(array.shape) < 2)
    if one_column or predictor.takes_column:
        if len(fields) != 1:
            hint = f"{_HOW_TO_IGNORE}; to state the column, register with --signature-from"
            raise InvalidData(f"the model takes one column, but {table.name} has {join_names(fields)}", hint)
        return "column"
    return "array" if array is not None else "table"
