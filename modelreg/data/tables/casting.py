"""Convert columns to the types of a signature, and refuse values that would change.

All data passes through `cast_column`. Values come from four origins. In text (CSV) every value is written as text. In
JSON, numbers are decimals and texts are texts. Parquet and memory have types; only memory tells None from NaN.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from enum import Enum
from numbers import Number
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.categories import format_categories, parse_categories
from modelreg.domain.signatures import MIXED, NA, NONE, SignatureField
from modelreg.errors import shown

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]
    Column = pd.Series[Any]

MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"),
    *("NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""The default ``na_values`` of pandas: how CSV files write a missing number, boolean or time."""
LARGEST_EXACT = 2**53
"""All integers up to this one are exact in float64."""
_EXACT = {"float16": 2**11, "float32": 2**24, "float64": LARGEST_EXACT}
_BOOLEANS = {
    "True": True,
    "true": True,
    "TRUE": True,
    "1": True,
    "False": False,
    "false": False,
    "FALSE": False,
    "0": False,
}
_DECIMAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,5})?\s*", re.ASCII)
_INTEGER = re.compile(r"\s*[+-]?\d{1,400}\s*", re.ASCII)
_INFINITE = {"inf": 1, "+inf": 1, "infinity": 1, "+infinity": 1, "-inf": -1, "-infinity": -1}
_WITH_OFFSET = re.compile(r"\s*[^T\s]+([T ][\d:.,]+\s*([Zz]|[+-]\d\d(:?\d\d)?)|[Zz])\s*")
_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal", "integer-na", "empty"})
_TIMES = frozenset({"datetime", "datetime64", "date", "string", "empty"})


class Origin(Enum):
    """Where values come from; see the module docstring."""

    TEXT = "text"
    JSON = "json"
    PARQUET = "parquet"
    MEMORY = "memory"

    @property
    def is_written(self) -> bool:
        """Whether numbers are decimals, which are rounded to the nearest float."""
        return self in (Origin.TEXT, Origin.JSON)


class WrongValue(Exception):
    """A value of a column does not fit the signature."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row
        """Position in the column, from 0."""
        self.reason = reason
        """The rest of a sentence that starts with the column's name; ``{row}`` stands for the name of the row."""


class _WrongPresentValue(Exception):
    """A wrong value, by its position among the values that are not missing."""

    def __init__(self, position: int, reason: str = "") -> None:
        super().__init__(position, reason)
        self.position, self.reason = position, reason


def cast_column(values: Column, field: SignatureField, origin: Origin) -> Column:
    """Return ``values`` in the type of ``field``, with its marker for missing values; raises `WrongValue`."""
    import numpy as np

    values = _unwrap(values, field)
    if field.categories is not None and _has_categories(values, field):
        _check_missing(values.isna().to_numpy(), field)
        return values
    missing = _find_missing(values, field, origin)
    present: Any = values.iloc[np.flatnonzero(~missing)] if missing.any() else values
    convert: Any = _CONVERTERS.get(field.type, _convert_numbers)
    try:
        converted = convert(present, field, origin)
        if field.categories is not None:
            return _build_categorical(converted, ~missing, values, field)
        return _fill_missing(converted, ~missing, values, field)
    except _WrongPresentValue as wrong:
        row = int(np.flatnonzero(~missing)[wrong.position]) if not missing.all() else 0
        reason = wrong.reason or f"is not {field.dtype}"
        value = values.iloc[row]
        text = shown(value) if isinstance(value, str) else str(value)[:140]
        raise WrongValue(row, f"{reason}: {text} in {{row}}") from None


def _unwrap(values: Column, field: SignatureField) -> Column:
    """Convert sparse, categorical and Arrow columns to plain ones; categories of the field stay."""
    import numpy as np
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, pd.SparseDtype):
        return pd.Series(np.asarray(values), index=values.index)
    if isinstance(dtype, pd.CategoricalDtype) and not _has_categories(values, field):
        return values.astype(dtype.categories.dtype if not values.hasnans else object)
    if isinstance(dtype, pd.ArrowDtype):
        return values.astype(object)
    return values


