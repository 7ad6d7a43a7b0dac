"""How much work one model may make: for the analysis, and for whoever loads what was found to be safe."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.analysis.pickle.stream import LimitReached

_MOST_OPERATIONS = 20_000_000  # more than a vocabulary of five million words has
_OPERATIONS_OF_ANY_FILE = 200_000
_OPERATIONS_A_BYTE = 6  # compressed files have several in a byte
_MOST_TEXT = 128 << 20  # bytes kept in all
_TEXT_OF_ANY_FILE = 16 << 20
_TEXT_A_BYTE = 50
_MOST_OBJECTS = 3_000_000
_OBJECTS_OF_ANY_FILE, _BYTES_OF_AN_OBJECT = 200_000, 2  # which take 150 MB
_PARTS_OF_ANY_FILE = 24 << 20  # of nested tuples and frozen sets, as often as they are used: Python hashes them in 1 s
_PARTS_A_BYTE, _MOST_PARTS = 4, 256 << 20
_COPIES_OF_ANY_FILE, _COPIES_A_BYTE, _MOST_COPIES = 32 << 20, 16, 2 << 30
_JUDGED_OF_ANY_FILE, _JUDGED_A_BYTE, _MOST_JUDGED = 200_000, 4, 30_000_000


@dataclass(slots=True)
class Budget:
    """What may still be done; all pickles of a model draw on the same."""

    operations: int
    text: int = _MOST_TEXT
    objects: int = _MOST_OBJECTS
    parts: int = _PARTS_OF_ANY_FILE
    copies: int = _MOST_COPIES
    """Bytes of what is passed to calls and states again, after the file has it once."""
    judged: int = _MOST_JUDGED
    """Values that are judged, as often as a place asks for it."""

    @classmethod
    def of_model(cls, size: int) -> Budget:
        """What the analysis of a model of ``size`` bytes may take."""
        return cls(
            operations=min(_MOST_OPERATIONS, _OPERATIONS_OF_ANY_FILE + _OPERATIONS_A_BYTE * size),
            text=min(_MOST_TEXT, _TEXT_OF_ANY_FILE + _TEXT_A_BYTE * size),
            objects=min(_MOST_OBJECTS, _OBJECTS_OF_ANY_FILE + size // _BYTES_OF_AN_OBJECT),
            parts=min(_MOST_PARTS, _PARTS_OF_ANY_FILE + _PARTS_A_BYTE * size),
            copies=min(_MOST_COPIES, _COPIES_OF_ANY_FILE + _COPIES_A_BYTE * size),
            judged=min(_MOST_JUDGED, _JUDGED_OF_ANY_FILE + _JUDGED_A_BYTE * size),
        )

    def take_object(self) -> None:
        """One object more; raises `LimitReached`."""
        self.objects -= 1
        if self.objects < 0:
            raise LimitReached

    def take_parts(self, count: int) -> None:
        """Parts of nested tuples that Python visits to hash or compare one; raises `LimitReached`."""
        self.parts -= count
        if self.parts < 0:
            raise LimitReached

    def take_copies(self, count: int) -> None:
        """Bytes that a call or state may copy; raises `LimitReached`."""
        self.copies -= count
        if self.copies < 0:
            raise LimitReached
