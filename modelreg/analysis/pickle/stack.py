"""What a pickle has built so far: a stack, the stacks below its marks, and the memo.

The rules of canonical pickles are kept here: each object is made, memoised, filled once directly afterwards, and never
changed again (see `modelreg.analysis.pickle.reader`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from modelreg.analysis.budget import Budget
from modelreg.analysis.formats.arrays import ANY_WRAPPER, WRAPPER, check_dtype
from modelreg.analysis.pickle.keys import ATOMS, doubtful_hash, key_of
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

TEXT_KEPT = 5000  # bytes; a longer text is never a name, an option or a path

_FEW_PARTS = 64
_SHORT = 64  # bytes or parts; what is shared and no longer is not counted
_PRICE_OF_A_COLLISION = 20_000  # parts
_PRICE_OF_A_PART = 64  # bytes; what an object or a place in a container takes
_PRICE_OF_A_NUMBER = 8  # bytes
_PRICE_OF_A_PART_OF_A_KEY = 20  # parts, since it is looked at in Python
_PRICE_OF_A_PART_OF_A_SET = 200  # parts, since it is also put into a set


@dataclass(slots=True)
class Used:
    """What a pickle does with the names that it imports."""

    called: set[tuple[str, str]] = field(default_factory=set)
    """Functions and classes that it calls, by module and name."""
    looked_up: set[str] = field(default_factory=set)
    """Attributes that it looks up on objects."""


@dataclass(slots=True)
class PickleStack:
    """The state of one reading: a stack, the stacks below its marks, and the memo."""

    stream: PickleStream
    budget: Budget
    joblib: bool
    """Whether raw arrays follow joblib's wrappers."""
    persistent: bool
    names: dict[tuple[str, str], Global] = field(default_factory=dict)
    used: Used = field(default_factory=Used)
    stack: list[Node] = field(default_factory=list)
    below: list[list[Node]] = field(default_factory=list)
    memo: list[Node] = field(default_factory=list)
    memoised: set[int] = field(default_factory=set)
    """The lists, dictionaries, sets and objects in the memo, by id."""
    sizes: dict[int, tuple[int, Node]] = field(default_factory=dict)
    """Large nested tuples and frozen sets, by id: the parts in them, as often as they stand there; and themselves."""
    hashes: dict[int, set[int]] = field(default_factory=dict)
    """Those of large integers and tuples among the keys of a dictionary or the items of a set, by the id of that."""
    keys: dict[int, tuple[Node, set[Hashable]]] = field(default_factory=dict)
    """Dictionaries with other keys than names, texts and numbers, and sets, by id; and their keys as they compare."""
    hashable: dict[int, tuple[Node, ...]] = field(default_factory=dict)
    """Long tuples that were used as keys already, by id."""
    protocol: int = 0
    calls: int = 0
    objects: int = 0
    """Those that were made, and are in the graph."""

    def only(self) -> Node:
        """The one object that is left at the end."""
        if len(self.stack) != 1 or self.below:
            raise UnreadablePickle("leaves more or less than one object")
        self.stream.leave_frame()
        return self.stack[0]

    def first(self) -> Node:
        """The object that was put first and is still there."""
        bottom = (self.below or [self.stack])[0]
        return bottom[0] if bottom else None

    def pop(self) -> Node:
        """Take the last value since the last mark."""
        if not self.stack:
            raise UnreadablePickle("takes from an empty stack")
        return self.stack.pop()

    def last(self) -> Node:
        """The last value since the last mark, left where it is."""
        if not self.stack:
            raise UnreadablePickle("looks at an empty stack")
        return self.stack[-1]

    def mark(self) -> None:
        """Begin a new stack on top."""
        self.budget.take_object()
        self.below.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Node]:
        """Take everything since the last mark, and the mark."""
        if not self.below:
            raise UnreadablePickle("goes back to a mark that was not set")
        taken, self.stack = self.stack, self.below.pop()
        return taken

    def push(self, value: Node) -> None:
        """Put an object that takes memory of its own."""
        self.budget.take_object()
        self.stack.append(value)

    def push_nested(self, value: Node, items: Sequence[Node]) -> None:
        """Put a tuple or frozen set: one that shares its parts over and over would take ages to hash."""
        if not _NESTING.isdisjoint(map(type, items)):
            self.budget.take_parts(self._size(value))
        self.push(value)

    def _size(self, value: Node) -> int:
        """The parts in a tuple or frozen set, as often as they stand there."""
        if type(value) is not tuple and type(value) is not SetOf:
            return 0
        if id(value) in self.sizes:
            return self.sizes[id(value)][0]
        items = value if type(value) is tuple else value.items if type(value) is SetOf and value.is_frozen else ()
        size = len(items)
        for part in items:
            if type(part) in _NESTING:
                size += self._size(resolved(part))
        if size > _FEW_PARTS:
            self.sizes[id(value)] = size, value
        return size

    def push_text(self, length: int) -> None:
        """Put a text of ``length`` bytes in UTF-8."""
        if length > TEXT_KEPT:
            names_file, digest = self.stream.skip_text(length, TIME_ZONE_FILE.encode())
            self.push(OmittedValue("str", length, names_file, digest))
            return
        self.take_text(length)
        try:
            self.stack.append(self.stream.read(length).decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            raise UnreadablePickle("has a text that is not UTF-8") from None

    def push_bytes(self, length: int) -> None:
        """Put a byte string of ``length`` bytes."""
        if length > TEXT_KEPT:
            self.push_omitted("bytes", length)
            return
        self.take_text(length)
        self.stack.append(self.stream.read(length))

    def push_omitted(self, type_name: str, length: int) -> None:
        """Put a value whose ``length`` bytes are not kept."""
        self.stream.skip(length)
        self.push(OmittedValue(type_name, length))

    def take_text(self, length: int) -> None:
        """Keep a text of so many bytes; raises `LimitReached`."""
        self.budget.text -= length
        if self.budget.text < 0:
            raise LimitReached

    def remember(self, index: int) -> None:
        """Memoise the last value, which was made just now."""
        if index != len(self.memo):
            raise UnreadablePickle("numbers its memo as no pickler does")
        self.remember_next()

    def remember_next(self) -> None:
        """Memoise the last value under the next number."""
        if not self.stack:
            raise UnreadablePickle("memoises what is not there")
        value = self.stack[-1]
        if type(value) in _REFERABLE:
            if _is_filled(value):
                raise UnreadablePickle("memoises an object after it was filled")
            if id(value) in self.memoised:
                raise UnreadablePickle("memoises an object twice")
            self.memoised.add(id(value))
            value = Reference(value)  # type: ignore[arg-type]  # of exactly these types
        elif type(value) is Reference:
            raise UnreadablePickle("memoises an object twice")
        self.memo.append(value)

    def recall(self, index: int) -> None:
        """Put what was memoised under this number."""
        if index >= len(self.memo):
            raise UnreadablePickle("recalls what it never memoised")
        value = self.memo[index]
        if type(value) is Reference and is_wrapper(value.target):
            raise UnreadablePickle("uses joblib's wrapper of arrays as joblib never does")
        self._take_shared(value)
        self.stack.append(value)

    def _take_shared(self, value: Node) -> None:
        """What is long is copied or hashed each time that it is used, though it stands in the file once."""
        if type(value) is str or type(value) is bytes:
            if len(value) > _SHORT:
                self.budget.take_copies(len(value))
        elif type(value) is OmittedValue:
            self.budget.take_copies(value.length)
        elif self.sizes and id(resolved(value)) in self.sizes:
            self.budget.take_parts(self.sizes[id(resolved(value))][0])
        elif type(value) is tuple and len(value) > _SHORT:
            self.budget.take_parts(len(value))
        elif type(value) is Reference and _is_bytes(value.target):
            self._take_whole(value)

    def _take_passed(self, passed: Node) -> None:
        """What a call or state is given, as far as it is elsewhere already: it may be copied or parsed each time."""
        if type(passed) is tuple and _PASSED.isdisjoint(map(type, passed)):
            return
        waiting, seen = [passed], set()
        while waiting:
            value = waiting.pop()
            if id(value) in seen:  # a tuple, which can be in others many times
                continue
            seen.add(id(value))
            if type(value) is Reference:
                self._take_whole(value)
            elif type(value) is Object:
                self.budget.take_copies(_PRICE_OF_A_NUMBER * length_of_range(value))
            elif type(value) is dict:
                waiting += [part for part in value.values() if type(part) in _PASSED]
            elif type(value) is tuple or type(value) is list:
                waiting += [part for part in value if type(part) in _PASSED]

    def _take_whole(self, shared: Node) -> None:
        """All that there is in a value, which takes as long as is paid for it."""
        waiting, seen = [shared], set()
        while waiting:
            value = resolved(waiting.pop())
            if type(value) is str or type(value) is bytes:
                self.budget.take_copies(len(value))
            elif type(value) is OmittedValue:
                self.budget.take_copies(value.length)
            elif type(value) in _WHOLE and id(value) not in seen and getattr(value, "dtype", None) is None:
                seen.add(id(value))
                parts = [part for part in parts_of(value) if part is not None]
                self.budget.take_copies(_PRICE_OF_A_PART * (1 + len(parts)))
                if type(value) is Object:
                    self.budget.take_copies(_PRICE_OF_A_NUMBER * length_of_range(value))
                waiting += parts

    def append(self, values: list[Node]) -> None:
        """Add values to the list that stands last, or to an object that was just made."""
        target = self.last()
        if type(target) is list:
            target += values
        elif type(target) is Object and target.entries is None and target.state is ABSENT:
            if target.items is None:
                target.items = []
            target.items += values
        else:
            raise UnreadablePickle(f"appends to {_described(target)}")

    def add(self, pairs: list[Node]) -> None:
        """Put keys and values into the dictionary that stands last, or into an object that was just made."""
        target = self.last()
        if type(target) is dict:
            entries = target
        elif type(target) is Object and target.state is ABSENT:
            entries = target.entries = {} if target.entries is None else target.entries
        else:
            raise UnreadablePickle(f"sets items of {_described(target)}")
        if len(pairs) % 2:
            raise UnreadablePickle("has a key without a value")
        keys = pairs[::2]
        self._take_keys(entries, entries, keys)
        known = len(entries)
        entries.update(zip(keys, pairs[1::2], strict=True))
        if len(entries) != known + len(keys):
            raise UnreadablePickle("has a key twice")

    def _take_keys(self, container: Node, before: Iterable[Node], added: Sequence[Node]) -> None:
        """Raise `UnreadablePickle` for what cannot be a key or an item of a set, and for what is one already."""
        simple = ATOMS.issuperset(map(type, added))
        if not simple:
            self.check_hashable(added)
        self._take_collisions(self.hashes.setdefault(id(container), set()), added)
        if simple and type(container) is dict and id(container) not in self.keys:
            return  # the dictionary itself compares them
        if id(container) not in self.keys:
            self.keys[id(container)] = container, set(map(key_of, before))
        _, known = self.keys[id(container)]
        expected = len(known) + len(added)
        known.update(map(key_of, added))
        if len(known) != expected:
            raise UnreadablePickle("has a key or an item of a set twice")

    def check_hashable(self, values: Sequence[Node]) -> None:
        """Raise `UnreadablePickle` for what cannot be a key or an item of a set."""
        waiting, seen = [values], set()
        while waiting:
            for value in waiting.pop():
                target = resolved(value)
                if type(target) in (list, dict) or _is_mutable(target):
                    raise UnreadablePickle("has a key or an item of a set that cannot be hashed")
                if type(value) is tuple and id(value) not in seen and id(value) not in self.hashable:
                    seen.add(id(value))
                    waiting.append(value)
                    if len(value) > _FEW_PARTS:
                        self.hashable[id(value)] = value

    def _take_collisions(self, known: set[int], keys: Sequence[Node]) -> None:
        """Keys may all have the same hash, with which a dictionary or set of them takes ages."""
        if not ATOMS.issuperset(map(type, keys)):
            self.budget.take_parts(sum(map(self._price_of_key, keys)))
        doubtful = [found for key in keys if type(key) is not str and (found := doubtful_hash(key)) is not None]
        if doubtful:
            before = len(known)
            known.update(doubtful)
            self.budget.take_parts(_PRICE_OF_A_COLLISION * (before + len(doubtful) - len(known)))

    def _price_of_key(self, key: Node) -> int:
        if type(key) is tuple and ATOMS.issuperset(map(type, key)):
            return len(key)
        price = _PRICE_OF_A_PART_OF_A_KEY if type(key) is tuple else _PRICE_OF_A_PART_OF_A_SET
        return price * self._size(resolved(key))

    def add_to_set(self) -> None:
        """Add values to the set that stands last."""
        values, target = self.pop_mark(), self.last()
        if type(target) is not SetOf or target.is_frozen:
            raise UnreadablePickle(f"adds to {_described(target)}")
        self._take_keys(target, target.items, values)
        target.items += values

    def push_frozen_set(self) -> None:
        """Put a frozen set of the values since the last mark."""
        items = self.pop_mark()
        frozen = SetOf(items, is_frozen=True)
        self._take_keys(frozen, (), items)
        self.push_nested(frozen, items)

    def _take_set(self, arguments: tuple[Node, ...]) -> None:
        """What protocols below 4 call ``set`` and ``frozenset`` with: a list."""
        items = [resolved(argument) for argument in arguments]
        if len(items) > 1 or not all(type(each) is list for each in items):
            raise UnreadablePickle("makes a set of what is no list")
        for each in items:
            assert isinstance(each, list)
            self._take_keys(SetOf(each, is_frozen=True), (), each)

    def import_name(self, module: Node, name: Node) -> Global:
        """The node of an import."""
        if type(module) is not str or type(name) is not str:
            raise UnreadablePickle("imports what is not named by texts")
        if self.protocol < 3:
            module, name = names_in_python_3(module, name)
        known = self.names.get((module, name))
        if known is None:
            self.budget.take_object()
            known = self.names[module, name] = Global(module, name)
            if name.rpartition(".")[2] in ANY_WRAPPER and known.dotted != WRAPPER:
                raise UnreadablePickle(f"imports joblib's wrapper of arrays as {known.dotted}")
        return known

    def construct(self, constructor: Node, arguments: Node, *, is_new: bool, keywords: Node = None) -> None:
        """Put what a call returns."""
        if type(arguments) is not tuple:
            raise UnreadablePickle("calls something with arguments that are no tuple")
        self.calls += 1
        if type(constructor) is Global and not is_new and self._looks_up(constructor, arguments):
            return
        if type(resolved(constructor)) not in (Global, Object):
            raise UnreadablePickle(f"calls {_described(resolved(constructor))}")
        if type(constructor) is Global and not is_new:
            self.used.called.add((constructor.module, constructor.name))
            if constructor.dotted in _SETS:
                self._take_set(arguments)
        self._take_passed(arguments)
        if keywords is not None:
            self._take_passed(keywords)
        self.objects += 1
        self.push(Object(constructor, arguments, is_new, keywords))

    def _looks_up(self, function: Global, arguments: tuple[Node, ...]) -> bool:
        """Put the method of an object, or what has a name within a class; returns whether the call says so.

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
        """Protocols below 4 write ``Outer.Inner`` and methods of a class as a call of ``getattr``."""
        match arguments:
            case (Global() as owner, str(attribute)) if attribute.isidentifier():
                self.stack.append(self.import_name(owner.module, f"{owner.name}.{attribute}"))
            case (Reference() | Object() | str(), str(attribute)) if attribute.isidentifier():
                self.objects += 1
                self.used.looked_up.add(attribute)
                self.push(Object(getattr_, arguments, is_new=False))  # a method of an object
            case _:
                raise UnreadablePickle("looks up an attribute of what it has made")

    def build(self) -> Object:
        """Give the last object its state; returns it."""
        state, target = self.pop(), self.last()
        if type(target) is not Object:
            raise UnreadablePickle(f"sets the state of {_described(target)}")
        if target.state is not ABSENT:
            raise UnreadablePickle("sets the state of an object twice")
        if type(state) is not dict or _takes_a_copy(target):
            self._take_passed(state)
        target.state = state
        if type(target.constructor) is Global and target.constructor.dotted == "numpy.dtype":
            check_dtype(target)
        return target


_METHOD_TYPE: Final = Global("types", "MethodType")
_REFERABLE: Final = frozenset({list, dict, SetOf, Object})
_NESTING: Final = frozenset({tuple, SetOf, Reference})
_PASSED: Final = frozenset({tuple, list, dict, Reference, Object})
_WHOLE: Final = frozenset({tuple, list, dict, SetOf, Object})
_SETS: Final = frozenset({"builtins.set", "builtins.frozenset"})
_BYTES: Final = frozenset({"builtins.bytes", "builtins.bytearray", "_codecs.encode"})


def names_in_python_3(module: str, name: str) -> tuple[str, str]:
    """What a pickle of protocols 0 to 2 means, which names modules as Python 2 did: ``__builtin__``, ``copy_reg``."""
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name


def _takes_a_copy(target: Object) -> bool:
    """Whether an object may copy what its state has: one that a call has made. Other objects keep it as it is."""
    constructor = target.constructor
    return not target.is_new and not (type(constructor) is Global and constructor.dotted == RECONSTRUCTOR)


def _is_bytes(value: Node) -> bool:
    if type(value) is not Object:
        return False
    return type(value.constructor) is Global and value.constructor.dotted in _BYTES


def length_of_range(value: Object) -> int:
    """The numbers in a range of Python's or pandas', which need not stand in the file; 0 for anything else."""
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
    made = constructor if value.is_new else arguments[0] if isinstance(arguments, tuple) and arguments else None
    return type(made) is Global and made.dotted == WRAPPER


def _is_mutable(value: Node) -> bool:
    match value:
        case SetOf():
            return not value.is_frozen
        case OmittedValue(type_name):
            return type_name == "bytearray"
        case _:
            return False


def _described(node: Node) -> str:
    node_type = type(node)
    if node_type is Reference:
        return "an object that was finished before"
    if node_type is Global:
        assert isinstance(node, Global)
        return node.dotted
    return {SetOf: "a set", Object: "an object that was finished before", Array: "an array"}.get(
        node_type, f"a value of type {node_type.__name__}"
    )
