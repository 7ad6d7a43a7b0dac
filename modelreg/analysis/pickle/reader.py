"""Reads a pickle into an object graph, without importing or calling anything.

Only the form that Python's own picklers write is accepted (the one in C and the one in Python, by themselves and as
joblib and cloudpickle use them): each object is made, memoised, filled once directly afterwards, and never changed
again. Whatever else a pickle could do is refused as unreadable, because a graph that changes after it was judged says
nothing, and because Python's two unpicklers differ in such places. Operations and their arguments are those of Python's
``pickletools`` (PEP 307, 3154 and 574).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import BinaryIO

from modelreg.analysis.budget import Budget
from modelreg.analysis.containers.compressed import BadCompression
from modelreg.analysis.pickle.object_graph import Global, Node
from modelreg.analysis.pickle.opcode_names import names_in_opcodes
from modelreg.analysis.pickle.operations import run
from modelreg.analysis.pickle.stack import PickleStack, Used, names_in_python_3
from modelreg.analysis.pickle.stream import LimitReached, PickleStream, UnreadablePickle

__all__ = ["FEW_OPERATIONS", "Budget", "End", "Reading", "Used", "names_in_python_3", "read_pickle", "read_pickles"]

FEW_OPERATIONS = 500_000
"""Enough to learn the class of a model: about a third of a second."""

_MOST_BYTES = 64 << 30  # read or decompressed; what a file can seek over is not counted
LONGEST_START = 1 << 20
"""Bytes that are kept of the beginning of what cannot seek; where there are fewer, these are all."""
_MOST_PICKLES = 1000  # one behind the other


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
    used: Used
    """What the names are used for."""
    protocol: int
    """0 where the pickle doesn't say: 0 or 1."""
    operations: int
    position: int
    """Bytes read, after decompression."""
    whole: bool
    """Whether the pickle ends where its bytes end."""
    hides: bool = False
    """Whether it is unreadable and may import more than ``globals``."""


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

    ``persistent`` says that whoever loads them resolves persistent ids, as PyTorch does; ``start`` are the first
    `LONGEST_START` bytes of what cannot seek.
    """
    stream = PickleStream(file, size, _MOST_BYTES)
    for _ in range(_MOST_PICKLES):
        begin = stream.position
        reading = _read(PickleStack(stream, budget, joblib=True, persistent=persistent))
        if reading.end is End.UNREADABLE and size is not None:
            file.seek(begin)
            reading = _with_names(reading, file, budget)
        elif reading.end is End.UNREADABLE and begin == 0:
            reading = _with_names(reading, io.BytesIO(start), budget, is_all=len(start) < LONGEST_START)
        yield reading
        if reading.end is not End.STOP or reading.whole:
            return
    yield Reading(End.LIMIT, None, (), None, 0, 0, Used(), 0, 0, stream.position, False)


def _read(stack: PickleStack) -> Reading:
    problem, top, end = None, None, End.STOP
    before = stack.budget.operations
    try:
        top = run(stack)
    except UnreadablePickle as unreadable:
        problem, end = str(unreadable), End.UNREADABLE
    except BadCompression:
        problem, end = "is cut off or damaged", End.UNREADABLE
    except LimitReached:
        top, end = stack.first(), End.LIMIT
    stream = stack.stream
    whole = end is End.STOP and not stream.rest()
    return Reading(
        end=end,
        top=top,
        globals=tuple(stack.names.values()),
        problem=problem,
        calls=stack.calls,
        objects=stack.objects,
        used=stack.used,
        protocol=stack.protocol,
        operations=before - stack.budget.operations,
        position=stream.position,
        whole=whole,
    )


def _with_names(reading: Reading, file: BinaryIO, budget: Budget, *, is_all: bool = True) -> Reading:
    """Add the names that the opcodes of an unreadable pickle mention, so that it can be said what it would do."""
    known = {(each.module, each.name): each for each in reading.globals}
    found = names_in_opcodes(file, budget, is_all=is_all)
    for module, name in found.names:
        pair = names_in_python_3(module, name) if reading.protocol < 3 else (module, name)
        known.setdefault(pair, Global(*pair))
    return replace(reading, globals=tuple(known.values()), calls=max(found.calls, reading.calls), hides=found.hides)
