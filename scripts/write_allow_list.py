"""Write ``modelreg/security/allowed_names.json``: the exact names that models may import when they are loaded.

Candidates come from the libraries that are installed: what pickles of their fitted models contain, the classes of
their estimators and of what estimators are made of, NumPy's types and universal functions, and metrics. Each
candidate is reviewed by `objection`: whatever could run code, read a pickle or open a file when it is made, given a
state or called is left out, unless a person has looked at it and `REVIEWED` says why it is harmless.

Names of other releases of the libraries are kept: the file only grows, and its difference is what is to be reviewed.
``--check`` writes nothing, and fails when a name would be added.

Run it with an environment that has all the libraries: ``make allow-list``.
"""

from __future__ import annotations

import ast
import inspect
import io
import json
import pickle
import pkgutil
import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from names_looked_at import CALLED, MENTIONED

from modelreg.security.names import is_dangerous
from modelreg.security.pickle_machine import read_pickle
from modelreg.security.pickle_state import names_in_python_3

ROOT = Path(__file__).parent.parent
FILE = ROOT / "modelreg" / "security" / "allowed_names.json"

Pair = tuple[str, str]

BY_HAND: dict[str, list[str]] = {
    "builtins": [
        "bool",
        "bytearray",
        "bytes",
        "complex",
        "dict",
        "float",
        "frozenset",
        "getattr",  # of a class on this list, a method on this list
        "int",
        "list",
        "object",
        "range",
        "set",
        "slice",
        "str",
        *[f"str.{name}" for name in ("capitalize", "casefold", "lower", "lstrip", "rstrip", "split", "splitlines")],
        *[f"str.{name}" for name in ("strip", "swapcase", "title", "upper")],
        "tuple",
    ],
    "_codecs": ["encode"],  # how protocols 0 to 2 write bytes
    "array": ["array", "_array_reconstructor"],
    "collections": ["Counter", "OrderedDict", "defaultdict", "deque"],
    "copyreg": ["_reconstructor"],
    "datetime": ["date", "datetime", "time", "timedelta", "timezone"],
    "decimal": ["Decimal"],
    "fractions": ["Fraction"],
    "functools": ["partial"],  # of a function that is on this list, too
    "pathlib": ["PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"],
    "pathlib._local": ["PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"],
    "random": ["Random"],
    "re": ["_compile"],
    "numpy": ["memmap"],  # which stands for ndarray when it is loaded
    "uuid": ["SafeUUID", "UUID"],
    "zoneinfo": ["ZoneInfo", "ZoneInfo._unpickle"],
    # tensors, as PyTorch's own weights_only admits them
    "torch": [
        *[
            "BFloat16Storage",
            "BoolStorage",
            "ByteStorage",
            "CharStorage",
            "DoubleStorage",
            "FloatStorage",
            "HalfStorage",
            "IntStorage",
        ],
        *[
            "LongStorage",
            "ShortStorage",
            "Size",
            "bfloat16",
            "bool",
            "device",
            "float16",
            "float32",
            "float64",
            "int16",
            "int32",
            "int64",
            "int8",
        ],
        *["strided", "uint8"],
    ],
    "torch._utils": ["_rebuild_parameter", "_rebuild_sparse_tensor", "_rebuild_tensor", "_rebuild_tensor_v2"],
    "torch.nn.parameter": ["Parameter"],
    "torch.storage": ["TypedStorage", "UntypedStorage"],
}
"""Of Python itself only what a person has looked at, whatever models contain.

Making, calling and filling these runs nothing but themselves.
"""

_VECTORIZER = "with input='filename' it opens files that it is told to transform, and none when it is loaded"
REVIEWED: dict[Pair, str] = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): "it writes with pickle, and reads through our unpickler",
    ("lightgbm.basic", "Booster"): "ctypes is how it calls its own library",
    ("xgboost.core", "Booster"): "ctypes is how it calls its own library",
    ("pandas.core.series", "Series"): "it opens files to write itself out, when it is asked to",
    ("sklearn.feature_extraction.text", "CountVectorizer"): _VECTORIZER,
    ("sklearn.feature_extraction.text", "HashingVectorizer"): _VECTORIZER,
    ("sklearn.feature_extraction.text", "TfidfVectorizer"): _VECTORIZER,
}
"""What `objection` objects to, and why it is harmless all the same."""

LIBRARIES = frozenset({"joblib", "lightgbm", "numpy", "pandas", "pytz", "scipy", "sklearn", "xgboost"})
"""Whose names are taken from what models contain; pytz for times of pandas 2."""

