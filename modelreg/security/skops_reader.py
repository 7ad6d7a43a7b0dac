"""Reads skops's ``schema.json`` into an object graph, the one that pickles are read into.

A node of skops names a loader and a class (``skops/io/_general.py``, ``_numpy.py``, ``_scipy.py``, ``_sklearn.py``),
and skops calls the class as the loader does, whatever it is. So each loader is admitted with the classes alone with
which skops writes it, an ``__id__`` has to stand for one object, and every part of a node is in the graph or is plain
data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from modelreg.containers.bounds import Bounds
from modelreg.containers.json_text import count_values
from modelreg.security.arrays import DType, StoredArray
from modelreg.security.object_graph import (
    ABSENT,
    Array,
    Global,
    Node,
    Object,
    Omitted,
    Reference,
    SetOf,
    parts_of,
)
from modelreg.security.pickle_stack import TEXT_KEPT
from modelreg.security.pickle_stream import UnreadablePickle

ArrayOf = Callable[[str], StoredArray | None]
"""What is said of the array in a member of the archive; None where there is none."""

State = Mapping[str, Any]

_MOST_NESTING = 150
_PROTOCOLS = (0, 1, 2)
_CLASSES = {
    "ListNode": ("builtins.list",),
    "SetNode": ("builtins.set",),
    "SliceNode": ("builtins.slice",),
    "BytesNode": ("builtins.bytes", "numpy.bytes_"),
    "BytearrayNode": ("builtins.bytearray",),
    "DictNode": (
        "builtins.dict",
        *("collections.OrderedDict", "collections.Counter"),
        *("sklearn.utils.Bunch", "sklearn.utils._bunch.Bunch", "scipy.optimize._optimize.OptimizeResult"),
    ),
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
_SCALAR = re.compile(rf"{_NUMBER.pattern}|numpy\.(complex(64|128)|clongdouble|str_|bytes_|datetime64|timedelta64|void)")
_LOSS = re.compile(r"(sklearn\.)?(_loss|linear_model|ensemble)\.[\w.]+")
_NUMBER_TYPES = ("builtins.bool", "builtins.float", "builtins.int")


def read_schema(schema: State, array_of: ArrayOf, bounds: Bounds) -> tuple[Node, tuple[Global, ...], int]:
    """The object that loading would make, the names that it would import, and how many objects there are.

    Raises `UnreadablePickle` for what skops does not write.
    """
    protocol = schema.get("protocol")
    if type(protocol) is not int or protocol not in _PROTOCOLS:
        raise UnreadablePickle("has a protocol that skops does not have")
    reader = _Reader(array_of, protocol, bounds)
    try:
        _require_one_object_for_each_id(schema, array_of)
        top = reader.node(schema)
    except RecursionError:
        raise UnreadablePickle("has values that are nested too deeply") from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise UnreadablePickle("has a schema that skops does not write") from None
    return top, tuple(reader.names.values()), reader.objects


class _Reader:
    """One walk through a schema."""

    def __init__(self, array_of: ArrayOf, protocol: int, bounds: Bounds) -> None:
        self._protocol = protocol
        self._bounds = bounds
        self.names: dict[str, Global] = {}
        self.objects = 0
        self._array_of = array_of
        self._depth = 0
        self._begun: set[object] = set()
        self._known: dict[object, Node] = {}
        self._loaders: dict[str, Callable[[State], Node]] = {
            name.removeprefix("_read_"): getattr(self, name) for name in dir(self) if name.startswith("_read_")
        }

    def node(self, state: State) -> Node:
        """The node of one state."""
        loader, identity = state["__loader__"], state.get("__id__")
        if loader not in self._loaders:
            raise UnreadablePickle(f"has a loader that is not admitted: {str(loader)[:80]}")
        if identity is not None and (type(identity) is not int or identity < 1):
            raise UnreadablePickle("has an object with an id that skops does not give")
        if identity is not None and identity in self._begun:  # skops writes a state again, and reads the first
            return self._again(identity)
        self._depth += 1
        if self._depth > _MOST_NESTING:
            raise UnreadablePickle("has values that are nested too deeply")
        if identity is not None:
            self._begun.add(identity)
        found = self._loaders[loader](state)
        self._depth -= 1
        if identity is not None:
            self._known[identity] = found
        return found

    def _again(self, identity: object) -> Node:
        if identity not in self._known:
            raise UnreadablePickle("refers to an object that is not finished before it")
        found = self._known[identity]
        return Reference(found) if isinstance(found, list | dict | SetOf | Object) else found

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

    def _values(self, states: list[State]) -> list[Node]:
        return [self.node(each) for each in states]

    # one method for each loader of skops, by its name

    def _read_JsonNode(self, state: State) -> Node:
        content = state["content"]
        if not isinstance(content, str) or not self._bounds.take(values=count_values(content)):
            raise UnreadablePickle("has values that are none, or too many")
        return _plain(json.loads(content))

    def _read_ListNode(self, state: State) -> Node:
        self._require_class(state)
        return self._values(state["content"])

    def _read_SetNode(self, state: State) -> Node:
        self._require_class(state)
        return SetOf(self._values(state["content"]), is_frozen=False)

    def _read_TupleNode(self, state: State) -> Node:
        values = tuple(self._values(state["content"]))
        is_plain = (state["__module__"], state["__class__"]) == ("builtins", "tuple")
        return values if is_plain else self._object(self._name(state), values, is_new=True)

    def _read_DictNode(self, state: State) -> Node:
        self._require_class(state)
        types = self.node(state["key_types"])
        content = state["content"]
        if not isinstance(types, list) or len(types) != len(content):
            raise UnreadablePickle("has a dictionary without the types of its keys")
        entries: dict[Node, Node] = {}
        for key_type, (key, value) in zip(types, content.items(), strict=True):
            entries[_key(key_type, key)] = self.node(value)
        if len(entries) != len(content):
            raise UnreadablePickle("has a key twice")
        if state["__class__"] == "dict":
            return entries
        if state["__class__"] == "Counter":
            return self._object(self._name(state), (entries,), is_new=False)
        return self._object(self._name(state), (), is_new=state["__class__"] != "OrderedDict", entries=entries or None)

    def _read_DefaultDictNode(self, state: State) -> Node:
        main, factory = (self.node(state["content"][part]) for part in ("main", "default_factory"))
        if not isinstance(main, dict):
            raise UnreadablePickle("has a dictionary that is none")
        return self._object(self._name(state), (factory,), is_new=False, entries=main or None)

    def _read_FunctionNode(self, state: State) -> Node:
        if self._protocol == 0:
            content = state["content"]
            state = {
                "__loader__": "FunctionNode",
                "__module__": content["module_path"],
                "__class__": content["function"],
            }
        return self._name(state)

    def _read_TypeNode(self, state: State) -> Node:
        return self._name(state)

    def _read_PartialNode(self, state: State) -> Node:
        parts = tuple(self.node(state["content"][part]) for part in ("func", "args", "kwds", "namespace"))
        return self._object(self._name(state), parts[:1], is_new=False, state=parts)

    def _read_SliceNode(self, state: State) -> Node:
        bounds = tuple(_plain(state["content"][part]) for part in ("start", "stop", "step"))
        return self._object(self._name(state), bounds, is_new=False)

    def _read_BytesNode(self, state: State) -> Node:
        self._require_class(state)
        return Omitted("bytes", 0)

    def _read_BytearrayNode(self, state: State) -> Node:
        self._require_class(state)
        return Omitted("bytearray", 0)

    def _read_ConstructorFromReduceNode(self, state: State) -> Node:
        return self._object(self._name(state), self._tuple(state["content"]), is_new=False)

    def _read_ObjectNode(self, state: State) -> Node:
        content = state.get("content")
        attributes = ABSENT if content is None else self.node(content)
        if isinstance(attributes, tuple) and all(part is None or isinstance(part, dict) for part in attributes):
            # skops takes them for pairs, and not for attributes and slots
            raise UnreadablePickle("has an object with a state that skops does not write")
        return self._object(self._name(state), (), is_new=True, state=ABSENT if attributes is None else attributes)

    def _read_OperatorFuncNode(self, state: State) -> Node:
        return self._object(self._name(state), self._tuple(state["attrs"]), is_new=False)

    def _read_TreeNode(self, state: State) -> Node:
        return self._reduced(state)

    def _read_LossNode(self, state: State) -> Node:
        if not _LOSS.fullmatch(f"{state['__module__']}.{state['__class__']}"):
            raise UnreadablePickle("has a loss function that is none")
        return self._reduced(state)

    def _read_NdArrayNode(self, state: State) -> Node:
        dotted = f"{state['__module__']}.{state['__class__']}"
        if state["type"] == "json":
            shape = self.node(state["shape"])
            if (
                dotted != "numpy.ndarray"
                or not isinstance(shape, tuple)
                or not all(type(each) is int for each in shape)
            ):
                raise UnreadablePickle("has an array of objects that skops does not write")
            return self._object_array(self._values(state["content"]))
        found = self._array_of(state["file"]) if state["type"] == "numpy" else None
        if found is None:
            raise UnreadablePickle("has an array that is not in the file")
        if dotted in ("numpy.ndarray", "numpy.matrix"):
            return Array(dotted, self._dtype(found.dtype))
        if found.shape == () and _SCALAR.fullmatch(dotted):
            if found.text is None:
                return Array("numpy.generic", self._dtype(found.dtype))
            parts = (self._dtype(found.dtype), found.text)
            return self._object(Global("numpy._core.multiarray", "scalar"), parts, is_new=False)
        raise UnreadablePickle(f"has an array of the class {dotted[:160]}")

    def _read_MaskedArrayNode(self, state: State) -> Node:
        self._require_class(state)
        data, mask = (self.node(state["content"][part]) for part in ("data", "mask"))
        if not isinstance(data, Array | Object) or not (isinstance(mask, Array) and mask.elements is None):
            raise UnreadablePickle("has a masked array of something else than arrays")
        return Array("numpy.ma.MaskedArray", mask.dtype, data)

    def _read_DTypeNode(self, state: State) -> Node:
        self._require_class(state)
        example = state["content"]  # an array of this type without elements, which is dropped
        found = self._dropped(example) if example["__loader__"] == "NdArrayNode" else None
        if isinstance(found, Array) and isinstance(found.dtype, Object) and isinstance(found.dtype.dtype, DType):
            return self._dtype(found.dtype.dtype)
        if isinstance(found, Object) and not example["content"]:
            return self._dtype(DType(8, "O"))
        raise UnreadablePickle("has the type of an array that is none")

    def _read_RandomStateNode(self, state: State) -> Node:
        self._require_class(state)
        constructor = self._import("numpy.random._pickle", "__randomstate_ctor")
        return self._object(constructor, (), is_new=False, state=self.node(state["content"]))

    def _read_RandomGeneratorNode(self, state: State) -> Node:
        self._require_class(state)
        content = state["content"]
        if self._protocol > 1:  # protocols 0 and 1 have the state of the bit generator alone
            if not _is_plain(self._dropped(content["seed_seq"])):
                raise UnreadablePickle("has a random generator that skops does not write")
            content = content["bit_generator"]
        constructor = self._import("numpy.random._pickle", "__generator_ctor")
        return self._object(constructor, (), is_new=False, state=self.node(content))

    def _read_SparseMatrixNode(self, state: State) -> Node:
        cls = self._name(state)
        if not cls.module.startswith("scipy.sparse.") or state["type"] != "scipy":
            raise UnreadablePickle("has a sparse matrix that skops does not write")
        return self._object(cls, (), is_new=True)

    def _reduced(self, state: State) -> Node:
        content = self.node(state["content"])
        arguments = self._tuple(state["__reduce__"]["args"])
        return self._object(self._name(state), arguments, is_new=False, state=content or ABSENT)

    def _dropped(self, state: State) -> Node:
        """The node of a state that is read and not used: it is not in the graph, so whoever drops it judges it."""
        return _Reader(self._array_of, self._protocol, self._bounds).node(state)

    def _tuple(self, state: State) -> tuple[Node, ...]:
        found = self.node(state)
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


def _require_one_object_for_each_id(schema: State, array_of: ArrayOf) -> None:
    """Raise `UnreadablePickle` where states of one id differ, since skops then takes the first in an order of its own.

    skops writes an object as often as it is used. The parts of such states may have other ids, and other files of bytes
    or arrays of the same type.
    """
    forms: dict[tuple[object, ...], int] = {}
    of_ids: dict[object, int] = {}

    def form(value: Any) -> int:
        """The same number for equal values."""
        if isinstance(value, dict):
            parts = tuple((key, form(inner)) for key, inner in value.items() if key not in ("__id__", "file"))
            file = value.get("file")
            array = array_of(file) if isinstance(file, str) and file.endswith(".npy") else None
            number = forms.setdefault(("{", array and (array.dtype.kind, array.shape == ()), *parts), len(forms))
            identity = value.get("__id__")
            if identity is not None and of_ids.setdefault(identity, number) != number:
                raise UnreadablePickle("has two objects of one id")
            return number
        if isinstance(value, list):
            return forms.setdefault(("[", *map(form, value)), len(forms))
        return forms.setdefault((type(value), value), len(forms))

    form(schema)


def _plain(value: Any) -> Node:
    """The node of a value of JSON."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, str) and len(value) > TEXT_KEPT:
        return Omitted("str", len(value))
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
