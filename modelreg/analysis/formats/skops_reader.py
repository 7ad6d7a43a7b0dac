"""Reads skops's ``schema.json`` into an object graph, like a pickle, and writes a new schema from what it read.

A node of the schema names a loader and a class (``skops/io/_general.py``, ``_numpy.py``, ``_scipy.py``,
``_sklearn.py``). skops lets the loader call the class, whatever it is. So each loader is only accepted with the classes
that skops writes for it, and every part of a node is either in the graph or plain data.

skops loads the new schema instead of the original one. The new schema has exactly the data that was read and checked.
So differences between the two readers do not matter, such as keys that only one of them reads, or duplicate objects.
Nodes are read in the same order as in skops. A repeated object is written with its ``__id__`` only, since skops ignores
the rest.
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

ReadArray = Callable[[str], StoredArray | None]
"""Returns the dtype and shape of the array in a member of the archive; None if there is none."""

State = dict[str, Any]

_MAX_NESTING = 150
_MAX_ID = 1 << 63  # skops uses memory addresses
_MAX_POOL_SIZE = 1024  # of a seed; NumPy uses 4, and the time grows with the square
_PROTOCOLS = (0, 1, 2)
_CLASSES_BY_LOADER = {
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
"""Loader -> the classes that skops writes with it, for loaders of certain classes."""
_NUMBER_CLASS = re.compile(r"numpy\.(u?int(8|16|32|64|c|p)|u?longlong|float(16|32|64)|longdouble|bool_?)")
_SCALAR_CLASSES = {
    "biuf": _NUMBER_CLASS,
    "c": re.compile(r"numpy\.(complex(64|128)|clongdouble)"),
    "U": re.compile(r"numpy\.str_"),
    "S": re.compile(r"numpy\.(bytes_|void)"),  # also records with texts
    "M": re.compile(r"numpy\.datetime64"),
    "m": re.compile(r"numpy\.timedelta64"),
    "V": re.compile(r"numpy\.void"),
}
"""Kinds of arrays without dimensions -> classes of the scalars that skops creates from them."""
_ARRAY_CLASSES = {
    "numpy.ndarray": "numpy.ndarray",
    "numpy.matrix": "numpy.matrix",
    "numpy.memmap": "numpy.ndarray",  # for which skops would create a file
    "numpy._core.memmap.memmap": "numpy.ndarray",
}
"""Class of an array -> class of the array that the new schema creates."""
_LOSS_CLASS = re.compile(r"(sklearn\.)?(_loss|linear_model|ensemble)\.[\w.]+")
_PYTHON_NUMBER_TYPES = ("builtins.bool", "builtins.float", "builtins.int")


class ParsedSchema(NamedTuple):
    """The content of a schema, and the new schema to load instead of it."""

    top: Node
    """The object that loading would create."""
    names: tuple[Global, ...]
    """The names that loading would import."""
    objects: int
    """Number of objects in the graph."""
    rewritten: State
    """The new schema."""
    members: dict[str, str]
    """Name of a member in `rewritten` -> its name in the archive."""


def read_schema(schema: State, read_array: ReadArray, members: Collection[str], bounds: Bounds) -> ParsedSchema:
    """Read the schema of an archive with these ``members``; raises `UnreadablePickle` if skops would not write it."""
    protocol = schema.get("protocol")
    if type(protocol) is not int or protocol not in _PROTOCOLS:
        raise UnreadablePickle("has a protocol that skops does not write")
    reader = _SchemaReader(read_array, members, protocol, bounds)
    try:
        top, rewritten = reader.parse_node(schema)
    except RecursionError:
        raise UnreadablePickle("has values that are nested too deeply") from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise UnreadablePickle("has a schema that skops does not write") from None
    rewritten |= {"protocol": protocol, "_skops_version": "0"}
    return ParsedSchema(top, tuple(reader.names.values()), reader.objects, rewritten, reader.members)


class _SchemaReader:
    """Reads the nodes of a schema, and rewrites them."""

    def __init__(self, read_array: ReadArray, archive_members: Collection[str], protocol: int, bounds: Bounds) -> None:
        self._array_in_member = read_array
        self._archive_members = archive_members
        self._protocol = protocol
        self._bounds = bounds
        self.names: dict[str, Global] = {}
        self.members: dict[str, str] = {}
        self.objects = 0
        self._depth = 0
        self._seen_ids: set[int] = set()
        self._nodes_by_id: dict[int, Node] = {}
        self._texts_by_id: dict[int, str] = {}
        self._new_member_names: dict[str, str] = {}
        self._methods_by_loader: dict[str, Callable[[State, State], Node]] = {
            name.removeprefix("_read_"): getattr(self, name) for name in dir(self) if name.startswith("_read_")
        }

    def parse_node(self, state: State) -> tuple[Node, State]:
        """The graph node of a state, and the rewritten state."""
        loader, object_id = state["__loader__"], state.get("__id__")
        if loader not in self._methods_by_loader:
            raise UnreadablePickle(f"has an unsupported loader: {str(loader)[:80]}")
        if object_id is not None and (type(object_id) is not int or not 0 < object_id < _MAX_ID):
            raise UnreadablePickle("has an object with an invalid id")
        rewritten = {"__module__": state["__module__"], "__class__": state["__class__"], "__loader__": loader}
        if object_id is None:
            return self._create_node(state, rewritten), rewritten
        rewritten["__id__"] = object_id
        if object_id in self._seen_ids:  # skops writes repeated states, and only reads the first
            return self._reuse_node(object_id, state, rewritten), rewritten
        self._seen_ids.add(object_id)
        node = self._nodes_by_id[object_id] = self._create_node(state, rewritten)
        return node, rewritten

    def _create_node(self, state: State, rewritten: State) -> Node:
        self._depth += 1
        if self._depth > _MAX_NESTING:
            raise UnreadablePickle("has values that are nested too deeply")
        node = self._methods_by_loader[state["__loader__"]](state, rewritten)
        self._depth -= 1
        return node

    def _reuse_node(self, object_id: int, state: State, rewritten: State) -> Node:
        if object_id not in self._nodes_by_id:
            raise UnreadablePickle("refers to an object that is not yet complete")
        if object_id in self._texts_by_id:  # skops reads this text without looking up the id
            if state.get("content") != self._texts_by_id[object_id]:
                raise UnreadablePickle("has two objects with the same id")
            rewritten["content"] = self._texts_by_id[object_id]
        node = self._nodes_by_id[object_id]
        return Reference(node) if isinstance(node, list | dict | SetOf | Object) else node

    def _part_node(self, state: State, key: str, rewritten: State) -> Node:
        """The node of one part of a state; adds the part to ``rewritten``."""
        node, rewritten[key] = self.parse_node(state[key])
        return node

    def _part_nodes(self, states: list[State], rewritten: State) -> list[Node]:
        """The nodes of a list of states; adds them to ``rewritten`` as content."""
        if not isinstance(states, list):
            raise UnreadablePickle("has another value in the place of a list")
        nodes, rewritten["content"] = [], []
        for state in states:
            node, rewritten_state = self.parse_node(state)
            nodes.append(node)
            rewritten["content"].append(rewritten_state)
        return nodes

    def _content_nodes(self, state: State, rewritten: State, *keys: str) -> list[Node]:
        """The nodes of the parts ``keys`` in the content of a state; adds them to ``rewritten``."""
        rewritten["content"] = {}
        return [self._part_node(state["content"], key, rewritten["content"]) for key in keys]

    def _get_class(self, state: State) -> Global:
        """The class of a state; raises `UnreadablePickle` if skops does not write it with the loader."""
        module, name = state["__module__"], state["__class__"]
        if not isinstance(module, str) or not isinstance(name, str):
            raise UnreadablePickle("has a class name that is not a text")
        if state["__loader__"] in _CLASSES_BY_LOADER:
            self._check_class(state)
        return self._add_import(module, name)

    def _add_import(self, module: str, name: str) -> Global:
        return self.names.setdefault(f"{module}.{name}", Global(module, name))

    def _check_class(self, state: State) -> None:
        """Raise `UnreadablePickle` if skops does not write the class of a state with its loader."""
        dotted, expected = f"{state['__module__']}.{state['__class__']}", _CLASSES_BY_LOADER[state["__loader__"]]
        if dotted not in expected:
            raise UnreadablePickle(f"has {dotted[:160]} where skops writes {expected[0]}")

    def _rename_member(self, state: State, rewritten: State) -> str:
        """The archive member of a state; ``rewritten`` gets a new name for it."""
        name = state["file"]
        if name not in self._archive_members:
            raise UnreadablePickle("has a file that is not in the archive")
        new_name = self._new_member_names.setdefault(name, str(len(self._new_member_names)))
        rewritten["file"], self.members[new_name] = new_name, name
        return str(name)

    # One method per loader of skops: `_methods_by_loader` finds them by the prefix ``_read_``.

    def _read_JsonNode(self, state: State, rewritten: State) -> Node:
        content = state["content"]
        if not isinstance(content, str) or not self._bounds.take(values=count_values(content)):
            raise UnreadablePickle("has JSON that is not a text, or has too many values")
        rewritten |= {"__module__": "builtins", "__class__": "str", "content": content}
        if "__id__" in rewritten:
            self._texts_by_id[rewritten["__id__"]] = content
        return _json_node(json.loads(content))

    def _read_ListNode(self, state: State, rewritten: State) -> Node:
        self._check_class(state)
        return self._part_nodes(state["content"], rewritten)

    def _read_SetNode(self, state: State, rewritten: State) -> Node:
        self._check_class(state)
        return SetOf(self._part_nodes(state["content"], rewritten), is_frozen=False)

    def _read_TupleNode(self, state: State, rewritten: State) -> Node:
        is_tuple = (state["__module__"], state["__class__"]) == ("builtins", "tuple")
        values = tuple(self._part_nodes(state["content"], rewritten))
        return values if is_tuple else self._create_object(self._get_class(state), values, is_new=True)

    def _read_DictNode(self, state: State, rewritten: State) -> Node:
        key_types = self._part_node(state, "key_types", rewritten)
        content, rewritten["content"] = state["content"], {}
        if not isinstance(key_types, list) or len(key_types) != len(content):
            raise UnreadablePickle("has a dictionary without a type for every key")
        entries: dict[Node, Node] = {}
        for key_type, key in zip(key_types, content, strict=True):
            entries[_parse_key(key_type, key)] = self._part_node(content, key, rewritten["content"])
        if len(entries) != len(content):
            raise UnreadablePickle("has a key twice")
        if (state["__module__"], state["__class__"]) == ("builtins", "dict"):
            return entries
        cls = self._get_class(state)
        if cls.dotted == "collections.Counter":
            return self._create_object(cls, (entries,), is_new=False)
        return self._create_object(cls, (), is_new=cls.dotted != "collections.OrderedDict", entries=entries or None)

    def _read_DefaultDictNode(self, state: State, rewritten: State) -> Node:
        main, factory = self._content_nodes(state, rewritten, "main", "default_factory")
        if not isinstance(main, dict):
            raise UnreadablePickle("has another value in the place of a dictionary")
        return self._create_object(self._get_class(state), (factory,), is_new=False, entries=main or None)

    def _read_FunctionNode(self, state: State, rewritten: State) -> Node:
        if self._protocol == 0:
            names = {key: state["content"][key] for key in ("module_path", "function")}
            rewritten |= {"__module__": names["module_path"], "__class__": names["function"], "content": names}
        return self._get_class(rewritten)

    def _read_TypeNode(self, state: State, rewritten: State) -> Node:
        return self._get_class(state)

    def _read_PartialNode(self, state: State, rewritten: State) -> Node:
        parts = tuple(self._content_nodes(state, rewritten, "func", "args", "kwds", "namespace"))
        return self._create_object(self._get_class(state), parts[:1], is_new=False, state=parts)

    def _read_SliceNode(self, state: State, rewritten: State) -> Node:
        bounds = [state["content"][part] for part in ("start", "stop", "step")]
        rewritten["content"] = dict(zip(("start", "stop", "step"), bounds, strict=True))
        return self._create_object(self._get_class(state), tuple(map(_json_node, bounds)), is_new=False)

    def _read_BytesNode(self, state: State, rewritten: State) -> Node:
        self._check_class(state)
        self._rename_member(state, rewritten)
        return OmittedValue("bytes", 0)

    def _read_BytearrayNode(self, state: State, rewritten: State) -> Node:
        self._check_class(state)
        self._rename_member(state, rewritten)
        return OmittedValue("bytearray", 0)

    def _read_ConstructorFromReduceNode(self, state: State, rewritten: State) -> Node:
        return self._create_object(self._get_class(state), self._part_tuple(state, "content", rewritten), is_new=False)

    def _read_ObjectNode(self, state: State, rewritten: State) -> Node:
        cls = self._get_class(state)
        attributes = ABSENT if state.get("content") is None else self._part_node(state, "content", rewritten)
        if isinstance(attributes, tuple) and all(isinstance(resolved(part), dict | None) for part in attributes):
            # skops would not read them as attributes and slots
            raise UnreadablePickle("has an object with a state that skops does not write")
        is_of_parts = isinstance(resolved(attributes), tuple) and _has_state_parts(cls)
        if not is_of_parts and not isinstance(resolved(attributes), dict | NoState | None):
            raise UnreadablePickle("has an object whose attributes are not a dictionary")
        if cls.module.startswith("numpy.random._"):  # skops creates it without its state, and NumPy crashes
            raise UnreadablePickle("has a bit generator outside of a random generator, which skops cannot load")
        return self._create_object(cls, (), is_new=True, state=ABSENT if attributes is None else attributes)

    def _read_OperatorFuncNode(self, state: State, rewritten: State) -> Node:
        return self._create_object(self._get_class(state), self._part_tuple(state, "attrs", rewritten), is_new=False)

    def _read_TreeNode(self, state: State, rewritten: State) -> Node:
        return self._create_reduced(state, rewritten)

    def _read_LossNode(self, state: State, rewritten: State) -> Node:
        if not _LOSS_CLASS.fullmatch(f"{state['__module__']}.{state['__class__']}"):
            raise UnreadablePickle("has a loss function of an unexpected class")
        return self._create_reduced(state, rewritten)

    def _read_NdArrayNode(self, state: State, rewritten: State) -> Node:
        dotted = f"{state['__module__']}.{state['__class__']}"
        rewritten["type"] = state["type"]
        if state["type"] == "json":
            items, shape = self._part_nodes(state["content"], rewritten), self._part_node(state, "shape", rewritten)
            if (
                dotted != "numpy.ndarray"
                or not isinstance(shape, tuple)
                or not all(type(length) is int for length in shape)
            ):
                raise UnreadablePickle("has an array of objects that skops does not write")
            return self._create_object_array(items)
        stored = self._array_in_member(self._rename_member(state, rewritten)) if state["type"] == "numpy" else None
        if stored is None:
            raise UnreadablePickle("has an array that is not in the file")
        if dotted in _ARRAY_CLASSES:
            class_name = _ARRAY_CLASSES[dotted]
            rewritten |= {"__module__": "numpy", "__class__": class_name.rpartition(".")[2]}
            return Array(class_name, self._create_dtype(stored.dtype))
        expected = next((classes for kinds, classes in _SCALAR_CLASSES.items() if stored.dtype.kind in kinds), None)
        if stored.shape == () and expected is not None and expected.fullmatch(dotted):
            if stored.text is None:
                return Array("numpy.generic", self._create_dtype(stored.dtype))
            parts = (self._create_dtype(stored.dtype), stored.text)
            return self._create_object(Global("numpy._core.multiarray", "scalar"), parts, is_new=False)
        raise UnreadablePickle(f"has an array of the class {dotted[:160]}")

    def _read_MaskedArrayNode(self, state: State, rewritten: State) -> Node:
        self._check_class(state)
        data, mask = self._content_nodes(state, rewritten, "data", "mask")
        if not isinstance(data, Array | Object) or not (isinstance(mask, Array) and mask.elements is None):
            raise UnreadablePickle("has a masked array whose data or mask is not an array")
        return Array("numpy.ma.MaskedArray", mask.dtype, data)

    def _read_DTypeNode(self, state: State, rewritten: State) -> Node:
        self._check_class(state)
        example = state["content"]  # an empty array of this dtype
        if example["__loader__"] != "NdArrayNode":
            raise UnreadablePickle("has a dtype that skops does not write")
        array, rewritten["content"] = self._parse_unused(example)
        if isinstance(array, Array) and isinstance(array.dtype, Object) and isinstance(array.dtype.dtype, DType):
            return self._create_dtype(array.dtype.dtype)
        if isinstance(array, Object) and not example["content"]:
            return self._create_dtype(DType(8, "O"))
        raise UnreadablePickle("has a dtype that skops does not write")

    def _read_RandomStateNode(self, state: State, rewritten: State) -> Node:
        self._check_class(state)
        constructor = self._add_import("numpy.random._pickle", "__randomstate_ctor")
        return self._create_object(constructor, (), is_new=False, state=self._part_node(state, "content", rewritten))

    def _read_RandomGeneratorNode(self, state: State, rewritten: State) -> Node:
        self._check_class(state)
        if self._protocol == 0:
            raise UnreadablePickle("has a random generator of a protocol with which skops cannot load it")
        (generator,) = self._content_nodes(state, rewritten, "bit_generator")
        if self._protocol > 1:
            seed, rewritten["content"]["seed_seq"] = self._parse_unused(state["content"]["seed_seq"])
            if not _is_seed(seed):
                raise UnreadablePickle("has a random generator that skops does not write")
        constructor = self._add_import("numpy.random._pickle", "__generator_ctor")
        return self._create_object(constructor, (), is_new=False, state=generator)

    def _read_SparseMatrixNode(self, state: State, rewritten: State) -> Node:
        cls = self._get_class(state)
        if not cls.module.startswith("scipy.sparse.") or state["type"] != "scipy":
            raise UnreadablePickle("has a sparse matrix that skops does not write")
        rewritten["type"] = state["type"]
        self._rename_member(state, rewritten)
        return self._create_object(cls, (), is_new=True)

    def _create_reduced(self, state: State, rewritten: State) -> Node:
        content = self._part_node(state, "content", rewritten)
        rewritten["__reduce__"] = {}
        arguments = self._part_tuple(state["__reduce__"], "args", rewritten["__reduce__"])
        return self._create_object(self._get_class(state), arguments, is_new=False, state=content or ABSENT)

    def _parse_unused(self, state: State) -> tuple[Node, State]:
        """Read a state that does not become part of the graph; the caller must check the node.

        It is rewritten without ids, so that no other state can refer to objects in it.
        """
        reader = _SchemaReader(self._array_in_member, self._archive_members, self._protocol, self._bounds)
        reader._new_member_names, reader.members = self._new_member_names, self.members
        node, rewritten = reader.parse_node(state)
        for inner in find_objects(rewritten):
            inner.pop("__id__", None)
        return node, rewritten

    def _part_tuple(self, state: State, key: str, rewritten: State) -> tuple[Node, ...]:
        node = self._part_node(state, key, rewritten)
        if not isinstance(node, tuple):
            raise UnreadablePickle("calls something with arguments that are not a tuple")
        return node

    def _create_object(
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

    def _create_dtype(self, dtype: DType) -> Object:
        node = self._create_object(Global("numpy", "dtype"), (f"{dtype.kind}{dtype.size}",), is_new=False)
        node.dtype = dtype
        return node

    def _create_object_array(self, items: list[Node]) -> Object:
        """Create an array of objects, as NumPy pickles it. If it has several dimensions, the items are lists."""
        constructor = Global("numpy._core.multiarray", "_reconstruct")
        state = (1, (len(items),), self._create_dtype(DType(8, "O")), False, items)
        return self._create_object(constructor, (Global("numpy", "ndarray"), (0,), b"b"), is_new=False, state=state)


def _has_state_parts(cls: Global) -> bool:
    """Whether a method of the class takes the state. Otherwise, skops sets its parts as attributes."""
    class_policy = policy().classes.get(cls.dotted)
    return class_policy is not None and bool(class_policy.state)


def _json_node(value: Any) -> Node:
    """The graph node of a JSON value."""
    if isinstance(value, dict):
        return {key: _json_node(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_json_node(inner) for inner in value]
    if isinstance(value, str) and len(value) > MAX_TEXT_KEPT:
        return OmittedValue("str", len(value), TIME_ZONE_FILE in value)
    node: Node = value
    return node


def _parse_key(key_type: Node, key: str) -> Node:
    """The key of a dictionary. skops creates it by calling the key's type with the text in the JSON."""
    if not isinstance(key_type, Global):
        raise UnreadablePickle("has a key without a type")
    if key_type.dotted in ("builtins.str", "numpy.str_"):
        return key
    if key_type.dotted not in _PYTHON_NUMBER_TYPES and not _NUMBER_CLASS.fullmatch(key_type.dotted):
        raise UnreadablePickle(f"has a key of the type {key_type.dotted[:80]}")
    return key.lower() == "true" if key.lower() in ("true", "false") else float(key)


def _is_seed(node: Node) -> bool:
    """Whether a node is the state of a NumPy ``SeedSequence``."""
    if not isinstance(node, dict) or not node.keys() <= {"entropy", "spawn_key", "pool_size", "n_children_spawned"}:
        return False
    size = node.get("pool_size", 0)
    return _is_data(node) and type(size) is int and size <= _MAX_POOL_SIZE


def _is_data(node: Node) -> bool:
    """Whether a node has only numbers, texts and None, in lists, tuples, dictionaries and arrays."""
    remaining = [node]
    while remaining:
        inner = remaining.pop()
        if isinstance(inner, list | tuple | dict):
            remaining += parts_of(inner)
        elif isinstance(inner, Array):
            if inner.elements is not None:  # an array of objects
                return False
        elif not (inner is None or isinstance(inner, bool | int | float | str)):
            return False
    return True
