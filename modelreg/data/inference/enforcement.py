"""Convert data in memory to the inputs of a signature: its columns, order and types, without changing a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelreg.data.signatures.in_memory import is_sparse
from modelreg.data.tables.casting import Origin
from modelreg.data.tables.columns import join_names
from modelreg.data.tables.reading import convert_frame
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import InvalidData, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

_DATA = "the data"  # its name in messages


def convert_inputs(data: object, signature: Signature | None) -> Any:
    """Convert ``data`` to the inputs of the signature; columns that the signature does not have are dropped.

    Raises `InvalidData` for missing columns and for values of another type.
    """
    import pandas as pd

    fields = signature.inputs if signature else ()
    if not fields:
        return data
    if signature is not None and signature.one_column:
        return _convert_to_series(data, fields[0])
    if all(field.name is not None and not field.shape for field in fields):
        return _convert_columns(_to_frame(data, [field.name for field in fields]), fields)
    if len(fields) == 1 and fields[0].name is None:
        if len(fields[0].shape) < 2 and isinstance(data, pd.Series):
            return _convert_columns(pd.DataFrame({str(fields[0].name): data}), fields).iloc[:, 0]
        return _convert_array(data, fields[0])
    return _convert_arrays(data, fields)


def _convert_to_series(data: object, field: SignatureField) -> pd.Series[Any]:
    """Convert a Series, a table with the column, or a list of values to the model's only column."""
    import pandas as pd

    if not isinstance(data, pd.Series | pd.DataFrame | Mapping):
        data = pd.Series(list(data) if isinstance(data, Sequence) and not isinstance(data, str) else data)
    if isinstance(data, pd.Series):
        data = data.rename(field.name).to_frame()
    return _convert_columns(_to_frame(data, [field.name]), (field,)).iloc[:, 0]


def _to_frame(data: object, names: Sequence[str | int | None]) -> pd.DataFrame:
    import pandas as pd

    match data:
        case pd.DataFrame():
            return data
        case pd.Series():
            return data.to_frame() if data.name is not None else pd.DataFrame(data)
        case Mapping():
            has_scalars = any(isinstance(value, str) or not hasattr(value, "__len__") for value in data.values())
            return pd.DataFrame([data]) if has_scalars else pd.DataFrame(data)
        case _:
            try:
                return pd.DataFrame(data)  # type: ignore[call-overload, no-any-return]
            except (ValueError, TypeError) as error:
                raise InvalidData(f"{_DATA} cannot be read as a table: {error}") from error


def _convert_columns(frame: pd.DataFrame, fields: Sequence[SignatureField]) -> pd.DataFrame:
    """Convert the columns of ``fields``, in their order; the column labels stay those of ``frame``."""
    labels = {str(label): label for label in frame.columns}
    field_by_name = {str(field.name): field for field in fields}
    missing = [name for name in field_by_name if name not in labels]
    if missing:
        hint = did_you_mean(missing[0], labels) or f"its columns are {join_names(labels)}"
        raise InvalidData(f"{_DATA} has no column {join_names(missing)}, which the model takes", hint)
    selected = frame[[labels[name] for name in field_by_name]].set_axis(list(field_by_name), axis=1)
    try:
        converted = convert_frame(selected, field_by_name, Origin.MEMORY, _DATA)
    except InvalidData as error:
        error.hint = error.hint or "convert the column before you call predict"
        raise
    return converted.set_axis([labels[name] for name in field_by_name], axis=1)


def _convert_array(data: object, field: SignatureField) -> Any:
    array = _to_array(data)
    shape = field.shape or (None,)
    fits = array.ndim == len(shape) and all(
        length in (None, actual) for length, actual in zip(shape, array.shape, strict=True)
    )
    if not fits:
        message = f"{_DATA} has the shape {_format_shape(array.shape)}, but the model takes {_format_shape(shape)}"
        raise InvalidData(message)
    return _convert_array_type(array, field)


def _to_array(data: Any) -> Any:
    """A NumPy array, or a sparse SciPy array, which stays sparse."""
    import numpy as np

    if is_sparse(data):
        return data.tocsr()
    try:
        return np.asarray(data)
    except ValueError as error:
        raise InvalidData(f"{_DATA} cannot be read as an array: {error}") from error


def _convert_array_type(array: Any, field: SignatureField) -> Any:
    import numpy as np

    is_numeric = field.type.lstrip("u").startswith(("int", "float"))
    if not is_numeric or array.dtype.name == field.type:
        return array
    if array.dtype.kind not in "iuf":
        raise InvalidData(f"{_DATA} is {array.dtype.name}, but the model takes {field.type}")
    with np.errstate(invalid="ignore", over="ignore"):
        converted = array.astype(field.type)
        restored = converted.astype(array.dtype)
        before, after = (values.data if is_sparse(values) else values for values in (array, restored))
        is_same = np.array_equal(before, after, equal_nan=array.dtype.kind == "f")
    if not is_same:
        raise InvalidData(f"{_DATA} is {array.dtype.name} with values that {field.type} cannot hold")
    return converted


def _convert_arrays(data: object, fields: Sequence[SignatureField]) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        names = join_names(str(field.name) for field in fields)
        raise InvalidData(f"the model takes a mapping of names to arrays, with the names {names}")
    missing = [str(field.name) for field in fields if field.name not in data]
    if missing:
        raise InvalidData(f"{_DATA} has no array {join_names(missing)}, which the model takes")
    return {str(field.name): _convert_array(data[field.name], field) for field in fields}


def _format_shape(shape: Sequence[int | None]) -> str:
    return f"({', '.join('any' if length is None else str(length) for length in shape)})"
