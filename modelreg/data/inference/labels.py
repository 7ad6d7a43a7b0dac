"""Match class labels of a target with those of a model, even if one has texts and the other numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.columns import join_names
from modelreg.errors import InvalidData

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_BOOLEANS = {"True": True, "true": True, "TRUE": True, "False": False, "false": False, "FALSE": False}
"""The texts that pandas reads as booleans in a CSV file."""


def convert_labels(values: Array, model_labels: Iterable[Any]) -> Array:
    """Convert ``values`` to the type of a model's labels: text, number or boolean.

    A value that cannot be converted stays as it is.
    """
    import numpy as np
    import pandas as pd

    if any(isinstance(label, str) for label in model_labels):
        return values.astype(str).astype(object)
    if values.dtype.kind in "iufb":
        return values
    texts = pd.Series(values).astype(str)
    booleans = texts.map(_BOOLEANS)
    if not booleans.isna().any():
        return booleans.to_numpy(dtype=bool)
    if texts.str.fullmatch(r"\s*[+-]?\d{1,400}\s*").all():  # exact, also beyond 2**53
        integers = [int(text) for text in texts]
        fits = all(-(2**63) <= number < 2**63 for number in integers)
        return np.array(integers, dtype="int64" if fits else object)
    parsed = pd.to_numeric(pd.Series(values), errors="coerce")
    numbers = parsed.to_numpy()
    return numbers if not parsed.isna().any() else np.where(parsed.isna(), values, numbers.astype(object))


def index_labels(values: Array, labels: tuple[Any, ...], source: str) -> Array:
    """The index in ``labels`` of each value; raises `InvalidData` with the values that are not among the labels."""
    import numpy as np
    import pandas as pd

    indexes = {_normalize(label): index for index, label in enumerate(labels)}
    inverse, distinct = pd.factorize(values)
    unknown = sorted(str(label) for label in distinct.tolist() if _normalize(label) not in indexes)
    if unknown:
        raise InvalidData(
            f"{source} has {join_names(unknown)}, which the model was not trained on",
            f"its classes are {join_names(list(map(str, labels)))}",
        )
    return np.array([indexes[_normalize(label)] for label in distinct.tolist()])[inverse]


def _normalize(label: Any) -> Any:
    """A label for comparison: 1, 1.0 and True are equal, 1 and '1' are not."""
    if isinstance(label, str | int):
        return label
    try:
        number = float(label)
    except (ValueError, TypeError):
        return str(label)
    return int(number) if number.is_integer() else number
