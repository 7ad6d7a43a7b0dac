"""Limits on the work that one model may cause, both in the scan and when a safe model is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.analysis.pickle.stream import LimitReached

_MAX_OPERATIONS = 20_000_000  # more than a vocabulary of five million words has
_BASE_OPERATIONS = 200_000
_OPERATIONS_PER_BYTE = 6  # a byte of a compressed file holds several
_MAX_TEXT = 128 << 20  # bytes kept in total
_BASE_TEXT = 16 << 20
_TEXT_PER_BYTE = 50
_MAX_OBJECTS = 3_000_000
_BASE_OBJECTS, _BYTES_PER_OBJECT = 200_000, 2  # 200,000 objects take 150 MB
_BASE_PARTS = 24 << 20  # of nested tuples and frozen sets, per use: Python hashes them in 1 s
_PARTS_PER_BYTE, _MAX_PARTS = 4, 256 << 20
_BASE_COPIES, _COPIES_PER_BYTE, _MAX_COPIES = 32 << 20, 16, 2 << 30
_BASE_JUDGED, _JUDGED_PER_BYTE, _MAX_JUDGED = 200_000, 4, 30_000_000


@dataclass(slots=True)
class Budget:
    """The work that is left for a model. All pickles of the model share one budget."""

    operations: int
    text: int = _MAX_TEXT
    objects: int = _MAX_OBJECTS
    parts: int = _BASE_PARTS
    copies: int = _MAX_COPIES
    """Bytes that calls and states may copy from values that the file holds once."""
    judged: int = _MAX_JUDGED
    """Values checked against the policy, counted once per place."""

    @classmethod
    def of_model(cls, size: int) -> Budget:
        """The budget for a model of ``size`` bytes."""
        return cls(
            operations=min(_MAX_OPERATIONS, _BASE_OPERATIONS + _OPERATIONS_PER_BYTE * size),
            text=min(_MAX_TEXT, _BASE_TEXT + _TEXT_PER_BYTE * size),
            objects=min(_MAX_OBJECTS, _BASE_OBJECTS + size // _BYTES_PER_OBJECT),
            parts=min(_MAX_PARTS, _BASE_PARTS + _PARTS_PER_BYTE * size),
            copies=min(_MAX_COPIES, _BASE_COPIES + _COPIES_PER_BYTE * size),
            judged=min(_MAX_JUDGED, _BASE_JUDGED + _JUDGED_PER_BYTE * size),
        )

    def take_object(self) -> None:
        """Charge for one object; raises `LimitReached`."""
        self.objects -= 1
        if self.objects < 0:
            raise LimitReached

    def take_parts(self, count: int) -> None:
        """Charge for the parts of a nested tuple that Python visits to hash or compare it; raises `LimitReached`."""
        self.parts -= count
        if self.parts < 0:
            raise LimitReached

    def take_copies(self, count: int) -> None:
        """Charge for the bytes that a call or state may copy; raises `LimitReached`."""
        self.copies -= count
        if self.copies < 0:
            raise LimitReached
