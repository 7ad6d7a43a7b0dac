"""What a prediction for a whole file came to."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.references import Digest


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictions that were written to a file."""

    path: str
    """Where they are; ``-`` for stdout."""
    rows: int
    columns: tuple[str, ...]
    """The columns of the output."""
    data_digest: Digest
    """SHA-256 of the input file, as it was given."""
