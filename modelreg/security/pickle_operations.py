"""What each operation of a pickle does to the machine's state.

The operations and their arguments are those of Python's ``pickletools`` (PEP 307, 3154 and 574). Where Python's C
unpickler (``Modules/_pickle.c``) goes on, so does this: it stops only where Python stops too, so that no name goes
unseen behind something that only we do not understand.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable

from modelreg.security import uses
from modelreg.security.joblib_arrays import LONGEST_PADDING, array_stand_in, raw_array
from modelreg.security.pickle_state import PickleState
from modelreg.security.pickle_stream import LINE_KEPT, LimitReached, UnreadablePickle
from modelreg.security.stand_ins import Global, Made, Plain, StandIn

_HIGHEST_PROTOCOL = 5
_BYTES, _BYTEARRAY, _FLOAT, _INT, _SET, _FROZENSET, _MEMORYVIEW, _TEXT = (
    Plain(f"builtins.{name}")
    for name in ("bytes", "bytearray", "float", "int", "set", "frozenset", "memoryview", "str")
)


def run(m: PickleState) -> StandIn:
    """Follow operations up to the last; returns the object that stands on the stack then.

    Raises `UnreadablePickle` or `LimitReached`.
    """
    stream, budget, operations = m.stream, m.budget, _OPERATIONS
    while budget.operations:
        at = stream.at
        if at < stream.ready:
            stream.at = at + 1
            code = stream.buffer[at]
        else:
            code = stream.operation()
        if code == _STOP:
            return m.pop()
        operation = operations[code]
        if operation is None:
            raise UnreadablePickle(f"no operation is written {code:#x}")
        budget.operations -= 1
        operation(m)
    raise LimitReached


def _protocol(m: PickleState) -> None:
    protocol = m.stream.byte()
    if protocol > _HIGHEST_PROTOCOL:
        raise UnreadablePickle(f"there is no protocol {protocol}")
    m.protocol = protocol


def _frame(m: PickleState) -> None:
    if not m.stream.enter_frame(m.stream.unsigned(8)):
        m.doubt("begins a frame within another")


def _recall_near(m: PickleState) -> None:
    """Put what stands in one of the memo's first places: nearly half of all operations, so it is done here."""
    stream, memo = m.stream, m.memo
    at = stream.at
    if at < stream.ready:
        stream.at = at + 1
        index = stream.buffer[at]
    else:
        index = stream.byte()
    value = memo[index] if index < len(memo) else None
    if type(value) is str or type(value) is tuple:
        m.stack.append(value)
    else:
        m.recall(index)


def _pop(m: PickleState) -> None:
    if m.stack:
        m.stack.pop()
    else:
        m.pop_mark()


def _text_line(m: PickleState) -> None:
    line = m.stream.line()
    if len(line) == LINE_KEPT:  # or longer, and perhaps cut within an escape
        m.push(_TEXT)
        return
    try:
        text = line.decode("raw-unicode-escape")  # Latin-1, and \u1234 for the rest
    except UnicodeDecodeError:
        raise UnreadablePickle("a text is not escaped as protocol 0 does it") from None
    m.push(m.text(text))


def _quoted_line(m: PickleState) -> None:
    line = m.stream.line()
    if len(line) < 2 or line[:1] not in b"'\"":
        raise UnreadablePickle("a text has no quotes")
    if len(line) == LINE_KEPT:
        m.push(_TEXT)
        return
    try:
        data, _ = codecs.escape_decode(line[1:-1])
    except ValueError:
        raise UnreadablePickle("a text is not escaped as protocol 0 does it") from None
    _push_ascii(m, bytes(data))


def _push_ascii(m: PickleState, data: bytes) -> None:
    """A text of Python 2, where it may hold any bytes: what they mean is for whoever reads it to say."""
    if data.isascii():
        m.push(m.text(data.decode()))
    else:
        m.doubt("has a text of Python 2 that is not ASCII")
        m.push(_TEXT)


