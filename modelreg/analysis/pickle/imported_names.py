"""Finds the names that the opcodes of an unreadable pickle may import.

It is used for bytes that cannot be read into an object graph. The result decides whether arbitrary bytes could act if
they are unpickled, and whether the scan reports an unreadable pickle as dangerous. If in doubt, the result says that
there may be more imports. Argument sizes are those of Python's ``pickletools``.
"""

from __future__ import annotations

import codecs
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

from modelreg.analysis.budget import Budget

_MAX_OPCODES = 200_000
_MAX_NAMES = 1000
_MAX_KEPT = 4096  # bytes per argument
_CHUNK_SIZE = 1 << 20
_MAX_SKIPPED = 256 << 20  # bytes

_LINE_COUNTS = {**dict.fromkeys(b"FILSVPgp", 1), **dict.fromkeys(b"ci", 2)}
_FIXED_SIZES = {
    **dict.fromkeys(b"Kqh\x82\x80", 1),
    **dict.fromkeys(b"M\x83", 2),
    **dict.fromkeys(b"Jrj\x84", 4),
    ord("G"): 8,
}
_LENGTH_SIZES = {
    **dict.fromkeys(b"UC\x8a\x8c", 1),
    **dict.fromkeys(b"XBT\x8b", 4),
    **dict.fromkeys(b"\x8d\x8e\x96", 8),
}
_NO_ARGUMENT = frozenset(b".(012Nbdel]oRstu})ao\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98Q")
_TEXT_OPCODES = frozenset(b"SVUTX\x8c\x8d")
_PYTHON_2_TEXTS = frozenset(b"STU")
"""Their encoding is chosen by the caller of the unpickler."""
_MEMO_GETS, _MEMO_PUTS = frozenset(b"ghj"), frozenset(b"pqr\x94")
_ENCODINGS = dict.fromkeys(b"X\x8c\x8d", "utf-8")
_NUMBER_CHARACTERS = re.compile(rb"[\s\w.+-]*")  # up to a NUL, where the C unpickler stops
_INTEGER = re.compile(rb"\s*[+-]?[0-9_]+\s*")
_QUOTES = (b"'", b'"')
_STRING = ord("S")
_STOP, _STACK_GLOBAL, _MEMOIZE, _FRAME = ord("."), 0x93, 0x94, 0x95
_CALL_OPCODES = frozenset(b"Rio\x81\x92b")
_MARK, _POP, _DUPLICATE, _OBJECT = ord("("), ord("0"), ord("2"), ord("o")
# Effects of opcodes on the stack, from pickletools.
_MARK_CONSUMERS = frozenset(b"1tldeuio\x90\x91")
"""Opcodes that pop everything since the last mark."""
_CONTAINER_FILLERS = frozenset(b"eu\x90")
"""Opcodes of `_MARK_CONSUMERS` that add the popped values to the container before the mark."""
_PUSH_OPCODES = frozenset(b"NFILSVPgQTUXBCKMJGhjcRtldio2])}") | frozenset(range(0x81, 0x90)) | {0x91, 0x92, 0x96, 0x97}
"""Opcodes that push a value."""
_COMPUTED_VALUES = frozenset(b"cPQRio\x81\x82\x83\x84\x92")
"""Opcodes of `_PUSH_OPCODES` whose value may be any text."""
_INPUT_COUNTS = {
    **dict.fromkeys(b".Q2\x85\x98", 1),
    **dict.fromkeys(b"abR\x81\x86", 2),
    **dict.fromkeys(b"s\x87\x92", 3),
}
"""Opcode -> number of values that it requires on the stack."""
_KEPT_COUNTS = dict.fromkeys(b"abs2\x98", 1)
"""Opcode -> number of those values that remain on the stack."""


class _InvalidOpcode(Exception):
    """The next bytes are not a valid opcode. Python's unpickler raises an error here."""


class _TruncatedOpcode(Exception):
    """The bytes end inside of an opcode."""


class _TooManyOpcodes(Exception):
    """A limit was reached: not all opcodes were examined."""


@dataclass(frozen=True, slots=True)
class MentionedNames:
    """The names and calls in the opcodes of a pickle."""

    names: list[tuple[str, str]]
    """Module and name of each import."""
    calls: int
    """Number of calls."""
    is_complete: bool
    """Whether it ends with the STOP opcode."""
    may_import_more: bool
    """Whether it may import other names: computed ones, or ones in opcodes that were not examined."""


