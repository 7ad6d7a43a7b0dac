"""The columns of a table as the model takes them: none missing, none too many, in its order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelreg.errors import InvalidData, did_you_mean
from modelreg.inference.predictor import Predictor
from modelreg.records.signature import Signature, SignatureField
from modelreg.signatures.files import columns_in
from modelreg.tables.reading import chunks_of, columns_of, named
from modelreg.tables.source import TableFile

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Features:
    """Which columns of a table go into a model, and in which form."""

    fields: dict[str, SignatureField]
    """Column -> what it holds, in the order in which the model takes them."""
    as_array: bool
    """Whether the model was made for an array, which has no names."""

    def of(self, chunk: pd.DataFrame) -> Any:
        """What the model is given of ``chunk``."""
        chosen = chunk[list(self.fields)]
        return chosen.to_numpy() if self.as_array else chosen


def features_in(
    table: TableFile, signature: Signature | None, predictor: Predictor, others: Collection[str]
) -> Features:
    """The features among the columns of ``table``; ``others`` are there for something else, and must be there.

    Raises `InvalidData`, which names the columns that are missing or too many.
    """
    columns = columns_of(table)
    for other in others:
        if other not in columns:
            hint = did_you_mean(other, columns) or f"its columns are {named(columns)}"
            raise InvalidData(f"{table.name} has no column {other!r}", hint)
    candidates = [column for column in columns if column not in others]
    wanted = _fields_of(signature)
    taken = [other for other in others if other in (wanted or predictor.feature_names or ())]
    if taken:
        raise InvalidData(f"the model takes the column {taken[0]!r}, so it cannot be something else", "name another")
    if wanted is not None:
        return Features(_settled(table, _chosen(table, candidates, wanted)), as_array=False)
    found = {str(field.name): field for field in columns_in(table)}
    known = predictor.feature_names or candidates
    fields = _chosen(table, candidates, {name: found.get(name) or SignatureField(name, "any") for name in known})
    lengths = [field.shape[1] for field in signature.inputs if len(field.shape) == 2] if signature else []
    if lengths and lengths[0] not in (None, len(fields)):
        raise InvalidData(f"{table.name} has {len(fields)} columns for the model, which takes {lengths[0]}")
    return Features(fields, as_array=bool(lengths))


def feature_chunks(table: TableFile, features: Features, as_text: Iterable[str] = ()) -> Iterator[pd.DataFrame]:
    """The rows, with the features in their types and the columns ``as_text`` as they are written."""
    return chunks_of(table, features.fields, frozenset(as_text))


def _fields_of(signature: Signature | None) -> dict[str, SignatureField] | None:
    """The columns that a signature names; None when it has none, as that of an array."""
    if signature is None or any(field.name is None for field in signature.inputs):
        return None
    return {str(field.name): field for field in signature.inputs}


def _settled(table: TableFile, fields: dict[str, SignatureField]) -> dict[str, SignatureField]:
    """``fields`` with the table's own types where they allow any, so that each chunk is read alike."""
    if all(field.type != "any" for field in fields.values()):
        return fields
    found = {field.name: field for field in columns_in(table)}
    return {name: found[name] if field.type == "any" else field for name, field in fields.items()}


def _chosen(table: TableFile, columns: Sequence[str], wanted: dict[str, SignatureField]) -> dict[str, SignatureField]:
    missing = [name for name in wanted if name not in columns]
    surplus = [column for column in columns if column not in wanted]
    problems = [f"has no column {named(missing)}"] if missing else []
    problems += [f"has {named(surplus)}, which the model does not take"] if surplus else []
    if problems:
        raise InvalidData(f"{table.name} {', and '.join(problems)}", f"the model takes {named(list(wanted))}")
    return wanted
