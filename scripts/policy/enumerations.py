"""Strings that the policy enumerates: time zones, and methods and attributes of data."""

from __future__ import annotations

from zoneinfo import available_timezones

ZONES = sorted(f"'{name}'" for name in available_timezones())
"""Names in the tz database, which pickles of pytz contain."""

_OF_TEXTS = (
    *("capitalize", "casefold", "lower", "lstrip", "replace", "rstrip", "split", "splitlines", "strip", "swapcase"),
    *("title", "translate", "upper"),
)
_OF_TABLES = (
    *("abs", "add", "add_prefix", "add_suffix", "assign", "astype", "bfill", "clip", "convert_dtypes", "copy"),
    *("corr", "cummax", "cummin", "cumprod", "cumsum", "describe", "diff", "div", "drop", "drop_duplicates", "dropna"),
    *("duplicated", "ffill", "fillna", "filter", "head", "infer_objects", "interpolate", "isin", "isna", "isnull"),
    *("max", "mean", "median", "min", "mul", "notna", "notnull", "pct_change", "rank", "reindex", "rename", "replace"),
    *("reset_index", "round", "select_dtypes", "shift", "sort_index", "squeeze", "std", "sub", "sum", "tail"),
    *("to_dict", "to_frame", "to_numpy", "transpose", "var"),
)
METHODS_OF_TABLES = _OF_TABLES
"""Methods of DataFrames and Series that only read, or return copies.

Excluded are methods that call functions or methods by name (``agg``, ``apply``, ``map``, ``pipe``, ``transform``),
evaluate strings (``eval``, ``query``), or write files (``to_csv``).
"""
METHODS_OF_DATA = tuple(sorted({*_OF_TEXTS, *_OF_TABLES, "ravel", "reshape", "toarray", "todense"}))
"""Methods of strings, arrays and tables that only compute, and that ``methodcaller`` may name."""

_OF_DATES = (
    *("date", "day", "day_of_week", "day_of_year", "dayofweek", "dayofyear", "days_in_month", "hour", "is_leap_year"),
    *("is_month_end", "is_month_start", "is_quarter_end", "is_quarter_start", "is_year_end", "is_year_start", "minute"),
    *("microsecond", "month", "nanosecond", "quarter", "second", "time", "weekday", "year"),
)
ATTRIBUTES_OF_DATA = (
    *("T", "array", "coef_", "columns", "dtypes", "feature_importances_", "imag", "index", "real", "shape", "size"),
    *("values", *(f"dt.{name}" for name in _OF_DATES)),
)
"""Attributes of arrays and tables that only return data, and that ``attrgetter`` may name."""