def find_opcode_names(
    file: BinaryIO, budget: Budget, *, is_complete_file: bool = True, is_continuation: bool = False
) -> MentionedNames:
    """Find the names that a pickle imports before Python's unpickler would raise an error.

    ``is_complete_file`` is False if only the beginning of the pickle is in ``file``. ``is_continuation`` is True if the
    opcodes continue another pickle, whose stack and memo are unknown.
    """
    state = _StackState(is_continuation=is_continuation)
    code, may_import_more = 0, False
    try:
        for code, argument in _read_opcodes(file, budget, is_complete_file, state):
            state.apply(code, argument)
            if code == _STOP:
                break
            if len(state.names) > _MAX_NAMES:
                raise _TooManyOpcodes
        else:
            may_import_more = not is_complete_file
    except _InvalidOpcode:
        code = 0
    except _TruncatedOpcode:
        code, may_import_more = 0, not is_complete_file
    except _TooManyOpcodes:
        code, may_import_more = 0, True
    return MentionedNames(list(state.names), state.calls, code == _STOP, may_import_more or state.may_import_more)


class _UnknownValue(Enum):
    """A value on the stack that is not a known text."""

    NOT_TEXT = "a number, a list or another value that is not a text"
    MAYBE_TEXT = "the result of a call, or an unknown value"


_Value = str | _UnknownValue


class _StackState:
    """The stack and memo of a pickle, as far as imported names depend on them."""

    def __init__(self, *, is_continuation: bool) -> None:
        """``is_continuation`` means that the stack and memo also have unknown earlier values."""
        self.names: dict[tuple[str, str], None] = {}
        self.calls = 0
        self.may_import_more = False
        self._is_continuation = is_continuation
        self._stack: list[_Value] = []
        self._marked_stacks: list[list[_Value]] = []
        self._memo: dict[int, _Value] = {}

    def apply(self, code: int, argument: str) -> None:
        """Execute one opcode symbolically; raises `_InvalidOpcode` if the stack has too few or wrong values."""
        if code in b"ci":
            module, _, name = argument.partition("\n")
            self.names[module, name] = None
        if code == _STACK_GLOBAL:
            self._import(*self._pop(2))
        elif code in _MEMO_PUTS:
            (top,) = self._pop(1)
            self._stack.append(top)
            self._memo[len(self._memo) if code == _MEMOIZE else _memo_index(code, argument)] = top
        elif code == _POP:
            self._apply_pop()
        elif code == _MARK:
            self._marked_stacks.append(self._stack)
            self._stack = []
        elif code in _MARK_CONSUMERS:
            self._consume_mark(code)
        else:
            inputs = self._pop(_INPUT_COUNTS.get(code, 0))
            self._stack += inputs[: _KEPT_COUNTS.get(code, 0)]
            if code in _PUSH_OPCODES:
                self._stack.append(self._pushed_value(code, argument))
        self.calls += code in _CALL_OPCODES

    def _import(self, module: _Value, name: _Value) -> None:
        if _UnknownValue.NOT_TEXT in (module, name):
            raise _InvalidOpcode
        if isinstance(module, str) and isinstance(name, str):
            self.names[module, name] = None
        else:
            self.may_import_more = True
        self._stack.append(_UnknownValue.MAYBE_TEXT)

    def _pop(self, count: int) -> list[_Value]:
        """Pop ``count`` values; the top of the stack comes last."""
        missing_count = count - len(self._stack)
        if missing_count > 0:
            if self._marked_stacks or not self._is_continuation:
                raise _InvalidOpcode
            self._stack[:0] = [_UnknownValue.MAYBE_TEXT] * missing_count
        index = len(self._stack) - count
        inputs = self._stack[index:]
        del self._stack[index:]
        return inputs

    def _apply_pop(self) -> None:
        if self._stack or not self._marked_stacks:
            self._pop(1)
        else:
            self._stack = self._marked_stacks.pop()

    def _consume_mark(self, code: int) -> None:
        item_count = len(self._stack)
        if self._marked_stacks:
            self._stack = self._marked_stacks.pop()
        elif self._is_continuation:
            self._stack = []
        else:
            raise _InvalidOpcode
        if code == _OBJECT and not item_count and not self._is_continuation:
            raise _InvalidOpcode
        if code in _CONTAINER_FILLERS:
            self._stack += self._pop(1)
        elif code in _PUSH_OPCODES:
            self._stack.append(self._pushed_value(code, ""))

    def _pushed_value(self, code: int, argument: str) -> _Value:
        if code in _TEXT_OPCODES:
            text = _unescape(code, argument)
            return text if code not in _PYTHON_2_TEXTS or text.isascii() else _UnknownValue.MAYBE_TEXT
        if code in _MEMO_GETS:
            number = _memo_index(code, argument)
            if number not in self._memo and not self._is_continuation:
                raise _InvalidOpcode
            return _UnknownValue.MAYBE_TEXT if self._is_continuation else self._memo[number]
        if code == _DUPLICATE:
            return self._stack[-1]
        return _UnknownValue.MAYBE_TEXT if code in _COMPUTED_VALUES else _UnknownValue.NOT_TEXT