def _number_line(m: PickleState) -> None:
    line = m.stream.line()
    if line in (b"00", b"01"):  # protocol 0 writes booleans so
        m.push(line == b"01")
    else:
        digits = line.removesuffix(b"L")
        m.push(int(digits) if digits.removeprefix(b"-").isdigit() and len(digits) < 20 else _INT)


def _float_line(m: PickleState) -> None:
    m.stream.line()
    m.push(_FLOAT)


def _long(m: PickleState, length: int) -> None:
    if length <= 8:
        m.push(int.from_bytes(m.stream.read(length), "little", signed=True))
    else:
        m.push_plain(_INT, length)


def _signed_length(m: PickleState) -> int:
    length = int.from_bytes(m.stream.read(4), "little", signed=True)
    if length < 0:
        raise UnreadablePickle("a length is negative")
    return length


def _bytes_text(m: PickleState, length: int) -> None:
    if length > LINE_KEPT:
        m.push_plain(_TEXT, length)
    else:
        _push_ascii(m, m.stream.read(length))


def _persistent(m: PickleState, name: StandIn) -> None:
    if not m.persistent:
        m.doubt("has a persistent id, which nobody resolves")
    m.push(Made(Plain("a persistent id"), (name,), as_class=False))


def _extension(m: PickleState, width: int) -> None:
    m.doubt("has an extension code, which stands for any name")
    m.push(Made(Plain("an extension code"), (m.stream.unsigned(width),), as_class=False))


def _next_buffer(m: PickleState) -> None:
    m.doubt("needs a buffer that is not in it")
    m.push(_MEMORYVIEW)


def _tuple(m: PickleState, length: int) -> None:
    items = [m.pop() for _ in range(length)]
    m.push_tuple(items[::-1])


def _list(m: PickleState) -> None:
    items = m.pop_mark()
    m.push_list()
    m.append(items)


def _frozen_set(m: PickleState) -> None:
    m.pop_mark()
    m.push(_FROZENSET)


def _dict(m: PickleState) -> None:
    pairs = m.pop_mark()
    m.push_table()
    m.add(pairs)


def _set_item(m: PickleState) -> None:
    value, key = m.pop(), m.pop()
    m.add([key, value])


def _append(m: PickleState) -> None:
    value = m.pop()
    m.append([value])


def _line_text(m: PickleState) -> str:
    try:
        return m.stream.line().decode()
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
    _call_or_make(m, maker, m.pop_mark())


def _object(m: PickleState) -> None:
    maker, *arguments = m.pop_mark() or [None]
    _call_or_make(m, maker, arguments)


def _call_or_make(m: PickleState, maker: StandIn, arguments: list[StandIn]) -> None:
    """Operations of Python 2, which call a function, and a class that is given arguments."""
    if uses.is_allowed(maker):
        m.remarks.note(m.remarks.surprises, "makes an object as Python 3 does not write it")
    m.push_made(maker, tuple(arguments), as_class=True)


def _new_object(m: PickleState) -> None:
    arguments, maker = m.pop(), m.pop()
    m.push_made(maker, arguments, as_class=True)


def _new_object_with_keywords(m: PickleState) -> None:
    m.pop()
    _new_object(m)


def _reduce(m: PickleState) -> None:
    arguments, maker = m.pop(), m.pop()
    m.push_made(maker, arguments, as_class=False)


def _build(m: PickleState) -> None:
    """Give the last object its state; behind an array of joblib's, pass over the array."""
    state, target = m.pop(), m.last()
    if isinstance(target, Made):
        m.give_state(target, state)
        if target.is_wrapper:
            m.wrappers_filled += 1
            if m.joblib:
                _pass_array(m, target)
    else:
        m.change(target, "sets attributes of")


def _pass_array(m: PickleState, wrapper: Made) -> None:
    array = raw_array(wrapper)
    if not m.stream.leave_frame():  # joblib reads arrays past the frame, whatever is left of it
        m.doubt("has an array within a frame")
    if array.bytes is None:
        _pass_pickle(m)
    elif array.padded:
        _pass_padding(m)
        m.stream.skip(array.bytes)
    else:
        m.stream.skip(array.bytes)
    m.stack[-1] = array_stand_in(array)


