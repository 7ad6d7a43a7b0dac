"""The opcodes that Python's picklers write, by protocol. All others are rejected.

Opcodes and their arguments are documented in ``pickletools`` and PEP 307, 3154 and 574.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from modelreg.analysis.denied_names import is_dangerous
from modelreg.analysis.formats.arrays import MAX_PADDING, parse_wrapper
from modelreg.analysis.pickle.imported_names import find_opcode_names
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
from modelreg.analysis.pickle.stack import MAX_TEXT_KEPT, PickleStack, is_wrapper
from modelreg.analysis.pickle.stream import LimitReached, UnreadablePickle

_MAX_TEXT_LINE = 64 << 20  # bytes; protocol 0 writes the content of arrays as text
_MAX_INTEGER_SIZE = 64  # bytes; states of random number generators have 16 and 32
_HIGHEST_PROTOCOL = 5
_SHORT_TEXT = 64  # characters
_OBJECT_ARRAY_START_SIZE = 1000  # bytes
_MEMO_INDEX_OF_NUMPY = 3  # in the memo of an array of objects
_OBJECT_ARRAY_START = re.compile(
    rb"\x80[\x04\x05](?:\x95.{8})?\x8c.numpy\.(?:_core|core)\.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94"
    rb"\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94"
    rb"\(K\x01(?:K.|M..|J.{4}|[()t\x85\x86\x87\x94])*h\x03\x8c\x05dtype\x94\x93",
    re.DOTALL,
)
"""The pickle of an array of objects, up to its dtype."""
_MODULES_WITH_DTYPE = frozenset(
    {"numpy", "pandas", "torch", "tensorflow", "keras", "jax", "cupy", "polars", "pyarrow", "dask"}
)
"""Modules that have, or may have, an attribute ``dtype``."""

_Operation = Callable[[PickleStack], object]


def read_object(state: PickleStack) -> Node:
    """Read all opcodes up to STOP; returns the object that unpickling would return.

    Raises `UnreadablePickle` and `LimitReached`.
    """
    stream, budget = state.stream, state.budget
    operations = _read_protocol(state)
    while budget.operations > 0:
        offset = stream.offset
        if offset < stream.operations_end:
            stream.offset = offset + 1
            code = stream.buffer[offset]
        else:
            code = stream.read_opcode()
        if code == _STOP:
            return state.finish()
        operation = operations[code]
        if operation is None:
            raise UnreadablePickle(
                f"has opcode {code:#04x}, which Python 3 does not write in protocol {state.protocol}"
            )
        budget.operations -= 1
        operation(state)
    raise LimitReached


def _read_protocol(state: PickleStack) -> list[_Operation | None]:
    """Read the protocol, which is the first opcode since protocol 2; returns the operations by opcode."""
    if state.stream.read_opcode() == _PROTOCOL:
        state.protocol = state.stream.read_byte()
        if not 2 <= state.protocol <= _HIGHEST_PROTOCOL:
            raise UnreadablePickle(f"has protocol {state.protocol}, which no pickler writes")
    else:
        state.stream.offset -= 1
    return _OPERATIONS[state.protocol]


def _build(state: PickleStack) -> None:
    """Set the state of an object. For joblib's array wrapper, also read the array that follows."""
    target = state.set_state()
    if state.joblib and is_wrapper(target):
        state.stack[-1] = _read_wrapped_array(state, target)


def _read_wrapped_array(state: PickleStack, wrapper: Object) -> Array:
    """Read the array that follows a wrapper (see `modelreg.analysis.formats.arrays`)."""
    state.stream.leave_frame()
    array = parse_wrapper(wrapper)
    state.objects -= 1  # the array replaces the wrapper
    elements = None
    if array.bytes is None:
        elements = _read_object_array(state)
    elif array.is_padded:
        padding = state.stream.read_byte()
        if padding > MAX_PADDING:
            raise UnreadablePickle(f"has a padding of {padding} bytes, which joblib never writes")
        state.stream.skip(padding)
        state.stream.skip(array.bytes)
    else:
        _skip_elements(state, array.bytes)
    return Array(array.class_name, array.dtype, elements)


