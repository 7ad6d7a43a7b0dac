"""Reads a pickle into an object graph, without importing or calling anything.

Only the form that Python's own picklers write is accepted (the one in C and the one in Python, by themselves and as
joblib and cloudpickle use them): each object is made, memoised, filled once directly afterwards, and never changed
again. Whatever else a pickle could do is refused as unreadable, because a graph that changes after it was judged says
nothing, and because Python's two unpicklers differ in such places. Operations and their arguments are those of Python's
``pickletools`` (PEP 307, 3154 and 574).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import BinaryIO, Final

from modelreg.containers.compressed import BadCompression
from modelreg.security.arrays import ANY_WRAPPER, LONGEST_PADDING, WRAPPER, check_dtype, wrapped_array
from modelreg.security.denied_names import is_dangerous
from modelreg.security.object_graph import (
    ABSENT,
    Array,
    Global,
    Node,
    Object,
    Omitted,
    Persistent,
    Reference,
    SetOf,
    resolved,
)
from modelreg.security.opcode_names import names_in_opcodes
from modelreg.security.pickle_stream import LimitReached, PickleStream, UnreadablePickle

FEW_OPERATIONS = 500_000
"""Enough to learn the class of a model: about a third of a second."""
TEXT_KEPT = 4096  # bytes; a longer text is never a name or an option

_MOST_OPERATIONS = 20_000_000  # more than a vocabulary of five million words has
_OPERATIONS_OF_ANY_FILE = 200_000
_OPERATIONS_A_BYTE = 20  # compressed files have several in a byte
_MOST_TEXT = 128 << 20  # bytes kept in all
_TEXT_OF_ANY_FILE = 16 << 20
_TEXT_A_BYTE = 50
_MOST_OBJECTS = 3_000_000
_MOST_PARTS = 64 << 20  # of nested tuples and frozen sets, counted as often as they are used: Python hashes them in 2 s
_FEW_PARTS = 64
_LARGE_KEY = 1 << 60
_PRICE_OF_LARGE_KEY = 20_000  # parts
_MOST_BYTES = 64 << 30  # read or decompressed; what a file can seek over is not counted
_MOST_PICKLES = 1000  # one behind the other
_LONGEST_TEXT_LINE = 64 << 20  # bytes; protocol 0 writes arrays so
_LONGEST_INTEGER = 64  # bytes; random number generators have states of 16 and 32
_HIGHEST_PROTOCOL = 5
_LOOKED_AT = 64 << 10  # bytes of an array that could be a pickle


class End(Enum):
    """How the reading of a pickle ended."""

    STOP = "at the pickle's last operation"
    LIMIT = "at a limit of the reader's; what was read is the beginning"
    UNREADABLE = "at what no pickler writes"


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a pickle would make, as far as it was read."""

    end: End
    top: Node
    """The object that unpickling would return; after a limit, the one that stands first, which it most likely is."""
    globals: tuple[Global, ...]
    """Each name that would be imported, once, in order."""
    problem: str | None
    """Why it is unreadable, as a clause that goes on from 'it …'."""
    calls: int
    """How often something would be called."""
    objects: int
    """How many objects the graph has."""
    protocol: int
    """0 where the pickle doesn't say: 0 or 1."""
    position: int
    """Bytes read, after decompression."""
    whole: bool
    """Whether the pickle ends where its bytes end."""


@dataclass(slots=True)
class Budget:
    """What may still be done; all pickles of a model draw on the same."""

    operations: int
    text: int = _MOST_TEXT
    objects: int = _MOST_OBJECTS
    parts: int = _MOST_PARTS

    @classmethod
    def of_model(cls, size: int) -> Budget:
        """What the analysis of a model of ``size`` bytes may take."""
        operations = min(_MOST_OPERATIONS, _OPERATIONS_OF_ANY_FILE + _OPERATIONS_A_BYTE * size)
        return cls(operations, min(_MOST_TEXT, _TEXT_OF_ANY_FILE + _TEXT_A_BYTE * size))

    def take_object(self) -> None:
        """One object more; raises `LimitReached`."""
        self.objects -= 1
        if self.objects < 0:
            raise LimitReached

    def take_parts(self, count: int) -> None:
        """Parts of nested tuples that Python visits to hash or compare one; raises `LimitReached`."""
        self.parts -= count
        if self.parts < 0:
            raise LimitReached


