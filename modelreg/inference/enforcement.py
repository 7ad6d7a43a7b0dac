"""Data in memory as a signature wants it: nothing missing, in its order, and in its types where no value changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelreg.errors import InvalidData, did_you_mean, shown
from modelreg.records.signature import Signature, SignatureField
from modelreg.signatures.in_memory import is_sparse
from modelreg.tables.reading import converted, named

if TYPE_CHECKING:
    import pandas as pd

_DATA = "the data"


def enforced(data: object, signature: Signature | None) -> Any:
    """``data`` as a model with this signature takes it: columns that it does not know are left out.

    Raises `InvalidData`, which names what is missing or of another type.
    """
    inputs = signature.inputs if signature else ()
    if not inputs:
        return data
    if all(field.name is not None and not field.shape for field in inputs):
        return _columns(_table(data), {str(field.name): field for field in inputs})
    if len(inputs) == 1 and inputs[0].name is None:
        return _array(data, inputs[0])
    return _arrays(data, inputs)


def _table(data: object) -> pd.DataFrame:
    import pandas as pd

    match data:
        case pd.DataFrame():
            return data
        case pd.Series():
            return data.to_frame() if data.name is not None else pd.DataFrame(data)
        case Mapping():
            scalars = any(isinstance(value, str) or not hasattr(value, "__len__") for value in data.values())
            return pd.DataFrame([data]) if scalars else pd.DataFrame(data)
        case _:
            try:
                return pd.DataFrame(data)  # type: ignore[call-overload, no-any-return]
            except (ValueError, TypeError) as error:
                raise InvalidData(f"{_DATA} cannot be read as a table: {error}") from error


def _columns(table: pd.DataFrame, fields: dict[str, SignatureField]) -> pd.DataFrame:
    columns = list(table.columns)
    missing = [name for name in fields if name not in columns]
    if missing:
        found = [str(column) for column in columns]
        hint = did_you_mean(missing[0], found) or f"its columns are {named(found)}"
        raise InvalidData(f"{_DATA} has no column {named(missing)}, which the model takes", hint)
    chosen = table[list(fields)]
    _refuse_other_kinds(chosen, fields)
    return converted(chosen, {name: field for name, field in fields.items() if field.type != "any"}, _DATA)


def _refuse_other_kinds(table: pd.DataFrame, fields: Mapping[str, SignatureField]) -> None:
    """Raise for texts where numbers belong and the like, which a file of text would have to be read from."""
    wrong = [
        f"{shown(name)} is {_kind(table[name])}, not {field.type}"
        for name, field in fields.items()
        if not _fits(_kind(table[name]), field.type)
    ]
    if wrong:
        raise InvalidData(f"{_DATA}: {', '.join(wrong)}", "convert it before the model is asked")


def _kind(values: pd.Series[Any]) -> str:
    import pandas as pd

    return pd.api.types.infer_dtype(values, skipna=True)


def _fits(kind: str, type_: str) -> bool:
    """Whether values that pandas calls ``kind`` may be of our type; of an empty column it tells nothing."""
    return type_ == "any" or kind == "empty" or kind in _FITTING.get(type_, _NUMBERS)


_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal", "integer-na"})
_FITTING = {
    "boolean": frozenset({"boolean"}),
    "string": frozenset({"string", "categorical"}),
    "binary": frozenset({"bytes"}),
    "datetime": frozenset({"datetime", "datetime64", "date", "string"}),
}


def _array(data: object, field: SignatureField) -> Any:
    array = _read_as_array(data)
    wanted = field.shape or (None,)
    fits = array.ndim == len(wanted) and all(
        length in (None, found) for length, found in zip(wanted, array.shape, strict=True)
    )
    if not fits:
        raise InvalidData(f"{_DATA} has the shape {_shape(array.shape)}, and the model takes {_shape(wanted)}")
    return _as_type(array, field)


def _read_as_array(data: Any) -> Any:
    """NumPy's array, or a sparse one of SciPy's that stays one."""
    import numpy as np

    if is_sparse(data):
        return data.tocsr()
    try:
        return np.asarray(data)
    except ValueError as error:
        raise InvalidData(f"{_DATA} cannot be read as an array: {error}") from error


def _as_type(array: Any, field: SignatureField) -> Any:
    import numpy as np

    numeric = field.type.lstrip("u").startswith(("int", "float"))
    if not numeric or array.dtype.name == field.type:
        return array
    if array.dtype.kind not in "iuf":
        raise InvalidData(f"{_DATA} is {array.dtype.name}, and the model takes {field.type}")
    with np.errstate(invalid="ignore", over="ignore"):
        changed = array.astype(field.type)
        before, after = (each.data if is_sparse(each) else each for each in (array, changed.astype(array.dtype)))
        same = np.array_equal(before, after, equal_nan=array.dtype.kind == "f")
    if not same:
        raise InvalidData(f"{_DATA} is {array.dtype.name} with values that {field.type} cannot hold")
    return changed


def _arrays(data: object, fields: Sequence[SignatureField]) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise InvalidData(f"the model takes arrays by their names: {named([str(field.name) for field in fields])}")
    missing = [str(field.name) for field in fields if field.name not in data]
    if missing:
        raise InvalidData(f"{_DATA} has no array {named(missing)}, which the model takes")
    return {str(field.name): _array(data[field.name], field) for field in fields}


def _shape(shape: Sequence[int | None]) -> str:
    return f"({', '.join('any' if length is None else str(length) for length in shape)})"