def _has_categories(values: Column, field: SignatureField) -> bool:
    """Whether the column has exactly the categories of the field, in the same order."""
    import pandas as pd

    return (
        isinstance(values.dtype, pd.CategoricalDtype)
        and bool(values.dtype.ordered) == field.ordered
        and format_categories(values.dtype.categories) == field.categories
    )


def is_misread(texts: Column) -> bool:
    """Whether pandas reads one of the texts as a wrong number: ``True`` as 1, or ``1e999`` as infinity."""
    import numpy as np
    import pandas as pd

    if texts.isin([word for word in _BOOLEANS if not word.isdecimal()]).any():
        return True
    infinite = np.isinf(pd.to_numeric(texts, errors="coerce").to_numpy(dtype="float64"))
    return not texts[infinite].str.strip().str.lower().isin(_INFINITE).all()


# --- missing values -------------------------------------------------------------------------------------------


def _find_missing(values: Column, field: SignatureField, origin: Origin) -> Array:
    """Return a mask of the missing values.

    Raises `WrongValue` if the field allows none, or if the file cannot tell a missing value from another one.
    """
    if origin is not Origin.TEXT or values.dtype.kind in "iufb":
        missing = values.isna().to_numpy()
    elif field.type == "string" and field.categories is None:
        missing = ((values == "") | values.isna()).to_numpy(dtype=bool)
        if field.empty_text and missing.any():
            if field.nullable:
                reason = "is empty in {row}: CSV cannot tell an empty text from a missing value; use parquet"
                raise WrongValue(int(missing.argmax()), reason)
            return missing & False
    else:
        categories = field.categories or ()
        if "" in categories and field.nullable and (empty := (values == "").to_numpy(dtype=bool)).any():
            reason = "is empty in {row}: CSV cannot tell the category '' from a missing value; use parquet"
            raise WrongValue(int(empty.argmax()), reason)
        markers = [marker for marker in MISSING if marker not in categories]
        missing = values.isin(markers).to_numpy() | values.isna().to_numpy()
    _check_missing(missing, field)
    if field.missing == MIXED and origin is not Origin.MEMORY and missing.any():
        reason = "is missing in {row}: the training data had both None and NaN, which a file cannot tell apart"
        raise WrongValue(int(missing.argmax()), reason)
    return missing


def _check_missing(missing: Array, field: SignatureField) -> None:
    if not field.nullable and missing.any():
        reason = "is missing in {row}, but the signature allows no missing values in this column"
        raise WrongValue(int(missing.argmax()), reason)


def _fill_missing(converted: Any, present: Array, values: Column, field: SignatureField) -> Column:
    """Build a whole column from the values that are present and the field's marker for missing values."""
    import numpy as np
    import pandas as pd

    is_integer = "int" in field.type
    if present.all() and not (field.nullable and (is_integer or field.type == "boolean")) and field.missing is None:
        return converted if isinstance(converted, pd.Series) else pd.Series(converted, index=values.index)
    if field.missing == MIXED or (field.type == "any" and values.dtype.kind != "O"):
        return values
    filled = np.full(len(values), None if field.missing == NONE else np.nan, dtype=object)
    if is_integer and field.missing is None:
        floats = converted.astype("float64")
        changed = floats.astype(object) != converted.astype(object)
        if np.any(changed):
            raise _WrongPresentValue(int(np.argmax(changed)), "loses digits as float64, the type for missing values")
        filled = np.full(len(values), np.nan)
    elif field.type.startswith("float") and field.missing is None:
        filled = np.full(len(values), np.nan, dtype=field.type)
    elif field.type == "datetime" and isinstance(converted, pd.Series) and field.missing is None and field.unit != "D":
        spread = pd.Series(converted.array, index=np.flatnonzero(present)).reindex(range(len(values)))
        return pd.Series(spread.array, index=values.index)
    elif field.type == "string" and field.missing is None:
        return values.where(pd.Series(present, index=values.index), np.nan)
    filled[present] = converted if not isinstance(converted, pd.Series) else converted.to_numpy()
    column = pd.Series(filled, index=values.index, dtype=filled.dtype)  # else pandas 3 converts objects to strings
    return column.astype(_get_nullable_dtype(field)) if field.missing == NA else column