def read_pickle(
    file: BinaryIO, size: int | None, operations: int = FEW_OPERATIONS, *, persistent: bool = False
) -> Reading:
    """Read the pickle in ``file``, from where it stands; never raises because of what the pickle says.

    ``size`` is the size of a regular file, which can seek, else None; for ``persistent`` see `read_pickles`.
    """
    return next(read_pickles(file, size, Budget(operations), persistent=persistent))


def read_pickles(
    file: BinaryIO, size: int | None, budget: Budget, *, persistent: bool = False, start: bytes = b""
) -> Iterator[Reading]:
    """Read one pickle after another, up to the end or to what is none; see `read_pickle`.

    ``persistent`` says that whoever loads them resolves persistent ids, as PyTorch does; ``start`` are the first bytes
    of what cannot seek.
    """
    stream = PickleStream(file, size, _MOST_BYTES)
    for _ in range(_MOST_PICKLES):
        begin = stream.position
        reading = _read(_Reader(stream, budget, joblib=True, persistent=persistent))
        if reading.end is End.UNREADABLE and size is not None:
            file.seek(begin)
            reading = _with_names(reading, file)
        elif reading.end is End.UNREADABLE and begin == 0:
            reading = _with_names(reading, io.BytesIO(start))
        yield reading
        if reading.end is not End.STOP or reading.whole:
            return
    yield Reading(End.LIMIT, None, (), None, 0, 0, 0, stream.position, False)


def _read(reader: _Reader) -> Reading:
    problem, top, end = None, None, End.STOP
    try:
        top = reader.read()
    except UnreadablePickle as unreadable:
        problem, end = str(unreadable), End.UNREADABLE
    except BadCompression:
        problem, end = "is cut off or damaged", End.UNREADABLE
    except LimitReached:
        top, end = reader.first(), End.LIMIT
    stream = reader.stream
    whole = end is End.STOP and not stream.rest()
    names = tuple(reader.names.values())
    return Reading(end, top, names, problem, reader.calls, reader.objects, reader.protocol, stream.position, whole)


def _with_names(reading: Reading, file: BinaryIO) -> Reading:
    """Add the names that the opcodes of an unreadable pickle mention, so that it can be said what it would do."""
    known = {(each.module, each.name): each for each in reading.globals}
    more, calls, _ = names_in_opcodes(file)
    for module, name in more:
        pair = names_in_python_3(module, name) if reading.protocol < 3 else (module, name)
        known.setdefault(pair, Global(*pair))
    return replace(reading, globals=tuple(known.values()), calls=max(calls, reading.calls))


