"""Names of the policy: what a model may import, and which functions and types it may hold as values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from modelreg.analysis.denied_names import is_dangerous
from scripts.policy.enumerations import METHODS_OF_TABLES
from scripts.policy.observe import Observations, Pair

_FILE = Path(__file__).parents[2] / "modelreg" / "security" / "policy.json"

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
"""Whose names are taken from what models contain: ``_loss`` is what scikit-learn 1.5 to 1.7 call its ``_loss._loss``;
dateutil and pytz are for times of pandas."""
OF_PYTHON = frozenset(
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
"""Classes that models hold as values, of numbers and texts, and constants. ``ndarray`` is none of them: with a
type of objects and a buffer it makes pointers of numbers."""
CONVERSIONS = {
    "builtins": ["bool", "complex", "float", "int", "str"],
    "numpy": [
        *("bool", "bool_", "complex128", "complex64", "double", "float16", "float32", "float64", "int16", "int32"),
        *("int64", "int8", "intc", "intp", "longdouble", "clongdouble", "longlong", "str_", "uint16", "uint32"),
        *("uint64", "uint8", "uintc", "uintp", "ulonglong"),
    ],
}
"""Those of the types that may be called, with arguments that a file chooses: they make a number or text, and nothing
else."""


BY_HAND: dict[str, list[str]] = {
    "joblib.numpy_pickle": ["NumpyArrayWrapper"],
    "numpy": ["memmap"],  # which stands for ndarray when it is loaded
    "random": ["Random"],
    "re": ["_compile"],
    "time": ["struct_time"],
    "types": ["SimpleNamespace"],
    "operator": ["attrgetter", "itemgetter", "methodcaller"],  # with arguments that the policy lists
    "builtins": ["getattr"],  # of a class on this list, a method on this list
    "cloudpickle.cloudpickle": ["_builtin_type"],  # with 'MethodType' alone: the method of an object
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": ["BaseHistGradientBoosting._raw_predict"],
    "torch": ["Size"],
    "torch._utils": ["_rebuild_parameter", "_rebuild_tensor_v2"],
}
"""What only a person can know: names that are read in another way, and tensors, as ``weights_only`` admits them."""


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
"""Functions that were looked at, besides those that ``policy.json`` has already.

skops names the methods of pandas without their class.
"""
NOT_FUNCTIONS: dict[str, list[str]] = {
    # scorers that they make call a method of any name
    "sklearn.metrics._scorer": ["check_scoring", "get_scorer", "get_scorer_names", "make_scorer"],
    # compiled code for one attribute of one class, which believes what it is given
    "sklearn.cluster._kmeans": ["_kmeans_single_lloyd"],
    # array constructors whose indices are not checked
    "scipy.sparse._arrays": [f"{form}_array" for form in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")],
}
"""Functions that are none for any place where a function belongs, with any arguments."""


def functions() -> set[Pair]:
    """The functions that a person has looked at: they compute, and open, write, run and unpickle nothing."""
    written = json.loads(_FILE.read_text())["functions"]
    known = [*written.items(), *FUNCTIONS.items()]
    return {(module, name) for module, found in known for name in found if name not in NOT_FUNCTIONS.get(module, ())}


def types() -> set[Pair]:
    """The types that models may hold as values."""
    return {(module, name) for module, found in TYPES.items() for name in found}


def importable(seen: Observations, estimators: Iterable[str], functions: set[Pair], types: set[Pair]) -> set[Pair]:
    """All names that models may import; estimators also where only a description of a model names them."""
    found = functions | types | {(module, name) for module, names in BY_HAND.items() for name in names}
    found |= _entropies(seen.classes)
    named = {(module, name) for module, _, name in (each.rpartition(".") for each in estimators)}
    for module, name in seen.names | named:
        if is_of_libraries(module):
            if is_dangerous(module, name):
                print(f"- {module} {name} is dangerous")
            else:
                found.add((module, name))
    return found | {(before, name) for module, name in found for before in _earlier(module)}


def _entropies(classes: Iterable[str]) -> set[Pair]:
    """The method that discrete and continuous distributions hold, which cloudpickle names as a function."""
    found = set()
    for module, _, name in (each.rpartition(".") for each in classes):
        if module.startswith("scipy.stats._") and hasattr(
            cls := getattr(import_module(module), name, None), "_entropy"
        ):
            found.add((cls._entropy.__module__, cls._entropy.__qualname__))
    return found


def is_of_libraries(module: str) -> bool:
    """Whether names of this module may be in the policy."""
    return module.partition(".")[0] in LIBRARIES or module in OF_PYTHON


def _earlier(module: str) -> list[str]:
    """NumPy 1 has ``core`` where NumPy 2 has ``_core``, and reads either."""
    return [module.replace("numpy._core", "numpy.core", 1)] if module.startswith("numpy._core") else []