def _memo_index(code: int, argument: str) -> int:
    if code in b"pg":
        return int(argument)
    return int.from_bytes(argument.encode("latin-1"), "little")


def _unescape(code: int, argument: str) -> str:
    """Decode the escapes of a protocol 0 text; text with invalid escapes is returned unchanged."""
    try:
        if code == ord("V"):
            return argument.encode("latin-1").decode("raw-unicode-escape")
        if code == ord("S"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python warns about unknown escapes
                return bytes(codecs.escape_decode(argument.strip("'\""))[0]).decode("latin-1")
    except ValueError:
        pass
    return argument


def _read_opcodes(
    file: BinaryIO, budget: Budget, is_complete_file: bool, state: _StackState
) -> Iterator[tuple[int, str]]:
    """Yield each opcode with its argument as text.

    Raises `_InvalidOpcode` where Python's unpickler would raise an error, `_TruncatedOpcode` and `_TooManyOpcodes`.
    """
    frame_end = 0
    for _ in range(min(_MAX_OPCODES, budget.operations)):
        budget.operations -= 1
        code = file.read(1)
        if not code:
            return
        if code[0] == _FRAME:
            length = int.from_bytes(_read_exactly(file, 8), "little")
            state.may_import_more = state.may_import_more or file.tell() < frame_end
            frame_end = file.tell() + length
            continue
        argument_start = file.tell() if frame_end else 0
        argument = _read_argument(file, code[0], is_complete_file)
        if argument_start < frame_end < (file.tell() if frame_end else 0):
            state.may_import_more = True  # the C unpickler drops bytes if a frame ends inside of an opcode
        yield code[0], argument
    raise _TooManyOpcodes


def _read_argument(file: BinaryIO, code: int, is_complete_file: bool) -> str:
    if code in _LINE_COUNTS:
        return _read_lines(file, code, is_complete_file)
    if code in _FIXED_SIZES:
        return _read_exactly(file, _FIXED_SIZES[code]).decode("latin-1")
    if code in _LENGTH_SIZES:
        length = int.from_bytes(_read_exactly(file, _LENGTH_SIZES[code]), "little")
        return _decode(_read_counted(file, length), _ENCODINGS.get(code, "latin-1"), is_cut=length > _MAX_KEPT)
    if code not in _NO_ARGUMENT:
        raise _InvalidOpcode
    return ""


def _read_lines(file: BinaryIO, code: int, is_complete_file: bool) -> str:
    lines = [_read_line(file, is_complete_file) for _ in range(_LINE_COUNTS[code])]
    if code in b"ci":
        module = _decode(lines[0], "utf-8")
        if not all(part.isidentifier() for part in module.split(".")):
            raise _InvalidOpcode
        return f"{module}\n{_decode(lines[1], 'utf-8')}"
    (line,) = lines
    if code in b"gp" and not line.isdigit():  # unpicklers accept ' 3' and '0_3', too
        raise _TooManyOpcodes if _INTEGER.fullmatch(line.partition(b"\0")[0]) else _InvalidOpcode
    if code in b"FIL" and not _NUMBER_CHARACTERS.fullmatch(line.partition(b"\0")[0]):
        raise _InvalidOpcode
    if code == _STRING and line.strip()[:1] not in _QUOTES:
        raise _InvalidOpcode
    return line.decode("latin-1")


def _read_line(file: BinaryIO, is_complete_file: bool) -> bytes:
    """Read a line without its last byte: Python drops that even if it is not a newline, at the end of the file."""
    start = chunk = file.readline(_CHUNK_SIZE)
    size = len(chunk)
    while chunk[-1:] != b"\n" and (more := file.readline(_CHUNK_SIZE)):
        chunk, size = more, size + len(more)
        if size > _MAX_SKIPPED:
            raise _TooManyOpcodes
    if chunk[-1:] != b"\n" and not is_complete_file:
        raise _TruncatedOpcode
    return start[: min(_MAX_KEPT, size - 1)] if size else b""


def _read_counted(file: BinaryIO, length: int) -> bytes:
    start = _read_exactly(file, min(length, _MAX_KEPT))
    remaining = length - len(start)
    while remaining > 0:
        if length - remaining > _MAX_SKIPPED:
            raise _TooManyOpcodes
        remaining -= len(_read_exactly(file, min(remaining, _CHUNK_SIZE)))
    return start


def _read_exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise _TruncatedOpcode
    return data


def _decode(data: bytes, encoding: str, *, is_cut: bool = False) -> str:
    """Decode an argument as Python does; if it was cut, replace what cannot be decoded."""
    try:
        return data.decode(encoding, "replace" if is_cut else "surrogatepass" if encoding == "utf-8" else "strict")
    except UnicodeDecodeError:
        raise _InvalidOpcode from None
