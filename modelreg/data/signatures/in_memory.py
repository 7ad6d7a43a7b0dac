"""The fields of data that is in memory, looked at through pandas and NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from modelreg.data.tables.columns import refuse_duplicates, type_of
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
"""What pandas' ``infer_dtype`` says of a column of Python objects -> our type."""
_LARGEST_NAME = 2**53  # beyond it, canonical JSON has no whole numbers


def fields_of(data: object, what: str) -> tuple[SignatureField, ...]:
    """The fields of ``data``, which errors call ``what``; raises `InvalidData`."""
    import pandas as pd

    match data:
        case pd.DataFrame():
            return frame_fields(data, what)
        case pd.Series():
            name = _name(data.name)
            return (_column(name, data, () if name is not None else (None,)),)  # without a name it is an array
        case Mapping():
            return tuple(_array(str(name), _as_array(value, what)) for name, value in data.items())
        case [Mapping(), *_]:
            return frame_fields(pd.DataFrame(list(cast("Sequence[Any]", data))), what)
        case _ if is_sparse(data):
            return (_array(None, data),)
        case _:
            return (_array(None, _rows(data, what)),)


def plain(fields: tuple[SignatureField, ...]) -> tuple[SignatureField, ...]:
    """The fields with name, type, shape and nullable alone, as those of an output are kept."""
    return tuple(SignatureField(field.name, field.type, field.shape, field.nullable) for field in fields)


def is_column(data: object) -> bool:
    """Whether ``data`` is one column with a name, and not a table."""
    import pandas as pd

    return isinstance(data, pd.Series) and data.name is not None


def frame_fields(frame: pd.DataFrame, what: str) -> tuple[SignatureField, ...]:
    """The columns of a DataFrame; raises `InvalidData` for none, and for a name that stands twice."""
    names = [_name(name) for name in frame.columns]
    if not names:
        raise InvalidData(f"{what} have no columns")
    refuse_duplicates([str(name) for name in names], what)
    return tuple(_column(name, frame.iloc[:, place], ()) for place, name in enumerate(names))


def _name(name: object) -> str | int | None:
    """A column's name: whole numbers stay numbers, everything else is a text."""
    from numbers import Integral

    if isinstance(name, Integral) and not isinstance(name, bool) and abs(int(name)) < _LARGEST_NAME:
        return int(name)
    return None if name is None else str(name)


def _column(name: str | int | None, values: pd.Series[Any], shape: tuple[None, ...]) -> SignatureField:
    import pandas as pd

    dtype, missing = values.dtype, values.isna()
    details: dict[str, Any] = {}
    if isinstance(dtype, pd.CategoricalDtype):
        from modelreg.data.tables.categories import texts_of

        details = {"categories": texts_of(dtype.categories), "ordered": bool(dtype.ordered)}
        values = dtype.categories.to_series()
    type_ = _column_type(values)
    if type_ == "datetime":
        details |= _time_details(values)
    if "categories" not in details:
        details["missing"] = _mark(values, missing, type_)
        details["empty_text"] = type_ == "string" and bool((values == "").any())
    return SignatureField(name, type_, shape, bool(missing.any()), **details)


def _column_type(values: pd.Series[Any]) -> str:
    import pandas as pd

    dtype = values.dtype
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_object_dtype(dtype):
        return _INFERRED.get(pd.api.types.infer_dtype(values, skipna=True), "any")
    return type_of(str(dtype))


def _time_details(values: pd.Series[Any]) -> dict[str, str | None]:
    """Unit and zone of a column of times; the unit of Python's dates is the day."""
    import pandas as pd

    present = values.dropna()
    if values.dtype.kind != "M":
        if pd.api.types.infer_dtype(present) == "date":
            return {"unit": "D"}
        try:
            present = pd.Series(pd.to_datetime(present))
        except (ValueError, TypeError):  # of several zones
            return {}
    zone = present.dt.tz
    return {"unit": present.dt.unit, "zone": None if zone is None else str(zone)}


def _mark(values: pd.Series[Any], missing: pd.Series[Any], type_: str) -> str | None:
    """What stands for a missing value, see `SignatureField.missing`."""
    import pandas as pd

    dtype = values.dtype
    if getattr(dtype, "na_value", None) is pd.NA:  # also those of Arrow
        return None if type_ in ("any", "binary", "datetime") else NA
    if dtype.kind != "O":
        return None
    otherwise = None if type_ in ("any", "binary", "string", "datetime") else OBJECT
    marks = {NONE if value is None else NA if value is pd.NA else otherwise for value in values[missing]}
    return otherwise if not marks else marks.pop() if len(marks) == 1 else MIXED


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