COMPILED = (
    "sklearn._loss._loss",
    "sklearn.linear_model._sgd_fast",
    "sklearn.metrics._dist_metrics",
    "sklearn.neighbors._ball_tree",
    "sklearn.neighbors._kd_tree",
    "sklearn.tree._tree",
)
"""Modules without Python source, whose classes hold numbers, and whose makers of instances make those alone."""

RUNS = frozenset({"exec", "eval", "compile", "__import__", "open", "execfile", "breakpoint", "input"})
REACHES = frozenset(
    {"system", "popen", "Popen", "import_module", "memmap", "fromfile", "tofile", "urlopen", "urlretrieve"}
)
LOADS = frozenset(
    {"pickle", "cPickle", "joblib", "dill", "cloudpickle", "marshal", "subprocess", "ctypes", "os", "shutil"}
)


def main() -> int:
    """Write or check the list."""
    stored = json.loads(FILE.read_text())
    known = stored["names"]
    observed, called = observed_names()
    found = allowed_names(observed)
    added = sorted(pair for pair in found if pair[1] not in known.get(pair[0], ()))
    for module, name in added:
        print(f"+ {module} {name}")
    if "--check" in sys.argv:
        return int(bool(added))
    names = _pairs(known) | found
    calls = (_pairs(stored["called"]) | _pairs(BY_HAND) | _pairs(CALLED) | called) & names
    lists = {"about": __doc__.splitlines()[0], "names": _by_module(names), "called": _by_module(calls)}
    FILE.write_text(json.dumps(lists, indent=1) + "\n")
    return 0


def _pairs(table: dict[str, list[str]]) -> set[Pair]:
    return {(module, name) for module, names in table.items() for name in names}


def _by_module(pairs: set[Pair]) -> dict[str, list[str]]:
    return {module: sorted(name for each, name in pairs if each == module) for module in sorted({m for m, _ in pairs})}


def allowed_names(observed: set[Pair]) -> set[Pair]:
    """Every candidate to which there is no objection, and what was looked at by hand."""
    candidates = dict(_named(candidate_objects()))
    found = _pairs(BY_HAND) | _pairs(CALLED) | _pairs(MENTIONED)
    for pair in sorted(observed | candidates.keys()):
        thing = candidates.get(pair) if pair in candidates else _imported(pair)
        reason = "its name is known" if is_dangerous(*pair) else objection(thing, is_observed=pair in observed)
        if reason is None or pair in REVIEWED:
            found.add(pair)
        elif pair not in found:
            print(f"- {pair[0]} {pair[1]}: {reason}")
    return found | {(before, name) for module, name in found for before in _earlier(module)}


def objection(thing: Any, *, is_observed: bool) -> str | None:
    """Why ``thing`` is not to be called by a pickle; None when nothing speaks against it."""
    import numpy as np

    if isinstance(thing, np.ufunc) or (inspect.isclass(thing) and issubclass(thing, np.generic)):
        return None
    if getattr(thing, "__module__", None) in COMPILED:
        return None
    sources = [thing] if not inspect.isclass(thing) else [each for each in thing.__mro__ if _is_of_library(each)]
    for each in sources:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(each)))
        except (OSError, TypeError):
            if not is_observed:
                return "it has no source, and no model was seen to contain it"
            continue
        reason = next(_suspicious(tree), None)
        if reason:
            return f"{each.__qualname__} uses {reason}"
    return None


def _suspicious(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(name) if name in RUNS:
                    yield name
                case ast.Attribute(_, name) if name in REACHES:
                    yield name
                case ast.Attribute(ast.Name(module), name) if module in LOADS:
                    yield f"{module}.{name}"


class _Calls(pickle._Unpickler):
    """Python's own unpickler, which writes down the names that it calls."""

    dispatch: ClassVar = dict(pickle._Unpickler.dispatch)

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))
        self.names: dict[int, Pair] = {}
        self.called: set[Pair] = set()

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        self.names[id(found)] = names_in_python_3(module, name) if self.proto < 3 else (module, name)
        return found

    def load_reduce(self) -> None:
        maker = self.stack[-2]
        if id(maker) in self.names:
            self.called.add(self.names[id(maker)])
        super().load_reduce()

    dispatch[pickle.REDUCE[0]] = load_reduce


def called_names(data: bytes) -> set[Pair]:
    """What a genuine pickle calls."""
    calls = _Calls(data)
    calls.proto = 0
    calls.load()
    return calls.called


