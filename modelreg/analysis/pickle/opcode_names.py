"""The names that the opcodes of a pickle mention, for one that is not followed: to say what it may be about.

This decides what bytes of another kind may do to whoever takes them for a pickle, and how a pickle is called that is
not unpickled here: unreadable or dangerous. Where it cannot tell, it says that there may be more. The lengths of
arguments are those of Python's ``pickletools``.
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

_MOST_OPCODES = 200_000
_MOST_NAMES = 1000
_KEPT = 4096  # bytes of an argument
_PIECE = 1 << 20
_MOST_PASSED = 256 << 20  # bytes that are passed over

_LINES = {**dict.fromkeys(b"FILSVPgp", 1), **dict.fromkeys(b"ci", 2)}
_FIXED = {**dict.fromkeys(b"Kqh\x82\x80", 1), **dict.fromkeys(b"M\x83", 2), **dict.fromkeys(b"Jrj\x84", 4), ord("G"): 8}
_COUNTED = {
    **dict.fromkeys(b"UC\x8a\x8c", 1),
    **dict.fromkeys(b"XBT\x8b", 4),
    **dict.fromkeys(b"\x8d\x8e\x96", 8),
}
_WITHOUT = frozenset(b".(012Nbdel]oRstu})ao\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98Q")
_TEXTS = frozenset(b"SVUTX\x8c\x8d")
_OF_PYTHON_2 = frozenset(b"STU")
"""Whoever loads them says how they are encoded."""
_RECALLS, _MEMOISES = frozenset(b"ghj"), frozenset(b"pqr\x94")
_ENCODINGS = dict.fromkeys(b"X\x8c\x8d", "utf-8")  # those of Python 2 are decoded as whoever loads them says
_NUMBER = re.compile(rb"[\s\w.+-]*")  # up to a NUL, at which the unpickler in C stops
_WHOLE_NUMBER = re.compile(rb"\s*[+-]?[0-9_]+\s*")
_QUOTES = (b"'", b'"')
_TEXT_LINE = ord("S")
_STOP, _STACK_GLOBAL, _MEMOIZE, _FRAME = ord("."), 0x93, 0x94, 0x95
_CALLS = frozenset(b"Rio\x81\x92b")
_MARK, _POP, _DUPLICATE, _OBJECT = ord("("), ord("0"), ord("2"), ord("o")
# What each opcode does to the stack, as pickletools has it.
_MARKED = frozenset(b"1tldeuio\x90\x91")
"""Opcodes that take everything since the last mark,"""
_FILLS = frozenset(b"eu\x90")
"""and among them those that put it into what stands before the mark."""
_PUTS = frozenset(b"NFILSVPgQTUXBCKMJGhjcRtldio2])}") | frozenset(range(0x81, 0x90)) | {0x91, 0x92, 0x96, 0x97}
"""Opcodes that leave a value of their own,"""
_COMPUTES = frozenset(b"cPQRio\x81\x82\x83\x84\x92")
"""and among them those whose value may be any text."""
_TAKEN = {**dict.fromkeys(b".Q2\x85\x98", 1), **dict.fromkeys(b"abR\x81\x86", 2), **dict.fromkeys(b"s\x87\x92", 3)}
"""How many values an opcode needs."""
_LEFT = dict.fromkeys(b"abs2\x98", 1)
"""How many of those stay where they are."""


class _NoOpcode(Exception):
    """The bytes go on with something else, at which Python gives up."""


class _EndsWithin(Exception):
    """The bytes end within an opcode."""


class _MoreToLookAt(Exception):
    """There are more opcodes than are looked at."""


@dataclass(frozen=True, slots=True)
class MentionedNames:
    """What the opcodes of a pickle mention."""

    names: list[tuple[str, str]]
    """Module and name."""
    calls: int
    """How often something is called."""
    ends: bool
    """Whether it ends as a pickle does."""
    hides: bool
    """Whether it may import more than ``names``: a name that it computes, or behind what was looked at."""


def names_in_opcodes(file: BinaryIO, budget: Budget, *, is_all: bool = True, goes_on: bool = False) -> MentionedNames:
    """What a pickle does up to where Python would give up.

    ``is_all`` says that the pickle ends where ``file`` does, else what follows was not kept; ``goes_on`` that it begins
    where another one stops.
    """
    mentions = _Mentions(goes_on=goes_on)
    code, hides = 0, False
    try:
        for code, argument in _opcodes(file, budget, is_all, mentions):
            mentions.take(code, argument)
            if code == _STOP:
                break
            if len(mentions.names) > _MOST_NAMES:
                raise _MoreToLookAt
        else:
            hides = not is_all
    except _NoOpcode:
        code = 0
    except _EndsWithin:
        code, hides = 0, not is_all
    except _MoreToLookAt:
        code, hides = 0, True
    return MentionedNames(list(mentions.names), mentions.calls, code == _STOP, hides or mentions.hides)


class _NoText(Enum):
    """What a value on the stack is that is not a known text."""

    SURELY = "a number, a list and the like"
    PERHAPS = "what a call gives, or what was there before"


_Value = str | _NoText


class _Mentions:
    """The stack and the memo of a pickle, as far as its names depend on them."""

    def __init__(self, *, goes_on: bool) -> None:
        """``goes_on`` says that there is more on the stack and in the memo, of which nothing is known."""
        self.names: dict[tuple[str, str], None] = {}
        self.calls = 0
        self.hides = False
        self._goes_on = goes_on
        self._stack: list[_Value] = []
        self._below: list[list[_Value]] = []
        self._memo: dict[int, _Value] = {}

    def take(self, code: int, argument: str) -> None:
        """Follow one opcode; raises `_NoOpcode` where it finds too little on the stack, or the wrong thing."""
        if code in b"ci":
            module, _, name = argument.partition("\n")
            self.names[module, name] = None
        if code == _STACK_GLOBAL:
            self._import(*self._pop(2))
        elif code in _MEMOISES:
            (top,) = self._pop(1)
            self._stack.append(top)
            self._memo[len(self._memo) if code == _MEMOIZE else _number(code, argument)] = top
        elif code == _POP:
            self._drop()
        elif code == _MARK:
            self._below.append(self._stack)
            self._stack = []
        elif code in _MARKED:
            self._end_mark(code)
        else:
            taken = self._pop(_TAKEN.get(code, 0))
            self._stack += taken[: _LEFT.get(code, 0)]
            if code in _PUTS:
                self._stack.append(self._put(code, argument))
        self.calls += code in _CALLS

    def _import(self, module: _Value, name: _Value) -> None:
        if _NoText.SURELY in (module, name):
            raise _NoOpcode
        if isinstance(module, str) and isinstance(name, str):
            self.names[module, name] = None
        else:
            self.hides = True
        self._stack.append(_NoText.PERHAPS)

    def _pop(self, count: int) -> list[_Value]:
        """The last values, the last of them last."""
        missing = count - len(self._stack)
        if missing > 0:
            if self._below or not self._goes_on:
                raise _NoOpcode
            self._stack[:0] = [_NoText.PERHAPS] * missing
        at = len(self._stack) - count
        taken = self._stack[at:]
        del self._stack[at:]
        return taken

    def _drop(self) -> None:
        if self._stack or not self._below:
            self._pop(1)
        else:
            self._stack = self._below.pop()

    def _end_mark(self, code: int) -> None:
        inside = len(self._stack)
        if self._below:
            self._stack = self._below.pop()
        elif self._goes_on:
            self._stack = []
        else:
            raise _NoOpcode
        if code == _OBJECT and not inside and not self._goes_on:
            raise _NoOpcode
        if code in _FILLS:
            self._stack += self._pop(1)
        elif code in _PUTS:
            self._stack.append(self._put(code, ""))

    def _put(self, code: int, argument: str) -> _Value:
        if code in _TEXTS:
            text = _unescaped(code, argument)
            return text if code not in _OF_PYTHON_2 or text.isascii() else _NoText.PERHAPS
        if code in _RECALLS:
            number = _number(code, argument)
            if number not in self._memo and not self._goes_on:
                raise _NoOpcode
            return _NoText.PERHAPS if self._goes_on else self._memo[number]
        if code == _DUPLICATE:
            return self._stack[-1]
        return _NoText.PERHAPS if code in _COMPUTES else _NoText.SURELY


def _number(code: int, argument: str) -> int:
    if code in b"pg":
        return int(argument)
    return int.from_bytes(argument.encode("latin-1"), "little")


def _unescaped(code: int, argument: str) -> str:
    """A text as protocol 0 writes it; as it stands where its escapes are none."""
    try:
        if code == ord("V"):
            return argument.encode("latin-1").decode("raw-unicode-escape")
        if code == ord("S"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python warns of escapes that it does not know
                return bytes(codecs.escape_decode(argument.strip("'\""))[0]).decode("latin-1")
    except ValueError:
        pass
    return argument


def _opcodes(file: BinaryIO, budget: Budget, is_all: bool, mentions: _Mentions) -> Iterator[tuple[int, str]]:
    """Each opcode and its argument as text; raises `_NoOpcode` where Python would, and the others of these."""
    frame_end = 0
    for _ in range(min(_MOST_OPCODES, budget.operations)):
        budget.operations -= 1
        code = file.read(1)
        if not code:
            return
        if code[0] == _FRAME:
            length = int.from_bytes(_exactly(file, 8), "little")
            mentions.hides = mentions.hides or file.tell() < frame_end
            frame_end = file.tell() + length
            continue
        begins = file.tell() if frame_end else 0
        argument = _argument(file, code[0], is_all)
        if begins < frame_end < (file.tell() if frame_end else 0):
            mentions.hides = True  # where a frame ends within an opcode, the unpickler in C leaves bytes out
        yield code[0], argument
    raise _MoreToLookAt


def _argument(file: BinaryIO, code: int, is_all: bool) -> str:
    if code in _LINES:
        return _lines(file, code, is_all)
    if code in _FIXED:
        return _exactly(file, _FIXED[code]).decode("latin-1")
    if code in _COUNTED:
        length = int.from_bytes(_exactly(file, _COUNTED[code]), "little")
        return _decoded(_counted(file, length), _ENCODINGS.get(code, "latin-1"), is_cut=length > _KEPT)
    if code not in _WITHOUT:
        raise _NoOpcode
    return ""


def _lines(file: BinaryIO, code: int, is_all: bool) -> str:
    lines = [_line(file, is_all) for _ in range(_LINES[code])]
    if code in b"ci":
        module = _decoded(lines[0], "utf-8")
        if not all(part.isidentifier() for part in module.split(".")):
            raise _NoOpcode
        return f"{module}\n{_decoded(lines[1], 'utf-8')}"
    (line,) = lines
    if code in b"gp" and not line.isdigit():  # such as ' 3' and '0_3', of which the unpicklers make a number, too
        raise _MoreToLookAt if _WHOLE_NUMBER.fullmatch(line.partition(b"\0")[0]) else _NoOpcode
    if code in b"FIL" and not _NUMBER.fullmatch(line.partition(b"\0")[0]):
        raise _NoOpcode
    if code == _TEXT_LINE and line.strip()[:1] not in _QUOTES:
        raise _NoOpcode
    return line.decode("latin-1")


def _line(file: BinaryIO, is_all: bool) -> bytes:
    """Without its last byte, which Python takes for the newline, also at the end."""
    kept = piece = file.readline(_PIECE)
    passed = len(piece)
    while piece[-1:] != b"\n" and (more := file.readline(_PIECE)):
        piece, passed = more, passed + len(more)
        if passed > _MOST_PASSED:
            raise _MoreToLookAt
    if piece[-1:] != b"\n" and not is_all:
        raise _EndsWithin
    return kept[: min(_KEPT, passed - 1)] if passed else b""


def _counted(file: BinaryIO, length: int) -> bytes:
    kept = _exactly(file, min(length, _KEPT))
    left = length - len(kept)
    while left > 0:
        if length - left > _MOST_PASSED:
            raise _MoreToLookAt
        left -= len(_exactly(file, min(left, _PIECE)))
    return kept


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise _EndsWithin
    return data


def _decoded(data: bytes, encoding: str, *, is_cut: bool = False) -> str:
    """As Python decodes it, which gives up where it cannot; only the beginning where that alone is kept."""
    try:
        return data.decode(encoding, "replace" if is_cut else "surrogatepass" if encoding == "utf-8" else "strict")
    except UnicodeDecodeError:
        raise _NoOpcode from None
