"""Reads a pickle into an object graph, without importing or calling anything.

Only pickles in the form that Python's C and Python picklers write are accepted, including the pickles of joblib and
cloudpickle: each object is created, memoised, filled once directly afterwards, and never changed again. Everything else
is rejected as unreadable, for two reasons: the scan of a graph that changes later would be worthless, and Python's two
unpicklers treat such pickles differently. Opcodes are documented in ``pickletools`` and PEP 307, 3154 and 574.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import BinaryIO

from modelreg.analysis.budget import Budget
from modelreg.analysis.containers.compressed import BadCompression
from modelreg.analysis.pickle.imported_names import find_opcode_names
from modelreg.analysis.pickle.object_graph import Global, Node
from modelreg.analysis.pickle.opcodes import read_object
from modelreg.analysis.pickle.stack import NameUses, PickleStack, translate_python_2_name
from modelreg.analysis.pickle.stream import LimitReached, PickleStream, UnreadablePickle

__all__ = [
    "DEFAULT_OPERATIONS",
    "Budget",
    "End",
    "Reading",
    "NameUses",
    "translate_python_2_name",
    "read_pickle",
    "read_pickles",
]

DEFAULT_OPERATIONS = 500_000
"""Maximum number of opcodes; enough to find the class of a model, in about 0.3 s."""

_MAX_BYTES = 64 << 30  # read or decompressed; skipping in seekable files does not count
MAX_START_SIZE = 1 << 20
"""Bytes that are kept from the beginning of a stream that cannot seek."""
_MAX_PICKLES = 1000  # concatenated


class End(Enum):
    """Why the reader stopped."""

    STOP = "at the STOP opcode"
    LIMIT = "at a limit of the reader; only the beginning was read"
    UNREADABLE = "at an opcode that no pickler writes there"


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The content of a pickle, as far as it was read."""

    end: End
    top: Node
    """The object that unpickling would return. After a limit: the first object on the stack, most likely the same."""
    globals: tuple[Global, ...]
    """The names that would be imported, without duplicates, in order."""
    problem: str | None
    """Why it is unreadable, as a clause that continues the sentence 'it …'."""
    calls: int
    """Number of calls that unpickling would make."""
    objects: int
    """Number of objects in the graph."""
    used: NameUses
    """How the imported names are used."""
    protocol: int
    """0 for protocols 0 and 1, which pickles do not state."""
    operations: int
    """Number of opcodes that were read."""
    position: int
    """Number of bytes that were read, after decompression."""
    whole: bool
    """Whether the pickle ends where its file ends."""
    may_import_more: bool = False
    """Whether it is unreadable and may import other names than ``globals``."""


def read_pickle(
    file: BinaryIO, size: int | None, operations: int = DEFAULT_OPERATIONS, *, persistent: bool = False
) -> Reading:
    """Read the pickle in ``file`` from its current position. Never raises because of the content.

    ``size`` is the size of a seekable file, or None if the file cannot seek. For ``persistent`` see `read_pickles`.
    """
    return next(read_pickles(file, size, Budget(operations), persistent=persistent))


def read_pickles(
    file: BinaryIO, size: int | None, budget: Budget, *, persistent: bool = False, start: bytes = b""
) -> Iterator[Reading]:
    """Read concatenated pickles up to the end or to the first bytes that are not a pickle; see `read_pickle`.

    ``persistent`` means that the loader resolves persistent ids, as PyTorch does. ``start`` has the first
    `MAX_START_SIZE` bytes of a file that cannot seek.
    """
    stream = PickleStream(file, size, _MAX_BYTES)
    for _ in range(_MAX_PICKLES):
        pickle_start = stream.position
        reading = _read(PickleStack(stream, budget, joblib=True, persistent=persistent))
        if reading.end is End.UNREADABLE and size is not None:
            file.seek(pickle_start)
            reading = _add_mentioned_names(reading, file, budget)
        elif reading.end is End.UNREADABLE and pickle_start == 0:
            reading = _add_mentioned_names(
                reading, io.BytesIO(start), budget, is_complete_file=len(start) < MAX_START_SIZE
            )
        yield reading
        if reading.end is not End.STOP or reading.whole:
            return
    yield Reading(End.LIMIT, None, (), None, 0, 0, NameUses(), 0, 0, stream.position, False)


def _read(stack: PickleStack) -> Reading:
    problem, top, end = None, None, End.STOP
    initial_operations = stack.budget.operations
    try:
        top = read_object(stack)
    except UnreadablePickle as unreadable:
        problem, end = str(unreadable), End.UNREADABLE
    except BadCompression:
        problem, end = "is cut off or damaged", End.UNREADABLE
    except LimitReached:
        top, end = stack.first_object(), End.LIMIT
    stream = stack.stream
    whole = end is End.STOP and not stream.peek_rest()
    return Reading(
        end=end,
        top=top,
        globals=tuple(stack.names.values()),
        problem=problem,
        calls=stack.calls,
        objects=stack.objects,
        used=stack.used,
        protocol=stack.protocol,
        operations=initial_operations - stack.budget.operations,
        position=stream.position,
        whole=whole,
    )


def _add_mentioned_names(reading: Reading, file: BinaryIO, budget: Budget, *, is_complete_file: bool = True) -> Reading:
    """Add the names in the opcodes of an unreadable pickle, so that the scan can report them."""
    names = {(name.module, name.name): name for name in reading.globals}
    mentioned = find_opcode_names(file, budget, is_complete_file=is_complete_file)
    for module, name in mentioned.names:
        pair = translate_python_2_name(module, name) if reading.protocol < 3 else (module, name)
        names.setdefault(pair, Global(*pair))
    return replace(
        reading,
        globals=tuple(names.values()),
        calls=max(mentioned.calls, reading.calls),
        may_import_more=mentioned.may_import_more,
    )
