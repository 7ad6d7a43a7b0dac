"""Stand-ins for what a pickle would make: they say what an object is, and can do nothing.

None, booleans, integers of up to 64 bits, short texts and tuples stand for themselves; everything else is one of the
classes here. They are never compared, hashed or printed as a whole: a hostile pickle can nest them without an end.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A name that unpickling would import: ``sklearn.svm._classes`` and ``SVC``."""

    module: str
    name: str
    dotted: str = field(init=False)
    """``module.name``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dotted", f"{self.module}.{self.name}")  # asked for much more often than it is made

    @property
    def is_name(self) -> bool:
        """Whether it can be the name of anything: bytes of another kind can look like an import."""
        return all(part.isidentifier() for part in (*self.module.split("."), *self.name.split(".")))


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """An object of a built-in class, whose content is not kept."""

    class_name: str


@dataclass(slots=True, eq=False)
class Table:
    """A dictionary, with the entries whose keys are short texts."""

    entries: dict[str, StandIn] = field(default_factory=dict)
    whole: bool = True
    """Whether all its entries are kept."""
    odd: str | None = None
    """A key, as it is shown, that no attribute of a model has; None where there is none."""


@dataclass(slots=True, eq=False)
class Items:
    """A list, with the first of its items."""

    items: list[StandIn] = field(default_factory=list)
    whole: bool = True
    """Whether all its items are kept."""


@dataclass(slots=True, eq=False)
class Made:
    """What a global would return when called, or an instance that it would make as a class."""

    maker: StandIn
    arguments: StandIn
    as_class: bool
    """Whether the pickle itself says that the maker is the class: ``NEWOBJ``, not ``REDUCE``."""
    state: StandIn = None
    state_is_whole: bool = True
    """False when it was given a state more than once, of which the last is kept."""
    is_wrapper: bool = False
    """Whether it is joblib's wrapper of an array."""
    array_type: tuple[int, bool] | None = None
    """Of a NumPy type, once it was looked at: bytes of an element, and whether elements hold objects."""


StandIn = None | bool | int | str | tuple["StandIn", ...] | Global | Plain | Table | Items | Made

_MAKE_THEIR_FIRST_ARGUMENT = frozenset(
    {
        "copyreg._reconstructor",
        "copyreg.__newobj__",
        "copyreg.__newobj_ex__",
        "numpy._core.multiarray._reconstruct",
        "numpy.core.multiarray._reconstruct",
    }
)
_CYTHON_UNPICKLER = "__pyx_unpickle_"
_CYTHON_MAKER = "newObj"  # scikit-learn's trees and metrics
_CLASSES_IN_LOWER_CASE = frozenset(
    {
        "numpy.ndarray",
        "functools.partial",
        "collections.defaultdict",
        "collections.deque",
        "datetime.date",
        "datetime.datetime",
        "datetime.timedelta",
    }
)
_RESULTS = {
    "_codecs.encode": "builtins.bytes",
    "numpy._core.numeric._frombuffer": "numpy.ndarray",
    "numpy.core.numeric._frombuffer": "numpy.ndarray",
    "numpy._core.multiarray.scalar": "numpy.generic",
    "numpy.core.multiarray.scalar": "numpy.generic",
    "torch._utils._rebuild_tensor_v2": "torch.Tensor",
    "torch._utils._rebuild_parameter": "torch.nn.parameter.Parameter",
}


def class_of(value: StandIn) -> str | None:
    """The class of the object that ``value`` stands for, as a dotted name; None where the pickle doesn't tell."""
    match value:
        case Made(maker, _, True):
            return _class_name(maker)
        case Made(Global() as function, arguments):
            return _class_of_result(function, arguments)
        case Plain(class_name):
            return class_name
        case Table():
            return "builtins.dict"
        case Items():
            return "builtins.list"
        case None | bool() | int() | str() | tuple():
            return f"builtins.{type(value).__name__}"
        case _:
            return None


def _class_of_result(function: Global, arguments: StandIn) -> str | None:
    if function.dotted in _RESULTS:
        return _RESULTS[function.dotted]
    if _makes_its_first_argument(function):
        return _class_name(arguments[0]) if isinstance(arguments, tuple) and arguments else None
    return function.dotted if _is_named_like_a_class(function) else None


def _makes_its_first_argument(function: Global) -> bool:
    from_cython = function.name == _CYTHON_MAKER or function.name.startswith(_CYTHON_UNPICKLER)
    return from_cython or function.dotted in _MAKE_THEIR_FIRST_ARGUMENT


def _class_name(value: StandIn) -> str | None:
    match value:
        case Global():
            return value.dotted
        case Made(Global("cloudpickle.cloudpickle", "_make_skeleton_class"), (_, str(name), _, Table(entries), *_)):
            module = entries.get("__module__")
            return f"{module}.{name}" if isinstance(module, str) else name
        case _:
            return None


def _is_named_like_a_class(called: Global) -> bool:
    last = called.name.rpartition(".")[2].lstrip("_")
    return last[:1].isupper() or called.module == "builtins" or called.dotted in _CLASSES_IN_LOWER_CASE
