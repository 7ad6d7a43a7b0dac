"""Evaluations and approvals. Both belong to a digest, so they hold for every version with the same bytes."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from modelreg.domain.evaluations import ConfusionMatrix, Evaluation
from modelreg.store.catalog.rows import parsing_rows
from modelreg.system.clock import as_text, from_text

_EVALUATIONS = "SELECT * FROM evaluations WHERE model = :model AND digest = :digest ORDER BY dataset"
_METRICS = """
SELECT metric, value, missing_because FROM evaluation_metrics
WHERE model = :model AND digest = :digest AND dataset = :dataset
"""
_REMOVE = "DELETE FROM evaluations WHERE model = :model AND digest = :digest AND dataset = :dataset"
_ADD = """
INSERT INTO evaluations (model, digest, dataset, task, confusion_matrix, data_digest, data_rows, terms, created_by,
                         created_at)
VALUES (:model, :digest, :dataset, :task, :confusion_matrix, :data_digest, :data_rows, :terms, :created_by, :created_at)
"""
_ADD_METRIC = """
INSERT INTO evaluation_metrics (model, digest, dataset, metric, value, missing_because) VALUES (?, ?, ?, ?, ?, ?)
"""
_APPROVE = """
INSERT OR REPLACE INTO approvals (model, digest, user, message, created_at)
VALUES (:model, :digest, :user, :message, :created_at)
"""
_WITHDRAW = "DELETE FROM approvals WHERE model = :model AND digest = :digest AND user = :user"


def read_evaluations(connection: sqlite3.Connection, model: int, digest: str) -> list[Evaluation]:
    """The evaluations of a model's versions with this digest, by data set."""
    scope = {"model": model, "digest": digest}
    with parsing_rows():
        return [
            _parse_evaluation(row, connection.execute(_METRICS, scope | {"dataset": row["dataset"]}).fetchall())
            for row in connection.execute(_EVALUATIONS, scope)
        ]


def put_evaluation(connection: sqlite3.Connection, model: int, digest: str, evaluation: Evaluation) -> dict[str, Any]:
    """Write an evaluation, replacing one on the same data set; returns its values for the journal."""
    matrix = evaluation.confusion_matrix
    key = {"model": model, "digest": digest, "dataset": evaluation.dataset}
    values = {
        "task": evaluation.task,
        "confusion_matrix": matrix and json.dumps({"labels": matrix.labels, "counts": matrix.counts}),
        "data_digest": evaluation.data_digest,
        "data_rows": evaluation.data_rows,
        "terms": None if evaluation.terms is None else json.dumps(evaluation.terms),
        "created_by": evaluation.created_by,
        "created_at": as_text(evaluation.created_at),
    }
    connection.execute(_REMOVE, key)
    connection.execute(_ADD, key | values)
    connection.executemany(
        _ADD_METRIC,
        [
            (*key.values(), metric, value, evaluation.missing.get(metric))
            for metric, value in evaluation.metrics.items()
        ],
    )
    journalled = {"digest": digest, "dataset": evaluation.dataset} | values
    return journalled | {"metrics": dict(evaluation.metrics), "missing": dict(evaluation.missing)}


def put_approval(connection: sqlite3.Connection, values: dict[str, Any]) -> None:
    """Write an approval, replacing one by the same user."""
    connection.execute(_APPROVE, values)


def withdraw_approval(connection: sqlite3.Connection, values: dict[str, Any]) -> None:
    """Remove a user's approval."""
    connection.execute(_WITHDRAW, values)


def _parse_evaluation(row: sqlite3.Row, metrics: list[sqlite3.Row]) -> Evaluation:
    matrix = row["confusion_matrix"] and json.loads(row["confusion_matrix"])
    return Evaluation(
        dataset=row["dataset"],
        task=row["task"],
        metrics={metric["metric"]: metric["value"] for metric in metrics},
        missing={metric["metric"]: metric["missing_because"] for metric in metrics if metric["value"] is None},
        confusion_matrix=matrix and ConfusionMatrix(tuple(matrix["labels"]), tuple(map(tuple, matrix["counts"]))),
        data_digest=row["data_digest"],
        data_rows=row["data_rows"],
        terms=row["terms"] and json.loads(row["terms"]),
        created_by=row["created_by"],
        created_at=from_text(row["created_at"]),
    )
