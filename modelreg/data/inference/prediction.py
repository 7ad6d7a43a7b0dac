"""Predictions for every row of a file, in chunks, so that any number of rows fits into memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modelreg.data.inference.features import Features, features_in
from modelreg.data.inference.predictor import Predictor, asked, asked_probabilities, predictor_of
from modelreg.data.tables.reading import Chunk, rows_of
from modelreg.data.tables.source import TableFile
from modelreg.data.tables.writing import Write
from modelreg.domain.signatures import Signature
from modelreg.errors import CannotPredict, InvalidData, shown

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

Progress = Callable[[int, int | None], None]
"""Called now and then with how many rows are done, and how many there are, where that is known."""


def predict(
    model: object,
    signature: Signature | None,
    table: TableFile,
    write: Write,
    *,
    proba: bool = False,
    id_column: str | None = None,
    ignore_extra: bool = False,
    progress: Progress | None = None,
) -> tuple[int, tuple[str, ...]]:
    """Write the column ``prediction`` for each row of ``table``; returns the number of rows, and the columns.

    With ``proba`` there is a column ``probability_CLASS`` for each class. ``id_column`` comes first, as it is written.
    `Registry.predict` says the rest.
    """
    predictor = predictor_of(model)
    if proba and predictor.probabilities is None:
        raise CannotPredict("the model gives no probabilities", "leave out --proba")
    others = [] if id_column is None else [id_column]
    rows, columns = 0, tuple(others)
    features = features_in(table, signature, predictor, others, ignore_extra=ignore_extra)
    total = rows_of(table)
    for chunk in features.chunks():
        answers = _answers(predictor, features, chunk, proba)
        found = answers if id_column is None else _with_id(answers, chunk, id_column)
        write(found)
        rows, columns = rows + len(found), tuple(map(str, found.columns))
        if progress is not None:
            progress(rows, total)
    return rows, columns


def _answers(predictor: Predictor, features: Features, chunk: Chunk, proba: bool) -> pd.DataFrame:
    import pandas as pd

    data = features.of(chunk)
    predicted = _checked(asked(predictor.predict, data))
    columns: dict[str, Any] = {"prediction": predicted}
    if predicted.ndim > 1:
        columns = {f"prediction_{place}": predicted[:, place] for place in range(predicted.shape[1])}
    if proba and predictor.probabilities is not None:
        classes, likely = asked_probabilities(predictor, data)
        names = [f"probability_{_name_of(label)}" for label in classes or range(likely.shape[1])]
        if len(set(names)) < len(names):
            raise InvalidData("two classes of the model have the same name as texts", "leave out --proba")
        columns |= {name: likely[:, place] for place, name in enumerate(names)}
    return pd.DataFrame(columns)


def _name_of(label: Any) -> str:
    """A class as the end of a column's name; of several outputs, output and class: ``0_yes``."""
    return f"{label[0]}_{label[1]}" if isinstance(label, tuple) else str(label)


def _checked(predicted: Array) -> Array:
    """Predictions that a file can hold; raises `InvalidData`."""
    if predicted.dtype.kind not in "OU":
        return predicted
    for value in predicted.ravel():
        if isinstance(value, dict | list | tuple | set) or getattr(value, "ndim", None):
            kind = type(value).__name__
            raise InvalidData(f"the model predicts a {kind} for a row, and a table holds one value in a cell")
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise InvalidData(f"the model predicts {shown(value)}, which cannot be written as UTF-8") from None
    return predicted


def _with_id(answers: pd.DataFrame, chunk: Chunk, id_column: str) -> pd.DataFrame:
    if id_column in answers:
        raise InvalidData(f"the id column is named {id_column!r}, as one of the output", "rename it in the data")
    answers.insert(0, id_column, chunk.others[id_column].array)
    return answers
