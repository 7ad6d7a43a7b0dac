"""The stack and memo of the pickle reader.

This module enforces the rules for canonical pickles: each object is created, memoised, filled once directly afterwards,
and never changed again (see `modelreg.analysis.pickle.reader`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from modelreg.analysis.budget import Budget
from modelreg.analysis.formats.arrays import WRAPPER, WRAPPER_NAMES, check_dtype
from modelreg.analysis.pickle.keys import ATOMIC_TYPES, collision_prone_hash, comparison_key
from modelreg.analysis.pickle.object_graph import (
    ABSENT,
    RECONSTRUCTOR,
    TIME_ZONE_FILE,
    Array,
    Global,
    Node,
    Object,
    OmittedValue,
    Reference,
    SetOf,
    parts_of,
    resolved,
)
from modelreg.analysis.pickle.stream import LimitReached, PickleStream, UnreadablePickle

MAX_TEXT_KEPT = 5000  # bytes; names, options and paths are shorter

_SMALL_PART_COUNT = 64
_MAX_UNCOUNTED = 64  # bytes or parts; shared values up to this size are free
_COST_OF_COLLISION = 20_000  # parts
_COST_OF_PART = 64  # bytes per object and per container entry
_COST_OF_NUMBER = 8  # bytes
_COST_OF_KEY_PART = 20  # parts: it is visited in Python code
_COST_OF_SET_PART = 200  # parts: it is also added to a set


@dataclass(slots=True)
class NameUses:
    """How a pickle uses the names that it imports."""

    called: set[tuple[str, str]] = field(default_factory=set)
    """Module and name of the functions and classes that it calls."""
    looked_up: set[str] = field(default_factory=set)
    """Names of the attributes that it looks up on objects."""


@dataclass(slots=True)
class PickleStack:
    """The state of the pickle reader: the stack, the stacks below its marks, and the memo."""

    stream: PickleStream
    budget: Budget
    joblib: bool
    """Whether raw array data follows joblib's array wrappers."""
    persistent: bool
    names: dict[tuple[str, str], Global] = field(default_factory=dict)
    used: NameUses = field(default_factory=NameUses)
    stack: list[Node] = field(default_factory=list)
    marked_stacks: list[list[Node]] = field(default_factory=list)
    memo: list[Node] = field(default_factory=list)
    memoised_ids: set[int] = field(default_factory=set)
    """Ids of the lists, dictionaries, sets and objects in the memo."""
    nested_sizes: dict[int, tuple[int, Node]] = field(default_factory=dict)
    """Id of a large nested tuple or frozen set -> number of its parts, counting repeated ones, and the value."""
    hashes: dict[int, set[int]] = field(default_factory=dict)
    """Id of a dictionary or set -> hashes of its collision-prone keys or items."""
    comparison_keys: dict[int, tuple[Node, set[Hashable]]] = field(default_factory=dict)
    """Id of a set, or of a dictionary with keys not in `ATOMIC_TYPES` -> the container and its comparison keys."""
    hashable_tuples: dict[int, tuple[Node, ...]] = field(default_factory=dict)
    """Id of a long tuple that is known to be hashable -> the tuple."""
    protocol: int = 0
    calls: int = 0
    objects: int = 0
    """Number of objects in the graph."""

    def finish(self) -> Node:
        """The only object on the stack after the last opcode; raises `UnreadablePickle` unless there is exactly one."""
        if len(self.stack) != 1 or self.marked_stacks:
            raise UnreadablePickle("does not leave exactly one object on the stack")
        self.stream.leave_frame()
        return self.stack[0]

    def first_object(self) -> Node:
        """The object at the bottom of the stack; None if it is empty."""
        bottom = (self.marked_stacks or [self.stack])[0]
        return bottom[0] if bottom else None

    def pop(self) -> Node:
        """Pop the top of the stack; raises `UnreadablePickle` if there is no value above the last mark."""
        if not self.stack:
            raise UnreadablePickle("pops from an empty stack")
        return self.stack.pop()

    def top(self) -> Node:
        """The top of the stack; raises `UnreadablePickle` if there is no value above the last mark."""
        if not self.stack:
            raise UnreadablePickle("uses the top of an empty stack")
        return self.stack[-1]

    def push_mark(self) -> None:
        """Push a mark: begin a new stack."""
        self.budget.take_object()
        self.marked_stacks.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Node]:
        """Pop the last mark and all values above it."""
        if not self.marked_stacks:
            raise UnreadablePickle("pops a mark that was never pushed")
        values, self.stack = self.stack, self.marked_stacks.pop()
        return values

    def push(self, value: Node) -> None:
        """Push a value that needs memory of its own, and charge it to the budget."""
        self.budget.take_object()
        self.stack.append(value)

    def push_nested(self, value: Node, items: Sequence[Node]) -> None:
        """Push a tuple or frozen set, and charge its parts: hashing one with many shared parts takes very long."""
        if not _NESTING_TYPES.isdisjoint(map(type, items)):
            self.budget.take_parts(self._nested_size(value))
        self.push(value)

    def _nested_size(self, value: Node) -> int:
        """The number of parts in a tuple or frozen set, counting repeated ones; 0 for other values."""
        if type(value) is not tuple and type(value) is not SetOf:
            return 0
        if id(value) in self.nested_sizes:
            return self.nested_sizes[id(value)][0]
        items = value if type(value) is tuple else value.items if type(value) is SetOf and value.is_frozen else ()
        size = len(items)
        for part in items:
            if type(part) in _NESTING_TYPES:
                size += self._nested_size(resolved(part))
        if size > _SMALL_PART_COUNT:
            self.nested_sizes[id(value)] = size, value
        return size

    def push_text(self, length: int) -> None:
        """Push the text in the next ``length`` bytes, in UTF-8."""
        if length > MAX_TEXT_KEPT:
            names_file, digest = self.stream.skip_and_digest(length, TIME_ZONE_FILE.encode())
            self.push(OmittedValue("str", length, names_file, digest))
            return
        self.charge_text(length)
        try:
            self.stack.append(self.stream.read(length).decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            raise UnreadablePickle("has a text that is not UTF-8") from None

    def push_bytes(self, length: int) -> None:
        """Push the next ``length`` bytes as a byte string."""
        if length > MAX_TEXT_KEPT:
            self.push_omitted("bytes", length)
            return
        self.charge_text(length)
        self.stack.append(self.stream.read(length))

    def push_omitted(self, type_name: str, length: int) -> None:
        """Skip a value of ``length`` bytes, and push a placeholder."""
        self.stream.skip(length)
        self.push(OmittedValue(type_name, length))

    def charge_text(self, length: int) -> None:
        """Charge a kept text of ``length`` bytes to the budget; raises `LimitReached`."""
        self.budget.text -= length
        if self.budget.text < 0:
            raise LimitReached

    def memoise_at(self, index: int) -> None:
        """Memoise the top of the stack; raises `UnreadablePickle` if ``index`` is not the next one."""
        if index != len(self.memo):
            raise UnreadablePickle("numbers its memo as no pickler does")
        self.memoise()

    def memoise(self) -> None:
        """Memoise the top of the stack at the next index."""
        if not self.stack:
            raise UnreadablePickle("memoises the top of an empty stack")
        value = self.stack[-1]
        if type(value) in _REFERENCED_TYPES:
            if _is_filled(value):
                raise UnreadablePickle("memoises an object after it was filled")
            if id(value) in self.memoised_ids:
                raise UnreadablePickle("memoises an object twice")
            self.memoised_ids.add(id(value))
            value = Reference(value)  # type: ignore[arg-type]  # of exactly these types
        elif type(value) is Reference:
            raise UnreadablePickle("memoises an object twice")
        self.memo.append(value)

    def push_memoised(self, index: int) -> None:
        """Push the memoised value at ``index``."""
        if index >= len(self.memo):
            raise UnreadablePickle(f"uses memo index {index}, which was never set")
        value = self.memo[index]
        if type(value) is Reference and is_wrapper(value.target):
            raise UnreadablePickle("uses joblib's wrapper of arrays as joblib never does")
        self._charge_shared(value)
        self.stack.append(value)

    def _charge_shared(self, value: Node) -> None:
        """Charge a memoised value for each use: long values are in the file once, but copied or hashed every time."""
        if type(value) is str or type(value) is bytes:
            if len(value) > _MAX_UNCOUNTED:
                self.budget.take_copies(len(value))
        elif type(value) is OmittedValue:
            self.budget.take_copies(value.length)
        elif self.nested_sizes and id(resolved(value)) in self.nested_sizes:
            self.budget.take_parts(self.nested_sizes[id(resolved(value))][0])
        elif type(value) is tuple and len(value) > _MAX_UNCOUNTED:
            self.budget.take_parts(len(value))
        elif type(value) is Reference and _is_bytes_object(value.target):
            self._charge_contents(value)

    def _charge_arguments(self, argument: Node) -> None:
        """Charge shared values in the arguments of a call or in a state: they may be copied or parsed every time."""
        if type(argument) is tuple and _CHARGED_ARGUMENTS.isdisjoint(map(type, argument)):
            return
        remaining, seen = [argument], set()
        while remaining:
            value = remaining.pop()
            if id(value) in seen:  # tuples can be nested many times
                continue
            seen.add(id(value))
            if type(value) is Reference:
                self._charge_contents(value)
            elif type(value) is Object:
                self.budget.take_copies(_COST_OF_NUMBER * _range_length(value))
            elif type(value) is dict:
                remaining += [part for part in value.values() if type(part) in _CHARGED_ARGUMENTS]
            elif type(value) is tuple or type(value) is list:
                remaining += [part for part in value if type(part) in _CHARGED_ARGUMENTS]

    def _charge_contents(self, shared: Node) -> None:
        """Charge everything in a value. This takes time in proportion to the charge."""
        remaining, seen = [shared], set()
        while remaining:
            value = resolved(remaining.pop())
            if type(value) is str or type(value) is bytes:
                self.budget.take_copies(len(value))
            elif type(value) is OmittedValue:
                self.budget.take_copies(value.length)
            elif type(value) in _CHARGED_CONTENTS and id(value) not in seen and getattr(value, "dtype", None) is None:
                seen.add(id(value))
                parts = [part for part in parts_of(value) if part is not None]
                self.budget.take_copies(_COST_OF_PART * (1 + len(parts)))
                if type(value) is Object:
                    self.budget.take_copies(_COST_OF_NUMBER * _range_length(value))
                remaining += parts

    def append(self, values: list[Node]) -> None:
        """Append values to the list at the top of the stack, or to an object that was just created."""
        target = self.top()
        if type(target) is list:
            target += values
        elif type(target) is Object and target.entries is None and target.state is ABSENT:
            if target.items is None:
                target.items = []
            target.items += values
        else:
            raise UnreadablePickle(f"appends to {_describe(target)}")

    def set_items(self, pairs: list[Node]) -> None:
        """Set items of the dictionary at the top of the stack, or of an object that was just created.

        ``pairs`` has keys and values in turn.
        """
        target = self.top()
        if type(target) is dict:
            entries = target
        elif type(target) is Object and target.state is ABSENT:
            entries = target.entries = {} if target.entries is None else target.entries
        else:
            raise UnreadablePickle(f"sets items of {_describe(target)}")
        if len(pairs) % 2:
            raise UnreadablePickle("has a key without a value")
        keys = pairs[::2]
        self._check_keys(entries, entries, keys)
        expected = len(entries) + len(keys)
        entries.update(zip(keys, pairs[1::2], strict=True))
        if len(entries) != expected:
            raise UnreadablePickle("has a key twice")

    def _check_keys(self, container: Node, before: Iterable[Node], added: Sequence[Node]) -> None:
        """Raise `UnreadablePickle` for added keys or set items that are not hashable or already in the container."""
        are_atomic = ATOMIC_TYPES.issuperset(map(type, added))
        if not are_atomic:
            self.check_hashable(added)
        self._charge_collisions(self.hashes.setdefault(id(container), set()), added)
        if are_atomic and type(container) is dict and id(container) not in self.comparison_keys:
            return  # `set_items` finds duplicates from the length of the dictionary
        if id(container) not in self.comparison_keys:
            self.comparison_keys[id(container)] = container, set(map(comparison_key, before))
        _, comparison_keys = self.comparison_keys[id(container)]
        expected = len(comparison_keys) + len(added)
        comparison_keys.update(map(comparison_key, added))
        if len(comparison_keys) != expected:
            raise UnreadablePickle("has a key or an item of a set twice")

    def check_hashable(self, values: Sequence[Node]) -> None:
        """Raise `UnreadablePickle` for values that cannot be a key or a set item."""
        remaining, seen = [values], set()
        while remaining:
            for value in remaining.pop():
                target = resolved(value)
                if type(target) in (list, dict) or _is_mutable(target):
                    raise UnreadablePickle("has a key or an item of a set that cannot be hashed")
                if type(value) is tuple and id(value) not in seen and id(value) not in self.hashable_tuples:
                    seen.add(id(value))
                    remaining.append(value)
                    if len(value) > _SMALL_PART_COUNT:
                        self.hashable_tuples[id(value)] = value

    def _charge_collisions(self, hashes: set[int], keys: Sequence[Node]) -> None:
        """Charge keys whose hashes collide: building a dictionary or set of many of them takes very long."""
        if not ATOMIC_TYPES.issuperset(map(type, keys)):
            self.budget.take_parts(sum(map(self._key_cost, keys)))
        added = [hash_ for key in keys if type(key) is not str and (hash_ := collision_prone_hash(key)) is not None]
        if added:
            expected = len(hashes) + len(added)
            hashes.update(added)
            self.budget.take_parts(_COST_OF_COLLISION * (expected - len(hashes)))

    def _key_cost(self, key: Node) -> int:
        if type(key) is tuple and ATOMIC_TYPES.issuperset(map(type, key)):
            return len(key)
        cost = _COST_OF_KEY_PART if type(key) is tuple else _COST_OF_SET_PART
        return cost * self._nested_size(resolved(key))

    def add_to_set(self) -> None:
        """Pop the values above the last mark, and add them to the set below it."""
        values, target = self.pop_mark(), self.top()
        if type(target) is not SetOf or target.is_frozen:
            raise UnreadablePickle(f"adds to {_describe(target)}")
        self._check_keys(target, target.items, values)
        target.items += values

    def push_frozen_set(self) -> None:
        """Pop the values above the last mark, and push a frozen set of them."""
        items = self.pop_mark()
        frozen = SetOf(items, is_frozen=True)
        self._check_keys(frozen, (), items)
        self.push_nested(frozen, items)

    def _check_set_arguments(self, arguments: tuple[Node, ...]) -> None:
        """Check the items of a set in protocols below 4: a call of ``set`` or ``frozenset`` with one list or none."""
        lists = [resolved(argument) for argument in arguments]
        if len(lists) > 1 or not all(type(items) is list for items in lists):
            raise UnreadablePickle("creates a set from something else than a list")
        for items in lists:
            assert isinstance(items, list)
            self._check_keys(SetOf(items, is_frozen=True), (), items)

    def import_name(self, module: Node, name: Node) -> Global:
        """The node of an imported name; one node per name."""
        if type(module) is not str or type(name) is not str:
            raise UnreadablePickle("imports a module or name that is not a text")
        if self.protocol < 3:
            module, name = translate_python_2_name(module, name)
        global_ = self.names.get((module, name))
        if global_ is None:
            self.budget.take_object()
            global_ = self.names[module, name] = Global(module, name)
            if name.rpartition(".")[2] in WRAPPER_NAMES and global_.dotted != WRAPPER:
                raise UnreadablePickle(f"imports joblib's wrapper of arrays as {global_.dotted}")
        return global_

    def construct(self, constructor: Node, arguments: Node, *, is_new: bool, keywords: Node = None) -> None:
        """Push the result of a call, or of ``__new__`` if ``is_new``."""
        if type(arguments) is not tuple:
            raise UnreadablePickle("calls something with arguments that are not a tuple")
        self.calls += 1
        if type(constructor) is Global and not is_new and self._push_lookup(constructor, arguments):
            return
        if type(resolved(constructor)) not in (Global, Object):
            raise UnreadablePickle(f"calls {_describe(resolved(constructor))}")
        if type(constructor) is Global and not is_new:
            self.used.called.add((constructor.module, constructor.name))
            if constructor.dotted in _SET_CONSTRUCTORS:
                self._check_set_arguments(arguments)
        self._charge_arguments(arguments)
        if keywords is not None:
            self._charge_arguments(keywords)
        self.objects += 1
        self.push(Object(constructor, arguments, is_new, keywords))

    def _push_lookup(self, function: Global, arguments: tuple[Node, ...]) -> bool:
        """Push the result of a call that looks up an attribute; returns whether the call is one.

        cloudpickle writes ``MethodType(Class.method, object)``, and ``_builtin_type('MethodType')`` for that type.
        """
        match function.dotted, arguments:
            case "builtins.getattr", _:
                self._push_attribute(function, arguments)
            case "cloudpickle.cloudpickle._builtin_type", ("MethodType",):
                self.stack.append(_METHOD_TYPE)
            case "types.MethodType", (Global() as method, owner) if "." in method.name:
                self._push_attribute(Global("builtins", "getattr"), (owner, method.name.rpartition(".")[2]))
            case _:
                return False
        return True

    def _push_attribute(self, getattr_: Global, arguments: tuple[Node, ...]) -> None:
        """Push an attribute: protocols below 4 write ``Outer.Inner`` and methods as a call of ``getattr``."""
        match arguments:
            case (Global() as owner, str(attribute)) if attribute.isidentifier():
                self.stack.append(self.import_name(owner.module, f"{owner.name}.{attribute}"))
            case (Reference() | Object() | str(), str(attribute)) if attribute.isidentifier():
                self.objects += 1
                self.used.looked_up.add(attribute)
                self.push(Object(getattr_, arguments, is_new=False))  # a method of an object
            case _:
                raise UnreadablePickle("looks up an attribute of something else than a class, an object or a text")

    def set_state(self) -> Object:
        """Pop a state, and set it on the object at the top of the stack; returns that object."""
        state, target = self.pop(), self.top()
        if type(target) is not Object:
            raise UnreadablePickle(f"sets the state of {_describe(target)}")
        if target.state is not ABSENT:
            raise UnreadablePickle("sets the state of an object twice")
        if type(state) is not dict or _may_copy_state(target):
            self._charge_arguments(state)
        target.state = state
        if type(target.constructor) is Global and target.constructor.dotted == "numpy.dtype":
            check_dtype(target)
        return target


_METHOD_TYPE: Final = Global("types", "MethodType")
_REFERENCED_TYPES: Final = frozenset({list, dict, SetOf, Object})
_NESTING_TYPES: Final = frozenset({tuple, SetOf, Reference})
_CHARGED_ARGUMENTS: Final = frozenset({tuple, list, dict, Reference, Object})
_CHARGED_CONTENTS: Final = frozenset({tuple, list, dict, SetOf, Object})
_SET_CONSTRUCTORS: Final = frozenset({"builtins.set", "builtins.frozenset"})
_BYTES_CONSTRUCTORS: Final = frozenset({"builtins.bytes", "builtins.bytearray", "_codecs.encode"})


def translate_python_2_name(module: str, name: str) -> tuple[str, str]:
    """The Python 3 module and name of an import in protocols 0 to 2, which use Python 2's: ``__builtin__``."""
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name


def _may_copy_state(target: Object) -> bool:
    """Whether an object may copy its state: only if it is the result of a call other than `RECONSTRUCTOR`."""
    constructor = target.constructor
    return not target.is_new and not (type(constructor) is Global and constructor.dotted == RECONSTRUCTOR)


def _is_bytes_object(value: Node) -> bool:
    if type(value) is not Object:
        return False
    return type(value.constructor) is Global and value.constructor.dotted in _BYTES_CONSTRUCTORS


def _range_length(value: Object) -> int:
    """The length of a ``range`` or ``pandas.RangeIndex``, whose numbers are not in the file; 0 for other objects."""
    function, arguments = value.constructor, value.arguments
    if value.is_new or type(function) is not Global or type(arguments) is not tuple:
        return 0
    start: Node
    if function.dotted == "builtins.range" and len(arguments) == 3:
        start, stop, step = arguments
    elif len(arguments) == 2 and type(arguments[0]) is Global and arguments[0].name.endswith("RangeIndex"):
        entries = resolved(arguments[1])
        if type(entries) is not dict:
            return 0
        start, stop, step = entries.get("start"), entries.get("stop"), entries.get("step")
    else:
        return 0
    if type(start) is int and type(stop) is int and type(step) is int and step:
        return max(0, (stop - start) // step)
    return 0


def _is_filled(value: Node) -> bool:
    if type(value) is SetOf:
        return bool(value.items) and not value.is_frozen
    if type(value) is Object:
        return value.items is not None or value.entries is not None or value.state is not ABSENT
    return bool(value)


def is_wrapper(value: Node) -> bool:
    """Whether an object is joblib's wrapper of an array."""
    if type(value) is not Object:
        return False
    constructor, arguments = value.constructor, value.arguments
    if type(constructor) is not Global:
        return False
    cls = constructor if value.is_new else arguments[0] if isinstance(arguments, tuple) and arguments else None
    return type(cls) is Global and cls.dotted == WRAPPER


def _is_mutable(value: Node) -> bool:
    match value:
        case SetOf():
            return not value.is_frozen
        case OmittedValue(type_name):
            return type_name == "bytearray"
        case _:
            return False


def _describe(node: Node) -> str:
    node_type = type(node)
    if node_type is Reference:
        return "an object that was already complete"
    if node_type is Global:
        assert isinstance(node, Global)
        return node.dotted
    return {SetOf: "a set", Object: "an object that was already complete", Array: "an array"}.get(
        node_type, f"a value of type {node_type.__name__}"
    )