def _get_nullable_dtype(field: SignatureField) -> Any:
    """The pandas extension type that marks missing values with ``pd.NA``, such as ``Int64``."""
    if field.type in ("string", "boolean"):
        return field.type
    name = field.type.replace("uint", "UInt")
    return name if name != field.type else field.type.capitalize()


# --- values that are present ----------------------------------------------------------------------------------


def _convert_numbers(present: Column, field: SignatureField, origin: Origin) -> Any:
    import numpy as np
    import pandas as pd

    if field.type == "any":
        return present
    is_integer, kind = "int" in field.type, present.dtype.kind
    if origin is Origin.TEXT and kind not in "iuf":
        parsed = [_parse_number(text, position, is_integer) for position, text in enumerate(present)]
        numbers = np.array(parsed, dtype=object)
    elif pd.api.types.infer_dtype(present, skipna=True) not in _NUMBERS:
        raise _WrongPresentValue(
            _find_first(present, lambda value: isinstance(value, bool | np.bool_) or not _is_number(value))
        )
    else:
        numbers = present.to_numpy()
    if is_integer:
        return _to_integers(numbers, field.type, origin)
    return _to_floats(numbers, field.type, rounds=origin.is_written)


def _is_number(value: object) -> bool:
    return isinstance(value, Number | Decimal)


def _parse_number(text: str, position: int, is_integer: bool) -> int | float:
    """Parse a number, integers without rounding; raises `_WrongPresentValue`."""
    if is_integer and _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        if is_integer:
            exact = Decimal(text.strip())
            if abs(exact) < Decimal(2) ** 65 and exact == exact.to_integral_value():
                return int(exact)
            raise _WrongPresentValue(position)
        if math.isinf(number := float(text)):
            raise _WrongPresentValue(position, "is out of range for float64")
        return number
    if not is_integer and text.strip().lower() in _INFINITE:
        return float(text)
    raise _WrongPresentValue(position)


def _to_integers(numbers: Array, type_: str, origin: Origin) -> Array:
    """Convert numbers to an integer type; raises `_WrongPresentValue` for fractions and values out of range."""
    import numpy as np

    limits = np.iinfo(type_)
    if numbers.dtype.kind == "f":
        bound = LARGEST_EXACT if origin.is_written else 2.0**65  # decimals beyond 2**53 were rounded when parsed
        with np.errstate(invalid="ignore"):
            wrong = ~(np.isfinite(numbers) & (numbers % 1 == 0) & (np.abs(numbers) < bound))
        if wrong.any():
            raise _WrongPresentValue(int(wrong.argmax()))
    elif numbers.dtype.kind == "O":
        position = _find_first(numbers, lambda value: not _is_integer(value), default=None)
        if position is not None:
            raise _WrongPresentValue(position)
        numbers = np.array([int(value) for value in numbers], dtype=object)
    if not len(numbers) or numbers.dtype == type_:
        return numbers.astype(type_)
    outside = (numbers < _clip_limit(numbers, limits.min)) | (numbers > _clip_limit(numbers, limits.max))
    if numbers.dtype.kind == "f":
        outside |= numbers == float(2 ** (limits.bits - (limits.min < 0)))  # the largest int64 rounds up to this float
    if np.any(outside):
        raise _WrongPresentValue(int(np.argmax(outside)), f"is out of range for {type_}")
    return numbers.astype(type_)


def _is_integer(value: Any) -> bool:
    try:
        return bool(int(value) == value)
    except (ValueError, OverflowError, TypeError):  # infinite, or not a number
        return False