def _skip_elements(state: PickleStack, count: int) -> None:
    """Skip elements without a padding. ``pickle.load`` would read them as opcodes, so they must not act as a pickle."""
    if count:
        with state.stream.look_ahead() as (file, is_complete_file):
            mentioned = find_opcode_names(file, state.budget, is_complete_file=is_complete_file, is_continuation=True)
        has_dangerous_name = any(is_dangerous(*name) for name in mentioned.names)
        imports = bool(mentioned.names) and (mentioned.calls > 0 or has_dangerous_name)
        if mentioned.is_complete or mentioned.may_import_more or imports:
            raise UnreadablePickle("has an array whose bytes can also be read as a pickle")
    state.stream.skip(count)


def _read_object_array(state: PickleStack) -> Node:
    """Read an array of objects, which joblib stores as a separate pickle with its own memo."""
    start = state.stream.peek(_OBJECT_ARRAY_START_SIZE)
    if start[1:2] > b"\x03" and not (_OBJECT_ARRAY_START.match(start) and _fails_in_pickle_load(state)):
        raise UnreadablePickle("has an array of objects that pickle.load would read differently")
    inner = PickleStack(state.stream, state.budget, joblib=False, persistent=False, names=state.names, used=state.used)
    top = read_object(inner)
    state.calls += inner.calls
    state.objects += inner.objects
    return top


def _fails_in_pickle_load(state: PickleStack) -> bool:
    """Whether ``pickle.load``, which would keep the outer memo, fails at the beginning of an array of objects.

    Since protocol 4, the module of ``dtype`` is read from the memo by an index that is only right for a new memo. Lower
    protocols overwrite the entries of the outer memo.
    """
    if len(state.memo) <= _MEMO_INDEX_OF_NUMPY:
        return False
    module = state.memo[_MEMO_INDEX_OF_NUMPY]
    return type(module) is not str or module.partition(".")[0] not in _MODULES_WITH_DTYPE


def _frame(state: PickleStack) -> None:
    state.stream.enter_frame(state.stream.read_unsigned(8))


def _binget(state: PickleStack) -> None:
    """Push a memoised value with an index below 256. Optimised, since nearly half of all opcodes are this one."""
    stream, memo = state.stream, state.memo
    offset = stream.offset
    if offset < stream.operations_end:
        stream.offset = offset + 1
        index = stream.buffer[offset]
    else:
        index = stream.read_byte()
    value = memo[index] if index < len(memo) else None
    if type(value) is str and len(value) <= _SHORT_TEXT:
        state.stack.append(value)
    else:
        state.push_memoised(index)


_INTEGER = re.compile(rb"-?[1-9][0-9]{0,153}|0")
_CHUNK_SIZE = 1 << 20
_MAX_ESCAPED_SIZE = 10 * (len(TIME_ZONE_FILE) + 1)
"""Size in bytes of `TIME_ZONE_FILE` if escaped, plus one escape that is cut at the start of a chunk."""
_FLOAT = re.compile(rb"-?(\d+\.\d+|\d+(\.\d+)?e[+-]\d+|inf)|nan")


def _has_time_zone_file(line: bytes) -> bool:
    """Whether a line contains `TIME_ZONE_FILE`, escaped or not. It is decoded in chunks to save memory."""
    starts = range(0, len(line), _CHUNK_SIZE)
    chunks = (line[max(0, start - _MAX_ESCAPED_SIZE) : start + _CHUNK_SIZE] for start in starts)
    return any(TIME_ZONE_FILE in chunk.decode("raw-unicode-escape", "replace") for chunk in chunks)


def _text_line(state: PickleStack) -> None:
    line = state.stream.read_line(_MAX_TEXT_LINE)
    if len(line) == _MAX_TEXT_LINE:
        raise LimitReached
    if len(line) > MAX_TEXT_KEPT:
        state.push(OmittedValue("str", len(line), _has_time_zone_file(line), hashlib.sha256(line).digest()))
        return
    state.charge_text(len(line))
    try:
        state.stack.append(line.decode("raw-unicode-escape"))  # Latin-1, and \u1234 for the rest
    except UnicodeDecodeError:
        raise UnreadablePickle("has a text with invalid escapes") from None


def _integer_line(state: PickleStack) -> None:
    line = state.stream.read_line(_MAX_INTEGER_SIZE * 3)
    if line in (b"00", b"01"):  # booleans in protocols 0 and 1
        state.stack.append(line == b"01")
    else:
        state.stack.append(_parse_integer(line))


def _long_line(state: PickleStack) -> None:
    line = state.stream.read_line(_MAX_INTEGER_SIZE * 3)
    if line[-1:] != b"L":
        raise UnreadablePickle("has an integer that no pickler writes")
    state.stack.append(_parse_integer(line[:-1]))


