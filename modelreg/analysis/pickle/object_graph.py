"""The object graph of a model file: the objects that loading would create, as passive nodes.

None, booleans, numbers, short texts, short bytes, tuples, lists and dictionaries represent themselves. All other
objects are instances of the classes in this module. The readers of all formats build this graph, and
`modelreg.analysis.judge` checks it against the policy.

A list, dictionary, set or object appears once in the graph. Further uses of it are a `Reference`, so all cycles go
through references. Tuples can be shared many times, so code that walks the graph must remember visited nodes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

TIME_ZONE_FILE = "dateutil/"
"""Prefix of pandas' names for time zones that dateutil reads from a file, which can be any file."""


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A class or function that loading would import: ``sklearn.svm._classes`` and ``SVC``."""

    module: str
    name: str
    dotted: str = field(init=False)
    """``module.name``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dotted", f"{self.module}.{self.name}")  # read far more often than set

    @property
    def has_valid_module(self) -> bool:
        """Whether the module name is valid. Bytes that are not a pickle can look like an import."""
        return all(part.isidentifier() for part in self.module.split("."))


@dataclass(frozen=True, slots=True, eq=False)
class OmittedValue:
    """A long text, a long byte string or a large integer, whose content is not kept."""

    type_name: str
    """``str``, ``bytes``, ``bytearray`` or ``int``."""
    length: int
    """Size in the file, in bytes."""
    names_file: bool = False
    """Whether it is a text that contains `TIME_ZONE_FILE`."""
    digest: bytes = b""
    """Of a text: the SHA-256 of its bytes, to tell apart texts of the same length."""


@dataclass(slots=True, eq=False)
class SetOf:
    """A set or frozen set."""

    items: list[Node]
    is_frozen: bool


class NoState:
    """The state of an object whose state was never set."""


ABSENT = NoState()


@dataclass(slots=True, eq=False)
class Object:
    """The result of a call, or an instance of a class."""

    constructor: Node
    arguments: Node
    is_new: bool
    """Whether ``constructor`` is the class and ``__new__`` creates the object, instead of a call of ``constructor``."""
    keywords: Node = None
    """A dictionary of keyword arguments."""
    items: list[Node] | None = None
    """Values that are appended to the object."""
    entries: dict[Node, Node] | None = None
    """Values that are set as items of the object, by key."""
    state: Node = ABSENT
    dtype: object = None
    """The parsed `modelreg.analysis.formats.arrays.DType`, if this is a valid NumPy dtype."""


@dataclass(slots=True, eq=False)
class Array:
    """A NumPy array whose elements are stored as raw bytes or as a separate pickle."""

    class_name: str
    dtype: Node
    elements: Node = None
    """The array in the separate pickle; None if the elements are raw bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """Another use of a list, dictionary, set or object that is already in the graph."""

    target: list[Node] | dict[Node, Node] | SetOf | Object


@dataclass(frozen=True, slots=True, eq=False)
class Persistent:
    """A persistent id: a reference to an object outside of the pickle, such as a PyTorch storage."""

    id: Node


Node = (
    None
    | bool
    | int
    | float
    | str
    | bytes
    | tuple["Node", ...]
    | list["Node"]
    | dict["Node", "Node"]
    | Global
    | OmittedValue
    | SetOf
    | Object
    | Array
    | Reference
    | Persistent
    | NoState
)

RECONSTRUCTOR = "copyreg._reconstructor"

_INSTANTIATE_FIRST_ARGUMENT = frozenset(
    {
        RECONSTRUCTOR,
        "copyreg.__newobj__",
        "copyreg.__newobj_ex__",
        "numpy._core.multiarray._reconstruct",
        "numpy.core.multiarray._reconstruct",
        "numpy.ma.core._mareconstruct",
        "pandas.core.indexes.base._new_Index",
        "pandas.core.indexes.datetimes._new_DatetimeIndex",
    }
)
_CYTHON_UNPICKLER_PREFIX = "__pyx_unpickle_"
_CYTHON_CONSTRUCTOR = "newObj"  # scikit-learn's trees and metrics
_LOWERCASE_CLASSES = frozenset(
    {
        "numpy.dtype",
        "numpy.ndarray",
        "functools.partial",
        "collections.defaultdict",
        "collections.deque",
        "datetime.date",
        "datetime.datetime",
        "datetime.time",
        "datetime.timedelta",
        "datetime.timezone",
        "operator.attrgetter",
        "operator.itemgetter",
        "operator.methodcaller",
    }
)
_RESULT_CLASSES = {
    "_codecs.encode": "builtins.bytes",
    "numpy._core.numeric._frombuffer": "numpy.ndarray",
    "numpy.core.numeric._frombuffer": "numpy.ndarray",
    "numpy._core.multiarray.scalar": "numpy.generic",
    "numpy.core.multiarray.scalar": "numpy.generic",
    "numpy.random._pickle.__generator_ctor": "numpy.random._generator.Generator",
    "numpy.random._pickle.__randomstate_ctor": "numpy.random.mtrand.RandomState",
    "torch._utils._rebuild_tensor_v2": "torch.Tensor",
    "torch._utils._rebuild_parameter": "torch.nn.parameter.Parameter",
}


def resolved(node: Node) -> Node:
    """The node itself, or the target of a reference."""
    return node.target if type(node) is Reference else node


def class_of(node: Node) -> str | None:
    """The dotted name of the class of the object that ``node`` represents; None if the file does not determine it."""
    node = resolved(node)
    match node:
        case Object(constructor, _, True):
            return _class_name(constructor)
        case Object(Global() as function, arguments):
            return _class_of_result(function, arguments)
        case OmittedValue(type_name):
            return f"builtins.{type_name}"
        case SetOf():
            return "builtins.frozenset" if node.is_frozen else "builtins.set"
        case Array(class_name):
            return class_name
        case None | bool() | int() | float() | str() | bytes() | tuple() | list() | dict():
            return f"builtins.{type(node).__name__}"
        case _:
            return None


def class_to_make(node: Object) -> Global | None:
    """The class that `RECONSTRUCTOR`, Python's generic constructor, is called with; None for other objects."""
    match resolved(node.constructor), node.arguments:
        case Global() as function, (argument, *_) if function.dotted == RECONSTRUCTOR:
            cls = resolved(argument)
            return cls if isinstance(cls, Global) else None
    return None


