"""Predict and measure in this very process, with models that tests make in memory."""

from __future__ import annotations

import os
from dataclasses import replace

from modelreg.data.inference import evaluation, prediction
from modelreg.data.tables.source import table_of
from modelreg.data.tables.writing import output, writer
from modelreg.domain.evaluations import EvaluationRequest, Prediction


def predict(model, signature, source, destination, layout=None, **options):
    """What `Registry.predict` does, but for the process of its own."""
    with output(destination) as file, table_of(source, layout) as table:
        with writer(file) as write:
            rows, columns = prediction.predict(model, signature, table, write, **options)
        table.require_unchanged()
        return Prediction(os.fspath(destination), rows, columns, table.digest())


def evaluate(model, signature, source, target, layout=None, **options):
    """What `Registry.evaluate` does, but for the process of its own."""
    targets = (target,) if isinstance(target, str) else tuple(target)
    with table_of(source, layout) as table:
        scores = evaluation.evaluate(model, signature, table, EvaluationRequest(targets, **options))
        return replace(scores, data_digest=table.digest())
