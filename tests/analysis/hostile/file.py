"""A hostile file, with the loader that it attacks and the effect of its payload."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Trigger(StrEnum):
    """The call that runs the payload of a file."""

    PICKLE = "pickle"
    """``pickle.load``."""
    JOBLIB = "joblib"
    """``joblib.load``."""
    NUMPY = "numpy"
    """``numpy.load`` with ``allow_pickle``."""
    PREDICT = "predict"
    """``pickle.load`` and ``predict``."""
    SKOPS = "skops"
    """``skops.io.load`` with all types in the file trusted, and ``predict``."""
    OTHER = "other"
    """A library that is not installed for the tests, or a loader that accepts more than Python's."""


class Effect(StrEnum):
    """The effect of the payload on the marker."""

    MAKES = "makes"
    DELETES = "deletes"


@dataclass(frozen=True, slots=True)
class HostileFile:
    """A hostile file with a descriptive name."""

    name: str
    content: bytes
    trigger: Trigger = Trigger.PICKLE
    effect: Effect = Effect.MAKES
    suffix: str = ".pkl"

    @property
    def file_name(self) -> str:
        """The name as a file name."""
        return "".join(char if char.isalnum() else "_" for char in self.name) + self.suffix