def _clip_limit(numbers: Array, limit: int) -> int | float:
    """Clip a limit to the range of the numbers' own type, so that NumPy can compare them."""
    import numpy as np

    if numbers.dtype.kind not in "iu":
        return float(limit) if numbers.dtype.kind == "f" else limit
    own = np.iinfo(numbers.dtype)
    return max(own.min, min(own.max, limit))


def _to_floats(numbers: Array, type_: str, rounds: bool) -> Array:
    """Convert numbers to a float type; raises `_WrongPresentValue` for a value that changes.

    With ``rounds``, values may be rounded to the nearest float.
    """
    import numpy as np

    if numbers.dtype == type_:
        return numbers
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            floats = numbers.astype("float64").astype(type_)
        except OverflowError:  # an integer too large for float64
            position = _find_first(numbers, lambda value: abs(value) > 1e308)
            raise _WrongPresentValue(position, f"is out of range for {type_}") from None
        outside = np.isinf(floats) & ~np.isinf(numbers.astype("float64"))
    if outside.any():
        raise _WrongPresentValue(int(outside.argmax()), f"is out of range for {type_}")
    if not rounds and numbers.dtype.kind == "f":
        changed = (floats.astype(numbers.dtype) != numbers) & ~np.isnan(numbers)
        if changed.any():
            raise _WrongPresentValue(int(changed.argmax()), f"loses digits as {type_}")
    elif not rounds and (numbers.dtype.kind == "O" or np.abs(floats).max(initial=0) >= _EXACT[type_]):
        pairs = zip(numbers.tolist(), floats.tolist(), strict=True)
        position = _find_first(pairs, lambda pair: isinstance(pair[0], int) and int(pair[1]) != pair[0], default=None)
        if position is not None:
            raise _WrongPresentValue(position, f"loses digits as {type_}")
    return floats


def _convert_booleans(present: Column, field: SignatureField, origin: Origin) -> Any:
    import numpy as np
    import pandas as pd

    if present.dtype.kind == "b":
        return present.to_numpy(dtype=bool)
    if origin is Origin.TEXT:
        booleans = present.map(_BOOLEANS)
        if booleans.isna().any():
            raise _WrongPresentValue(int(booleans.isna().to_numpy().argmax()))
        return booleans.to_numpy(dtype=bool)
    if pd.api.types.infer_dtype(present, skipna=True) not in ("boolean", "empty"):
        raise _WrongPresentValue(_find_first(present, lambda value: not isinstance(value, bool | np.bool_)))
    return present.to_numpy(dtype=bool)


def _convert_texts(present: Column, field: SignatureField, origin: Origin) -> Any:
    import pandas as pd

    if isinstance(present.dtype, pd.StringDtype) or origin is Origin.TEXT:
        return present
    if pd.api.types.infer_dtype(present, skipna=True) not in ("string", "empty"):
        raise _WrongPresentValue(_find_first(present, lambda value: not isinstance(value, str)))
    return present


def _convert_bytes(present: Column, field: SignatureField, origin: Origin) -> Any:
    if origin.is_written and len(present):
        raise _WrongPresentValue(0, "is binary in the signature, and a text file cannot hold binary values")
    position = _find_first(present, lambda value: not isinstance(value, bytes), default=None)
    if position is not None:
        raise _WrongPresentValue(position)
    return present


def _convert_times(present: Column, field: SignatureField, origin: Origin) -> Any:
    import pandas as pd

    times = present
    if present.dtype.kind != "M":
        if pd.api.types.infer_dtype(present, skipna=True) not in _TIMES:
            raise _WrongPresentValue(_find_first(present, lambda value: not isinstance(value, str | datetime.date)))
        if field.unit == "D":
            return _to_dates(present)
        times = _parse_times(present, field)
    zone = times.dt.tz
    if field.zone is not None:
        if zone is None and len(times):
            raise _WrongPresentValue(0, f"has no time zone, but the signature states {field.zone}")
        times = times.dt.tz_convert(field.zone)
    elif zone is not None and (field.unit is not None or (present.dtype.kind != "M" and str(zone) != "UTC")):
        raise _WrongPresentValue(0, "has a time zone, but the signature states none")
    if field.unit == "D":
        return _to_dates(times)
    unit = field.unit or ("us" if present.dtype.kind != "M" else None)
    return times if unit is None else _to_unit(times, unit)


