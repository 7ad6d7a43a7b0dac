"""Predict all rows of a file in chunks, so that memory use does not grow with the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modelreg.data.inference.features import Features, select_features
from modelreg.data.inference.predictor import Predictor, build_predictor, call_model, call_probabilities
from modelreg.data.tables.reading import Chunk, get_row_count
from modelreg.data.tables.table_file import TableFile
from modelreg.data.tables.writing import WriteRows
from modelreg.domain.signatures import Signature
from modelreg.errors import CannotPredict, InvalidData, shown

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

Progress = Callable[[int, int | None], None]
"""Called after each chunk with the number of rows so far and the total, or None if that is unknown."""


def predict(
    model: object,
    signature: Signature | None,
    table: TableFile,
    write: WriteRows,
    *,
    proba: bool = False,
    id_column: str | None = None,
    ignore_extra: bool = False,
    progress: Progress | None = None,
) -> tuple[int, tuple[str, ...]]:
    """Write the column ``prediction`` for each row of ``table``; returns the number of rows and the column names.

    With ``proba`` each class has a column ``probability_CLASS``. The ``id_column`` is copied unchanged as the first
    column. See `Registry.predict`.
    """
    predictor = build_predictor(model)
    if proba and predictor.probabilities is None:
        raise CannotPredict("the model gives no probabilities", "leave out --proba")
    others = [] if id_column is None else [id_column]
    rows, columns = 0, tuple(others)
    features = select_features(table, signature, predictor, others, ignore_extra=ignore_extra)
    total = get_row_count(table)
    for chunk in features.chunks():
        output = _predict_chunk(predictor, features, chunk, proba)
        if id_column is not None:
            _insert_id(output, chunk, id_column)
        write(output)
        rows, columns = rows + len(output), tuple(map(str, output.columns))
        if progress is not None:
            progress(rows, total)
    return rows, columns


def _predict_chunk(predictor: Predictor, features: Features, chunk: Chunk, proba: bool) -> pd.DataFrame:
    import pandas as pd

    data = features.select(chunk)
    predicted = call_model(predictor.predict, data)
    _check_writable(predicted)
    columns: dict[str, Any] = {"prediction": predicted}
    if predicted.ndim > 1:
        columns = {f"prediction_{index}": predicted[:, index] for index in range(predicted.shape[1])}
    if proba and predictor.probabilities is not None:
        classes, probabilities = call_probabilities(predictor, data)
        names = [f"probability_{_format_class(label)}" for label in classes or range(probabilities.shape[1])]
        if len(set(names)) < len(names):
            raise InvalidData("two classes of the model have the same name as text", "leave out --proba")
        columns |= {name: probabilities[:, index] for index, name in enumerate(names)}
    return pd.DataFrame(columns)


def _format_class(label: Any) -> str:
    """A class as the end of a column name; with several outputs, output and class: ``0_yes``."""
    return f"{label[0]}_{label[1]}" if isinstance(label, tuple) else str(label)


def _check_writable(predicted: Array) -> None:
    """Raise `InvalidData` for predictions that a file cannot hold."""
    if predicted.dtype.kind not in "OU":
        return
    for value in predicted.ravel():
        if isinstance(value, dict | list | tuple | set) or getattr(value, "ndim", None):
            type_ = type(value).__name__
            raise InvalidData(f"the model predicts a {type_} for a row, but a table cell holds a single value")
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise InvalidData(f"the model predicts {shown(value)}, which UTF-8 cannot encode") from None


def _insert_id(output: pd.DataFrame, chunk: Chunk, id_column: str) -> None:
    if id_column in output:
        raise InvalidData(f"the id column {id_column!r} has the name of an output column", "rename it in the data")
    output.insert(0, id_column, chunk.others[id_column].array)
