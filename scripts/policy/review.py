"""Reviewed parts of the policy: decisions of a person, in addition to observations of genuine models."""

from __future__ import annotations

import re
from typing import Any

from scripts.policy.boosting_parameters import CATBOOST, LIGHTGBM
from scripts.policy.enumerations import ATTRIBUTES_OF_DATA, METHODS_OF_DATA, ZONES

CATEGORIES: dict[str, str] = {
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
"""Base class -> the category of its subclasses."""
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
        (r"pandas\.NA|pandas\._libs\.missing\.\w+|pandas\.api\.typing\.(NAType|NaTType)", "value"),
        (
            r"datetime\.\w+|decimal\.Decimal|uuid\.\w+|time\.struct_time|zoneinfo\.\w+(\._unpickle)?|pytz\.\w+|dateutil\.tz\..*",
            "value",
        ),
        (r"builtins\.(slice|complex|range|bytes|bytearray|set|frozenset)", "value"),
        (r"collections\.(OrderedDict|Counter|deque)", "value"),
        (r"numpy\.(matrix|rec\.recarray|recarray)", "value"),
        (r"scipy\.stats\._(continuous|discrete)_distns\.\w+", "distribution"),
        (r"scipy\.stats\._distn_infrastructure\.rv_\w*frozen", "frozen_distribution"),
        (r"pyarrow\.lib\.\w+", "arrow"),
    )
]
"""Pattern of the name of a class -> its category, for classes without a common base class."""

SIMPLE = (
    *("estimator", "value", "frame", "index", "sparse", "random", "splitter", "kernel", "offset"),
    *("numpy.dtype", "extension_dtype", "scorer", "neighbors"),
    *("scipy.optimize._optimize.OptimizeResult", "types.SimpleNamespace"),
)
"""Categories that attributes of a trusted class may hold."""

NOTES = ("estimator", "value", "index", "frame", "sparse")
"""Categories that notes may hold: attributes that a user sets on a model and that its class does not use."""
CLASSES_WITH_NOTES = frozenset({"types.SimpleNamespace"})
"""Classes that may have notes, besides scikit-learn's estimators."""

METHOD_NAMES = frozenset(
    {"stack_method", "stack_method_", "response_method", "_response_method", "chain_method", "chain_method_"}
)
"""Attributes whose strings are called as methods, also in lists."""
EXECUTED_STRINGS = {"importance_getter": "weights", "verbose_feature_names_out": "template"}
"""Attribute whose string is executed, as a path of attributes or a template of ``str.format`` -> its kind."""
NONE_ONLY: dict[str, tuple[str, ...]] = {"memory": ()}
"""Attributes that may hold only None: a folder to which data is pickled, and from which it is unpickled."""
_TEXT = ["text", "labels", "numbers"]
_PARAMETER = [*_TEXT, {"items": _TEXT}, {"keys": _TEXT, "values": ["text"]}]

