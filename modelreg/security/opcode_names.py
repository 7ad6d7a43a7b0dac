"""The names that the opcodes of a pickle mention, for one that is not followed: to say what it may be about.

This decides nothing but how such a pickle is called: it is unreadable or dangerous, and never unpickled. The lengths of
arguments are those of Python's ``pickletools``.
"""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Iterator
from typing import BinaryIO

from modelreg.security.budget import Budget

_MOST_OPCODES = 200_000
_MOST_NAMES = 1000
_KEPT = 4096  # bytes of an argument
_PIECE = 1 << 20
_MOST_PASSED = 256 << 20  # bytes that are passed over

_LINES = {**dict.fromkeys(b"FILSVPgp", 1), **dict.fromkeys(b"ci", 2)}
_FIXED = {**dict.fromkeys(b"Kqh\x82\x80", 1), **dict.fromkeys(b"M\x83", 2), **dict.fromkeys(b"Jrj\x84", 4), ord("G"): 8}
_FIXED[0x95] = 8  # a frame
_COUNTED = {
    **dict.fromkeys(b"UC\x8a\x8c", 1),
    **dict.fromkeys(b"XBT\x8b", 4),
    **dict.fromkeys(b"\x8d\x8e\x96", 8),
}
_WITHOUT = frozenset(b".(012Nbdel]oRstu})ao\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98Q")
_TEXTS = frozenset(b"SVUTX\x8c\x8d")
_RECALLS, _MEMOISES = frozenset(b"ghj"), frozenset(b"pqr\x94")
_STOP, _STACK_GLOBAL, _MEMOIZE = ord("."), 0x93, 0x94
_CALLS = frozenset(b"Rio\x81\x92b")


class _NoOpcode(Exception):
    """The bytes go on with something else, or end."""


def names_in_opcodes(file: BinaryIO, budget: Budget) -> tuple[list[tuple[str, str]], int, bool]:
    """Pairs of module and name that a pickle mentions; how often it calls something; whether it ends as a pickle does.

    A name that the pickle computes is not among them, nor one that stands behind the end of the budget.
    """
    mentions = _Mentions()
    code = 0
    try:
        for code, argument in _opcodes(file, budget):
            mentions.take(code, argument)
            if code == _STOP or len(mentions.names) > _MOST_NAMES:
                break
    except _NoOpcode:
        code = 0
    return list(mentions.names), mentions.calls, code == _STOP


class _Mentions:
    """Texts that were put last or are in the memo, and the names that they were used for."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, str], None] = {}
        self.calls = 0
        self._texts: list[str] = []
        self._memo: dict[int, str] = {}
        self._top = ""
        """What is on the stack, as far as it is a text."""

    def take(self, code: int, argument: str) -> None:
        """Follow one opcode."""
        if code in b"ci":
            module, _, name = argument.partition("\n")
            self.names[module, name] = None
        elif code == _STACK_GLOBAL and len(self._texts) > 1 and all(self._texts[-2:]):
            self.names[self._texts[-2], self._texts[-1]] = None
        elif code in _MEMOISES:
            self._memo[len(self._memo) if code == _MEMOIZE else _number(code, argument)] = self._top
            return
        self.calls += code in _CALLS
        self._top = self._text(code, argument)
        if code in _TEXTS or code in _RECALLS:
            self._texts = [*self._texts[-3:], self._top]

    def _text(self, code: int, argument: str) -> str:
        if code in _RECALLS:
            return self._memo.get(_number(code, argument), "")
        return _unescaped(code, argument) if code in _TEXTS else ""


def _number(code: int, argument: str) -> int:
    if code in b"pg":
        return int(argument) if argument.isdecimal() else -1
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


def _opcodes(file: BinaryIO, budget: Budget) -> Iterator[tuple[int, str]]:
    """Each opcode and its argument as text; raises `_NoOpcode`."""
    for _ in range(min(_MOST_OPCODES, budget.operations)):
        budget.operations -= 1
        code = file.read(1)
        if not code:
            return
        if code[0] in _LINES:
            yield code[0], "\n".join(_line(file) for _ in range(_LINES[code[0]]))
        elif code[0] in _FIXED:
            yield code[0], file.read(_FIXED[code[0]]).decode("latin-1")
        elif code[0] in _COUNTED:
            yield code[0], _counted(file, int.from_bytes(file.read(_COUNTED[code[0]]), "little"))
        elif code[0] in _WITHOUT:
            yield code[0], ""
        else:
            raise _NoOpcode


def _line(file: BinaryIO) -> str:
    kept = piece = file.readline(_PIECE)
    passed = len(piece)
    while piece[-1:] != b"\n":
        piece = file.readline(_PIECE)
        passed += len(piece)
        if not piece or passed > _MOST_PASSED:
            raise _NoOpcode
    return kept[:_KEPT].rstrip(b"\n").decode("utf-8", "replace")


def _counted(file: BinaryIO, length: int) -> str:
    kept = file.read(min(length, _KEPT))
    left = length - len(kept)
    if length > _MOST_PASSED:
        raise _NoOpcode
    while left > 0:
        piece = file.read(min(left, _PIECE))
        if not piece:
            raise _NoOpcode
        left -= len(piece)
    return kept.decode("utf-8", "replace")
