"""Tables, columns, indexes and scalars of pandas, of every common type."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from genuine.attempts import Candidate
from genuine.datasets import Data


def columns_of_each_type() -> dict[str, Any]:
    """Functions that create a column of every type."""
    days = pd.date_range("2026-01-01", periods=3)
    makers: dict[str, Any] = {
        "strings": lambda: pd.Series(["a", None, "c"]),
        "object strings": lambda: pd.Series(["a", None, "c"], dtype=object),
        "object mixed": lambda: pd.Series(["a", 1, 2.5, None, True], dtype=object),
        "object lists": lambda: pd.Series([["a"], ["b", "c"]]),
        "object dates": lambda: pd.Series([datetime.date(2026, 1, 1), None], dtype=object),
        "string": lambda: pd.Series(["a", None], dtype="string"),
        "string of python": lambda: pd.Series(["a", None], dtype=pd.StringDtype("python")),
        "string of pyarrow": lambda: pd.Series(["a", None], dtype=pd.StringDtype("pyarrow")),
        "category": lambda: pd.Series(["a", "b", None], dtype="category"),
        "ordered category": lambda: pd.Series(pd.Categorical(["S", "L"], ["S", "M", "L"], ordered=True)),
        "category of integers": lambda: pd.Series([1, 2, 1], dtype="category"),
        "category of booleans": lambda: pd.Series([True, False], dtype="category"),
        "category of dates": lambda: pd.Series(days).astype("category"),
        "category of intervals": lambda: pd.cut(pd.Series([1, 5, 9]), 3),
        "category of quantiles": lambda: pd.qcut(pd.Series([1.0, 5.0, 9.0, 2.0]), 2),
        "dates": lambda: pd.Series(days),
        "dates in seconds": lambda: pd.Series(days).astype("datetime64[s]"),
        "dates in UTC": lambda: pd.Series(days.tz_localize("UTC")),
        "dates in a zone": lambda: pd.Series(days.tz_localize("Europe/Berlin")),
        "timedeltas": lambda: pd.Series(pd.to_timedelta([1, 2], unit="s")),
        "periods": lambda: pd.Series(pd.period_range("2026-01", periods=2, freq="M")),
        "intervals": lambda: pd.Series(pd.interval_range(0, 3)),
        "sparse": lambda: pd.Series([0.0, 1.0, np.nan], dtype=pd.SparseDtype("float64", 0.0)),
        "sparse integers": lambda: pd.Series([0, 1, 0], dtype=pd.SparseDtype("int64", 0)),
        "complex": lambda: pd.Series([1 + 2j]),
        "boolean": lambda: pd.Series([True, None], dtype="boolean"),
        "arrow integers": lambda: pd.Series([1, None], dtype="int64[pyarrow]"),
        "arrow strings": lambda: pd.Series(["a", None], dtype="string[pyarrow]"),
        "without elements": lambda: pd.Series([], dtype="float64"),
    }
    for code in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64"):
        makers[code] = lambda code=code: pd.Series([1, None, 3], dtype=code)
    for code in (
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
        "bool",
    ):
        makers[code] = lambda code=code: pd.Series([1, 0, 3]).astype(code)
    return makers


def tables(data: Data) -> Iterator[Candidate]:
    """Series, arrays and tables of every type, and typical tables."""
    for name, make in columns_of_each_type().items():
        yield f"Series {name}", make
        yield f"Series {name}, named", lambda m=make: m().rename("column")
        yield f"pandas array {name}", lambda m=make: m().array
        yield f"DataFrame {name}", lambda m=make: m().to_frame("column")
        yield f"Index {name}", lambda m=make: pd.Index(m())
        yield f"dtype {name}", lambda m=make: m().dtype
    frame = data.customers
    makers: dict[str, Any] = {
        "customers": lambda: frame,
        "without rows": lambda: frame.iloc[:0],
        "without columns": lambda: frame[[]],
        "head": lambda: frame.head(),
        "by a column": lambda: frame.set_index("city"),
        "by two columns": lambda: frame.set_index(["city", "plan"]),
        "sorted": lambda: frame.sort_values("age"),
        "described": lambda: frame.describe(),
        "grouped": lambda: frame.groupby("city")[["age", "income"]].agg(["mean", "std"]),
        "pivoted": lambda: frame.pivot_table(index="city", columns="plan", values="age", observed=False),
        "counted": lambda: frame["city"].value_counts(),
        "dummies": lambda: pd.get_dummies(frame[["city", "plan"]]),
        "correlations": lambda: data.frame.corr(),
        "joined": lambda: pd.concat([frame, frame], ignore_index=True),
        "merged": lambda: frame.merge(frame[["city"]].drop_duplicates(), on="city"),
        "melted": lambda: data.frame.melt(),
        "by date": lambda: frame.set_index("since").sort_index()[["age"]],
        "resampled": lambda: frame.set_index("since")[["age"]].resample("MS").mean(),
        "with attributes": lambda: _add_attributes(data.frame.copy()),
        "with labels": lambda: data.frame.set_flags(allows_duplicate_labels=False),
        "integer columns": lambda: pd.DataFrame(data.X),
        "changed column by column": lambda: _change_columns(data.frame.copy()),
        "transposed": lambda: data.frame.T,
        "converted": lambda: frame.convert_dtypes(),
        "dtypes": lambda: frame.dtypes,
        "of a dict": lambda: pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}, index=["r1", "r2"]),
        "row": lambda: frame.iloc[0],
        "masked": lambda: data.frame.where(data.frame > 0.5),
        "stacked": lambda: data.frame.stack(),
    }
    for name, make in makers.items():
        yield f"DataFrame {name}", make


def _add_attributes(frame: Any) -> Any:
    frame.attrs["source"] = "warehouse"
    return frame


def _change_columns(frame: Any) -> Any:
    frame["twice"] = frame["age"] * 2
    frame["city"] = "Berlin"
    frame["rank"] = frame["score"].rank().astype("int32")
    return frame.drop(columns="tenure")


def indexes_and_scalars(data: Data) -> Iterator[Candidate]:
    """Indexes, scalars, frequencies and types of pandas."""
    makers: dict[str, Any] = {
        "RangeIndex": lambda: pd.RangeIndex(2, 20, 3, name="n"),
        "Index of strings": lambda: pd.Index(["a", "b"], name="key"),
        "Index of integers": lambda: pd.Index([3, 1, 2]),
        "MultiIndex": lambda: pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", "y"]),
        "MultiIndex of dates": lambda: pd.MultiIndex.from_arrays([pd.date_range("2026", periods=2), ["a", "b"]]),
        "DatetimeIndex": lambda: pd.date_range("2026-01-01", periods=3, freq="D", name="day"),
        "DatetimeIndex in a zone": lambda: pd.date_range("2026-01-01", periods=3, freq="h", tz="UTC"),
        "DatetimeIndex without frequency": lambda: pd.DatetimeIndex(["2026-01-01", "2026-01-05"]),
        "TimedeltaIndex": lambda: pd.to_timedelta([1, 2, 3], unit="h"),
        "PeriodIndex": lambda: pd.period_range("2026-01", periods=3, freq="M"),
        "IntervalIndex": lambda: pd.IntervalIndex.from_breaks([0.0, 1.0, 5.0], closed="left"),
        "CategoricalIndex": lambda: pd.CategoricalIndex(["a", "b"], categories=["b", "a"], ordered=True),
        "columns": lambda: data.frame.columns,
        "Timestamp": lambda: pd.Timestamp("2026-01-01 12:30"),
        "Timestamp in UTC": lambda: pd.Timestamp("2026-01-01", tz="UTC"),
        "Timestamp in a zone": lambda: pd.Timestamp("2026-01-01", tz="Europe/Paris"),
        "Timedelta": lambda: pd.Timedelta("1 days 2 s"),
        "Period": lambda: pd.Period("2026-01", "M"),
        "Interval": lambda: pd.Interval(0.0, 1.0, closed="both"),
        "NaT": lambda: pd.NaT,
        "NA": lambda: pd.NA,
        "DateOffset": lambda: pd.DateOffset(months=2, days=1),
        "CategoricalDtype": lambda: pd.CategoricalDtype(["a", "b"], ordered=True),
        "dtypes": lambda: [pd.Int64Dtype(), pd.Float32Dtype(), pd.BooleanDtype(), pd.StringDtype("python")],
        "DatetimeTZDtype": lambda: pd.DatetimeTZDtype("ns", "UTC"),
        "PeriodDtype": lambda: pd.PeriodDtype("D"),
        "IntervalDtype": lambda: pd.IntervalDtype("int64", "left"),
        "SparseDtype": lambda: pd.SparseDtype("float32", 0.0),
        "NamedAgg": lambda: pd.NamedAgg("age", "mean"),
        "week": lambda: pd.tseries.frequencies.to_offset("W-WED"),
    }
    for name, make in makers.items():
        yield f"pandas {name}", make
    for kind in sorted({k for k in vars(pd.offsets).values() if isinstance(k, type)}, key=lambda k: k.__name__):
        if kind.__name__ in ("BaseOffset", "Tick") or "Custom" in kind.__name__:  # abstract, or with a calendar
            continue
        options = {"startingMonth": 1, "weekday": 1} if kind.__name__.startswith("FY") else {}
        yield f"pandas offset {kind.__name__}", lambda k=kind, g=options: k(**g)


def tables_of_objects(data: Data) -> Iterator[Candidate]:
    """Columns of models, dictionaries, bytes or types, as in tables of results."""
    from sklearn.linear_model import LinearRegression, Ridge
    from sklearn.preprocessing import MinMaxScaler

    models = [Ridge().fit(data.X, data.numbers), LinearRegression().fit(data.X, data.numbers)]
    makers: dict[str, Any] = {
        "models": lambda: pd.Series(models, index=["a", "b"]),
        "models and none": lambda: pd.Series([MinMaxScaler(), None], dtype=object),
        "dictionaries": lambda: pd.Series([{"C": 1, "kernel": "rbf"}, {"C": 2, "model": models[0]}]),
        "a row of results": lambda: pd.DataFrame({"model": models, "params": [{"C": 1}, {}], "score": [0.1, 0.2]}).iloc[
            0
        ],
        "bytes": lambda: pd.DataFrame({"key": [b"a", b"b"]}),
        "bytes in an index": lambda: pd.Series([1, 2], index=[b"a", b"b"]),
        "counted bytes": lambda: pd.Series([b"a", b"b", b"a"]).value_counts(),
        "types of columns": lambda: data.customers.dtypes.to_frame("type"),
        "counted steps of time": lambda: pd.Series(pd.to_timedelta([1, 2, 1], unit="h")).value_counts(),
        "steps of time by group": lambda: pd.Series(range(3)).groupby(pd.to_timedelta([1, 2, 1], unit="h")).mean(),
    }
    for name, make in makers.items():
        yield f"table of {name}", lambda make=make: {"table": make()}


PERIODS = (
    *("D", "B", "W", "M", "Q", "Y", "h", "min", "s", "ms", "us", "W-SUN", "W-MON", "Q-MAR", "Q-DEC", "Y-JUN", "Y-DEC"),
    *("2D", "15min", "3M"),
)


def frequencies(data: Data) -> Iterator[Candidate]:
    """Periods and offsets of every frequency, also custom ones."""
    import pandas.tseries.holiday

    before = tuple(map(int, pd.__version__.split(".")[:2])) < (2, 2)
    for name in PERIODS:
        code = name.replace("Y", "A").replace("h", "H").replace("min", "T") if before else name
        yield f"period {name}", lambda code=code: _build_periods(code)
    parts: list[dict[str, Any]] = [
        *({"months": 1}, {"years": 1, "days": 2}, {"weeks": 2}, {"hours": 3}, {"minutes": 5, "seconds": 1}),
        *({"day": 1}, {"weekday": 0}, {"month": 2, "day": 3, "hour": 4, "minute": 5, "second": 6}, {"year": 2026}),
        *({"microseconds": 7, "days": 1}, {"n": 2, "normalize": True, "months": 1}, {"microsecond": 1}, {}),
    ]
    for part in parts:
        yield f"offset of {part}", lambda part=part: {"offset": pd.DateOffset(**part)}
    holidays = pandas.tseries.holiday.USFederalHolidayCalendar()
    custom: list[dict[str, Any]] = [{}, {"holidays": ["2024-01-01"]}, {"calendar": holidays}, {"weekmask": "Mon Wed"}]
    for name in ("CustomBusinessDay", "CustomBusinessMonthEnd", "CustomBusinessMonthBegin", "CustomBusinessHour"):
        for number, options in enumerate(custom):
            offset = getattr(pd.offsets, name)
            yield f"custom offset {name} {number}", lambda o=offset, g=options: {"offset": o(**g)}
            if name == "CustomBusinessDay":
                days = pd.date_range("2024-01-01", periods=4, freq=offset(**options))
                yield f"custom days {number}", lambda d=days: {"days": d, "table": pd.Series(range(4), index=d)}


def _build_periods(code: str) -> dict[str, Any]:
    periods = pd.period_range("2024-01-01", periods=3, freq=code)
    return {"period": pd.Period("2024-03-01", code), "index": periods, "column": pd.Series(periods)}


def arrow_columns(data: Data) -> Iterator[Candidate]:
    """Columns of Apache Arrow's types, with the data that pandas caches in a used type."""
    import pyarrow as pa

    values: dict[str, list[Any]] = {
        "int64": [1, 2], "int32": [1, None], "int8": [1, 2], "uint8": [1, 2], "double": [1.5, None],
        "float": [1.0, 2.0], "bool": [True, False], "string": ["a", None], "large_string": ["a", "b"],
    }  # fmt: skip
    days = [datetime.datetime(2024, 1, day) for day in (1, 2)]
    types: dict[str, tuple[Any, list[Any]]] = {
        **{name: (pa.type_for_alias(name), column) for name, column in values.items()},
        "date32": (pa.date32(), [day.date() for day in days]),
        "date64": (pa.date64(), [day.date() for day in days]),
        "binary": (pa.binary(), [b"a", b"b"]),
        "time": (pa.time64("us"), [datetime.time(1, 2), None]),
        "decimal": (pa.decimal128(10, 2), [1, 2]),
        "dictionary": (pa.dictionary(pa.int32(), pa.string()), ["a", "b"]),
        "list": (pa.list_(pa.int64()), [[1], [2, 3]]),
        **{f"timestamp {unit}": (pa.timestamp(unit), days) for unit in ("s", "ms", "us", "ns")},
        "timestamp in a zone": (pa.timestamp("ns", "Europe/Rome"), days),
        **{f"duration {unit}": (pa.duration(unit), [1, 2]) for unit in ("s", "ms", "us", "ns")},
    }
    for name, (kind, column) in types.items():
        yield f"arrow {name}", lambda k=kind, c=column: _use(pd.Series(c, dtype=pd.ArrowDtype(k)))
    yield "arrow table", lambda: {"table": data.customers.convert_dtypes(dtype_backend="pyarrow")}


def _use(column: Any) -> dict[str, Any]:
    frame = column.to_frame("c")
    caches = {
        "table": frame,
        "types": frame.dtypes,
        "kind": (column.dtype.kind, column.dtype.numpy_dtype, column.dtype.name),
    }
    return caches | {"counts": column.value_counts(), "index": pd.Index(column), "unique": column.unique()}
