"""What each operation of a pickle does to the machine's state.

The operations and their arguments are those of Python's ``pickletools`` (PEP 307, 3154 and 574).
"""

from __future__ import annotations

from collections.abc import Callable

from modelreg.security.joblib_arrays import WRAPPER, array_stand_in, raw_array
from modelreg.security.pickle_state import TEXT_KEPT, PickleState
from modelreg.security.pickle_stream import LimitReached, UnreadablePickle
from modelreg.security.stand_ins import Global, Made, Plain, StandIn, Table, class_of

_HIGHEST_PROTOCOL = 5


def run(m: PickleState) -> StandIn:
    """Follow operations up to the last; returns the object that stands on the stack then.

    Raises `UnreadablePickle` or `LimitReached`.
    """
    read = m.stream.read
    for _ in range(m.operations_left):
        code = read(1)
        if code == b".":
            return m.pop()
        operation = _OPERATIONS.get(code)
        if operation is None:
            raise UnreadablePickle(f"no operation is written {code!r}")
        m.operations_left -= 1
        operation(m)
    raise LimitReached


def _protocol(m: PickleState) -> None:
    protocol = m.stream.unsigned(1)
    if protocol > _HIGHEST_PROTOCOL:
        raise UnreadablePickle(f"there is no protocol {protocol}")
    m.protocol = protocol


def _pop(m: PickleState) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()


def _text_line(m: PickleState) -> None:
    line = m.stream.line()
    if len(line) > TEXT_KEPT:
        m.push(Plain("builtins.str"))
        return
    try:
        text = line.decode("raw-unicode-escape")  # as protocol 0 writes texts: Latin-1, and \u1234 for the rest
    except UnicodeDecodeError:
        raise UnreadablePickle("a text is not escaped as protocol 0 does it") from None
    m.push(m.keep_text(text.encode("utf-8", "surrogatepass")))


def _quoted_line(m: PickleState) -> None:
    line = m.stream.line().strip()
    if len(line) < 2 or line[:1] not in b"'\"":
        raise UnreadablePickle("a text has no quotes")
    short = len(line) <= TEXT_KEPT and line.isascii() and b"\\" not in line
    m.push(m.keep_text(line[1:-1]) if short else Plain("builtins.str"))


def _number_line(m: PickleState) -> None:
    line = m.stream.line()
    if line in (b"00", b"01"):  # protocol 0 writes booleans so
        m.push(line == b"01")
    else:
        m.push(_number(line.removesuffix(b"L")))


def _number(text: bytes) -> StandIn:
    digits = text.strip()
    if not digits.lstrip(b"+-").isdigit():
        raise UnreadablePickle("a number has no digits")
    return int(digits) if len(digits) < 20 else Plain("builtins.int")


def _float_line(m: PickleState) -> None:
    m.stream.line()
    m.push(Plain("builtins.float"))


def _long(m: PickleState, length: int) -> None:
    if length <= 8:
        m.push(int.from_bytes(m.stream.read(length), "little", signed=True))
    else:
        m.push_plain("builtins.int", length)


def _signed_length(m: PickleState) -> int:
    length = int.from_bytes(m.stream.read(4), "little", signed=True)
    if length < 0:
        raise UnreadablePickle("a length is negative")
    return length


def _bytes_text(m: PickleState, length: int) -> None:
    """A text of Python 2, where it may hold any bytes."""
    if length > TEXT_KEPT:
        m.push_plain("builtins.str", length)
    else:
        data = m.stream.read(length)
        m.push(m.keep_text(data) if data.isascii() else Plain("builtins.str"))


def _persistent(m: PickleState, name: StandIn) -> None:
    m.push(Made(Plain("a persistent id"), (name,), as_class=False))


def _extension(m: PickleState, width: int) -> None:
    m.push(Made(Plain("an extension code"), (m.stream.unsigned(width),), as_class=False))


def _tuple(m: PickleState, length: int) -> None:
    items = [m.pop() for _ in range(length)]
    m.push(tuple(reversed(items)))


def _collected(m: PickleState, class_name: str) -> None:
    m.pop_mark()
    m.push(Plain(class_name))


def _dict(m: PickleState) -> None:
    pairs = m.pop_mark()
    m.push(Table())
    m.add(pairs)


def _set_item(m: PickleState) -> None:
    value, key = m.pop(), m.pop()
    m.add([key, value])


def _append(m: PickleState) -> None:
    m.pop()
    m.last()


def _append_many(m: PickleState) -> None:
    m.pop_mark()
    m.last()


def _line_text(m: PickleState) -> str:
    line = m.stream.line()
    if len(line) > TEXT_KEPT:
        raise UnreadablePickle("a name is too long")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise UnreadablePickle("a name is not UTF-8") from None


def _global(m: PickleState) -> Global:
    module = _line_text(m)
    return m.import_name(module, _line_text(m))


def _stack_global(m: PickleState) -> None:
    name, module = m.pop(), m.pop()
    m.push(m.import_name(module, name))


def _instance(m: PickleState) -> None:
    maker = _global(m)
    m.push(Made(maker, tuple(m.pop_mark()), as_class=True))


def _object(m: PickleState) -> None:
    maker, *arguments = m.pop_mark() or [None]
    m.push(Made(maker, tuple(arguments), as_class=True))


