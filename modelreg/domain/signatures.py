"""What goes into a model and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

_SIZES = (8, 16, 32, 64)
TYPES = frozenset(
    {
        *("boolean", "string", "binary", "datetime", "any", "float16", "float32", "float64"),
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in _SIZES),
    }
)
"""What `SignatureField.type` may be."""


@dataclass(frozen=True, slots=True)
class SignatureField:
    """One column, or one array, that a model takes or gives."""

    name: str | int | None
    """The column's name, which may be a number; None for an array, which has no names."""
    type: str
    """``boolean``, ``int8`` to ``int64``, ``uint8`` to ``uint64``, ``float16`` to ``float64``, ``string``,
    ``binary``, ``datetime`` or ``any``; of a categorical column the type of its categories."""
    shape: tuple[int | None, ...] = ()
    """``()`` for a column; an array's shape, where None is a length that varies (the rows)."""
    nullable: bool = False
    """Whether values may be missing."""
    missing: str | None = None
    """How missing values are kept, and with them all others, where that is not as NumPy's types with NaN (NaT for
    times): `NA` for pandas' own types (``Int64``, ``boolean``, ``string``), `NONE` for Python objects with None,
    `OBJECT` for such with NaN, `MIXED` for such with both."""
    empty_text: bool = False
    """Whether the empty text is one of the values, so that it does not stand for a missing one."""
    unit: str | None = None
    """Of times: ``s``, ``ms``, ``us`` or ``ns``; ``D`` for Python's dates."""
    zone: str | None = None
    """Of times: their time zone; None for times without one."""
    categories: tuple[str, ...] | None = None
    """Of a categorical column: its categories in their order, written as `modelreg.data.tables.categories` does."""
    ordered: bool = False
    """Whether the order of the categories means something."""

    @property
    def dtype(self) -> str:
        """The type with what qualifies it, for people: ``category of string``, ``datetime[ns, Europe/Zurich]``."""
        qualifiers = ", ".join(part for part in (self.unit, self.zone) if part)
        name = f"{self.type}[{qualifiers}]" if qualifiers else self.type
        return name if self.categories is None else f"category of {name}"


NONE, NA, OBJECT, MIXED = "None", "NA", "object", "mixed"
"""The marks of a missing value, see `SignatureField.missing`."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What goes into a model and what comes out of it."""

    inputs: tuple[SignatureField, ...]
    outputs: tuple[SignatureField, ...] = ()
    one_column: bool = False
    """Whether the model takes its only input as a column (a pandas Series), and not as a table."""