def observed_names() -> tuple[set[Pair], set[Pair]]:
    """The names in pickles of models and of what models are made of; and those of them that are called."""
    sys.path[:0] = [str(ROOT / "tests" / "security"), str(ROOT / "scripts")]
    from genuine_models import genuine_objects

    observed: set[Pair] = {("joblib.numpy_pickle", "NumpyArrayWrapper")}
    called: set[Pair] = set()
    for thing in genuine_objects():
        for protocol in (0, 2, 4, 5):
            try:
                data = pickle.dumps(thing, protocol)
            except (pickle.PicklingError, TypeError, AttributeError):
                continue
            for each in read_pickle(io.BytesIO(data), len(data), 10_000_000).globals:
                if each.module.partition(".")[0] in LIBRARIES and "." not in each.name:
                    observed.add((each.module, each.name))
            called |= called_names(data)
    return observed, called | {(before, name) for module, name in called for before in _earlier(module)}


def candidate_objects() -> Iterator[Any]:
    """Classes and functions that models are made of, whether or not one was seen with them."""
    yield from _of_sklearn()
    yield from _of_numpy()
    for package, classes in (("xgboost.sklearn", "XGBModel"), ("lightgbm.sklearn", "LGBMModel")):
        module = _module(package)
        if module is not None:
            base = getattr(module, classes)
            yield from (each for each in vars(module).values() if inspect.isclass(each) and issubclass(each, base))


def _of_sklearn() -> Iterator[Any]:
    import sklearn.metrics
    import sklearn.metrics.pairwise
    from sklearn import feature_selection
    from sklearn._loss.link import BaseLink
    from sklearn._loss.loss import BaseLoss
    from sklearn.base import BaseEstimator
    from sklearn.gaussian_process.kernels import Hyperparameter, Kernel
    from sklearn.metrics._scorer import _BaseScorer
    from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit
    from sklearn.model_selection._split import _CVIterableWrapper, _RepeatedSplits
    from sklearn.neural_network._stochastic_optimizers import BaseOptimizer
    from sklearn.utils import Bunch

    bases = (BaseEstimator, Kernel, BaseLoss, _BaseScorer, BaseCrossValidator, BaseShuffleSplit, _RepeatedSplits)
    bases += (BaseOptimizer, BaseLink)
    yield from (Hyperparameter, _CVIterableWrapper, Bunch)
    for module in _modules(
        "sklearn", without=("datasets", "externals", "tests", "conftest", "_build_utils", "_testing", "_mocking")
    ):
        own = [each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module.__name__]
        yield from (each for each in own if issubclass(each, bases))
    for module in (sklearn.metrics, sklearn.metrics.pairwise, feature_selection):
        functions = [each for name, each in vars(module).items() if inspect.isfunction(each) and name[0] != "_"]
        yield from (each for each in functions if each.__module__.startswith(module.__name__))
    for name in COMPILED:
        module = import_module(name)
        own = [each for each in vars(module).values() if getattr(each, "__module__", None) == name]
        yield from (
            each for each in own if inspect.isclass(each) or each.__name__.startswith(("newObj", "__pyx_unpickle"))
        )


def _of_numpy() -> Iterator[Any]:
    import numpy as np

    harmless = (
        "amax amin any all argmax argmin clip cumsum diff max mean median min nan_to_num nanmax nanmean nanmedian"
    )
    harmless += (
        " nanmin nanpercentile nanstd nansum nanvar percentile prod ptp quantile ravel reshape round sort squeeze"
    )
    harmless += " std sum transpose unique var"
    yield from (getattr(np, name) for name in harmless.split())
    yield from (each for each in vars(np).values() if isinstance(each, type) and issubclass(each, np.generic))


def _named(things: Iterable[Any]) -> Iterator[tuple[Pair, Any]]:
    for thing in things:
        function = getattr(thing, "__wrapped__", thing) if not inspect.isclass(thing) else thing
        pair = function.__module__, function.__qualname__
        if _imported(pair) is not None:
            yield pair, thing


def _imported(pair: Pair) -> Any:
    module = _module(pair[0])
    found: Any = module
    for part in pair[1].split("."):
        found = getattr(found, part, None)
    return found


def _module(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError:
        return None


def _modules(package: str, without: tuple[str, ...]) -> Iterator[ModuleType]:
    root = import_module(package)
    for found in pkgutil.walk_packages(root.__path__, f"{package}.", onerror=lambda name: None):
        if not set(found.name.split(".")) & set(without):
            module = _module(found.name)
            if module is not None:
                yield module


def _is_of_library(cls: type) -> bool:
    return cls.__module__.partition(".")[0] not in sys.stdlib_module_names


def _earlier(module: str) -> list[str]:
    """NumPy 1 has ``core`` where NumPy 2 has ``_core``, and reads either."""
    return [module.replace("numpy._core", "numpy.core", 1)] if module.startswith("numpy._core") else []


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    raise SystemExit(main())
