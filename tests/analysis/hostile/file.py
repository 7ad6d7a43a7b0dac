"""A hostile file, and what happens to whoever loads it without protection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Trigger(StrEnum):
    """What makes the file run its payload."""

    PICKLE = "pickle"
    """``pickle.load``."""
    JOBLIB = "joblib"
    """``joblib.load``."""
    NUMPY = "numpy"
    """``numpy.load`` with ``allow_pickle``."""
    PREDICT = "predict"
    """``pickle.load`` and ``predict``."""
    SKOPS = "skops"
    """``skops.io.load`` with the types that the file contains, and ``predict``."""
    OTHER = "other"
    """A library that the tests do not need, or a loader that is less strict than Python's."""


class Effect(StrEnum):
    """What the payload does with the marker."""

    MAKES = "makes"
    DELETES = "deletes"


@dataclass(frozen=True, slots=True)
class HostileFile:
    """One file, under a name that says what is special about it."""

    name: str
    content: bytes
    trigger: Trigger = Trigger.PICKLE
    effect: Effect = Effect.MAKES
    suffix: str = ".pkl"

    @property
    def file_name(self) -> str:
        """The name as that of a file."""
        return "".join(char if char.isalnum() else "_" for char in self.name) + self.suffix
