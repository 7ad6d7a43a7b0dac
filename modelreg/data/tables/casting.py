"""Columns in the type that a signature states: the one place that converts values, and refuses where one would change.

Values come from four origins. In text (CSV) everything is a written form of a value. In JSON, numbers are written as
decimals and texts are texts. Parquet and memory have types; only memory tells None from NaN.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.categories import typed_categories
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
"""What pandas documents for ``na_values``: a missing number, truth value or time as CSV files write it."""
LARGEST_EXACT = 2**53
"""Up to here every whole number is a float64."""
_EXACT = {"float16": 2**11, "float32": 2**24, "float64": LARGEST_EXACT}
_TRUTH = {
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
_WHOLE = re.compile(r"\s*[+-]?\d{1,400}\s*", re.ASCII)
_INFINITE = {"inf": 1, "+inf": 1, "infinity": 1, "+infinity": 1, "-inf": -1, "-infinity": -1}
_WITH_OFFSET = re.compile(r"\s*[^T\s]+([T ][\d:.,]+\s*([Zz]|[+-]\d\d(:?\d\d)?)|[Zz])\s*")
_NUMBERS = frozenset({"integer", "floating", "mixed-integer-float", "decimal", "integer-na", "empty"})
_TIMES = frozenset({"datetime", "datetime64", "date", "string", "empty"})


class Origin(Enum):
    """Where values come from, see the module."""

    TEXT = "text"
    JSON = "json"
    PARQUET = "parquet"
    MEMORY = "memory"

    @property
    def is_written(self) -> bool:
        """Whether numbers are decimals, which are rounded to the nearest float."""
        return self in (Origin.TEXT, Origin.JSON)


class WrongValue(Exception):
    """A value that cannot be what the signature says."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        """Which row, counted from 0."""
        self.reason = reason
        """What is wrong, to follow the column's name; ``{row}`` stands where the row is named."""


class _Wrong(Exception):
    """The value at a place among those that are not missing."""

    def __init__(self, place: int, reason: str = "") -> None:
        super().__init__(place, reason)
        self.place, self.reason = place, reason


def cast(values: Column, field: SignatureField, origin: Origin) -> Column:
    """``values`` in the type of ``field``, with its mark for missing ones; raises `WrongValue`."""
    import numpy as np

    values = _plain(values, field)
    if field.categories is not None and _is_category_of(values, field):
        return _required(values, field)
    missing = _missing(values, field, origin)
    some = bool(missing.any())
    present: Any = values.iloc[np.flatnonzero(~missing)] if some else values
    convert: Any = _PRESENT.get(field.type, _numbers)
    try:
        found = convert(present, field, origin)
        if field.categories is not None:
            return _categorical(found, ~missing, values, field)
        return _marked(found, ~missing, values, field)
    except _Wrong as wrong:
        place = int(np.flatnonzero(~missing)[wrong.place]) if not missing.all() else 0
        reason = wrong.reason or f"is not {field.dtype}"
        raise WrongValue(place, f"{reason}: {_shown(values.iloc[place])} in {{row}}") from None


def _shown(value: object) -> str:
    return shown(value) if isinstance(value, str) else str(value)[:140]


def _plain(values: Column, field: SignatureField) -> Column:
    """Without the forms of pandas that hold values of another type: sparse ones, and categories that are not wanted."""
    import numpy as np
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, pd.SparseDtype):
        return pd.Series(np.asarray(values), index=values.index)
    if isinstance(dtype, pd.CategoricalDtype) and not _is_category_of(values, field):
        return values.astype(dtype.categories.dtype if not values.hasnans else object)
    if isinstance(dtype, pd.ArrowDtype):
        return values.astype(object)
    return values


def _is_category_of(values: Column, field: SignatureField) -> bool:
    """Whether a column has exactly the categories of the field."""
    import pandas as pd

    from modelreg.data.tables.categories import texts_of

    return (
        isinstance(values.dtype, pd.CategoricalDtype)
        and bool(values.dtype.ordered) == field.ordered
        and texts_of(values.dtype.categories) == field.categories
    )


def _required(values: Column, field: SignatureField) -> Column:
    _refuse_missing(values.isna().to_numpy(), field)
    return values


def is_misread(texts: Column) -> bool:
    """Whether pandas takes a text for another number: ``True`` for 1, or ``1e999`` for an infinite one."""
    import numpy as np
    import pandas as pd

    if texts.isin([word for word in _TRUTH if not word.isdecimal()]).any():
        return True
    infinite = np.isinf(pd.to_numeric(texts, errors="coerce").to_numpy(dtype="float64"))
    return not texts[infinite].str.strip().str.lower().isin(_INFINITE).all()


# --- missing values -------------------------------------------------------------------------------------------


