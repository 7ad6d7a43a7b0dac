"""The operations of pickles, by protocol: what Python's picklers write, and nothing else.

Operations and their arguments are those of Python's ``pickletools`` (PEP 307, 3154 and 574).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from modelreg.analysis.denied_names import is_dangerous
from modelreg.analysis.formats.arrays import LONGEST_PADDING, wrapped_array
from modelreg.analysis.pickle.object_graph import (
    ABSENT,
    TIME_ZONE_FILE,
    Array,
    Global,
    Node,
    Object,
    OmittedValue,
    Persistent,
    Reference,
    SetOf,
    resolved,
)
from modelreg.analysis.pickle.opcode_names import names_in_opcodes
from modelreg.analysis.pickle.stack import TEXT_KEPT, PickleStack, is_wrapper
from modelreg.analysis.pickle.stream import LimitReached, UnreadablePickle

_LONGEST_TEXT_LINE = 64 << 20  # bytes; protocol 0 writes arrays so
_LONGEST_INTEGER = 64  # bytes; random number generators have states of 16 and 32
_HIGHEST_PROTOCOL = 5
_SHORT = 64  # characters
_BEGINNING_OF_OBJECTS = 1000  # bytes
_NUMBER_OF_NUMPY = 3  # of the text 'numpy', in the memo of such an array
_OBJECTS = re.compile(
    rb"\x80[\x04\x05](?:\x95.{8})?\x8c.numpy\.(?:_core|core)\.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94"
    rb"\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94"
    rb"\(K\x01(?:K.|M..|J.{4}|[()t\x85\x86\x87\x94])*h\x03\x8c\x05dtype\x94\x93",
    re.DOTALL,
)
"""The beginning of an array of objects, as Python's pickler writes it: its shape, and its type."""
_WITH_DTYPE = frozenset({"numpy", "pandas", "torch", "tensorflow", "keras", "jax", "cupy", "polars", "pyarrow", "dask"})
"""Modules that have a ``dtype``, or may have."""

_Operation = Callable[[PickleStack], object]


def run(r: PickleStack) -> Node:
    """Follow the operations to the last; returns the object that the pickle makes.

    Raises `UnreadablePickle` and `LimitReached`.
    """
    stream, budget = r.stream, r.budget
    operations = _begin(r)
    while budget.operations > 0:
        at = stream.at
        if at < stream.ready:
            stream.at = at + 1
            code = stream.buffer[at]
        else:
            code = stream.operation()
        if code == _STOP:
            return r.only()
        operation = operations[code]
        if operation is None:
            raise UnreadablePickle(f"has an operation that protocol {r.protocol} does not write: {code:#04x}")
        budget.operations -= 1
        operation(r)
    raise LimitReached


def _begin(r: PickleStack) -> list[_Operation | None]:
    """Read the protocol, which stands at the beginning from protocol 2 on."""
    if r.stream.operation() == _PROTOCOL:
        r.protocol = r.stream.byte()
        if not 2 <= r.protocol <= _HIGHEST_PROTOCOL:
            raise UnreadablePickle(f"has protocol {r.protocol}, which no pickler writes")
    else:
        r.stream.at -= 1
    return _OPERATIONS[r.protocol]


def _build(r: PickleStack) -> None:
    """Give the last object its state; behind a wrapper of joblib's, pass over its array."""
    target = r.build()
    if r.joblib and is_wrapper(target):
        r.stack[-1] = _array(r, target)


def _array(r: PickleStack, wrapper: Object) -> Array:
    """The array behind a wrapper (see `modelreg.analysis.formats.arrays`)."""
    r.stream.leave_frame()
    found = wrapped_array(wrapper)
    r.objects -= 1  # the array stands in its place
    elements = None
    if found.bytes is None:
        elements = _inner_pickle(r)
    else:
        if found.is_padded:
            _pass_padding(r)
            r.stream.skip(found.bytes)
        else:
            _pass_elements(r, found.bytes)
    return Array(found.class_name, found.dtype, elements)


def _pass_padding(r: PickleStack) -> None:
    length = r.stream.byte()
    if length > LONGEST_PADDING:
        raise UnreadablePickle("has a padding that joblib never writes")
    r.stream.skip(length)


def _pass_elements(r: PickleStack, count: int) -> None:
    """Elements without a padding, with which ``pickle.load`` goes on as opcodes: they may not be a pickle, too."""
    if count:
        with r.stream.looking_ahead() as (file, is_all):
            found = names_in_opcodes(file, r.budget, is_all=is_all, goes_on=True)
        imports = bool(found.names) and (found.calls > 0 or any(is_dangerous(*name) for name in found.names))
        if found.ends or found.hides or imports:
            raise UnreadablePickle("has an array that is a pickle as well")
    r.stream.skip(count)


