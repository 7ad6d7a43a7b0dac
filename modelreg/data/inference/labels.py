"""Class labels: what a target and a prediction have in common, though one is text and the other a number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.columns import named
from modelreg.errors import InvalidData

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_TRUTH = {"True": True, "true": True, "TRUE": True, "False": False, "false": False, "FALSE": False}
"""How pandas reads truth values in a CSV file."""


def labels_like(values: Array, model_labels: Iterable[Any]) -> Array:
    """``values`` as the labels of a model are written: texts as texts, ``1`` as a number, ``true`` as a truth value.

    A value that cannot be one of them stays as it is.
    """
    import numpy as np
    import pandas as pd

    wanted = list(model_labels)
    if any(isinstance(label, str) for label in wanted):
        return values.astype(str).astype(object)
    if values.dtype.kind in "iufb":
        return values
    texts = pd.Series(values).astype(str)
    truths = texts.map(_TRUTH)
    if not truths.isna().any():
        return truths.to_numpy(dtype=bool)
    if texts.str.fullmatch(r"\s*[+-]?\d{1,400}\s*").all():  # exactly, also beyond 2**53
        numbers = [int(text) for text in texts]
        fits = all(-(2**63) <= number < 2**63 for number in numbers)
        return np.array(numbers, dtype="int64" if fits else object)
    parsed = pd.to_numeric(pd.Series(values), errors="coerce")
    known = parsed.to_numpy()
    return known if not parsed.isna().any() else np.where(parsed.isna(), values, known.astype(object))


def places_of(values: Array, labels: tuple[Any, ...], what: str) -> Array:
    """Which of ``labels`` each value is, counted from 0; raises `InvalidData`, which names those that are none."""
    import numpy as np
    import pandas as pd

    places = {_comparable(label): place for place, label in enumerate(labels)}
    inverse, found = pd.factorize(values)
    strange = sorted(str(label) for label in found.tolist() if _comparable(label) not in places)
    if strange:
        raise InvalidData(
            f"{what} has {named(strange)}, which the model never saw",
            f"its classes are {named(list(map(str, labels)))}",
        )
    return np.array([places[_comparable(label)] for label in found.tolist()])[inverse]


def _comparable(label: Any) -> Any:
    """A label as it is compared: 1, 1.0 and True are one, 1 and '1' are not."""
    if isinstance(label, str | int):
        return label
    try:
        number = float(label)
    except (ValueError, TypeError):
        return str(label)
    return int(number) if number.is_integer() else number
