"""The names in the policy: names that a model may import, and functions and types that it may hold as values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from modelreg.analysis.denied_names import is_dangerous
from scripts.policy.enumerations import METHODS_OF_TABLES
from scripts.policy.observe import Observations, Pair

_FILE = Path(__file__).parents[2] / "modelreg" / "analysis" / "policy.json"

LIBRARIES = frozenset(
    {
        "_loss",
        "catboost",
        "dateutil",
        "joblib",
        "lightgbm",
        "numpy",
        "pandas",
        "pyarrow",
        "pytz",
        "scipy",
        "sklearn",
        "xgboost",
    }
)
"""Libraries whose names in genuine models are added to the policy. ``_loss`` is the name of ``sklearn._loss._loss`` in
pickles of scikit-learn 1.5 to 1.7; pandas uses dateutil and pytz for times."""
PYTHON_MODULES = frozenset(
    {
        *("_codecs", "array", "builtins", "collections", "copyreg", "datetime", "decimal", "functools", "math"),
        *("operator", "pathlib", "pathlib._local", "uuid", "zoneinfo"),
    }
)
TYPES = {
    "builtins": ["Ellipsis", "NotImplemented", "bool", "bytes", "complex", "float", "int", "object", "str"],
    "numpy": [
        *(
            "bool",
            "bool_",
            "bytes_",
            "complex128",
            "complex64",
            "datetime64",
            "double",
            "float16",
            "float32",
            "float64",
        ),
        *(
            "int16",
            "int32",
            "int64",
            "int8",
            "intc",
            "intp",
            "longdouble",
            "clongdouble",
            "longlong",
            "number",
            "object_",
        ),
        *("str_", "timedelta64", "uint16", "uint32", "uint64", "uint8", "uintc", "uintp", "ulonglong"),
        *("void", "generic", "integer", "floating", "inexact", "complexfloating", "signedinteger", "unsignedinteger"),
        *("character", "flexible"),
    ],
    "pandas": ["NA", "NaT"],
    "pandas._libs.missing": ["NA"],
    "torch": [
        *(
            "BFloat16Storage",
            "BoolStorage",
            "ByteStorage",
            "CharStorage",
            "DoubleStorage",
            "FloatStorage",
            "HalfStorage",
        ),
        *("IntStorage", "LongStorage", "ShortStorage", "bfloat16", "bool", "float16", "float32", "float64", "int16"),
        *("int32", "int64", "int8", "strided", "uint8"),
    ],
    "torch.storage": ["TypedStorage", "UntypedStorage"],
}
"""Number and string types and constants that models hold as values.

``ndarray`` is excluded: called with a dtype of objects and a buffer, it turns numbers into pointers.
"""
CONVERSIONS = {
    "builtins": ["bool", "complex", "float", "int", "str"],
    "numpy": [
        *("bool", "bool_", "complex128", "complex64", "double", "float16", "float32", "float64", "int16", "int32"),
        *("int64", "int8", "intc", "intp", "longdouble", "clongdouble", "longlong", "str_", "uint16", "uint32"),
        *("uint64", "uint8", "uintc", "uintp", "ulonglong"),
    ],
}
"""The subset of `TYPES` that may be called with arguments from a file: they only create a number or string."""


REVIEWED_NAMES: dict[str, list[str]] = {
    "joblib.numpy_pickle": ["NumpyArrayWrapper"],
    "numpy": ["memmap"],  # loaded as ndarray
    "random": ["Random"],
    "re": ["_compile"],
    "time": ["struct_time"],
    "types": ["SimpleNamespace"],
    "operator": ["attrgetter", "itemgetter", "methodcaller"],  # only with arguments in the policy
    "builtins": ["getattr"],  # only for classes and methods in the policy
    "cloudpickle.cloudpickle": ["_builtin_type"],  # only with 'MethodType', for a bound method
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": ["BaseHistGradientBoosting._raw_predict"],
    "torch": ["Size"],
    "torch._utils": ["_rebuild_parameter", "_rebuild_tensor_v2"],
}
"""Names that a person has reviewed: names that loading treats specially, and tensors, as in ``weights_only``."""


FUNCTIONS: dict[str, list[str]] = {
    "_operator": ["add", "mul", "neg", "sub", "truediv"],
    "builtins": ["str.replace"],
    "math": ["dist"],
    "numpy": ["einsum", "pad", "unravel_index"],
    **{f"numpy.{module}": ["lower", "strip", "upper"] for module in ("char", "_core.strings", "strings")},
    **{f"numpy.lib.{module}": ["logn"] for module in ("scimath", "_scimath_impl")},
    "re": ["findall", "split", "sub"],
    "scipy._lib._sparse": ["issparse"],
    "scipy.ndimage._filters": ["gaussian_filter"],
    "scipy.signal._savitzky_golay": ["savgol_filter"],
    "scipy.signal._signaltools": ["detrend", "medfilt"],
    "scipy.sparse._base": ["issparse"],
    "scipy.stats._morestats": ["boxcox", "boxcox_normmax", "yeojohnson"],
    "scipy.stats._mstats_basic": ["winsorize"],
    "scipy.stats._stats_py": ["kendalltau", "pearsonr", "rankdata", "spearmanr", "zscore", "gmean", "hmean", "iqr"],
    "sklearn.feature_extraction.text": ["_analyze", "_preprocess"],
    "sklearn.neighbors._graph": ["kneighbors_graph", "radius_neighbors_graph"],
    "pandas": ["melt", *(f"{cls}.{name}" for cls in ("DataFrame", "Series") for name in METHODS_OF_TABLES)],
    "pandas.core.reshape.melt": ["melt"],
    "pandas.core.base": [f"IndexOpsMixin.{name}" for name in METHODS_OF_TABLES],
    "pandas.core.frame": [f"{cls}{name}" for cls in ("DataFrame.", "") for name in METHODS_OF_TABLES],
    "pandas.core.generic": [f"{cls}{name}" for cls in ("NDFrame.", "") for name in METHODS_OF_TABLES],
    "pandas.core.series": [f"{cls}{name}" for cls in ("Series.", "") for name in METHODS_OF_TABLES],
}
"""Functions that a person has reviewed, in addition to those in ``policy.json``.