_DATES = [{"items": ["value", "bytes", {"items": ["value", "bytes"]}]}]
_COLUMNS = ["labels", "frame", "index", {"items": ["labels", "frame", "index", {"items": ["labels", "frame"]}]}]
ADDITIONAL_KINDS: dict[str, list[Any]] = {
    "analyzer": ["builtins.getattr"],
    "tokenizer": ["builtins.getattr"],
    "preprocessor": ["builtins.getattr"],
    "categories": [{"items": ["index", "frame", "extension", "labels", {"items": ["value", "bytes"]}]}],
    "categories_": _DATES,
    "classes_": _DATES,
    "class_weight": [
        *(f"collections.{name}" for name in ("Counter", "OrderedDict", "defaultdict")),
        *({"keys": ["text", "labels"], "values": []}, {"items": [{"keys": ["labels"], "values": []}]}),
    ],
    "connectivity": ["function", "functools.partial"],
    "eval_metric": ["function", {"items": ["function"]}],
    "kernel": ["kernel"],
    "missing_values": ["value", "@pandas.NA"],
    "_columns": _COLUMNS,
    "thresholds": ["numbers"],
    "_thresholds": ["numbers"],
    "transformers": [{"items": [{"items": _COLUMNS}]}],
    "transformers_": [{"items": [{"items": _COLUMNS}]}],
    "vocabulary": ["index", "frame", "value"],
}
"""Attribute -> kinds that it may hold in addition, in any estimator or scorer."""
CATEGORY_ATTRIBUTES: dict[str, dict[str, list[Any]]] = {
    **{
        category: {"_metadata_request": ["sklearn.utils._metadata_requests.MetadataRequest"]}
        for category in ("estimator", "scorer")
    },
    "splitter": {
        "_metadata_request": ["sklearn.utils._metadata_requests.MetadataRequest"],
        "random_state": ["random"],
    },
    "sparse": {"_has_canonical_format": [], "_has_sorted_indices": []},
}
"""Category -> attributes that every class of it may have."""
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
        *(
            "owner",
            "metric_name",
            "data_name",
            "_latest",
            "_symbol",
            "symbol",
            "_variable",
            "_train_data_name",
            "eval_metric",
            "aggfunc",
        ),
    }
)
"""Attributes that may hold any string, because it is only displayed, compared or searched for."""

ANY_TEXT_LIBRARIES = ("catboost.", "lightgbm.", "xgboost.")
"""Libraries whose parameters may be any string, because they go to compiled code."""

ERRORS = ("ValueError", "KeyError", "TypeError", "RuntimeError")
PATHS = ("PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath")
"""Classes of paths, which may be saved beside a model, but in no attribute of a model."""
_VECTORIZERS = [f"sklearn.feature_extraction.text.{name}" for name in ("CountVectorizer", "TfidfVectorizer")]
_TABLE = ["@pandas.DataFrame", "@pandas.core.frame.DataFrame"]
_FUNCTIONS = ["function", "builtins.getattr", *_TABLE]
_CELL = [
    *("text", "labels", "numbers", "value", "estimator", "kernel", "splitter", "random", "frame", "function"),
    *("bytes", "extension_dtype", "numpy.dtype", "type"),
    {"keys": ["text", "labels", "numbers"], "values": ["text", "labels", "numbers", "estimator"]},
]
_BLOCK = [
    *("extension", "numbers", "labels", "objects"),
    {"items": [*_CELL, {"items": _CELL}, {"keys": ["text"], "values": [*_CELL, {"items": _CELL}]}]},
]
_WEEKS = [[], [], ["text", "numbers"], ["numbers"], []]
_HOURS = ["value", {"items": ["value"]}]
_PLAIN = ["text", "numbers", "no objects", "type"]
_VALUES = [*_PLAIN, {"items": _PLAIN}]
_DICTIONARY = {"keys": ["text"], "values": [*_VALUES, "extension_dtype", {"keys": ["text"], "values": _VALUES}]}
_ARGUMENT = [*_PLAIN, "extension_dtype", {"items": [*_VALUES, "extension_dtype"]}, _DICTIONARY]
"""Arguments for functions in a model: numbers, strings and types, but no array of objects, which it could change."""
_ITEM = ["text", "numbers", "no objects", "builtins.slice"]
CALLS: dict[str, list[list[Any]]] = {
    "builtins.getattr": [
        ["distribution", "re._compile", *_VECTORIZERS],
        [f"'{name}'" for name in ("_entropy", "_word_ngrams", "decode", "findall", "split", "sub")],
    ],
    "re._compile": [["text"], []],
    "types.SimpleNamespace": [],
    "time.struct_time": [["numbers"], [{"keys": ["text"], "values": ["text"]}]],
    "random.Random": [],
    "pytz._p": [ZONES, [], [], ["text"]],
    "pyarrow.lib.type_for_alias": [["text"]],
    "pyarrow.lib.timestamp": [["'s'", "'ms'", "'us'", "'ns'"], ["text"]],
    **{
        f"pandas._libs.tslibs.offsets.CustomBusiness{name}": [*_WEEKS, ["value"]]
        for name in ("Day", "MonthBegin", "MonthEnd")
    },
    "pandas._libs.tslibs.offsets.CustomBusinessHour": [*_WEEKS, _HOURS, _HOURS, ["value"]],
    "torch._utils._rebuild_tensor_v2": [["storage"], [], ["numbers"], ["numbers"], [], ["value"], ["value"]],
    "torch._utils._rebuild_parameter": [["torch.Tensor"], [], ["value"]],
    "torch.Size": [["numbers"]],
    "functools.partial": [_FUNCTIONS],
    "_codecs.encode": [["text"], ["'latin1'"]],
    "operator.attrgetter": [[f"'{name}'" for name in ATTRIBUTES_OF_DATA]],
    "operator.methodcaller": [[f"'{name}'" for name in METHODS_OF_DATA], *[_ARGUMENT] * 3],
    "operator.itemgetter": [[*_ITEM, {"items": [*_ITEM, {"items": _ITEM}]}]] * 6,
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
    **{f"pandas.{module}PeriodDtype": [["text"]] for module in ("", "core.dtypes.dtypes.")},
    "pandas._libs.internals._unpickle_block": [
        _BLOCK,
        ["value", "numbers"],
        [],
    ],
    **{
        f"pandas.{name}": [["numbers", "value"], ["numbers", "value"], ["'left'", "'right'", "'both'", "'neither'"]]
        for name in ("Interval", "_libs.interval.Interval")
    },
    "collections.defaultdict": [
        [
            *("type", "@builtins.dict", "@builtins.list", "@builtins.set", "@builtins.tuple"),
            *("@collections.OrderedDict", "@sklearn.preprocessing._label.LabelEncoder"),
            *("@sklearn.preprocessing._data.StandardScaler", "@sklearn.preprocessing._data.MinMaxScaler"),
            "@sklearn.preprocessing._encoders.OrdinalEncoder",
        ]
    ],
}
"""Callable -> the kinds of its arguments by position, where the observations are too few."""

