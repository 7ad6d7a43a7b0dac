"""A pickle machine without hands: it follows every operation of protocols 0 to 5, and imports and calls nothing.

Where Python would make an object, a stand-in is put; see `modelreg.security.stand_ins`. What is read and kept is
bounded, so that no pickle takes more than about a second and 150 MB.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

from modelreg.security.pickle_operations import run
from modelreg.security.pickle_state import PickleState
from modelreg.security.pickle_stream import LimitReached, PickleStream, UnreadablePickle
from modelreg.security.stand_ins import Global, StandIn

_MOST_BYTES = 128 << 20  # read or decompressed: about a second; what a file can seek over is not counted


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
    protocol: int
    """0 where the pickle doesn't say: 0 or 1."""
    position: int
    """Bytes read, after decompression."""
    whole: bool
    """Whether the pickle ends where its bytes end."""


def read_pickle(file: BinaryIO, size: int | None) -> Reading:
    """Follow the pickle in ``file``, from where it stands; never raises because of what the pickle says.

    ``size`` is the size of a regular file, which can seek, else None.
    """
    state = PickleState(PickleStream(file, size, _MOST_BYTES), {}, joblib=True)
    try:
        top = run(state)
        return _reading(state, End.STOP, top, whole=state.stream.at_end())
    except UnreadablePickle:
        return _reading(state, End.UNREADABLE, None)
    except LimitReached:
        return _reading(state, End.LIMIT, state.first())


def _reading(state: PickleState, end: End, top: StandIn, *, whole: bool = False) -> Reading:
    return Reading(end, top, tuple(state.found.values()), state.protocol, state.stream.position, whole)
