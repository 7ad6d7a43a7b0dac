"""Reads skops's ``schema.json`` into an object graph, the one that pickles are read into, and writes it anew.

A node of skops names a loader and a class (``skops/io/_general.py``, ``_numpy.py``, ``_scipy.py``, ``_sklearn.py``),
and skops calls the class as the loader does, whatever it is. So each loader is admitted with the classes alone with
which skops writes it, and every part of a node is in the graph or is plain data.

What is loaded is not the schema of the file but the one that is written here while that is read: it has what was read,
and nothing else. So whatever the two readers would read differently, such as a key that one of them does not look at
or an object that stands there twice, cannot tell them apart. Nodes are read in the order in which skops reads them;
an object that was read before is written by its ``__id__`` alone, since skops does not look at the rest then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.json_text import count_values, find_objects
from modelreg.analysis.formats.arrays import DType, StoredArray
from modelreg.analysis.pickle.object_graph import (
    ABSENT,
    TIME_ZONE_FILE,
    Array,
    Global,
    Node,
    NoState,
    Object,
    OmittedValue,
    Reference,
    SetOf,
    parts_of,
    resolved,
)
from modelreg.analysis.pickle.stack import MAX_TEXT_KEPT
from modelreg.analysis.pickle.stream import UnreadablePickle
from modelreg.analysis.policy import policy

ArrayOf = Callable[[str], StoredArray | None]
"""What is said of the array in a member of the archive; None where there is none."""

State = dict[str, Any]

_MOST_NESTING = 150
_HIGHEST_ID = 1 << 63  # skops takes the addresses of objects
_LARGEST_POOL = 1024  # of a seed; NumPy's own have 4, and the time that one takes grows with the square
_PROTOCOLS = (0, 1, 2)
_CLASSES = {
    "ListNode": ("builtins.list",),
    "SetNode": ("builtins.set",),
    "SliceNode": ("builtins.slice",),
    "BytesNode": ("builtins.bytes", "numpy.bytes_"),
    "BytearrayNode": ("builtins.bytearray",),
    "DefaultDictNode": ("collections.defaultdict",),
    "PartialNode": ("functools.partial",),
    "MaskedArrayNode": ("numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray", "numpy.ma.core.MaskedConstant"),
    "DTypeNode": ("numpy.dtype",),
    "RandomStateNode": ("numpy.random.mtrand.RandomState", "numpy.random.RandomState"),
    "RandomGeneratorNode": ("numpy.random._generator.Generator", "numpy.random.Generator"),
    "TreeNode": ("sklearn.tree._tree.Tree",),
    "OperatorFuncNode": ("operator.attrgetter", "operator.itemgetter", "operator.methodcaller"),
}
"""What skops writes with each loader that makes objects of certain classes."""
_NUMBER = re.compile(r"numpy\.(u?int(8|16|32|64|c|p)|u?longlong|float(16|32|64)|longdouble|bool_?)")
_SCALARS = {
    "biuf": _NUMBER,
    "c": re.compile(r"numpy\.(complex(64|128)|clongdouble)"),
    "U": re.compile(r"numpy\.str_"),
    "S": re.compile(r"numpy\.(bytes_|void)"),  # also of records that have texts
    "M": re.compile(r"numpy\.datetime64"),
    "m": re.compile(r"numpy\.timedelta64"),
    "V": re.compile(r"numpy\.void"),
}
"""Kinds of arrays without dimensions -> the classes of which skops makes a scalar with one."""
_CLASSES_OF_ARRAYS = {
    "numpy.ndarray": "numpy.ndarray",
    "numpy.matrix": "numpy.matrix",
    "numpy.memmap": "numpy.ndarray",  # of which skops would make a file
    "numpy._core.memmap.memmap": "numpy.ndarray",
}
"""A class of arrays -> the class of which one is made."""
_LOSS = re.compile(r"(sklearn\.)?(_loss|linear_model|ensemble)\.[\w.]+")
_NUMBER_TYPES = ("builtins.bool", "builtins.float", "builtins.int")


class ReadSchema(NamedTuple):
    """What a schema says, and what is given to skops instead of it."""

    top: Node
    """The object that loading would make."""
    names: tuple[Global, ...]
    """The names that it would import."""
    objects: int
    """How many objects there are."""
    written: State
    """The schema as it is loaded."""
    members: dict[str, str]
    """The name of a member in `written` -> its name in the archive."""


def read_schema(schema: State, array_of: ArrayOf, members: Collection[str], bounds: Bounds) -> ReadSchema:
    """Read a schema in an archive that has these ``members``.

    Raises `UnreadablePickle` for what skops does not write.
    """
    protocol = schema.get("protocol")
    if type(protocol) is not int or protocol not in _PROTOCOLS:
        raise UnreadablePickle("has a protocol that skops does not have")
    reader = _Reader(array_of, members, protocol, bounds)
    try:
        top, written = reader.node(schema)
    except RecursionError:
        raise UnreadablePickle("has values that are nested too deeply") from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise UnreadablePickle("has a schema that skops does not write") from None
    written |= {"protocol": protocol, "_skops_version": "0"}
    return ReadSchema(top, tuple(reader.names.values()), reader.objects, written, reader.members)


class _Reader:
    """One walk through a schema."""

    def __init__(self, array_of: ArrayOf, present: Collection[str], protocol: int, bounds: Bounds) -> None:
        self._array_of = array_of
        self._present = present
        self._protocol = protocol
        self._bounds = bounds
        self.names: dict[str, Global] = {}
        self.members: dict[str, str] = {}
        self.objects = 0
        self._depth = 0
        self._begun: set[int] = set()
        self._known: dict[int, Node] = {}
        self._texts: dict[int, str] = {}
        self._new_names: dict[str, str] = {}
        self._loaders: dict[str, Callable[[State, State], Node]] = {
            name.removeprefix("_read_"): getattr(self, name) for name in dir(self) if name.startswith("_read_")
        }

    def node(self, state: State) -> tuple[Node, State]:
        """The node of one state, and the state as it is written."""
        loader, identity = state["__loader__"], state.get("__id__")
        if loader not in self._loaders:
            raise UnreadablePickle(f"has a loader that is not admitted: {str(loader)[:80]}")
        if identity is not None and (type(identity) is not int or not 0 < identity < _HIGHEST_ID):
            raise UnreadablePickle("has an object with an id that skops does not give")
        written = {"__module__": state["__module__"], "__class__": state["__class__"], "__loader__": loader}
        if identity is None:
            return self._made(state, written), written
        written["__id__"] = identity
        if identity in self._begun:  # skops writes a state again, and reads the first
            return self._again(identity, state, written), written
        self._begun.add(identity)
        found = self._known[identity] = self._made(state, written)
        return found, written

    def _made(self, state: State, written: State) -> Node:
        self._depth += 1
        if self._depth > _MOST_NESTING:
            raise UnreadablePickle("has values that are nested too deeply")
        found = self._loaders[state["__loader__"]](state, written)
        self._depth -= 1
        return found

    def _again(self, identity: int, state: State, written: State) -> Node:
        if identity not in self._known:
            raise UnreadablePickle("refers to an object that is not finished before it")
        if identity in self._texts:  # which skops looks at without asking for the object
            if state.get("content") != self._texts[identity]:
                raise UnreadablePickle("has two objects of one id")
            written["content"] = self._texts[identity]
        found = self._known[identity]
        return Reference(found) if isinstance(found, list | dict | SetOf | Object) else found

    def _part(self, state: State, key: str, written: State) -> Node:
        """The node of a part of a state, which is written as well."""
        found, written[key] = self.node(state[key])
        return found

    def _parts(self, states: list[State], written: State) -> list[Node]:
        """The nodes of the parts in the content of a state, which are written as well."""
        if not isinstance(states, list):
            raise UnreadablePickle("has a list that is none")
        nodes, written["content"] = [], []
        for each in states:
            found, part = self.node(each)
            nodes.append(found)
            written["content"].append(part)
        return nodes

    def _content(self, state: State, written: State, *keys: str) -> list[Node]:
        """The nodes of these parts of a state's content, which are written as well."""
        written["content"] = {}
        return [self._part(state["content"], key, written["content"]) for key in keys]

    def _name(self, state: State) -> Global:
        """The class that a state names, which has to be one that its loader is written with."""
        module, name = state["__module__"], state["__class__"]
        if not isinstance(module, str) or not isinstance(name, str):
            raise UnreadablePickle("names a class by something else than a text")
        if state["__loader__"] in _CLASSES:
            self._require_class(state)
        return self._import(module, name)

    def _import(self, module: str, name: str) -> Global:
        return self.names.setdefault(f"{module}.{name}", Global(module, name))

    def _require_class(self, state: State) -> None:
        """Raise `UnreadablePickle` for another class than skops writes with this loader, which imports nothing."""
        dotted, usual = f"{state['__module__']}.{state['__class__']}", _CLASSES[state["__loader__"]]
        if dotted not in usual:
            raise UnreadablePickle(f"has {dotted[:160]} where skops has {usual[0]}")

    def _member(self, state: State, written: State) -> str:
        """The name of the member that a state names, which is written under a name of ours."""
        name = state["file"]
        if name not in self._present:
            raise UnreadablePickle("has a file that is not in the archive")
        new = self._new_names.setdefault(name, str(len(self._new_names)))
        written["file"], self.members[new] = new, name
        return str(name)

    # one method for each loader of skops, by its name

    def _read_JsonNode(self, state: State, written: State) -> Node:
        content = state["content"]
        if not isinstance(content, str) or not self._bounds.take(values=count_values(content)):
            raise UnreadablePickle("has values that are none, or too many")
        written |= {"__module__": "builtins", "__class__": "str", "content": content}
        if "__id__" in written:
            self._texts[written["__id__"]] = content
        return _plain(json.loads(content))

    def _read_ListNode(self, state: State, written: State) -> Node:
        self._require_class(state)
        return self._parts(state["content"], written)

    def _read_SetNode(self, state: State, written: State) -> Node:
        self._require_class(state)
        return SetOf(self._parts(state["content"], written), is_frozen=False)

    def _read_TupleNode(self, state: State, written: State) -> Node:
        is_plain = (state["__module__"], state["__class__"]) == ("builtins", "tuple")
        values = tuple(self._parts(state["content"], written))
        return values if is_plain else self._object(self._name(state), values, is_new=True)

    def _read_DictNode(self, state: State, written: State) -> Node:
        types = self._part(state, "key_types", written)
        content, written["content"] = state["content"], {}
        if not isinstance(types, list) or len(types) != len(content):
            raise UnreadablePickle("has a dictionary without the types of its keys")
        entries: dict[Node, Node] = {}
        for key_type, key in zip(types, content, strict=True):
            entries[_key(key_type, key)] = self._part(content, key, written["content"])
        if len(entries) != len(content):
            raise UnreadablePickle("has a key twice")
        if (state["__module__"], state["__class__"]) == ("builtins", "dict"):
            return entries
        cls = self._name(state)
        if cls.dotted == "collections.Counter":
            return self._object(cls, (entries,), is_new=False)
        return self._object(cls, (), is_new=cls.dotted != "collections.OrderedDict", entries=entries or None)

    def _read_DefaultDictNode(self, state: State, written: State) -> Node:
        main, factory = self._content(state, written, "main", "default_factory")
        if not isinstance(main, dict):
            raise UnreadablePickle("has a dictionary that is none")
        return self._object(self._name(state), (factory,), is_new=False, entries=main or None)

    def _read_FunctionNode(self, state: State, written: State) -> Node:
        if self._protocol == 0:
            place = {key: state["content"][key] for key in ("module_path", "function")}
            written |= {"__module__": place["module_path"], "__class__": place["function"], "content": place}
        return self._name(written)

    def _read_TypeNode(self, state: State, written: State) -> Node:
        return self._name(state)

    def _read_PartialNode(self, state: State, written: State) -> Node:
        parts = tuple(self._content(state, written, "func", "args", "kwds", "namespace"))
        return self._object(self._name(state), parts[:1], is_new=False, state=parts)

    def _read_SliceNode(self, state: State, written: State) -> Node:
        bounds = [state["content"][part] for part in ("start", "stop", "step")]
        written["content"] = dict(zip(("start", "stop", "step"), bounds, strict=True))
        return self._object(self._name(state), tuple(map(_plain, bounds)), is_new=False)

    def _read_BytesNode(self, state: State, written: State) -> Node:
        self._require_class(state)
        self._member(state, written)
        return OmittedValue("bytes", 0)

    def _read_BytearrayNode(self, state: State, written: State) -> Node:
        self._require_class(state)
        self._member(state, written)
        return OmittedValue("bytearray", 0)

    def _read_ConstructorFromReduceNode(self, state: State, written: State) -> Node:
        return self._object(self._name(state), self._tuple(state, "content", written), is_new=False)

    def _read_ObjectNode(self, state: State, written: State) -> Node:
        cls = self._name(state)
        attributes = ABSENT if state.get("content") is None else self._part(state, "content", written)
        if isinstance(attributes, tuple) and all(isinstance(resolved(part), dict | None) for part in attributes):
            # skops takes them for pairs, and not for attributes and slots
            raise UnreadablePickle("has an object with a state that skops does not write")
        is_of_parts = isinstance(resolved(attributes), tuple) and _takes_parts(cls)
        if not is_of_parts and not isinstance(resolved(attributes), dict | NoState | None):
            raise UnreadablePickle("has an object whose attributes are no dictionary")
        if cls.module.startswith("numpy.random._"):  # skops makes one without its state, and NumPy crashes
            raise UnreadablePickle("has a bit generator by itself, which skops cannot load")
        return self._object(cls, (), is_new=True, state=ABSENT if attributes is None else attributes)

    def _read_OperatorFuncNode(self, state: State, written: State) -> Node:
        return self._object(self._name(state), self._tuple(state, "attrs", written), is_new=False)

    def _read_TreeNode(self, state: State, written: State) -> Node:
        return self._reduced(state, written)

    def _read_LossNode(self, state: State, written: State) -> Node:
        if not _LOSS.fullmatch(f"{state['__module__']}.{state['__class__']}"):
            raise UnreadablePickle("has a loss function that is none")
        return self._reduced(state, written)

    def _read_NdArrayNode(self, state: State, written: State) -> Node:
        dotted = f"{state['__module__']}.{state['__class__']}"
        written["type"] = state["type"]
        if state["type"] == "json":
            items, shape = self._parts(state["content"], written), self._part(state, "shape", written)
            if (
                dotted != "numpy.ndarray"
                or not isinstance(shape, tuple)
                or not all(type(each) is int for each in shape)
            ):
                raise UnreadablePickle("has an array of objects that skops does not write")
            return self._object_array(items)
        found = self._array_of(self._member(state, written)) if state["type"] == "numpy" else None
        if found is None:
            raise UnreadablePickle("has an array that is not in the file")
        if dotted in _CLASSES_OF_ARRAYS:
            made = _CLASSES_OF_ARRAYS[dotted]
            written |= {"__module__": "numpy", "__class__": made.rpartition(".")[2]}
            return Array(made, self._dtype(found.dtype))
        usual = next((classes for kinds, classes in _SCALARS.items() if found.dtype.kind in kinds), None)
        if found.shape == () and usual is not None and usual.fullmatch(dotted):
            if found.text is None:
                return Array("numpy.generic", self._dtype(found.dtype))
            parts = (self._dtype(found.dtype), found.text)
            return self._object(Global("numpy._core.multiarray", "scalar"), parts, is_new=False)
        raise UnreadablePickle(f"has an array of the class {dotted[:160]}")

    def _read_MaskedArrayNode(self, state: State, written: State) -> Node:
        self._require_class(state)
        data, mask = self._content(state, written, "data", "mask")
        if not isinstance(data, Array | Object) or not (isinstance(mask, Array) and mask.elements is None):
            raise UnreadablePickle("has a masked array of something else than arrays")
        return Array("numpy.ma.MaskedArray", mask.dtype, data)

    def _read_DTypeNode(self, state: State, written: State) -> Node:
        self._require_class(state)
        example = state["content"]  # an array of this type without elements, which is dropped
        if example["__loader__"] != "NdArrayNode":
            raise UnreadablePickle("has the type of an array that is none")
        found, written["content"] = self._dropped(example)
        if isinstance(found, Array) and isinstance(found.dtype, Object) and isinstance(found.dtype.dtype, DType):
            return self._dtype(found.dtype.dtype)
        if isinstance(found, Object) and not example["content"]:
            return self._dtype(DType(8, "O"))
        raise UnreadablePickle("has the type of an array that is none")

    def _read_RandomStateNode(self, state: State, written: State) -> Node:
        self._require_class(state)
        constructor = self._import("numpy.random._pickle", "__randomstate_ctor")
        return self._object(constructor, (), is_new=False, state=self._part(state, "content", written))

    def _read_RandomGeneratorNode(self, state: State, written: State) -> Node:
        self._require_class(state)
        if self._protocol == 0:
            raise UnreadablePickle("has a random generator of a protocol with which skops cannot load it")
        (generator,) = self._content(state, written, "bit_generator")
        if self._protocol > 1:
            seed, written["content"]["seed_seq"] = self._dropped(state["content"]["seed_seq"])
            if not _is_seed(seed):
                raise UnreadablePickle("has a random generator that skops does not write")
        constructor = self._import("numpy.random._pickle", "__generator_ctor")
        return self._object(constructor, (), is_new=False, state=generator)

    def _read_SparseMatrixNode(self, state: State, written: State) -> Node:
        cls = self._name(state)
        if not cls.module.startswith("scipy.sparse.") or state["type"] != "scipy":
            raise UnreadablePickle("has a sparse matrix that skops does not write")
        written["type"] = state["type"]
        self._member(state, written)
        return self._object(cls, (), is_new=True)

    def _reduced(self, state: State, written: State) -> Node:
        content = self._part(state, "content", written)
        written["__reduce__"] = {}
        arguments = self._tuple(state["__reduce__"], "args", written["__reduce__"])
        return self._object(self._name(state), arguments, is_new=False, state=content or ABSENT)

    def _dropped(self, state: State) -> tuple[Node, State]:
        """A state that is read and not used: it is not in the graph, so whoever drops it judges it.

        It is written without ids, so that nothing else can refer to what is in it.
        """
        reader = _Reader(self._array_of, self._present, self._protocol, self._bounds)
        reader._new_names, reader.members = self._new_names, self.members
        found, written = reader.node(state)
        for each in find_objects(written):
            each.pop("__id__", None)
        return found, written

    def _tuple(self, state: State, key: str, written: State) -> tuple[Node, ...]:
        found = self._part(state, key, written)
        if not isinstance(found, tuple):
            raise UnreadablePickle("calls something with arguments that are no tuple")
        return found

    def _object(
        self,
        constructor: Node,
        arguments: Node,
        *,
        is_new: bool,
        entries: dict[Node, Node] | None = None,
        state: Node = ABSENT,
    ) -> Object:
        self.objects += 1
        return Object(constructor, arguments, is_new, entries=entries, state=state)

    def _dtype(self, found: DType) -> Object:
        made = self._object(Global("numpy", "dtype"), (f"{found.kind}{found.size}",), is_new=False)
        made.dtype = found
        return made

    def _object_array(self, items: list[Node]) -> Object:
        """An array of objects, as NumPy pickles one; of several dimensions, it is one of lists."""
        constructor = Global("numpy._core.multiarray", "_reconstruct")
        state = (1, (len(items),), self._dtype(DType(8, "O")), False, items)
        return self._object(constructor, (Global("numpy", "ndarray"), (0,), b"b"), is_new=False, state=state)