_HELD = [
    "collections.defaultdict",
    "estimator",
    "value",
    "frame",
    "index",
    "sparse",
    "random",
    "torch.Tensor",
    "torch.nn.parameter.Parameter",
]
_STEPS = [{"items": ["text", "labels", "estimator", "sklearn.compose._column_transformer.make_column_selector"]}]
_ONE_TRIED = [
    *("text", "labels", "numbers", "value", "estimator", "function", "functools.partial", "kernel", "splitter"),
    *("random", "type", {"keys": ["text", "labels"], "values": ["text", "labels", "numbers"]}),
]
_TRIED = ["labels", "numbers", "value", "frozen_distribution", {"items": [*_ONE_TRIED, {"items": _STEPS}]}]
_ONE_FOUND = {"keys": ["text"], "values": [*_ONE_TRIED, {"items": _STEPS}]}
_FOUND = [{"keys": ["text"], "values": [*_ONE_TRIED, {"items": [*_ONE_TRIED, *_STEPS, {"items": _STEPS}, _ONE_FOUND]}]}]
_PARAMETERS = [{"keys": ["text"], "values": _TRIED}]
_IN_MAPPINGS = [
    *("text", "labels", "numbers", "bytes", *_HELD),
    {"items": _HELD},
    {"keys": ["text", "labels"], "values": ["text", "labels", *_HELD]},
]
_MAPPING = [{"keys": ["text", "labels", "value"], "values": _IN_MAPPINGS}]
_SELECTED = ["text", "type", "extension_dtype", "@builtins.object", "@pandas.CategoricalDtype", "@numpy.object_"]
PAIRWISE = ("additive_chi2", "chi2", "cosine", "laplacian", "linear", "poly", "polynomial", "rbf", "sigmoid")
_INDEXES = ["@pandas.Index", "@pandas.core.indexes.base.Index"]
_OF_TEXT = {"keys": ["text"], "values": ["text", "labels"]}
_FEATURES = {"keys": ["text"], "values": [{"items": [_OF_TEXT]}]}
_PARTS = ("years", "months", "weeks", "days", "hours", "minutes", "seconds", "microseconds", "nanoseconds")
CLASSES: dict[str, dict[str, Any]] = {
    "sklearn.preprocessing._function_transformer.FunctionTransformer": {
        "attributes": {"func": ["@scipy.sparse._csr.csr_array"]}
    },
    "pandas.core.internals.managers.SingleBlockManager": {
        "state": [
            *([], [{"items": _BLOCK}], []),
            [
                {
                    "keys": ["text"],
                    "values": [{"keys": ["text"], "values": [{"items": [{"keys": ["text"], "values": _BLOCK}]}]}],
                }
            ],
        ]
    },
    **{
        f"pandas.{module}DateOffset": {
            "attributes": {
                **{name.rstrip("s"): [] for name in _PARTS},
                **{name: [] for name in _PARTS},
                "weekday": ["dateutil._common.weekday"],
                "_offset": ["value", "dateutil.relativedelta.relativedelta"],
            }
        }
        for module in ("", "_libs.tslibs.offsets.")
    },
    "dateutil.relativedelta.relativedelta": {"attributes": {"weekday": ["dateutil._common.weekday"]}},
    **{
        f"pandas.{module}ArrowDtype": {
            "attributes": {"_cache": [{"keys": ["text"], "values": ["numpy.dtype", "text", "type", *_INDEXES]}]}
        }
        for module in ("", "core.dtypes.dtypes.")
    },
    "operator.methodcaller": {"keywords": [{"keys": ["keyword"], "values": _ARGUMENT}]},
    "random.Random": {"state": [[], ["numbers"], []]},
    "sklearn.utils._bunch.Bunch": {
        "attributes": {"_deprecated_key_to_warnings": [{"keys": ["text"], "values": ["text"]}]},
    },
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
            "attributes": {
                parameters: [*_PARAMETERS, {"items": _PARAMETERS}],
                "best_params_": _FOUND,
                "cv_results_": _FOUND,
            }
        }
        for name, parameters in (
            ("_search.RandomizedSearchCV", "param_distributions"),
            ("_search_successive_halving.HalvingRandomSearchCV", "param_distributions"),
            ("_search.GridSearchCV", "param_grid"),
            ("_search_successive_halving.HalvingGridSearchCV", "param_grid"),
        )
    },
    **{
        f"lightgbm.sklearn.LGBM{name}": {"attributes": dict.fromkeys(LIGHTGBM, _PARAMETER) | {"callbacks": []}}
        for name in ("Classifier", "Ranker", "Regressor")
    },
    "lightgbm.basic._InnerPredictor": {
        "attributes": {"pred_parameter": ["text"], "pandas_categorical": [{"items": ["numbers", "labels"]}]},
        "without": ("_handle",),  # an address in memory, which the destructor frees
    },
    **{
        f"catboost.core.CatBoost{name}": {
            "attributes": dict.fromkeys(CATBOOST, _PARAMETER)
            | {name: [{"items": [_OF_TEXT]}] for name in ("tokenizers", "dictionaries")}
            | {"text_processing": [{"keys": ["text"], "values": [*_PARAMETER, {"items": [_OF_TEXT]}, _FEATURES]}]}
        }
        for name in ("", "Classifier", "Ranker", "Regressor")
    },
    **{
        f"xgboost.sklearn.XGB{name}": {
            "attributes": {"kwargs": [{"keys": ["text"], "values": _PARAMETER}], "base_score": ["text", "numbers"]}
        }
        for name in ("Classifier", "Ranker", "Regressor", "RFClassifier", "RFRegressor")
    },
    "sklearn.cluster._bisect_k_means.BisectingKMeans": {
        "only": {"_kmeans_single": [f"@sklearn.cluster._kmeans._kmeans_single_{name}" for name in ("elkan", "lloyd")]}
    },
    "sklearn.cluster._birch.Birch": {"attributes": {"n_clusters": ["estimator"]}},
    "sklearn.compose._column_transformer.make_column_selector": {
        "attributes": {name: [*_SELECTED, {"items": _SELECTED}] for name in ("dtype_include", "dtype_exclude")}
    },
    "sklearn.gaussian_process.kernels.PairwiseKernel": {
        "attributes": {
            "metric": [f"'{name}'" for name in PAIRWISE],
            "pairwise_kernels_kwargs": [{"keys": ["text"], "values": ["text", "numbers"]}],
        }
    },
    "sklearn.model_selection._search.ParameterSampler": {
        "attributes": {"param_distributions": [{"items": _PARAMETERS}]}
    },
    **{
        f"sklearn.metrics._scorer.{name}": {
            "attributes": {"_kwargs": [{"keys": ["text"], "values": ["text", "labels", "numbers"]}]}
        }
        for name in ("_Scorer", "_PredictScorer", "_ProbaScorer", "_ThresholdScorer")
    },
    **{
        f"sklearn.feature_extraction.text.{name}": {"category": "estimator", "only": {"input": ["'content'"]}}
        for name in ("CountVectorizer", "HashingVectorizer", "TfidfVectorizer")
    },
    "torch.Tensor": {"category": "value"},
    "torch.nn.parameter.Parameter": {"category": "value"},
}
"""Class -> kinds of its parts, for classes that hold any data, such as containers and PyTorch's weights."""

