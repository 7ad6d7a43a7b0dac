"""Predict and evaluate in this process, with models that tests build in memory."""

from __future__ import annotations

import os
from dataclasses import replace

from modelreg.data.inference import evaluation, prediction
from modelreg.data.tables.table_file import open_data
from modelreg.data.tables.writing import open_output, open_writer
from modelreg.domain.evaluations import EvaluationRequest, Prediction


def predict(model, signature, source, destination, layout=None, **options):
    """Like `Registry.predict`, without a separate process."""
    with open_output(destination) as file, open_data(source, layout) as table:
        with open_writer(file) as write:
            rows, columns = prediction.predict(model, signature, table, write, **options)
        table.check_unchanged()
        return Prediction(os.fspath(destination), rows, columns, table.digest())


def evaluate(model, signature, source, target, layout=None, **options):
    """Like `Registry.evaluate`, without a separate process."""
    targets = (target,) if isinstance(target, str) else tuple(target)
    with open_data(source, layout) as table:
        scores = evaluation.evaluate(model, signature, table, EvaluationRequest(targets, **options))
        return replace(scores, data_digest=table.digest())
