"""The fields of data that is in memory, looked at through pandas and NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from modelreg.errors import InvalidData, shown
from modelreg.records.signature import SignatureField
from modelreg.tables.columns import refuse_duplicates, type_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_INFERRED = {
    "string": "string",
    "bytes": "binary",
    "boolean": "boolean",
    "integer": "int64",
    "floating": "float64",
    "mixed-integer-float": "float64",
    "datetime": "datetime",
    "datetime64": "datetime",
    "date": "datetime",
}
"""What pandas' ``infer_dtype`` says of a column of Python objects -> our type."""


def fields_of(data: object, what: str) -> tuple[SignatureField, ...]:
    """The fields of ``data``, which errors call ``what``; raises `InvalidData`."""
    import pandas as pd

    match data:
        case pd.DataFrame():
            return _columns(data, what)
        case pd.Series():
            return (_column(data.name, data),)
        case Mapping():
            return tuple(_array(str(name), _as_array(value, what)) for name, value in data.items())
        case [Mapping(), *_]:
            return _columns(pd.DataFrame(list(cast("Sequence[Any]", data))), what)
        case _ if is_sparse(data):
            return (_array(None, data),)
        case _:
            return (_array(None, _rows(data, what)),)


def _columns(frame: pd.DataFrame, what: str) -> tuple[SignatureField, ...]:
    names = [str(name) for name in frame.columns]
    if not names:
        raise InvalidData(f"{what} have no columns")
    refuse_duplicates(names, what)
    return tuple(_column(name, frame.iloc[:, place]) for place, name in enumerate(names))


def _column(name: object, values: pd.Series[Any]) -> SignatureField:
    shape = (None,) if name is None else ()  # a series without a name is an array
    return SignatureField(None if name is None else str(name), _column_type(values), shape, bool(values.isna().any()))


def _column_type(values: pd.Series[Any]) -> str:
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _column_type(dtype.categories.to_series())
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_object_dtype(dtype):
        return _INFERRED.get(pd.api.types.infer_dtype(values, skipna=True), "any")
    return type_of(str(dtype))


def _array(name: str | None, array: Any) -> SignatureField:
    """``array`` is NumPy's, or a sparse one of SciPy's: its first length is the number of rows, and varies."""
    shape = (None, *map(int, array.shape[1:])) if array.ndim else ()
    return SignatureField(name, _array_type(array), shape, _misses_values(array))


def _array_type(array: Any) -> str:
    import pandas as pd

    match array.dtype.kind:
        case "b":
            return "boolean"
        case "U":
            return "string"
        case "S":
            return "binary"
        case "M":
            return "datetime"
        case "O":
            return _INFERRED.get(pd.api.types.infer_dtype(array.ravel(), skipna=True), "any")
        case _:
            return type_of(array.dtype.name)


def _misses_values(array: Any) -> bool:
    import pandas as pd

    values = array.data if is_sparse(array) else array
    return bool(array.dtype.kind in "fMO" and pd.isna(values).any())


def _as_array(value: object, what: str) -> np.ndarray[Any, Any]:
    import numpy as np

    try:
        return np.asarray(value)
    except (ValueError, TypeError):
        raise InvalidData(f"{what} cannot be read as a table or an array: {shown(type(value).__name__)}") from None


def _rows(value: object, what: str) -> np.ndarray[Any, Any]:
    array = _as_array(value, what)
    if not array.ndim:
        raise InvalidData(f"{what} are neither a table nor an array, but {shown(type(value).__name__)}")
    return array


def is_sparse(data: object) -> bool:
    """Whether ``data`` is a sparse matrix or array of SciPy's, without importing SciPy."""
    return type(data).__module__.partition(".")[0] == "scipy" and hasattr(data, "dtype")