def _inner_pickle(r: PickleStack) -> Node:
    """An array of objects, which joblib writes as a pickle of its own, and reads with a memo of its own."""
    start = r.stream.peek(_BEGINNING_OF_OBJECTS)
    if start[1:2] > b"\x03" and not (_OBJECTS.match(start) and _stops_there(r)):
        raise UnreadablePickle("has an array of objects that is another pickle for pickle.load")
    inner = PickleStack(r.stream, r.budget, joblib=False, persistent=False, names=r.names, used=r.used)
    top = run(inner)
    r.calls += inner.calls
    r.objects += inner.objects
    return top


def _stops_there(r: PickleStack) -> bool:
    """Whether ``pickle.load``, which goes on with the memo that it has, fails in the beginning of an array of objects.

    There the module of ``dtype`` is recalled by its number, from protocol 4 on, when nothing but the array was made. In
    protocols below, the numbers of the array's own values are written over those that there were.
    """
    if len(r.memo) <= _NUMBER_OF_NUMPY:
        return False
    module = r.memo[_NUMBER_OF_NUMPY]
    return type(module) is not str or module.partition(".")[0] not in _WITH_DTYPE


def _frame(r: PickleStack) -> None:
    r.stream.enter_frame(r.stream.unsigned(8))


def _recall_near(r: PickleStack) -> None:
    """Put one of the first memoised values: nearly half of all operations, so it is done here."""
    stream, memo = r.stream, r.memo
    at = stream.at
    if at < stream.ready:
        stream.at = at + 1
        index = stream.buffer[at]
    else:
        index = stream.byte()
    value = memo[index] if index < len(memo) else None
    if type(value) is str and len(value) <= _SHORT:
        r.stack.append(value)
    else:
        r.recall(index)


_INTEGER = re.compile(rb"-?[1-9][0-9]{0,153}|0")
_PIECE = 1 << 20
_LONGEST_ESCAPED = 10 * (len(TIME_ZONE_FILE) + 1)
"""Bytes of `TIME_ZONE_FILE` as escapes, and of one more that a piece begins within."""
_FLOAT = re.compile(rb"-?(\d+\.\d+|\d+(\.\d+)?e[+-]\d+|inf)|nan")


def _names_time_zone(line: bytes) -> bool:
    """Whether `TIME_ZONE_FILE` stands in a line, escaped or not; decoded in pieces, since a whole takes much memory."""
    pieces = (line[max(0, at - _LONGEST_ESCAPED) : at + _PIECE] for at in range(0, len(line), _PIECE))
    return any(TIME_ZONE_FILE in piece.decode("raw-unicode-escape", "replace") for piece in pieces)


def _text_line(r: PickleStack) -> None:
    line = r.stream.line(_LONGEST_TEXT_LINE)
    if len(line) == _LONGEST_TEXT_LINE:
        raise LimitReached
    if len(line) > TEXT_KEPT:
        r.push(OmittedValue("str", len(line), _names_time_zone(line), hashlib.sha256(line).digest()))
        return
    r.take_text(len(line))
    try:
        r.stack.append(line.decode("raw-unicode-escape"))  # Latin-1, and \u1234 for the rest
    except UnicodeDecodeError:
        raise UnreadablePickle("has a text that is not escaped as protocol 0 does it") from None


def _integer_line(r: PickleStack) -> None:
    line = r.stream.line(_LONGEST_INTEGER * 3)
    if line in (b"00", b"01"):  # protocols 0 and 1 write booleans so
        r.stack.append(line == b"01")
    else:
        r.stack.append(_integer(line))


def _long_line(r: PickleStack) -> None:
    line = r.stream.line(_LONGEST_INTEGER * 3)
    if line[-1:] != b"L":
        raise UnreadablePickle("has an integer that no pickler writes")
    r.stack.append(_integer(line[:-1]))


def _integer(digits: bytes) -> int:
    if not _INTEGER.fullmatch(digits):
        raise UnreadablePickle("has an integer that no pickler writes")
    return int(digits)


def _float_line(r: PickleStack) -> None:
    line = r.stream.line(64)
    if not _FLOAT.fullmatch(line):
        raise UnreadablePickle("has a number that no pickler writes")
    r.stack.append(float(line))


def _float(r: PickleStack) -> None:
    r.stack.append(_unpacked(r.stream.read(8)))