def _pass_padding(m: PickleState) -> None:
    length = m.stream.byte()
    if length > LONGEST_PADDING:
        m.doubt("has a padding that joblib never writes")
    m.stream.skip(length)


def _pass_pickle(m: PickleState) -> None:
    inner = PickleState(m.stream, m.budget, m.found, m.remarks, joblib=False, persistent=False)
    run(inner)
    m.calls += inner.calls
    if not m.stream.leave_frame():
        m.doubt("has a frame that goes on behind a pickle's end")


def _index(m: PickleState) -> int:
    line = m.stream.line()
    if len(line) == LINE_KEPT:  # and more, in which the number may go on
        raise LimitReached
    try:
        index = int(line.partition(b"\0")[0])  # C sees the number end there
    except ValueError:
        index = -1
    if index < 0:
        raise UnreadablePickle("a place in the memo has no number")
    return index


_STOP = ord(".")


_BY_CODE: dict[bytes, Callable[[PickleState], object]] = {
    b"\x80": _protocol,
    b"\x95": _frame,
    b"(": PickleState.mark,
    b"0": _pop,
    b"1": PickleState.pop_mark,
    b"2": lambda m: m.push_again(m.last()),
    # the memo
    b"p": lambda m: m.remember(_index(m)),
    b"q": lambda m: m.remember(m.stream.byte()),
    b"r": lambda m: m.remember(m.stream.unsigned(4)),
    b"\x94": PickleState.remember_next,
    b"g": lambda m: m.recall(_index(m)),
    b"h": _recall_near,
    b"j": lambda m: m.recall(m.stream.unsigned(4)),
    # values
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"I": _number_line,
    b"L": _number_line,
    b"J": lambda m: m.push(int.from_bytes(m.stream.read(4), "little", signed=True)),
    b"K": lambda m: m.push(m.stream.byte()),
    b"M": lambda m: m.push(m.stream.unsigned(2)),
    b"\x8a": lambda m: _long(m, m.stream.unsigned(1)),
    b"\x8b": lambda m: _long(m, _signed_length(m)),
    b"F": _float_line,
    b"G": lambda m: m.push_plain(_FLOAT, 8),
    # texts and bytes
    b"V": _text_line,
    b"S": _quoted_line,
    b"T": lambda m: _bytes_text(m, _signed_length(m)),
    b"U": lambda m: _bytes_text(m, m.stream.unsigned(1)),
    b"X": lambda m: m.push_text(m.stream.unsigned(4)),
    b"\x8c": lambda m: m.push_text(m.stream.byte()),
    b"\x8d": lambda m: m.push_text(m.stream.unsigned(8)),
    b"B": lambda m: m.push_plain(_BYTES, m.stream.unsigned(4)),
    b"C": lambda m: m.push_plain(_BYTES, m.stream.unsigned(1)),
    b"\x8e": lambda m: m.push_plain(_BYTES, m.stream.unsigned(8)),
    b"\x96": lambda m: m.push_plain(_BYTEARRAY, m.stream.unsigned(8)),
    b"\x97": _next_buffer,
    b"\x98": PickleState.last,
    # containers
    b")": lambda m: m.push(()),
    b"\x85": lambda m: _tuple(m, 1),
    b"\x86": lambda m: _tuple(m, 2),
    b"\x87": lambda m: _tuple(m, 3),
    b"t": lambda m: m.push_tuple(m.pop_mark()),
    b"]": PickleState.push_list,
    b"l": _list,
    b"a": _append,
    b"e": lambda m: m.append(m.pop_mark()),
    b"\x8f": lambda m: m.push(_SET),
    b"\x90": lambda m: m.append(m.pop_mark()),
    b"\x91": _frozen_set,
    b"}": PickleState.push_table,
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
_OPERATIONS = [_BY_CODE.get(bytes([code])) for code in range(256)]
