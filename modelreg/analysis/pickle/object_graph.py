"""The object graph of a model file: what loading would build, as nodes that can do nothing.

None, booleans, numbers, short texts, short bytes and tuples stand for themselves, and so do lists and dictionaries.
Everything else is one of the classes here. Readers of every format build this graph, and `modelreg.analysis.judge`
judges it. A list, dictionary, set or object stands in one place of the graph; wherever it is used again, there is a
`Reference`. So the graph has no cycle but through references, and whoever walks it keeps count of what was visited:
tuples within tuples can be shared many times over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

TIME_ZONE_FILE = "dateutil/"
"""With which pandas begins the name of a time zone that dateutil reads from a file, wherever that lies."""


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A class or function that loading would import: ``sklearn.svm._classes`` and ``SVC``."""

    module: str
    name: str
    dotted: str = field(init=False)
    """``module.name``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dotted", f"{self.module}.{self.name}")  # asked for much more often than it is made

    @property
    def is_of_module(self) -> bool:
        """Whether its module can be one: bytes of another kind can look like an import."""
        return all(part.isidentifier() for part in self.module.split("."))


@dataclass(frozen=True, slots=True, eq=False)
class OmittedValue:
    """A long text or byte string, or a large number, whose content is not kept."""

    type_name: str
    """``str``, ``bytes``, ``bytearray`` or ``int``."""
    length: int
    """Bytes in the file."""
    names_file: bool = False
    """Whether it is a text that has `TIME_ZONE_FILE` in it."""
    digest: bytes = b""
    """Of a text: SHA-256 of the bytes in the file, by which two of the same length are told apart."""


@dataclass(slots=True, eq=False)
class SetOf:
    """A set."""

    items: list[Node]
    is_frozen: bool


class NoState:
    """What an object has for a state when it was given none."""


ABSENT = NoState()


@dataclass(slots=True, eq=False)
class Object:
    """What a function returns, or an instance of a class."""

    constructor: Node
    arguments: Node
    is_new: bool
    """Whether the file itself says that the constructor is the class, and is not called."""
    keywords: Node = None
    """A dictionary of arguments by name."""
    items: list[Node] | None = None
    """What is appended to it."""
    entries: dict[Node, Node] | None = None
    """What is set in it, by key."""
    state: Node = ABSENT
    dtype: object = None
    """Of a NumPy type that was checked: what it is (`modelreg.analysis.formats.arrays`)."""


@dataclass(slots=True, eq=False)
class Array:
    """A NumPy array whose elements stand in the file as raw bytes, or as a pickle of their own."""

    class_name: str
    dtype: Node
    elements: Node = None
    """The array that the pickle holds; None where the elements are raw bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A further place of a list, dictionary, set or object that the graph has already."""

    target: list[Node] | dict[Node, Node] | SetOf | Object


@dataclass(frozen=True, slots=True, eq=False)
class Persistent:
    """An object outside of the file, by its id: PyTorch's storages."""

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

_MAKE_THEIR_FIRST_ARGUMENT = frozenset(
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
_CYTHON_UNPICKLER = "__pyx_unpickle_"
_CYTHON_MAKER = "newObj"  # scikit-learn's trees and metrics
_CLASSES_IN_LOWER_CASE = frozenset(
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
_RESULTS = {
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
    """The node itself, or what the reference stands for."""
    return node.target if type(node) is Reference else node


def class_of(node: Node) -> str | None:
    """The class of the object that ``node`` stands for, as a dotted name; None where the file doesn't tell."""
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
    """The class of which Python's own function for any class, `RECONSTRUCTOR`, makes an object; None for others."""
    match resolved(node.constructor), node.arguments:
        case Global() as function, (cls, *_) if function.dotted == RECONSTRUCTOR:
            found = resolved(cls)
            return found if isinstance(found, Global) else None
    return None


def call_by_name(node: Object) -> Object | None:
    """The call with arguments by name that is pickled as a call of a ``functools.partial`` without arguments.

    ``operator.methodcaller`` is pickled so. None for what is made in another way.
    """
    made = resolved(node.constructor)
    if not isinstance(made, Object) or made.state is ABSENT or node.arguments != ():
        return None
    match resolved(made.constructor), made.arguments, resolved(made.state):
        case (
            Global("functools", "partial"),
            (Global() as first,),
            (Global() as function, tuple() as arguments, dict() as keywords, None),
        ) if first.dotted == function.dotted and not (made.keywords or made.items or made.entries):
            return Object(function, arguments, False, keywords, node.items, node.entries, node.state)
    return None


def makes_its_first_argument(function: Global) -> bool:
    """Whether the function returns an instance of the class that is its first argument."""
    from_cython = function.name == _CYTHON_MAKER or function.name.startswith(_CYTHON_UNPICKLER)
    return from_cython or function.dotted in _MAKE_THEIR_FIRST_ARGUMENT


def parts_of(node: Node) -> Iterator[Node]:
    """The nodes directly within ``node``; none of a reference."""
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
    if function.dotted in _RESULTS:
        return _RESULTS[function.dotted]
    if makes_its_first_argument(function):
        return _class_name(arguments[0]) if isinstance(arguments, tuple) and arguments else None
    return function.dotted if _is_named_like_a_class(function) else None


def _class_name(value: Node) -> str | None:
    match resolved(value):
        case Global() as found:
            return found.dotted
        case Object(Global("cloudpickle.cloudpickle", "_make_skeleton_class"), (_, str(name), _, entries, *_)):
            entries = resolved(entries)
            module = entries.get("__module__") if isinstance(entries, dict) else None
            return f"{module}.{name}" if isinstance(module, str) else name
        case _:
            return None


def _is_named_like_a_class(called: Global) -> bool:
    last = called.name.rpartition(".")[2].lstrip("_")
    return last[:1].isupper() or called.module == "builtins" or called.dotted in _CLASSES_IN_LOWER_CASE