ARGUMENTS: dict[str, list[Any]] = {
    attribute: [{"keys": ["keyword"], "values": _ARGUMENT}]
    for attribute in (
        *("_kwargs", "_metric_params", "effective_metric_params_", "fun_args", "inv_kw_args", "kernel_params"),
        *("kw_args", "metric_params", "pairwise_kernels_kwargs"),
    )
}
"""Attribute that holds arguments of a function, in any class -> its only kinds."""
PARAMETERS = frozenset({"_other_params", "estimator_params", "param_distributions", "param_grid"})
"""Attributes that hold names of parameters, which are set when the model is fitted again."""
CALLED_ATTRIBUTES = frozenset({"analyzer", "func", "inverse_func", "preprocessor", "tokenizer"})
"""Attributes whose value is called with data. Types are restricted to those that create numbers and strings."""
OBJECT_ARRAYS = frozenset(
    {
        *("cv_results_", "estimators_", "l1_ratios", "l1_ratios_", "param_distributions", "param_grid"),
    }
)
"""Attributes that may be arrays of objects, or dictionaries and lists of such arrays."""
TABLES = ("pandas.arrays.", "pandas.core.arrays.", "pandas.core.internals.managers.")
"""Classes whose state holds columns of tables, which may be arrays of objects."""
SLOTS = frozenset(
    {
        *("dateutil._common.weekday", "numpy.random._pickle.__bit_generator_ctor"),
        *(f"sklearn.utils._tags.{name}" for name in ("ClassifierTags", "InputTags", "RegressorTags", "Tags")),
        *(f"sklearn.utils._tags.{name}" for name in ("TargetTags", "TransformerTags")),
        *(f"scipy.interpolate._cubic.{name}" for name in ("Akima1DInterpolator", "CubicSpline", "PchipInterpolator")),
        *(f"scipy.interpolate._interpolate.{name}" for name in ("BPoly", "PPoly", "interp1d")),
        *(f"scipy.interpolate._polyint.{name}" for name in ("BarycentricInterpolator", "KroghInterpolator")),
    }
)
"""Classes whose state may be a pair: the attributes, and those in slots or the seeding."""

STATES: dict[str, list[list[Any]]] = {
    "functools.partial": [
        _FUNCTIONS,
        [*_ARGUMENT, {"items": _ARGUMENT}],
        [
            {
                "keys": ["keyword"],
                "values": ["function", "functools.partial", "builtins.getattr", "builtins.frozenset", *_ARGUMENT],
            }
        ],
        [],
    ],
    "sklearn.metrics._dist_metrics.PyFuncDistance64": [
        [],
        ["numbers"],
        ["numbers"],
        ["function", "functools.partial"],
        [{"keys": ["keyword"], "values": _ARGUMENT}],
    ],
}
"""Class -> the kinds of the parts of its state, where the observations are too few."""
