"""What a person has decided about the policy, beside what genuine models show."""

from __future__ import annotations

import re
from typing import Any

CATEGORIES: dict[str, str] = {
    # base class -> category of the classes that are derived from it
    "sklearn.base.BaseEstimator": "estimator",
    "sklearn.gaussian_process.kernels.Kernel": "kernel",
    "sklearn.metrics._scorer._BaseScorer": "scorer",
    "sklearn.model_selection._split.BaseCrossValidator": "splitter",
    "sklearn.model_selection._split.BaseShuffleSplit": "splitter",
    "sklearn.model_selection._split._RepeatedSplits": "splitter",
    "sklearn.model_selection._split._UnsupportedGroupCVMixin": "splitter",
    "sklearn._loss.loss.BaseLoss": "loss",
    "sklearn.neural_network._stochastic_optimizers.BaseOptimizer": "optimizer",
    "catboost.core._CatBoostBase": "estimator",
    "xgboost.sklearn.XGBModel": "estimator",
    "lightgbm.sklearn.LGBMModel": "estimator",
}
CATEGORY_OF_NAMES: list[tuple[re.Pattern[str], str]] = [
    (re.compile(pattern), category)
    for pattern, category in (
        (r"sklearn\.model_selection\._split\._CVIterableWrapper", "splitter"),
        (r"(sklearn\._loss\.)?_loss\.\w+", "loss"),
        (r"sklearn\.ensemble\._gb_losses\.\w+", "loss"),
        (r"sklearn\.linear_model\._sgd_fast\.\w+", "loss"),
        (r"sklearn\._loss\.link\.\w+", "link"),
        (r"sklearn\.metrics\._dist_metrics\.\w+", "metric"),
        (r"sklearn\.neighbors\._(kd|ball)_tree\.\w+", "neighbors"),
        (
            r"numpy\.random\..*(RandomState|Generator|generator_ctor|bit_generator_ctor|SeedSequence|BitGenerator)",
            "random",
        ),
        (r"numpy\.random\._\w+\.(MT19937|PCG64|PCG64DXSM|Philox|SFC64)", "random"),
        (r"scipy\.sparse\..*", "sparse"),
        (r"pandas\.core\.frame\.DataFrame|pandas\.core\.series\.Series|pandas\.(DataFrame|Series)", "frame"),
        (r"pandas(\.core\.indexes\.\w+)?\.\w*Index", "index"),
        (
            r"pandas\.(core\.arrays\.[\w.]+|arrays|core\.arrays)\.\w*Array|pandas(\.core\.arrays\.categorical)?\.Categorical",
            "extension",
        ),
        (r"pandas\..*\.?\w*Dtype", "extension_dtype"),
        (r"pandas\._libs\.tslibs\.offsets\.\w+|pandas\.tseries\.\w+|pandas\.DateOffset", "offset"),
        (
            r"pandas\._libs\.tslibs\..*|pandas\.(Timestamp|Timedelta|Period|Interval|NaT)|pandas\._libs\.interval\.Interval",
            "value",
        ),
        (r"pandas\.NA|pandas\._libs\.missing\.\w+", "value"),
        (r"datetime\.\w+|decimal\.Decimal|uuid\.\w+|zoneinfo\.\w+(\._unpickle)?|pytz\.\w+|dateutil\.tz\..*", "value"),
        (r"builtins\.(slice|complex|range|bytes|bytearray|set|frozenset)", "value"),
        (r"collections\.(OrderedDict|Counter|deque)", "value"),
        (r"numpy\.(matrix|rec\.recarray|recarray)", "value"),
        (r"scipy\.stats\._(continuous|discrete)_distns\.\w+", "distribution"),
        (r"scipy\.stats\._distn_infrastructure\.rv_\w*frozen", "frozen_distribution"),
        (r"pyarrow\.lib\.\w+", "arrow"),
    )
]
"""Categories by the name of a class, for libraries whose classes say nothing by their bases."""

SIMPLE = (
    *("estimator", "value", "frame", "index", "sparse", "random", "splitter", "kernel", "offset"),
    *("numpy.dtype", "extension_dtype"),
)
"""Categories that a trusted class may hold."""

METHOD_NAMES = frozenset(
    {"stack_method", "stack_method_", "response_method", "_response_method", "chain_method", "chain_method_"}
)
"""Attributes whose texts are called as methods, also within lists."""
NEVER: dict[str, tuple[str, ...]] = {"memory": ()}
"""Attributes that hold nothing but None: a folder that is written to and unpickled from."""
METHODS = ["auto", "predict", "predict_proba", "predict_log_proba", "decision_function", "transform"]
FREE_TEXT = frozenset(
    {
        *(
            "_sklearn_version",
            "token_pattern",
            "fill_value",
            "missing_values",
            "pos_label",
            "constant",
            "name",
            "_name",
        ),
        *(
            "separator",
            "_constant",
            "default",
            "__doc__",
            "longname",
            "pattern",
            "column",
            "dtype_include",
            "dtype_exclude",
        ),
        *("_symbol", "symbol", "_variable", "_train_data_name", "eval_metric", "importance_getter", "aggfunc"),
    }
)
"""Attributes with any text, which is shown, compared or searched for, and never called or opened."""

ANY_TEXT_OF = ("catboost.", "lightgbm.", "xgboost.")
"""Libraries whose parameters are texts of their own, which go to their compiled code."""

