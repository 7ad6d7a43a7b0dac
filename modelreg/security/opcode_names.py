"""The names that the opcodes of a pickle mention, for one that is not followed: to say what it may be about.

This decides nothing: such a pickle is unreadable, and is never unpickled.
"""

from __future__ import annotations

import pickletools
import struct
from typing import IO, BinaryIO, cast

_MOST_OPCODES = 200_000
_MOST_NAMES = 1000
_LONGEST = 1 << 20  # bytes
_NOT_A_PICKLE = (ValueError, EOFError, IndexError, KeyError, AttributeError, OverflowError, struct.error)
_CALLS = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"})
_RECALLS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_MEMOISES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})


def names_in_opcodes(file: BinaryIO) -> tuple[list[tuple[str, str]], int]:
    """Pairs of module and name that a pickle mentions, and how often it calls something; both may be incomplete."""
    names: dict[tuple[str, str], None] = {}
    texts: list[str] = []
    memo: dict[int, str] = {}
    calls = count = 0
    try:
        for opcode, argument, _ in pickletools.genops(cast("IO[bytes]", _Bounded(file))):
            count += 1
            if count > _MOST_OPCODES or len(names) > _MOST_NAMES:
                break
            calls += opcode.name in _CALLS
            if opcode.name in ("GLOBAL", "INST"):
                module, _, name = str(argument).partition(" ")
                names[module, name] = None
            elif opcode.name == "STACK_GLOBAL" and len(texts) > 1:
                names[texts[-2], texts[-1]] = None
            elif opcode.name == "MEMOIZE":
                memo[len(memo)] = texts[-1] if texts else ""
            elif opcode.name in _MEMOISES and isinstance(argument, int):
                memo[argument] = texts[-1] if texts else ""
            elif opcode.name in _RECALLS and isinstance(argument, int):
                texts.append(memo.get(argument, ""))
            elif isinstance(argument, str) and len(argument) <= 500:
                texts.append(argument)
            del texts[:-4]
    except _NOT_A_PICKLE:
        pass
    return list(names), calls


class _Bounded:
    """A file of which nobody reads more at once than an opcode of interest has."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, count: int) -> bytes:
        return self._file.read(min(count, _LONGEST))

    def readline(self) -> bytes:
        return self._file.readline(_LONGEST)

    def tell(self) -> int:
        return self._file.tell()