def _takes_parts(cls: Global) -> bool:
    """Whether a method of the class takes a state of parts, of which skops makes attributes otherwise."""
    known = policy().classes.get(cls.dotted)
    return known is not None and bool(known.state)


def _plain(value: Any) -> Node:
    """The node of a value of JSON."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, str) and len(value) > MAX_TEXT_KEPT:
        return OmittedValue("str", len(value), TIME_ZONE_FILE in value)
    node: Node = value
    return node


def _key(key_type: Node, key: str) -> Node:
    """A key of a dictionary, which skops makes by calling its type with the text in the JSON."""
    if not isinstance(key_type, Global):
        raise UnreadablePickle("has a key without a type")
    if key_type.dotted in ("builtins.str", "numpy.str_"):
        return key
    if key_type.dotted not in _NUMBER_TYPES and not _NUMBER.fullmatch(key_type.dotted):
        raise UnreadablePickle(f"has a key of the type {key_type.dotted[:80]}")
    return key.lower() == "true" if key.lower() in ("true", "false") else float(key)


def _is_seed(node: Node) -> bool:
    """Whether a node is the state of one of NumPy's sequences of seeds."""
    if not isinstance(node, dict) or not node.keys() <= {"entropy", "spawn_key", "pool_size", "n_children_spawned"}:
        return False
    size = node.get("pool_size", 0)
    return _is_plain(node) and type(size) is int and size <= _LARGEST_POOL


def _is_plain(node: Node) -> bool:
    """Whether a node is numbers, texts and None, in lists, tuples, dictionaries and arrays."""
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, list | tuple | dict):
            waiting += parts_of(inner)
        elif not (inner is None or isinstance(inner, bool | int | float | str) or _holds_numbers(inner)):
            return False
    return True


def _holds_numbers(node: Node) -> bool:
    return isinstance(node, Array) and node.elements is None