skops writes methods of pandas without their class.
"""
EXCLUDED_FUNCTIONS: dict[str, list[str]] = {
    # these create scorers that call a method of any name
    "sklearn.metrics._scorer": ["check_scoring", "get_scorer", "get_scorer_names", "make_scorer"],
    # compiled code that does not check its arguments; allowed for one attribute of one class only
    "sklearn.cluster._kmeans": ["_kmeans_single_lloyd"],
    # constructors of arrays that do not check indices
    "scipy.sparse._arrays": [f"{form}_array" for form in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")],
}
"""Functions that may not be held where any function is allowed."""


def functions() -> set[Pair]:
    """The reviewed functions: they only compute, and open, write, run and unpickle nothing."""
    stored = json.loads(_FILE.read_text())["functions"]
    return {
        (module, name)
        for module, names in (*stored.items(), *FUNCTIONS.items())
        for name in names
        if name not in EXCLUDED_FUNCTIONS.get(module, ())
    }


def types() -> set[Pair]:
    """The types that models may hold as values."""
    return {(module, name) for module, names in TYPES.items() for name in names}


def importable_names(
    observations: Observations, estimators: Iterable[str], functions: set[Pair], types: set[Pair]
) -> set[Pair]:
    """All names that models may import. Estimators are included even if no genuine model has them."""
    result = functions | types | {(module, name) for module, names in REVIEWED_NAMES.items() for name in names}
    result |= _entropy_methods(observations.classes)
    described = {(module, name) for module, _, name in (estimator.rpartition(".") for estimator in estimators)}
    for module, name in observations.names | described:
        if is_library_module(module):
            if is_dangerous(module, name):
                print(f"- {module} {name} is dangerous")
            else:
                result.add((module, name))
    return result | {(earlier, name) for module, name in result for earlier in _numpy_1_names(module)}


def _entropy_methods(classes: Iterable[str]) -> set[Pair]:
    """The methods ``_entropy`` of SciPy's distributions, which cloudpickle names as functions."""
    methods = set()
    for module, _, name in (dotted.rpartition(".") for dotted in classes):
        if module.startswith("scipy.stats._") and hasattr(
            cls := getattr(import_module(module), name, None), "_entropy"
        ):
            methods.add((cls._entropy.__module__, cls._entropy.__qualname__))
    return methods


def is_library_module(module: str) -> bool:
    """Whether names of this module may be in the policy."""
    return module.partition(".")[0] in LIBRARIES or module in PYTHON_MODULES


def _numpy_1_names(module: str) -> list[str]:
    """The module in NumPy 1, which has ``core`` for ``_core``. NumPy 2 reads both."""
    return [module.replace("numpy._core", "numpy.core", 1)] if module.startswith("numpy._core") else []