def _parse_integer(digits: bytes) -> int:
    if not _INTEGER.fullmatch(digits):
        raise UnreadablePickle("has an integer that no pickler writes")
    return int(digits)


def _float_line(state: PickleStack) -> None:
    line = state.stream.read_line(64)
    if not _FLOAT.fullmatch(line):
        raise UnreadablePickle("has a number that no pickler writes")
    state.stack.append(float(line))


def _float(state: PickleStack) -> None:
    from struct import unpack

    state.stack.append(unpack(">d", state.stream.read(8))[0])


def _long(state: PickleStack, length: int) -> None:
    if length > _MAX_INTEGER_SIZE:
        state.push_omitted("int", length)
    else:
        state.stack.append(int.from_bytes(state.stream.read(length), "little", signed=True))


def _read_signed(state: PickleStack) -> int:
    return int.from_bytes(state.stream.read(4), "little", signed=True)


def _tuple(state: PickleStack, length: int) -> None:
    stack = state.stack
    if len(stack) < length:
        raise UnreadablePickle("pops from an empty stack")
    items = tuple(stack[-length:])
    del stack[-length:]
    state.push_nested(items, items)


def _tuple_since_mark(state: PickleStack) -> None:
    items = tuple(state.pop_mark())
    state.push_nested(items, items)


def _list_since_mark(state: PickleStack) -> None:
    if state.pop_mark():
        raise UnreadablePickle("has a list that no pickler writes")
    state.push([])


def _dict_since_mark(state: PickleStack) -> None:
    if state.pop_mark():
        raise UnreadablePickle("has a dictionary that no pickler writes")
    state.push({})


def _set_item(state: PickleStack) -> None:
    value, key = state.pop(), state.pop()
    state.set_items([key, value])


def _append(state: PickleStack) -> None:
    value = state.pop()
    state.append([value])


def _read_name(state: PickleStack) -> str:
    try:
        return state.stream.read_line(MAX_TEXT_KEPT).decode()
    except UnicodeDecodeError:
        raise UnreadablePickle("has a name that is not UTF-8") from None


def _global(state: PickleStack) -> None:
    module, name = _read_name(state), _read_name(state)
    if not module or not name:  # only the C unpickler rejects this
        raise UnreadablePickle("imports a module or name that is empty")
    state.stack.append(state.import_name(module, name))


def _stack_global(state: PickleStack) -> None:
    name, module = state.pop(), state.pop()
    state.stack.append(state.import_name(module, name))


def _new_object(state: PickleStack) -> None:
    arguments, cls = state.pop(), state.pop()
    state.construct(cls, arguments, is_new=True)


def _new_object_with_keywords(state: PickleStack) -> None:
    keywords, arguments, cls = state.pop(), state.pop(), state.pop()
    by_name = resolved(keywords)
    if type(by_name) is not dict or not all(isinstance(keyword, str) for keyword in by_name):
        raise UnreadablePickle("calls something with keyword arguments without names")
    state.construct(cls, arguments, is_new=True, keywords=keywords)


def _reduce(state: PickleStack) -> None:
    arguments, function = state.pop(), state.pop()
    state.construct(function, arguments, is_new=False)


def _pop(state: PickleStack) -> None:
    """Pop the result of a call with which cloudpickle sets the state of an object. No other value may be popped."""
    dropped = state.pop()
    match dropped:
        case Object(Global(module), (Reference(Object() as target), value), False) if module.endswith("cloudpickle"):
            if target.state is ABSENT:
                target.state = value
                state.objects -= 1
                return
    raise UnreadablePickle("creates an object and drops it")


def _persistent(state: PickleStack, id: Node) -> None:
    if not state.persistent:
        raise UnreadablePickle("has a persistent id, which the loader does not resolve")
    state.push(Persistent(id))


def _read_persistent_id(state: PickleStack) -> str:
    """Read a persistent id in protocol 0. It must be ASCII: Python's two unpicklers read other ids differently."""
    text = _read_name(state)
    if not text.isascii():
        raise UnreadablePickle("has a persistent id that is not ASCII")
    return text


def _read_memo_index(state: PickleStack) -> int:
    line = state.stream.read_line(20)
    if not _INTEGER.fullmatch(line) or line[:1] == b"-":
        raise UnreadablePickle("numbers its memo as no pickler does")
    return int(line)


_STOP, _PROTOCOL = ord("."), 0x80