def _missing(values: Column, field: SignatureField, origin: Origin) -> Array:
    """Where values are missing; raises `WrongValue` where none may be, or where the file does not tell."""
    if origin is not Origin.TEXT or values.dtype.kind in "iufb":
        missing = values.isna().to_numpy()
    elif field.type == "string" and field.categories is None:
        missing = ((values == "") | values.isna()).to_numpy(dtype=bool)
        if field.empty_text and missing.any():
            if field.nullable:
                why = "is empty in {row}: in CSV an empty text is written as a missing one is; use parquet"
                raise WrongValue(int(missing.argmax()), why)
            return missing & False
    else:
        known = field.categories or ()
        if "" in known and field.nullable and (empty := (values == "").to_numpy(dtype=bool)).any():
            why = "is empty in {row}, and that is a category as well: in CSV both are written alike; use parquet"
            raise WrongValue(int(empty.argmax()), why)
        missing = values.isin([mark for mark in MISSING if mark not in known]).to_numpy() | values.isna().to_numpy()
    _refuse_missing(missing, field)
    if field.missing == MIXED and origin is not Origin.MEMORY and missing.any():
        why = "is missing in {row}: in training None and NaN were different values, and a file does not tell them apart"
        raise WrongValue(int(missing.argmax()), why)
    return missing


def _refuse_missing(missing: Array, field: SignatureField) -> None:
    if not field.nullable and missing.any():
        why = "is missing in {row}; the signature allows no missing value there"
        raise WrongValue(int(missing.argmax()), why)


def _marked(found: Any, present: Array, values: Column, field: SignatureField) -> Column:
    """A whole column from the values that are present, with the field's mark for those that are not."""
    import numpy as np
    import pandas as pd

    is_whole = "int" in field.type
    if present.all() and not (field.nullable and (is_whole or field.type == "boolean")) and field.missing is None:
        return found if isinstance(found, pd.Series) else pd.Series(found, index=values.index)
    if field.missing == MIXED or (field.type == "any" and values.dtype.kind != "O"):
        return values
    filled = np.full(len(values), None if field.missing == NONE else np.nan, dtype=object)
    if is_whole and field.missing is None:
        as_floats = found.astype("float64")
        changed = as_floats.astype(object) != found.astype(object)
        if np.any(changed):
            raise _Wrong(int(np.argmax(changed)), "loses digits as float64, which missing values make of it")
        filled = np.full(len(values), np.nan)
    elif field.type.startswith("float") and field.missing is None:
        filled = np.full(len(values), np.nan, dtype=field.type)
    elif field.type == "datetime" and isinstance(found, pd.Series) and field.missing is None and field.unit != "D":
        return _scattered(found, present, values)
    elif field.type == "string" and field.missing is None:
        return values.where(pd.Series(present, index=values.index), np.nan)
    filled[present] = found if not isinstance(found, pd.Series) else found.to_numpy()
    column = pd.Series(filled, index=values.index, dtype=filled.dtype)  # or pandas 3 makes texts of objects
    return column.astype(_na_dtype(field)) if field.missing == NA else column


def _scattered(found: Column, present: Array, values: Column) -> Column:
    import numpy as np
    import pandas as pd

    positions = pd.Series(found.array, index=np.flatnonzero(present)).reindex(range(len(values)))
    return pd.Series(positions.array, index=values.index)


def _na_dtype(field: SignatureField) -> Any:
    """The type of pandas that marks missing values with ``pd.NA``."""
    if field.type in ("string", "boolean"):
        return field.type
    name = field.type.replace("uint", "UInt")
    return name if name != field.type else field.type.capitalize()


# --- values that are present ----------------------------------------------------------------------------------


def _numbers(present: Column, field: SignatureField, origin: Origin) -> Any:
    import numpy as np
    import pandas as pd

    if field.type == "any":
        return present
    is_whole, kind = "int" in field.type, present.dtype.kind
    if origin is Origin.TEXT and kind not in "iuf":
        numbers = np.array([_number(text, place, is_whole) for place, text in enumerate(present)], dtype=object)
    elif pd.api.types.infer_dtype(present, skipna=True) not in _NUMBERS:
        raise _Wrong(_first(present, lambda value: isinstance(value, bool | np.bool_) or not _is_number(value)))
    else:
        numbers = present.to_numpy()
    if is_whole:
        return _whole(numbers, field.type, origin)
    return _floats(numbers, field.type, rounds=origin.is_written)


def _is_number(value: object) -> bool:
    from decimal import Decimal
    from numbers import Number

    return isinstance(value, Number | Decimal)