def _to_dates(times: Column) -> Any:
    import numpy as np
    import pandas as pd

    dates = np.empty(len(times), dtype=object)
    for position, value in enumerate(times):
        try:
            timestamp = pd.Timestamp(value)
        except (ValueError, TypeError):
            raise _WrongPresentValue(position) from None
        if timestamp != timestamp.normalize() or timestamp.tz is not None:
            raise _WrongPresentValue(position, "is a time, not a date")
        dates[position] = timestamp.date()
    return dates


def _parse_times(texts: Column, field: SignatureField) -> Column:
    """Parse times in ISO 8601; raises `_WrongPresentValue`.

    Other formats are refused: pandas would guess the format from the first value of each chunk.
    """
    import pandas as pd

    has_zone = field.zone is not None
    if has_zone:
        naive = _find_first(
            texts, lambda value: isinstance(value, str) and not _WITH_OFFSET.fullmatch(value), default=None
        )
        if naive is not None:
            raise _WrongPresentValue(naive, f"has no time zone, but the signature states {field.zone}")
    try:
        return pd.Series(pd.to_datetime(texts, format="ISO8601", utc=has_zone), index=texts.index)
    except (ValueError, TypeError, OverflowError):
        for position, text in enumerate(texts):
            try:
                pd.to_datetime(text, format="ISO8601")
            except (ValueError, TypeError, OverflowError):
                raise _WrongPresentValue(position) from None
            if not has_zone and isinstance(text, str) and _WITH_OFFSET.fullmatch(text):
                raise _WrongPresentValue(position, "has a time zone, but the signature states none") from None
        raise _WrongPresentValue(0) from None


def _to_unit(times: Column, unit: Any) -> Column:
    import pandas as pd

    try:
        converted = times.dt.as_unit(unit)
    except (ValueError, OverflowError):  # out of the unit's range
        years = times.dt.year.to_numpy()
        outside = (years <= pd.Timestamp.min.year) | (years >= pd.Timestamp.max.year)
        raise _WrongPresentValue(int(outside.argmax()), f"is out of range for times in {unit}") from None
    changed = (converted != times).to_numpy()
    if changed.any():
        raise _WrongPresentValue(int(changed.argmax()), f"loses digits as a time in {unit}")
    return converted


def _find_first(values: Iterable[Any], is_wrong: Callable[[Any], bool], default: Any = 0) -> Any:
    """The position of the first value for which ``is_wrong`` is true."""
    return next((position for position, value in enumerate(values) if is_wrong(value)), default)


_CONVERTERS: dict[str, Callable[[Any, SignatureField, Origin], Any]] = {
    "boolean": _convert_booleans,
    "string": _convert_texts,
    "binary": _convert_bytes,
    "datetime": _convert_times,
}
"""Type -> the function that converts its present values; all other types are numbers."""


# --- categories -----------------------------------------------------------------------------------------------


def _build_categorical(converted: Any, present: Array, values: Column, field: SignatureField) -> Column:
    """Build a categorical column with the field's categories; raises `_WrongPresentValue` for any other value."""
    import numpy as np
    import pandas as pd

    categories = parse_categories(field)
    if categories is None:
        raise _WrongPresentValue(0, "has categories of a type that no file holds, such as intervals")
    indexes = categories.get_indexer(pd.Index(converted)) if len(converted) else np.array([], dtype="int64")
    if (indexes < 0).any():
        reason = f"is not one of the {len(categories)} categories that the model was trained with"
        raise _WrongPresentValue(int((indexes < 0).argmax()), reason)
    codes = np.full(len(values), -1)
    codes[present] = indexes
    return pd.Series(pd.Categorical.from_codes(codes, categories=categories, ordered=field.ordered), index=values.index)