@dataclass(slots=True)
class _Reader:
    """The state of one reading: a stack, the stacks below its marks, and the memo."""

    stream: PickleStream
    budget: Budget
    joblib: bool
    """Whether raw arrays follow joblib's wrappers."""
    persistent: bool
    names: dict[tuple[str, str], Global] = field(default_factory=dict)
    stack: list[Node] = field(default_factory=list)
    below: list[list[Node]] = field(default_factory=list)
    memo: list[Node] = field(default_factory=list)
    memoised: set[int] = field(default_factory=set)
    """The lists, dictionaries, sets and objects in the memo, by id."""
    sizes: dict[int, tuple[int, Node]] = field(default_factory=dict)
    """Large nested tuples and frozen sets, by id: the parts in them, as often as they stand there; and themselves."""
    protocol: int = 0
    calls: int = 0
    objects: int = 0
    """Those that were made, and are in the graph."""

    def read(self) -> Node:
        """The object that the pickle makes; raises `UnreadablePickle` and `LimitReached`."""
        stream, budget = self.stream, self.budget
        operations = self._begin()
        while budget.operations > 0:
            at = stream.at
            if at < stream.ready:
                stream.at = at + 1
                code = stream.buffer[at]
            else:
                code = stream.operation()
            if code == _STOP:
                return self._end()
            operation = operations[code]
            if operation is None:
                raise UnreadablePickle(f"has an operation that protocol {self.protocol} does not write: {code:#04x}")
            budget.operations -= 1
            operation(self)
        raise LimitReached

    def _begin(self) -> list[_Operation | None]:
        """Read the protocol, which stands at the beginning from protocol 2 on."""
        if self.stream.operation() == _PROTOCOL:
            self.protocol = self.stream.byte()
            if not 2 <= self.protocol <= _HIGHEST_PROTOCOL:
                raise UnreadablePickle(f"has protocol {self.protocol}, which no pickler writes")
        else:
            self.stream.at -= 1
        return _OPERATIONS[self.protocol]

    def _end(self) -> Node:
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
            self.push_omitted("str", length)
            return
        self._take_text(length)
        try:
            self.stack.append(self.stream.read(length).decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            raise UnreadablePickle("has a text that is not UTF-8") from None

    def push_bytes(self, length: int) -> None:
        """Put a byte string of ``length`` bytes."""
        if length > TEXT_KEPT:
            self.push_omitted("bytes", length)
            return
        self._take_text(length)
        self.stack.append(self.stream.read(length))

    def push_omitted(self, type_name: str, length: int) -> None:
        """Put a value whose ``length`` bytes are not kept."""
        self.stream.skip(length)
        self.push(Omitted(type_name, length))

    def _take_text(self, length: int) -> None:
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
        if type(value) is Reference and _is_wrapper(value.target):
            raise UnreadablePickle("uses joblib's wrapper of arrays as joblib never does")
        if self.sizes and id(resolved(value)) in self.sizes:
            self.budget.take_parts(self.sizes[id(resolved(value))][0])
        self.stack.append(value)

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
        if not _ATOMS.issuperset(map(type, keys)):
            _check_hashable(keys)
        self._take_large_keys(keys)
        known = len(entries)
        entries.update(zip(keys, pairs[1::2], strict=True))
        if len(entries) != known + len(keys):
            raise UnreadablePickle("has a key twice")

    def _take_large_keys(self, keys: Sequence[Node]) -> None:
        """Large integers may all have the same hash, with which a dictionary of them takes ages."""
        self.budget.take_parts(_PRICE_OF_LARGE_KEY * sum(type(key) is int and abs(key) >= _LARGE_KEY for key in keys))

    def add_to_set(self) -> None:
        """Add values to the set that stands last."""
        values, target = self.pop_mark(), self.last()
        if type(target) is not SetOf or target.is_frozen:
            raise UnreadablePickle(f"adds to {_described(target)}")
        _check_hashable(values)
        self._take_large_keys(values)
        target.items += values

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
        if type(constructor) is Global and constructor.dotted == "builtins.getattr" and not is_new:
            self._push_attribute(constructor, arguments)
            return
        if type(resolved(constructor)) not in (Global, Object):
            raise UnreadablePickle(f"calls {_described(resolved(constructor))}")
        self.objects += 1
        self.push(Object(constructor, arguments, is_new, keywords))

    def _push_attribute(self, getattr_: Global, arguments: tuple[Node, ...]) -> None:
        """Protocols below 4 write ``Outer.Inner`` and methods of a class as a call of ``getattr``."""
        match arguments:
            case (Global() as owner, str(attribute)) if attribute.isidentifier():
                self.stack.append(self.import_name(owner.module, f"{owner.name}.{attribute}"))
            case (Reference() | str(), str(attribute)) if attribute.isidentifier():
                self.objects += 1
                self.push(Object(getattr_, arguments, is_new=False))  # a method of an object
            case _:
                raise UnreadablePickle("looks up an attribute of what it has made")

    def build(self) -> None:
        """Give the last object its state; behind a wrapper of joblib's, pass over its array."""
        state, target = self.pop(), self.last()
        if type(target) is not Object:
            raise UnreadablePickle(f"sets the state of {_described(target)}")
        if target.state is not ABSENT:
            raise UnreadablePickle("sets the state of an object twice")
        target.state = state
        if type(target.constructor) is Global and target.constructor.dotted == "numpy.dtype":
            check_dtype(target)
        elif self.joblib and _is_wrapper(target):
            self.stack[-1] = self._array(target)

    def _array(self, wrapper: Object) -> Array:
        """The array behind a wrapper (see `modelreg.security.arrays`)."""
        self.stream.leave_frame()
        found = wrapped_array(wrapper)
        self.objects -= 1  # the array stands in its place
        elements = None
        if found.bytes is None:
            elements = self._inner_pickle()
        else:
            if found.is_padded:
                self._pass_padding()
                self.stream.skip(found.bytes)
            else:
                self._pass_elements(found.bytes)
        return Array(found.class_name, found.dtype, elements)

    def _pass_padding(self) -> None:
        length = self.stream.byte()
        if length > LONGEST_PADDING:
            raise UnreadablePickle("has a padding that joblib never writes")
        self.stream.skip(length)

    def _pass_elements(self, count: int) -> None:
        """Elements without a padding, with which ``pickle.load`` goes on as opcodes: they may not be a pickle, too."""
        start = self.stream.read(min(count, _LOOKED_AT))
        self.stream.skip(count - len(start))
        opcodes = io.BytesIO(start)
        names, _, ends = names_in_opcodes(opcodes)
        whole = opcodes.tell() == len(start) == _LOOKED_AT
        if ends or whole or any(is_dangerous(*name) for name in names):
            raise UnreadablePickle("has an array that is a pickle as well")

    def _inner_pickle(self) -> Node:
        """An array of objects, which joblib writes as a pickle of its own."""
        inner = _Reader(self.stream, self.budget, joblib=False, persistent=False, names=self.names)
        top = inner.read()
        self.calls += inner.calls
        self.objects += inner.objects
        return top


_Operation = Callable[[_Reader], object]

_REFERABLE: Final = frozenset({list, dict, SetOf, Object})
_NESTING: Final = frozenset({tuple, SetOf, Reference})
_ATOMS: Final = frozenset({str, int, float, bool, bytes, type(None), Global})


def names_in_python_3(module: str, name: str) -> tuple[str, str]:
    """What a pickle of protocols 0 to 2 means, which names modules as Python 2 did: ``__builtin__``, ``copy_reg``."""
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name


def _is_filled(value: Node) -> bool:
    if type(value) is SetOf:
        return bool(value.items) and not value.is_frozen
    if type(value) is Object:
        return value.items is not None or value.entries is not None or value.state is not ABSENT
    return bool(value)


def _is_wrapper(value: Node) -> bool:
    if type(value) is not Object:
        return False
    constructor, arguments = value.constructor, value.arguments
    if type(constructor) is not Global:
        return False
    made = constructor if value.is_new else arguments[0] if isinstance(arguments, tuple) and arguments else None
    return type(made) is Global and made.dotted == WRAPPER


def _check_hashable(values: Sequence[Node]) -> None:
    """Raise `UnreadablePickle` for what cannot be a key or an item of a set."""
    waiting = [values]
    while waiting:
        for value in waiting.pop():
            target = resolved(value)
            if type(target) in (list, dict) or _is_mutable(target):
                raise UnreadablePickle("has a key or an item of a set that cannot be hashed")
            if type(value) is tuple:
                waiting.append(value)


def _is_mutable(value: Node) -> bool:
    match value:
        case SetOf():
            return not value.is_frozen
        case Omitted(type_name):
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


# The operations


def _frame(r: _Reader) -> None:
    r.stream.enter_frame(r.stream.unsigned(8))


def _recall_near(r: _Reader) -> None:
    """Put one of the first memoised values: nearly half of all operations, so it is done here."""
    stream, memo = r.stream, r.memo
    at = stream.at
    if at < stream.ready:
        stream.at = at + 1
        index = stream.buffer[at]
    else:
        index = stream.byte()
    value = memo[index] if index < len(memo) else None
    if type(value) is str:
        r.stack.append(value)
    else:
        r.recall(index)


_INTEGER = re.compile(rb"-?[1-9][0-9]{0,153}|0")
_FLOAT = re.compile(rb"-?(\d+\.\d+|\d+(\.\d+)?e[+-]\d+|inf)|nan")


def _text_line(r: _Reader) -> None:
    line = r.stream.line(_LONGEST_TEXT_LINE)
    if len(line) == _LONGEST_TEXT_LINE:
        raise LimitReached
    if len(line) > TEXT_KEPT:
        r.push(Omitted("str", len(line)))
        return
    r._take_text(len(line))
    try:
        r.stack.append(line.decode("raw-unicode-escape"))  # Latin-1, and \u1234 for the rest
    except UnicodeDecodeError:
        raise UnreadablePickle("has a text that is not escaped as protocol 0 does it") from None


def _integer_line(r: _Reader) -> None:
    line = r.stream.line(_LONGEST_INTEGER * 3)
    if line in (b"00", b"01"):  # protocols 0 and 1 write booleans so
        r.stack.append(line == b"01")
    else:
        r.stack.append(_integer(line))


def _long_line(r: _Reader) -> None:
    line = r.stream.line(_LONGEST_INTEGER * 3)
    if line[-1:] != b"L":
        raise UnreadablePickle("has an integer that no pickler writes")
    r.stack.append(_integer(line[:-1]))


def _integer(digits: bytes) -> int:
    if not _INTEGER.fullmatch(digits):
        raise UnreadablePickle("has an integer that no pickler writes")
    return int(digits)


def _float_line(r: _Reader) -> None:
    line = r.stream.line(64)
    if not _FLOAT.fullmatch(line):
        raise UnreadablePickle("has a number that no pickler writes")
    r.stack.append(float(line))


def _float(r: _Reader) -> None:
    r.stack.append(_unpacked(r.stream.read(8)))


def _unpacked(data: bytes) -> float:
    from struct import unpack

    value: float = unpack(">d", data)[0]
    return value


def _long(r: _Reader, length: int) -> None:
    if length > _LONGEST_INTEGER:
        r.push_omitted("int", length)
    else:
        r.stack.append(int.from_bytes(r.stream.read(length), "little", signed=True))


def _signed(r: _Reader) -> int:
    return int.from_bytes(r.stream.read(4), "little", signed=True)


def _tuple(r: _Reader, length: int) -> None:
    stack = r.stack
    if len(stack) < length:
        raise UnreadablePickle("takes from an empty stack")
    items = tuple(stack[-length:])
    del stack[-length:]
    r.push_nested(items, items)


def _tuple_since_mark(r: _Reader) -> None:
    items = tuple(r.pop_mark())
    r.push_nested(items, items)


def _list_since_mark(r: _Reader) -> None:
    if r.pop_mark():
        raise UnreadablePickle("has a list that no pickler writes")
    r.push([])


def _dict_since_mark(r: _Reader) -> None:
    if r.pop_mark():
        raise UnreadablePickle("has a dictionary that no pickler writes")
    r.push({})


def _frozen_set(r: _Reader) -> None:
    items = r.pop_mark()
    _check_hashable(items)
    r.push_nested(SetOf(items, is_frozen=True), items)


def _set_item(r: _Reader) -> None:
    value, key = r.pop(), r.pop()
    r.add([key, value])


def _append(r: _Reader) -> None:
    value = r.pop()
    r.append([value])


def _line_text(r: _Reader) -> str:
    try:
        return r.stream.line(TEXT_KEPT).decode()
    except UnicodeDecodeError:
        raise UnreadablePickle("has a name that is not UTF-8") from None


def _global(r: _Reader) -> None:
    module, name = _line_text(r), _line_text(r)
    if not module or not name:  # which Python in C refuses, and Python in Python does not
        raise UnreadablePickle("imports what has no name")
    r.stack.append(r.import_name(module, name))


def _stack_global(r: _Reader) -> None:
    name, module = r.pop(), r.pop()
    r.stack.append(r.import_name(module, name))


def _new_object(r: _Reader) -> None:
    arguments, cls = r.pop(), r.pop()
    r.construct(cls, arguments, is_new=True)


def _new_object_with_keywords(r: _Reader) -> None:
    keywords, arguments, cls = r.pop(), r.pop(), r.pop()
    by_name = resolved(keywords)
    if type(by_name) is not dict or not all(isinstance(keyword, str) for keyword in by_name):
        raise UnreadablePickle("calls something with arguments by name that have none")
    r.construct(cls, arguments, is_new=True, keywords=keywords)


def _reduce(r: _Reader) -> None:
    arguments, function = r.pop(), r.pop()
    r.construct(function, arguments, is_new=False)


def _pop(r: _Reader) -> None:
    """Cloudpickle calls a function with an object it has made and the state, and drops what that returns."""
    dropped = r.pop()
    match dropped:
        case Object(Global(module), (Reference(Object() as target), state), False) if module.endswith("cloudpickle"):
            if target.state is ABSENT:
                target.state = state
                r.objects -= 1
                return
    raise UnreadablePickle("drops an object that it has made")


def _persistent(r: _Reader, id: Node) -> None:
    if not r.persistent:
        raise UnreadablePickle("has a persistent id, which nobody resolves")
    r.push(Persistent(id))


def _index_line(r: _Reader) -> int:
    line = r.stream.line(20)
    if not _INTEGER.fullmatch(line) or line[:1] == b"-":
        raise UnreadablePickle("numbers its memo as no pickler does")
    return int(line)


_STOP, _PROTOCOL = ord("."), 0x80

_TEXTUAL: dict[bytes, _Operation] = {
    b"V": _text_line,
    b"I": _integer_line,
    b"L": _long_line,
    b"F": _float_line,
    b"p": lambda r: r.remember(_index_line(r)),
    b"g": lambda r: r.recall(_index_line(r)),
    b"P": lambda r: _persistent(r, _line_text(r)),
    b"l": _list_since_mark,
    b"d": _dict_since_mark,
    b"a": _append,
    b"s": _set_item,
}
_ALWAYS: dict[bytes, _Operation] = {
    b"(": _Reader.mark,
    b"N": lambda r: r.stack.append(None),
    b"R": _reduce,
    b"b": _Reader.build,
    b"t": _tuple_since_mark,
    b"0": _pop,
}
_BINARY: dict[bytes, _Operation] = {
    b")": lambda r: r.stack.append(()),
    b"]": lambda r: r.push([]),
    b"}": lambda r: r.push({}),
    b"K": lambda r: r.stack.append(r.stream.byte()),
    b"M": lambda r: r.stack.append(r.stream.unsigned(2)),
    b"J": lambda r: r.stack.append(_signed(r)),
    b"G": _float,
    b"X": lambda r: r.push_text(r.stream.unsigned(4)),
    b"h": _recall_near,
    b"j": lambda r: r.recall(r.stream.unsigned(4)),
    b"a": _append,
    b"e": lambda r: r.append(r.pop_mark()),
    b"s": _set_item,
    b"u": lambda r: r.add(r.pop_mark()),
    b"Q": lambda r: _persistent(r, r.pop()),
}
_NUMBERED_MEMO: dict[bytes, _Operation] = {
    b"q": lambda r: r.remember(r.stream.byte()),
    b"r": lambda r: r.remember(r.stream.unsigned(4)),
}
_GLOBAL: dict[bytes, _Operation] = {b"c": _global}
_SINCE_2: dict[bytes, _Operation] = {
    b"\x81": _new_object,
    b"\x85": lambda r: _tuple(r, 1),
    b"\x86": lambda r: _tuple(r, 2),
    b"\x87": lambda r: _tuple(r, 3),
    b"\x88": lambda r: r.stack.append(True),
    b"\x89": lambda r: r.stack.append(False),
    b"\x8a": lambda r: _long(r, r.stream.byte()),
    b"\x8b": lambda r: _long(r, _positive(r)),
}
_SINCE_3: dict[bytes, _Operation] = {
    b"B": lambda r: r.push_bytes(r.stream.unsigned(4)),
    b"C": lambda r: r.push_bytes(r.stream.byte()),
}
_SINCE_4: dict[bytes, _Operation] = {
    b"\x8c": lambda r: r.push_text(r.stream.byte()),
    b"\x8d": lambda r: r.push_text(r.stream.unsigned(8)),
    b"\x8e": lambda r: r.push_bytes(r.stream.unsigned(8)),
    b"\x8f": lambda r: r.push(SetOf([], is_frozen=False)),
    b"\x90": _Reader.add_to_set,
    b"\x91": _frozen_set,
    b"\x92": _new_object_with_keywords,
    b"\x93": _stack_global,
    b"\x94": _Reader.remember_next,
    b"\x95": _frame,
}
_SINCE_5: dict[bytes, _Operation] = {b"\x96": lambda r: r.push_omitted("bytearray", r.stream.unsigned(8))}


def _positive(r: _Reader) -> int:
    length = _signed(r)
    if length < 0:
        raise UnreadablePickle("has a negative length")
    return length


def _table(*parts: dict[bytes, _Operation]) -> list[_Operation | None]:
    known = {code[0]: operation for part in parts for code, operation in part.items()}
    return [known.get(code) for code in range(256)]


_OLD = (_ALWAYS, _BINARY, _NUMBERED_MEMO, _GLOBAL)
_OPERATIONS = [
    _table(_TEXTUAL, *_OLD),  # 0 and 1, which do not say which they are
    _table(),
    _table(*_OLD, _SINCE_2),
    _table(*_OLD, _SINCE_2, _SINCE_3),
    _table(_ALWAYS, _BINARY, _SINCE_2, _SINCE_3, _SINCE_4),
    _table(_ALWAYS, _BINARY, _SINCE_2, _SINCE_3, _SINCE_4, _SINCE_5),
]
"""By protocol: what Python's picklers write."""