def _number(text: str, place: int, is_whole: bool) -> int | float:
    """The number that a text is, exactly where it is whole; raises `_Wrong`."""
    from decimal import Decimal

    if is_whole and _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        if is_whole:
            exact = Decimal(text.strip())
            if abs(exact) < Decimal(2) ** 65 and exact == exact.to_integral_value():
                return int(exact)
            raise _Wrong(place)
        if math.isinf(number := float(text)):
            raise _Wrong(place, "is beyond float64")
        return number
    if not is_whole and text.strip().lower() in _INFINITE:
        return float(text)
    raise _Wrong(place)


def _whole(numbers: Array, type_: str, origin: Origin) -> Array:
    """Whole numbers of a type; raises `_Wrong` for a fraction and for what is out of range."""
    import numpy as np

    limits = np.iinfo(type_)
    if numbers.dtype.kind == "f":
        bound = LARGEST_EXACT if origin.is_written else 2.0**65  # from there on, the text was rounded already
        with np.errstate(invalid="ignore"):
            outside = ~(np.isfinite(numbers) & (numbers % 1 == 0) & (np.abs(numbers) < bound))
        if outside.any():
            raise _Wrong(int(outside.argmax()))
    elif numbers.dtype.kind == "O":
        wrong = _first(numbers, lambda value: not _is_whole(value), default=None)
        if wrong is not None:
            raise _Wrong(wrong)
        numbers = np.array([int(value) for value in numbers], dtype=object)
    if not len(numbers) or numbers.dtype == type_:
        return numbers.astype(type_)
    beyond = (numbers < _as(numbers, limits.min)) | (numbers > _as(numbers, limits.max))
    if numbers.dtype.kind == "f":
        beyond |= numbers == float(2 ** (limits.bits - (limits.min < 0)))  # as the greatest of 64 bits is rounded
    if np.any(beyond):
        raise _Wrong(int(np.argmax(beyond)), f"is beyond {type_}")
    return numbers.astype(type_)


def _is_whole(value: Any) -> bool:
    try:
        return bool(int(value) == value)
    except (ValueError, OverflowError, TypeError):  # infinite, or no number
        return False


def _as(numbers: Array, limit: int) -> int | float:
    """A limit, as far as the type of the numbers can hold it, so that both compare."""
    import numpy as np

    if numbers.dtype.kind not in "iu":
        return float(limit) if numbers.dtype.kind == "f" else limit
    own = np.iinfo(numbers.dtype)
    return max(own.min, min(own.max, limit))


def _floats(numbers: Array, type_: str, rounds: bool) -> Array:
    """Floats of a type; raises `_Wrong` where a value changes, but that decimals are rounded to the nearest one."""
    import numpy as np

    if numbers.dtype == type_:
        return numbers
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            floats = numbers.astype("float64").astype(type_)
        except OverflowError:  # a whole number beyond every float
            raise _Wrong(_first(numbers, lambda value: abs(value) > 1e308), f"is beyond {type_}") from None
        beyond = np.isinf(floats) & ~np.isinf(numbers.astype("float64"))
    if beyond.any():
        raise _Wrong(int(beyond.argmax()), f"is beyond {type_}")
    if not rounds and numbers.dtype.kind == "f":
        changed = (floats.astype(numbers.dtype) != numbers) & ~np.isnan(numbers)
        if changed.any():
            raise _Wrong(int(changed.argmax()), f"loses digits as {type_}")
    elif not rounds and (numbers.dtype.kind == "O" or np.abs(floats).max(initial=0) >= _EXACT[type_]):
        pairs = zip(numbers.tolist(), floats.tolist(), strict=True)
        changed_at = _first(pairs, lambda pair: isinstance(pair[0], int) and int(pair[1]) != pair[0], default=None)
        if changed_at is not None:
            raise _Wrong(changed_at, f"loses digits as {type_}")
    return floats


def _booleans(present: Column, field: SignatureField, origin: Origin) -> Any:
    import numpy as np
    import pandas as pd

    if present.dtype.kind == "b":
        return present.to_numpy(dtype=bool)
    if origin is Origin.TEXT:
        truths = present.map(_TRUTH)
        if truths.isna().any():
            raise _Wrong(int(truths.isna().to_numpy().argmax()))
        return truths.to_numpy(dtype=bool)
    if pd.api.types.infer_dtype(present, skipna=True) not in ("boolean", "empty"):
        raise _Wrong(_first(present, lambda value: not isinstance(value, bool | np.bool_)))
    return present.to_numpy(dtype=bool)


def _texts(present: Column, field: SignatureField, origin: Origin) -> Any:
    import pandas as pd

    if isinstance(present.dtype, pd.StringDtype) or origin is Origin.TEXT:
        return present
    if pd.api.types.infer_dtype(present, skipna=True) not in ("string", "empty"):
        raise _Wrong(_first(present, lambda value: not isinstance(value, str)))
    return present