_TEXTUAL: dict[bytes, _Operation] = {
    b"V": _text_line,
    b"I": _integer_line,
    b"L": _long_line,
    b"F": _float_line,
    b"p": lambda state: state.memoise_at(_read_memo_index(state)),
    b"g": lambda state: state.push_memoised(_read_memo_index(state)),
    b"P": lambda state: _persistent(state, _read_persistent_id(state)),
    b"l": _list_since_mark,
    b"d": _dict_since_mark,
    b"a": _append,
    b"s": _set_item,
}
_ALWAYS: dict[bytes, _Operation] = {
    b"(": PickleStack.push_mark,
    b"N": lambda state: state.stack.append(None),
    b"R": _reduce,
    b"b": _build,
    b"t": _tuple_since_mark,
    b"0": _pop,
}
_BINARY: dict[bytes, _Operation] = {
    b")": lambda state: state.stack.append(()),
    b"]": lambda state: state.push([]),
    b"}": lambda state: state.push({}),
    b"K": lambda state: state.stack.append(state.stream.read_byte()),
    b"M": lambda state: state.stack.append(state.stream.read_unsigned(2)),
    b"J": lambda state: state.stack.append(_read_signed(state)),
    b"G": _float,
    b"X": lambda state: state.push_text(state.stream.read_unsigned(4)),
    b"h": _binget,
    b"j": lambda state: state.push_memoised(state.stream.read_unsigned(4)),
    b"a": _append,
    b"e": lambda state: state.append(state.pop_mark()),
    b"s": _set_item,
    b"u": lambda state: state.set_items(state.pop_mark()),
    b"Q": lambda state: _persistent(state, state.pop()),
}
_NUMBERED_MEMO: dict[bytes, _Operation] = {
    b"q": lambda state: state.memoise_at(state.stream.read_byte()),
    b"r": lambda state: state.memoise_at(state.stream.read_unsigned(4)),
}
_GLOBAL: dict[bytes, _Operation] = {b"c": _global}
_SINCE_2: dict[bytes, _Operation] = {
    b"\x81": _new_object,
    b"\x85": lambda state: _tuple(state, 1),
    b"\x86": lambda state: _tuple(state, 2),
    b"\x87": lambda state: _tuple(state, 3),
    b"\x88": lambda state: state.stack.append(True),
    b"\x89": lambda state: state.stack.append(False),
    b"\x8a": lambda state: _long(state, state.stream.read_byte()),
    b"\x8b": lambda state: _long(state, _read_length(state)),
}
_SINCE_3: dict[bytes, _Operation] = {
    b"B": lambda state: state.push_bytes(state.stream.read_unsigned(4)),
    b"C": lambda state: state.push_bytes(state.stream.read_byte()),
}
_SINCE_4: dict[bytes, _Operation] = {
    b"\x8c": lambda state: state.push_text(state.stream.read_byte()),
    b"\x8d": lambda state: state.push_text(state.stream.read_unsigned(8)),
    b"\x8e": lambda state: state.push_bytes(state.stream.read_unsigned(8)),
    b"\x8f": lambda state: state.push(SetOf([], is_frozen=False)),
    b"\x90": PickleStack.add_to_set,
    b"\x91": PickleStack.push_frozen_set,
    b"\x92": _new_object_with_keywords,
    b"\x93": _stack_global,
    b"\x94": PickleStack.memoise,
    b"\x95": _frame,
}
_SINCE_5: dict[bytes, _Operation] = {
    b"\x96": lambda state: state.push_omitted("bytearray", state.stream.read_unsigned(8))
}


def _read_length(state: PickleStack) -> int:
    length = _read_signed(state)
    if length < 0:
        raise UnreadablePickle("has a negative length")
    return length


def _table(*parts: dict[bytes, _Operation]) -> list[_Operation | None]:
    operations = {code[0]: operation for part in parts for code, operation in part.items()}
    return [operations.get(code) for code in range(256)]


_OLD = (_ALWAYS, _BINARY, _NUMBERED_MEMO, _GLOBAL)
_OPERATIONS = [
    _table(_TEXTUAL, *_OLD),  # protocols 0 and 1, which have no opcode for the protocol
    _table(),
    _table(*_OLD, _SINCE_2),
    _table(*_OLD, _SINCE_2, _SINCE_3),
    _table(_ALWAYS, _BINARY, _SINCE_2, _SINCE_3, _SINCE_4),
    _table(_ALWAYS, _BINARY, _SINCE_2, _SINCE_3, _SINCE_4, _SINCE_5),
]
"""Operations by protocol and opcode; None for opcodes that Python's picklers do not write."""