ERRORS = ("ValueError", "KeyError", "TypeError", "RuntimeError")
PATHS = ("PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
"""Classes of paths, which models are saved together with, and which no attribute of a model may hold."""
METHODS_OF_DATA = (
    *("abs", "astype", "capitalize", "casefold", "copy", "fillna", "lower", "lstrip", "ravel", "reshape", "round"),
    *("rstrip", "split", "splitlines", "strip", "swapcase", "title", "to_numpy", "toarray", "todense", "upper"),
)
"""Methods of texts, arrays and tables that only compute."""

CALLS: dict[str, list[list[Any]]] = {
    "builtins.getattr": [["distribution"], ["'_entropy'"]],
    "torch._utils._rebuild_tensor_v2": [["storage"], [], ["numbers"], ["numbers"], [], ["value"], ["value"]],
    "torch._utils._rebuild_parameter": [["torch.Tensor"], [], ["value"]],
    "torch.Size": [["numbers"]],
    "functools.partial": [["function"]],
    "_codecs.encode": [["text"], ["'latin1'"]],
    "operator.attrgetter": [[f"'{name}'" for name in ("T", "array", "coef_", "feature_importances_", "values")]],
    "operator.methodcaller": [[f"'{name}'" for name in METHODS_OF_DATA], *[["text", "numbers"]] * 3],
    "operator.itemgetter": [["text", "numbers", {"items": ["text", "numbers"]}]] * 6,
    "decimal.Decimal": [["text"]],
    **{f"{module}.{name}": [["text"]] * 12 for module in ("pathlib", "pathlib._local") for name in PATHS},
    **{
        f"builtins.{name}": [["text", "labels", "numbers"]] * 3
        for name in ("ValueError", "KeyError", "TypeError", "RuntimeError")
    },
    "uuid.UUID": [["text", "bytes"]],
    "builtins.slice": [["text", "value"], ["text", "value"], ["text", "value"]],
    "builtins.bytes": [["bytes", "no numbers"]],
    "builtins.bytearray": [["bytes", "text", "builtins.bytes", "no numbers"], ["'latin-1'"]],
    "builtins.complex": [[], []],
    "builtins.set": [["numbers", "labels"]],
    "builtins.frozenset": [["numbers", "labels"]],
    "builtins.range": [[], [], []],
    "datetime.datetime": [["bytes", "builtins.bytes"], ["value"]],
    "datetime.date": [["bytes", "builtins.bytes"]],
    "datetime.time": [["bytes", "builtins.bytes"], ["value"]],
    "datetime.timezone": [["value"], ["text"]],
    "zoneinfo.ZoneInfo._unpickle": [["text"], []],
    "pandas.PeriodDtype": [["text"]],
}
"""Arguments by position where what was seen is one example of many."""

_HELD = ["estimator", "value", "frame", "index", "sparse", "random", "torch.Tensor", "torch.nn.parameter.Parameter"]
_TRIED = [
    *("labels", "numbers", "frozen_distribution"),
    {"items": ["text", "labels", "numbers", "estimator", "function", "kernel", "splitter", "random", "type"]},
]
_PARAMETERS = [{"keys": ["text"], "values": _TRIED}]
_IN_MAPPINGS = [
    *("text", "labels", "numbers", "bytes", *_HELD),
    {"items": _HELD},
    {"keys": ["text", "labels"], "values": ["text", "labels", *_HELD]},
]
_MAPPING = [{"keys": ["text", "labels", "value"], "values": _IN_MAPPINGS}]
_INDEXES = ["@pandas.Index", "@pandas.core.indexes.base.Index"]
CLASSES: dict[str, dict[str, Any]] = {
    **{
        f"pandas.{module}{name}Dtype": {
            "attributes": {"_cache": [{"keys": ["text"], "values": ["numpy.dtype", "text", *_INDEXES]}]}
        }
        for modules, names in (
            (("", "core.arrays.integer."), ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")),
            (("", "core.arrays.floating."), ("Float32", "Float64")),
            (("", "core.arrays.boolean."), ("Boolean",)),
        )
        for module in modules
        for name in names
    },
    "collections.OrderedDict": {"entries": _MAPPING, "attributes": {"_metadata": ["value"]}},
    "collections.defaultdict": {"entries": _MAPPING},
    "collections.Counter": {"entries": [{"keys": ["text", "labels"], "values": []}]},
    "collections.deque": {"items": [{"items": ["text", "labels", "numbers", *_HELD]}]},
    **{
        f"sklearn.model_selection.{name}": {
            "attributes": {"param_distributions": [*_PARAMETERS, {"items": _PARAMETERS}]}
        }
        for name in ("_search.RandomizedSearchCV", "_search_successive_halving.HalvingRandomSearchCV")
    },
    **{
        f"sklearn.model_selection.{name}": {"attributes": {"param_grid": [*_PARAMETERS, {"items": _PARAMETERS}]}}
        for name in ("_search.GridSearchCV", "_search_successive_halving.HalvingGridSearchCV")
    },
    **{
        f"sklearn.feature_extraction.text.{name}": {"category": "estimator", "only": {"input": ["'content'"]}}
        for name in ("CountVectorizer", "HashingVectorizer", "TfidfVectorizer")
    },
    "torch.Tensor": {"category": "value"},
    "torch.nn.parameter.Parameter": {"category": "value"},
}
"""Parts of classes that hold what they are given: containers, and PyTorch's weights."""

STATES: dict[str, list[list[Any]]] = {
    "functools.partial": [
        ["function"],
        ["numbers", "labels", "type", {"items": ["numbers", "labels", "type"]}],
        [
            {
                "keys": ["text"],
                "values": ["numbers", "labels", "type", "function", {"items": ["numbers", "labels", "type"]}],
            }
        ],
        [],
    ],
}