def _bytes(present: Column, field: SignatureField, origin: Origin) -> Any:
    if origin.is_written and len(present):
        raise _Wrong(0, "is binary in the signature, which a text file cannot hold")
    if len(present):
        place = _first(present, lambda value: not isinstance(value, bytes), default=None)
        if place is not None:
            raise _Wrong(place)
    return present


def _times(present: Column, field: SignatureField, origin: Origin) -> Any:
    import pandas as pd

    times = present
    if present.dtype.kind != "M":
        if pd.api.types.infer_dtype(present, skipna=True) not in _TIMES:
            raise _Wrong(_first(present, lambda value: not isinstance(value, str | datetime.date)))
        if field.unit == "D":
            return _dates(present)
        times = _parsed(present, field)
    zone = times.dt.tz
    if field.zone is not None:
        if zone is None and len(times):
            raise _Wrong(0, f"has no time zone, and the signature says {field.zone}")
        times = times.dt.tz_convert(field.zone)
    elif zone is not None and (field.unit is not None or (present.dtype.kind != "M" and str(zone) != "UTC")):
        raise _Wrong(0, "has a time zone, and the signature states none")
    if field.unit == "D":
        return _dates(times)
    unit = field.unit or ("us" if present.dtype.kind != "M" else None)
    return times if unit is None else _in_unit(times, unit)


def _dates(times: Column) -> Any:
    import numpy as np
    import pandas as pd

    dates = np.empty(len(times), dtype=object)
    for place, value in enumerate(times):
        try:
            moment = pd.Timestamp(value)
        except (ValueError, TypeError):
            raise _Wrong(place) from None
        if moment != moment.normalize() or moment.tz is not None:
            raise _Wrong(place, "is a time and not a date")
        dates[place] = moment.date()
    return dates


def _parsed(texts: Column, field: SignatureField) -> Column:
    """Times from texts in the forms of ISO 8601; raises `_Wrong`.

    Other forms are refused: pandas would take the form of the first value of each chunk for that of all.
    """
    import pandas as pd

    has_zone = field.zone is not None
    if has_zone:
        naive = _first(texts, lambda value: isinstance(value, str) and not _WITH_OFFSET.fullmatch(value), default=None)
        if naive is not None:
            raise _Wrong(naive, f"has no time zone, and the signature says {field.zone}")
    try:
        return pd.Series(pd.to_datetime(texts, format="ISO8601", utc=has_zone), index=texts.index)
    except (ValueError, TypeError, OverflowError):
        for place, text in enumerate(texts):
            try:
                pd.to_datetime(text, format="ISO8601")
            except (ValueError, TypeError, OverflowError):
                raise _Wrong(place) from None
            if not has_zone and isinstance(text, str) and _WITH_OFFSET.fullmatch(text):
                raise _Wrong(place, "has a time zone, and the signature states none") from None
        raise _Wrong(0) from None


def _in_unit(times: Column, unit: Any) -> Column:
    import pandas as pd

    try:
        changed = times.dt.as_unit(unit)
    except (ValueError, OverflowError):  # beyond what the unit can count
        limits = (pd.Timestamp.min, pd.Timestamp.max)
        years = times.dt.year.to_numpy()
        beyond = (years <= limits[0].year) | (years >= limits[1].year)
        raise _Wrong(int(beyond.argmax()), f"is beyond times in {unit}") from None
    wrong = (changed != times).to_numpy()
    if wrong.any():
        raise _Wrong(int(wrong.argmax()), f"loses digits as a time in {unit}")
    return changed


def _first(values: Iterable[Any], is_wrong: Callable[[Any], bool], default: Any = 0) -> Any:
    """The place of the first value that is wrong."""
    return next((place for place, value in enumerate(values) if is_wrong(value)), default)


_PRESENT: dict[str, Callable[[Any, SignatureField, Origin], Any]] = {
    "boolean": _booleans,
    "string": _texts,
    "binary": _bytes,
    "datetime": _times,
}
"""Type -> what converts the values that are present; all others are numbers."""


# --- categories -----------------------------------------------------------------------------------------------


def _categorical(found: Any, present: Array, values: Column, field: SignatureField) -> Column:
    """The column as a categorical one with the field's categories; raises `_Wrong` for a value that is none of them."""
    import numpy as np
    import pandas as pd

    categories = typed_categories(field)
    if categories is None:
        raise _Wrong(0, "has categories of a type that no file holds, such as intervals")
    known = categories.get_indexer(pd.Index(found)) if len(found) else np.array([], dtype="int64")
    if (known < 0).any():
        place = int((known < 0).argmax())
        raise _Wrong(place, f"is none of the {len(categories)} categories that the model was trained with")
    codes = np.full(len(values), -1)
    codes[present] = known
    return pd.Series(pd.Categorical.from_codes(codes, categories=categories, ordered=field.ordered), index=values.index)