def _new_object(m: PickleState) -> None:
    arguments, maker = m.pop(), m.pop()
    m.push(Made(maker, arguments, as_class=True))


def _new_object_with_keywords(m: PickleState) -> None:
    m.pop()
    _new_object(m)


def _reduce(m: PickleState) -> None:
    arguments, maker = m.pop(), m.pop()
    m.push(Made(maker, arguments, as_class=False))


def _build(m: PickleState) -> None:
    """Give the last object its state; behind an array of joblib's, pass over the array."""
    state, target = m.pop(), m.last()
    if isinstance(target, Made):
        target.state = state
        if m.joblib and class_of(target) == WRAPPER:
            _pass_array(m, target)


def _pass_array(m: PickleState, wrapper: Made) -> None:
    array = raw_array(wrapper)
    m.stream.leave_frame()  # joblib reads arrays past the frame, whatever is left of it
    if array.bytes is None:
        _pass_pickle(m)
    else:
        if array.padded:
            m.stream.skip(m.stream.unsigned(1))
        m.stream.skip(array.bytes)
    m.stack[-1] = array_stand_in(array)


def _pass_pickle(m: PickleState) -> None:
    inner = PickleState(m.stream, m.found, joblib=False)
    inner.operations_left, inner.text_left = m.operations_left, m.text_left
    run(inner)
    m.operations_left, m.text_left = inner.operations_left, inner.text_left
    m.stream.leave_frame()


def _index(m: PickleState) -> int:
    index = _number(m.stream.line())
    if not isinstance(index, int) or index < 0:
        raise UnreadablePickle("a place in the memo has no number")
    return index


_OPERATIONS: dict[bytes, Callable[[PickleState], object]] = {
    b"\x80": _protocol,
    b"\x95": lambda m: m.stream.enter_frame(m.stream.unsigned(8)),
    b"(": PickleState.mark,
    b"0": _pop,
    b"1": PickleState.pop_mark,
    b"2": lambda m: m.push(m.last()),
    # the memo
    b"p": lambda m: m.remember(_index(m)),
    b"q": lambda m: m.remember(m.stream.unsigned(1)),
    b"r": lambda m: m.remember(m.stream.unsigned(4)),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"g": lambda m: m.recall(_index(m)),
    b"h": lambda m: m.recall(m.stream.unsigned(1)),
    b"j": lambda m: m.recall(m.stream.unsigned(4)),
    # values
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": _number_line,
    b"L": _number_line,
    b"J": lambda m: m.push(int.from_bytes(m.stream.read(4), "little", signed=True)),
    b"K": lambda m: m.push(m.stream.unsigned(1)),
    b"M": lambda m: m.push(m.stream.unsigned(2)),
    b"\x8a": lambda m: _long(m, m.stream.unsigned(1)),
    b"\x8b": lambda m: _long(m, _signed_length(m)),
    b"F": _float_line,
    b"G": lambda m: m.push_plain("builtins.float", 8),
    # texts and bytes
    b"V": _text_line,
    b"S": _quoted_line,
    b"T": lambda m: _bytes_text(m, _signed_length(m)),
    b"U": lambda m: _bytes_text(m, m.stream.unsigned(1)),
    b"X": lambda m: m.push_text(m.stream.unsigned(4)),
    b"\x8c": lambda m: m.push_text(m.stream.unsigned(1)),
    b"\x8d": lambda m: m.push_text(m.stream.unsigned(8)),
    b"B": lambda m: m.push_plain("builtins.bytes", m.stream.unsigned(4)),
    b"C": lambda m: m.push_plain("builtins.bytes", m.stream.unsigned(1)),
    b"\x8e": lambda m: m.push_plain("builtins.bytes", m.stream.unsigned(8)),
    b"\x96": lambda m: m.push_plain("builtins.bytearray", m.stream.unsigned(8)),
    b"\x97": lambda m: m.push(Plain("builtins.memoryview")),
    b"\x98": PickleState.last,
    # containers
    b")": lambda m: m.push(()),
    b"\x85": lambda m: _tuple(m, 1),
    b"\x86": lambda m: _tuple(m, 2),
    b"\x87": lambda m: _tuple(m, 3),
    b"t": lambda m: m.push(tuple(m.pop_mark())),
    b"]": lambda m: m.push(Plain("builtins.list")),
    b"l": lambda m: _collected(m, "builtins.list"),
    b"a": _append,
    b"e": _append_many,
    b"\x8f": lambda m: m.push(Plain("builtins.set")),
    b"\x90": _append_many,
    b"\x91": lambda m: _collected(m, "builtins.frozenset"),
    b"}": lambda m: m.push(Table()),
    b"d": _dict,
    b"s": _set_item,
    b"u": lambda m: m.add(m.pop_mark()),
    # imports, calls, objects
    b"c": lambda m: m.push(_global(m)),
    b"\x93": _stack_global,
    b"i": _instance,
    b"o": _object,
    b"\x81": _new_object,
    b"\x92": _new_object_with_keywords,
    b"R": _reduce,
    b"b": _build,
    # what lies outside of the pickle
    b"P": lambda m: _persistent(m, _line_text(m)),
    b"Q": lambda m: _persistent(m, m.pop()),
    b"\x82": lambda m: _extension(m, 1),
    b"\x83": lambda m: _extension(m, 2),
    b"\x84": lambda m: _extension(m, 4),
}
