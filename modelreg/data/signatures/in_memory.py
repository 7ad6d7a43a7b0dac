"""Infer signature fields from data in memory, with pandas and NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, cast

from modelreg.data.tables.categories import format_categories
from modelreg.data.tables.columns import check_unique, parse_dtype
from modelreg.domain.signatures import MIXED, NA, NONE, OBJECT, SignatureField
from modelreg.errors import InvalidData, shown

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
"""Result of pandas' ``infer_dtype`` for a column of Python objects -> type in a signature."""
_MAX_INTEGER_NAME = 2**53  # canonical JSON has no integers beyond it


def infer_fields(data: object, source: str) -> tuple[SignatureField, ...]:
    """The fields of ``data``; raises `InvalidData`, with ``source`` as the name of the data."""
    import pandas as pd

    match data:
        case pd.DataFrame():
            return infer_frame_fields(data, source)
        case pd.Series():
            name = _normalize_name(data.name)
            return (_infer_column(name, data, () if name is not None else (None,)),)  # without a name it is an array
        case Mapping():
            return tuple(_infer_array(str(name), _to_array(value, source)) for name, value in data.items())
        case [Mapping(), *_]:
            return infer_frame_fields(pd.DataFrame(list(cast("Sequence[Any]", data))), source)
        case _ if is_sparse(data):
            return (_infer_array(None, data),)
    array = _to_array(data, source)
    if not array.ndim:
        raise InvalidData(f"{source} are neither a table nor an array, but {shown(type(data).__name__)}")
    return (_infer_array(None, array),)


def remove_details(fields: tuple[SignatureField, ...]) -> tuple[SignatureField, ...]:
    """The fields with name, type, shape and nullable only, as stored for outputs."""
    return tuple(SignatureField(field.name, field.type, field.shape, field.nullable) for field in fields)


def is_named_series(data: object) -> bool:
    """Whether ``data`` is a single column with a name."""
    import pandas as pd

    return isinstance(data, pd.Series) and data.name is not None


def infer_frame_fields(frame: pd.DataFrame, source: str) -> tuple[SignatureField, ...]:
    """The fields of the columns of a DataFrame; raises `InvalidData` for no columns and for duplicate names."""
    names = [_normalize_name(name) for name in frame.columns]
    if not names:
        raise InvalidData(f"{source} have no columns")
    check_unique([str(name) for name in names], source)
    return tuple(_infer_column(name, frame.iloc[:, position], ()) for position, name in enumerate(names))


def _normalize_name(name: object) -> str | int | None:
    """A column name as stored: integers stay integers, everything else becomes text."""
    if isinstance(name, Integral) and not isinstance(name, bool) and abs(int(name)) < _MAX_INTEGER_NAME:
        return int(name)
    return None if name is None else str(name)


def _infer_column(name: str | int | None, values: pd.Series[Any], shape: tuple[None, ...]) -> SignatureField:
    import pandas as pd

    dtype, missing = values.dtype, values.isna()
    details: dict[str, Any] = {}
    if isinstance(dtype, pd.CategoricalDtype):
        details = {"categories": format_categories(dtype.categories), "ordered": bool(dtype.ordered)}
        values = dtype.categories.to_series()
    type_ = _infer_column_type(values)
    if type_ == "datetime":
        details |= _infer_time_details(values)
    if "categories" not in details:
        details["missing"] = _infer_missing_marker(values, missing, type_)
        details["empty_text"] = type_ == "string" and bool((values == "").any())
    return SignatureField(name, type_, shape, bool(missing.any()), **details)


def _infer_column_type(values: pd.Series[Any]) -> str:
    import pandas as pd

    dtype = values.dtype
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_object_dtype(dtype):
        return _INFERRED.get(pd.api.types.infer_dtype(values, skipna=True), "any")
    return parse_dtype(str(dtype))


def _infer_time_details(values: pd.Series[Any]) -> dict[str, str | None]:
    """Unit and time zone of a column of times; the unit of Python's dates is ``D``."""
    import pandas as pd

    present = values.dropna()
    if values.dtype.kind != "M":
        if pd.api.types.infer_dtype(present) == "date":
            return {"unit": "D"}
        try:
            present = pd.Series(pd.to_datetime(present))
        except (ValueError, TypeError):  # several time zones
            return {}
    zone = present.dt.tz
    return {"unit": present.dt.unit, "zone": None if zone is None else str(zone)}


def _infer_missing_marker(values: pd.Series[Any], missing: pd.Series[Any], type_: str) -> str | None:
    """The marker of missing values, see `SignatureField.missing`."""
    import pandas as pd

    dtype = values.dtype
    if getattr(dtype, "na_value", None) is pd.NA:  # also Arrow types
        return None if type_ in ("any", "binary", "datetime") else NA
    if dtype.kind != "O":
        return None
    default = None if type_ in ("any", "binary", "string", "datetime") else OBJECT
    markers = {NONE if value is None else NA if value is pd.NA else default for value in values[missing]}
    return default if not markers else markers.pop() if len(markers) == 1 else MIXED


def _infer_array(name: str | None, array: Any) -> SignatureField:
    """The field of a NumPy or sparse SciPy array; the first dimension, the number of rows, is variable."""
    import pandas as pd

    shape = (None, *map(int, array.shape[1:])) if array.ndim else ()
    values = array.data if is_sparse(array) else array
    has_missing = bool(array.dtype.kind in "fMO" and pd.isna(values).any())
    return SignatureField(name, _infer_array_type(array), shape, has_missing)


def _infer_array_type(array: Any) -> str:
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
            return parse_dtype(array.dtype.name)


def _to_array(value: object, source: str) -> np.ndarray[Any, Any]:
    import numpy as np

    try:
        return np.asarray(value)
    except (ValueError, TypeError):
        raise InvalidData(f"{source} cannot be read as a table or an array: {shown(type(value).__name__)}") from None


def is_sparse(data: object) -> bool:
    """Whether ``data`` is a sparse SciPy matrix or array; does not import SciPy."""
    return type(data).__module__.partition(".")[0] == "scipy" and hasattr(data, "dtype")