def _unpacked(data: bytes) -> float:
    from struct import unpack

    value: float = unpack(">d", data)[0]
    return value


def _long(r: PickleStack, length: int) -> None:
    if length > _LONGEST_INTEGER:
        r.push_omitted("int", length)
    else:
        r.stack.append(int.from_bytes(r.stream.read(length), "little", signed=True))


def _signed(r: PickleStack) -> int:
    return int.from_bytes(r.stream.read(4), "little", signed=True)


def _tuple(r: PickleStack, length: int) -> None:
    stack = r.stack
    if len(stack) < length:
        raise UnreadablePickle("takes from an empty stack")
    items = tuple(stack[-length:])
    del stack[-length:]
    r.push_nested(items, items)


def _tuple_since_mark(r: PickleStack) -> None:
    items = tuple(r.pop_mark())
    r.push_nested(items, items)


def _list_since_mark(r: PickleStack) -> None:
    if r.pop_mark():
        raise UnreadablePickle("has a list that no pickler writes")
    r.push([])


def _dict_since_mark(r: PickleStack) -> None:
    if r.pop_mark():
        raise UnreadablePickle("has a dictionary that no pickler writes")
    r.push({})


def _set_item(r: PickleStack) -> None:
    value, key = r.pop(), r.pop()
    r.add([key, value])


def _append(r: PickleStack) -> None:
    value = r.pop()
    r.append([value])


def _line_text(r: PickleStack) -> str:
    try:
        return r.stream.line(TEXT_KEPT).decode()
    except UnicodeDecodeError:
        raise UnreadablePickle("has a name that is not UTF-8") from None


def _global(r: PickleStack) -> None:
    module, name = _line_text(r), _line_text(r)
    if not module or not name:  # which Python in C refuses, and Python in Python does not
        raise UnreadablePickle("imports what has no name")
    r.stack.append(r.import_name(module, name))


def _stack_global(r: PickleStack) -> None:
    name, module = r.pop(), r.pop()
    r.stack.append(r.import_name(module, name))


def _new_object(r: PickleStack) -> None:
    arguments, cls = r.pop(), r.pop()
    r.construct(cls, arguments, is_new=True)


def _new_object_with_keywords(r: PickleStack) -> None:
    keywords, arguments, cls = r.pop(), r.pop(), r.pop()
    by_name = resolved(keywords)
    if type(by_name) is not dict or not all(isinstance(keyword, str) for keyword in by_name):
        raise UnreadablePickle("calls something with arguments by name that have none")
    r.construct(cls, arguments, is_new=True, keywords=keywords)


def _reduce(r: PickleStack) -> None:
    arguments, function = r.pop(), r.pop()
    r.construct(function, arguments, is_new=False)


def _pop(r: PickleStack) -> None:
    """Cloudpickle calls a function with an object it has made and the state, and drops what that returns."""
    dropped = r.pop()
    match dropped:
        case Object(Global(module), (Reference(Object() as target), state), False) if module.endswith("cloudpickle"):
            if target.state is ABSENT:
                target.state = state
                r.objects -= 1
                return
    raise UnreadablePickle("drops an object that it has made")


def _persistent(r: PickleStack, id: Node) -> None:
    if not r.persistent:
        raise UnreadablePickle("has a persistent id, which nobody resolves")
    r.push(Persistent(id))


def _ascii_line(r: PickleStack) -> str:
    """A persistent id as protocol 0 has it: Python's two unpicklers differ about one that is not ASCII."""
    text = _line_text(r)
    if not text.isascii():
        raise UnreadablePickle("has a persistent id that is not ASCII")
    return text


def _index_line(r: PickleStack) -> int:
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
    b"P": lambda r: _persistent(r, _ascii_line(r)),
    b"l": _list_since_mark,
    b"d": _dict_since_mark,
    b"a": _append,
    b"s": _set_item,
}
_ALWAYS: dict[bytes, _Operation] = {
    b"(": PickleStack.mark,
    b"N": lambda r: r.stack.append(None),
    b"R": _reduce,
    b"b": _build,
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
    b"\x90": PickleStack.add_to_set,
    b"\x91": PickleStack.push_frozen_set,
    b"\x92": _new_object_with_keywords,
    b"\x93": _stack_global,
    b"\x94": PickleStack.remember_next,
    b"\x95": _frame,
}
_SINCE_5: dict[bytes, _Operation] = {b"\x96": lambda r: r.push_omitted("bytearray", r.stream.unsigned(8))}


def _positive(r: PickleStack) -> int:
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
