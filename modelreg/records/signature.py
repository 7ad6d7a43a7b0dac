"""What goes into a model and what comes out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignatureField:
    """One column, or one array, that a model takes or gives."""

    name: str | None
    """The column's name; None for an array, which has no names."""
    type: str
    """``boolean``, ``int8`` to ``int64``, ``uint8`` to ``uint64``, ``float16`` to ``float64``, ``string``,
    ``binary``, ``datetime`` or ``any``."""
    shape: tuple[int | None, ...] = ()
    """``()`` for a column; an array's shape, where None is a length that varies (the rows)."""
    nullable: bool = False
    """Whether values may be missing."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What goes into a model and what comes out of it."""

    inputs: tuple[SignatureField, ...]
    outputs: tuple[SignatureField, ...] = ()
