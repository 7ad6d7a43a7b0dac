"""A pickle machine without hands: it follows every operation of protocols 0 to 5, and imports and calls nothing.

Where Python would make an object, a stand-in is put; see `modelreg.security.stand_ins`. Operations, bytes and what is
kept are bounded, so that no pickle takes more than some seconds and some hundred megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import BinaryIO

from modelreg.containers.compressed import BadCompression
from modelreg.security.names import is_dangerous
from modelreg.security.pickle_operations import run
from modelreg.security.pickle_state import Budget, PickleState, Remarks
from modelreg.security.pickle_stream import LimitReached, PickleStream, UnreadablePickle
from modelreg.security.stand_ins import Global, StandIn

MOST_OPERATIONS = 20_000_000
"""For all pickles of a model: more than a vocabulary of five million words has."""
FEW_OPERATIONS = 500_000
"""Enough to learn the class of a model: about a third of a second."""
MOST_BYTES = 64 << 30  # read or decompressed; what a file can seek over is not counted
_MOST_PICKLES = 1000  # one behind the other


class End(Enum):
    """How the reading of a pickle ended."""

    STOP = "at the pickle's last operation"
    LIMIT = "at a limit of the machine's; what was read is the beginning"
    UNREADABLE = "at bytes that no pickle has"


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a pickle would make, as far as it was read."""

    end: End
    top: StandIn
    """The object that unpickling would return; after a limit, the one that stands first, which it most likely is."""
    globals: tuple[Global, ...]
    """Each name that would be imported, once, in order."""
    calls: int
    """How often something would be called."""
    remarks: Remarks
    protocol: int
    """0 where the pickle doesn't say: 0 or 1."""
    position: int
    """Bytes read, after decompression."""
    whole: bool
    """Whether the pickle ends where its bytes end."""


def read_pickle(file: BinaryIO, size: int | None, operations: int = FEW_OPERATIONS) -> Reading:
    """Follow the pickle in ``file``, from where it stands; never raises because of what the pickle says.

    ``size`` is the size of a regular file, which can seek, else None.
    """
    return next(read_pickles(file, size, Budget(operations)))


def read_pickles(file: BinaryIO, size: int | None, budget: Budget, *, persistent: bool = False) -> Iterator[Reading]:
    """Follow one pickle after another, up to the end or to what is none; see `read_pickle`.

    ``persistent`` says that whoever loads them resolves persistent ids, as PyTorch does.
    """
    stream = PickleStream(file, size, MOST_BYTES)
    for _ in range(_MOST_PICKLES):
        begin = stream.position
        state = PickleState(stream, budget, {}, Remarks(), joblib=True, persistent=persistent)
        reading = _read(state)
        others: list[Global] = []
        if stream.crossed_a_frame():
            state.doubt("has an operation across the end of a frame")
            others += _read_otherwise(file, size, begin, state, drops=True)
        if state.wrapper is not None:
            others += _read_otherwise(file, size, begin, state, joblib=False)
        yield replace(reading, globals=(*reading.globals, *others)) if others else reading
        if reading.end is not End.STOP or reading.whole:
            return
    yield replace(reading, end=End.LIMIT)


def _read_otherwise(
    file: BinaryIO, size: int | None, begin: int, state: PickleState, *, drops: bool = False, joblib: bool = True
) -> list[Global]:
    """What else would be imported if the bytes were read in another way than they seem to be meant for.

    Frames that are not as Python writes them, some of Python's unpicklers drop; and Python's own reads joblib's arrays
    as operations that go on, which ends at once with genuine ones.
    """
    if size is None:
        return []
    back = file.tell()
    file.seek(begin)
    stream = PickleStream(file, size, MOST_BYTES, at=begin, drops=drops)
    other = PickleState(stream, state.budget, dict(state.found), Remarks(), joblib=joblib, persistent=state.persistent)
    ended = _read(other)
    file.seek(back)
    more = [each for pair, each in other.found.items() if pair not in state.found]
    if joblib:
        return more
    more = [each for each in more if is_dangerous(each.module, each.name)]  # genuine arrays may read as some name, too
    if more or ended.end is End.LIMIT:
        state.doubt("has an array that is a pickle as well")
    return more


def _read(state: PickleState) -> Reading:
    try:
        top = run(state)
        state.finish()
        return _reading(state, End.STOP, top, whole=not state.stream.rest())
    except (UnreadablePickle, BadCompression):
        return _reading(state, End.UNREADABLE, None)
    except LimitReached:
        return _reading(state, End.LIMIT, state.first())


def _reading(state: PickleState, end: End, top: StandIn, *, whole: bool = False) -> Reading:
    names = tuple(state.found.values())
    position = state.stream.position
    return Reading(end, top, names, state.calls, state.remarks, state.protocol, position, whole)
