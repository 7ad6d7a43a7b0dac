"""Predictions for every row of a file, in chunks, so that any number of rows fits into memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modelreg.errors import CannotPredict, InvalidData
from modelreg.inference.features import Features, feature_chunks, features_in
from modelreg.inference.predictor import Predictor, asked, asked_probabilities, predictor_of
from modelreg.records.signature import Signature
from modelreg.tables.reading import rows_of
from modelreg.tables.source import TableFile
from modelreg.tables.writing import Write

if TYPE_CHECKING:
    import pandas as pd

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
    features, total = features_in(table, signature, predictor, others), rows_of(table)
    for chunk in feature_chunks(table, features, others):
        answers = _answers(predictor, features, chunk, proba)
        found = answers if id_column is None else _with_id(answers, chunk, id_column)
        write(found)
        rows, columns = rows + len(found), tuple(map(str, found.columns))
        if progress is not None:
            progress(rows, total)
    return rows, columns


def _answers(predictor: Predictor, features: Features, chunk: pd.DataFrame, proba: bool) -> pd.DataFrame:
    import pandas as pd

    data = features.of(chunk)
    predicted = asked(predictor.predict, data)
    many = (
        {f"prediction_{place}": predicted[:, place] for place in range(predicted.shape[1])}
        if predicted.ndim > 1
        else {}
    )
    columns = many or {"prediction": predicted}
    if proba and predictor.probabilities is not None:
        classes, likely = asked_probabilities(predictor, data)
        classes = classes or tuple(range(likely.shape[1]))
        columns |= {f"probability_{label}": likely[:, place] for place, label in enumerate(classes)}
    return pd.DataFrame(columns)


def _with_id(answers: pd.DataFrame, chunk: pd.DataFrame, id_column: str) -> pd.DataFrame:
    if id_column in answers:
        raise InvalidData(f"the id column is named {id_column!r}, as one of the output", "rename it in the data")
    answers.insert(0, id_column, chunk[id_column].array)
    return answers
