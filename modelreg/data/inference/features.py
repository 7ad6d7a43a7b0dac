"""The columns of a table as the model takes them: none missing, none too many, in its order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelreg.data.inference.predictor import Predictor
from modelreg.data.signatures.files import columns_in
from modelreg.data.tables.columns import named, require_column
from modelreg.data.tables.csv import INDEX
from modelreg.data.tables.reading import Chunk, chunks_of, columns_of
from modelreg.data.tables.source import TableFile
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import InvalidData, shown

_IGNORE = "--ignore-extra leaves surplus columns out; --id-column COLUMN names one that is no input"


@dataclass(frozen=True, slots=True)
class Features:
    """Which columns of a table go into a model, and in which form."""

    table: TableFile
    columns: tuple[str, ...]
    """All columns of the table."""
    fields: dict[str, SignatureField]
    """Column of the table -> what it holds, in the order in which the model takes them."""
    others: tuple[str, ...]
    """Columns that are read for something else, as they are written."""
    form: str = "table"
    """``table``, ``array`` for a model that was made for one, which has no names, or ``column``."""

    def chunks(self) -> Iterator[Chunk]:
        """The rows, some at a time."""
        return chunks_of(self.table, self.columns, self.fields, self.others)

    def of(self, chunk: Chunk) -> Any:
        """What the model is given of ``chunk``."""
        frame = chunk.features
        if self.form == "array":
            return frame.to_numpy()
        if self.form == "column":
            return frame.iloc[:, 0]
        names = [field.name for field in self.fields.values()]
        return frame if list(frame.columns) == names else frame.set_axis(names, axis=1)


def features_in(
    table: TableFile,
    signature: Signature | None,
    predictor: Predictor,
    others: Sequence[str],
    *,
    shared: Sequence[str] = (),
    ignore_extra: bool = False,
) -> Features:
    """The features among the columns of ``table``.

    ``others`` are there for something else, and must be there; so must those ``shared``, which may be features as
    well. Raises `InvalidData`, which names the columns that are missing or too many.
    """
    fields = _fields_of(signature)
    names = list(fields) if fields is not None else list(predictor.feature_names or ())
    columns = columns_of(table, {*names, *others})
    for other in (*others, *shared):
        require_column(other, columns, table.name)
    taken = next((other for other in others if other in names), None)
    if taken is not None:
        raise InvalidData(f"the model takes the column {shown(taken)}, so it cannot be something else", "name another")
    candidates = [column for column in columns if column not in others]
    surplus = [column for column in shared if column not in names] if names else []
    candidates = [column for column in candidates if column not in surplus]
    chosen = _chosen(table, candidates, names, ignore_extra)
    settled = _settled(table, columns, chosen, fields, signature, predictor)
    form = _form(signature, predictor, settled, table)
    return Features(table, tuple(columns), settled, tuple(dict.fromkeys((*others, *shared))), form)


def _fields_of(signature: Signature | None) -> dict[str, SignatureField] | None:
    """The columns that a signature names; None when it has none, as that of an array."""
    if signature is None or not signature.inputs or any(field.name is None for field in signature.inputs):
        return None
    wide = next((field for field in signature.inputs if len(field.shape) > 1 and field.shape[1] not in (None, 1)), None)
    if wide is not None:
        raise InvalidData(
            f"the model takes the array {shown(str(wide.name))} of the shape {wide.shape}, which no column holds",
            "use it in Python: Registry.load",
        )
    return {str(field.name): replace(field, shape=()) for field in signature.inputs}


def _chosen(table: TableFile, candidates: Sequence[str], names: Sequence[str], ignore_extra: bool) -> dict[str, str]:
    """Column of the table -> its name for the model, in the model's order."""
    if not names:
        return {column: column for column in candidates}
    if table.layout.header is False:  # by their places
        if len(candidates) != len(names):
            raise InvalidData(f"{table.name} has {len(candidates)} columns for the model, which takes {len(names)}")
        return dict(zip(candidates, names, strict=True))
    known, wanted = set(candidates), set(names)
    missing = [name for name in names if name not in known]
    surplus = [] if ignore_extra else [name for name in candidates if name not in wanted]
    problems = [f"has no column {named(missing)}"] if missing else []
    problems += [f"has {named(surplus)}, which the model does not take"] if surplus else []
    if problems:
        hint = _hint(missing, surplus, names)
        raise InvalidData(f"{table.name} {', and '.join(problems)}", hint)
    return {name: name for name in names}


def _hint(missing: Sequence[str], surplus: Sequence[str], names: Sequence[str]) -> str:
    if missing:
        return f"the model takes {named(names)}"
    if INDEX in surplus:
        return f"{shown(INDEX)} is the index that pandas writes unless index=False; {_IGNORE}"
    return f"the model takes {named(names)}; {_IGNORE}"


def _settled(
    table: TableFile,
    columns: Sequence[str],
    chosen: dict[str, str],
    fields: dict[str, SignatureField] | None,
    signature: Signature | None,
    predictor: Predictor,
) -> dict[str, SignatureField]:
    """The field of each column: of the signature, of the model, or as the table has it, so that chunks are alike."""
    array = _array_of(signature)
    if array is not None:
        width = array.shape[1] if len(array.shape) > 1 else 1
        if width not in (None, len(chosen)):
            message = f"{table.name} has {len(chosen)} columns for the model, which takes {width} in their order"
            raise InvalidData(message, "--id-column COLUMN names one that is no input")
        return {column: replace(array, name=name, shape=()) for column, name in chosen.items()}
    known: dict[str, SignatureField] = {}
    for name, field in (fields or {}).items():
        own = predictor.fields.get(name)
        forgot = own is not None and own.categories is not None and field.categories is None
        known[name] = replace(own, name=field.name) if own is not None and forgot else field
    if fields is None:
        known = {name: field for name, field in predictor.fields.items() if name in chosen.values()}
    if all(name in known and not _is_open(known[name]) for name in chosen.values()):
        return {column: known[name] for column, name in chosen.items()}
    found = {str(field.name): field for field in columns_in(table, known=(*columns, *chosen.values()))}
    return {column: _better(known.get(name), found[column], name) for column, name in chosen.items()}


def _better(known: SignatureField | None, found: SignatureField, name: str) -> SignatureField:
    """What is known of a column, unless it says nothing of its values and the table does."""
    if known is None:
        return replace(found, name=name)
    if not _is_open(known) or found.type == "any":
        return known
    return replace(found, name=known.name)


def _is_open(field: SignatureField) -> bool:
    """Whether a field says nothing of its values."""
    return field.type == "any" and field.categories is None


def _array_of(signature: Signature | None) -> SignatureField | None:
    """The only array that a signature states; raises `InvalidData` for one that no table holds."""
    if signature is None or len(signature.inputs) != 1 or signature.inputs[0].name is not None:
        return None
    field = signature.inputs[0]
    if len(field.shape) > 2:
        raise InvalidData(
            f"the model takes an array with {len(field.shape)} dimensions, and a table has two",
            "use it in Python: Registry.load",
        )
    return field


def _form(signature: Signature | None, predictor: Predictor, fields: Collection[str], table: TableFile) -> str:
    array = _array_of(signature)
    states = signature is not None and bool(signature.inputs)
    one = (signature is not None and signature.one_column) or (array is not None and len(array.shape) < 2)
    if one or predictor.takes_column:
        if len(fields) != 1:
            hint = f"{_IGNORE}; --signature-from of 'modelreg register' states its column"
            raise InvalidData(f"the model takes one column, and {table.name} has {named(fields)} for it", hint)
        return "column"
    return "array" if array is not None and states else "table"