def call_by_name(node: Object) -> Object | None:
    """The call with keyword arguments that a call of a ``functools.partial`` stands for; None for other objects.

    ``operator.methodcaller`` is pickled that way.
    """
    partial = resolved(node.constructor)
    if not isinstance(partial, Object) or partial.state is ABSENT or node.arguments != ():
        return None
    match resolved(partial.constructor), partial.arguments, resolved(partial.state):
        case (
            Global("functools", "partial"),
            (Global() as first,),
            (Global() as function, tuple() as arguments, dict() as keywords, None),
        ) if first.dotted == function.dotted and not (partial.keywords or partial.items or partial.entries):
            return Object(function, arguments, False, keywords, node.items, node.entries, node.state)
    return None


def instantiates_first_argument(function: Global) -> bool:
    """Whether the function returns an instance of the class in its first argument."""
    from_cython = function.name == _CYTHON_CONSTRUCTOR or function.name.startswith(_CYTHON_UNPICKLER_PREFIX)
    return from_cython or function.dotted in _INSTANTIATE_FIRST_ARGUMENT


def parts_of(node: Node) -> Iterator[Node]:
    """The direct children of ``node``; none for a reference."""
    match node:
        case tuple() | list():
            yield from node
        case dict():
            yield from node
            yield from node.values()
        case SetOf(items):
            yield from items
        case Object():
            yield from (node.constructor, node.arguments, node.keywords)
            yield from node.items or ()
            for key, value in (node.entries or {}).items():
                yield from (key, value)
            if node.state is not ABSENT:
                yield node.state
        case Array():
            yield from (node.dtype, node.elements)
        case Persistent():
            yield node.id


def _class_of_result(function: Global, arguments: Node) -> str | None:
    if function.dotted in _RESULT_CLASSES:
        return _RESULT_CLASSES[function.dotted]
    if instantiates_first_argument(function):
        return _class_name(arguments[0]) if isinstance(arguments, tuple) and arguments else None
    name = function.name.rpartition(".")[2].lstrip("_")
    is_class = name[:1].isupper() or function.module == "builtins" or function.dotted in _LOWERCASE_CLASSES
    return function.dotted if is_class else None


def _class_name(value: Node) -> str | None:
    match resolved(value):
        case Global() as cls:
            return cls.dotted
        case Object(Global("cloudpickle.cloudpickle", "_make_skeleton_class"), (_, str(name), _, entries, *_)):
            entries = resolved(entries)
            module = entries.get("__module__") if isinstance(entries, dict) else None
            return f"{module}.{name}" if isinstance(module, str) else name
        case _:
            return None
