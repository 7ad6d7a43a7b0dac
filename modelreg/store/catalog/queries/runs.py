"""Runs, and what was logged in them: read from their tables, and written to them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from modelreg.domain.references import Digest
from modelreg.domain.runs import MISSING, LoggedModel, MetricPoint, Run
from modelreg.domain.versions import ModelFile
from modelreg.errors import LoggedModelNotFound, RunNotFound
from modelreg.store.catalog.rows import understood
from modelreg.system.clock import as_milliseconds, as_text, from_text

_RUNS = "SELECT * FROM runs"
_LATEST_FIRST = "SELECT run_id FROM runs ORDER BY started_at DESC, run_id"
_RUN = f"{_RUNS} WHERE run_id = :run_id"
_OF_RUN = {
    "params": "SELECT name, value FROM run_params WHERE run_id = :run_id ORDER BY name",
    "metrics": "SELECT name, value FROM run_metrics WHERE run_id = :run_id ORDER BY name",
    "tags": "SELECT name, value FROM run_tags WHERE run_id = :run_id ORDER BY name",
}
_MODELS_OF_RUN = "SELECT * FROM logged_models WHERE run_id = :run_id ORDER BY path"
_EVERY_MODEL = "SELECT * FROM logged_models ORDER BY run_id, path"
_MODELS_OF_DIGEST = "SELECT * FROM logged_models WHERE digest = :digest ORDER BY run_id, path"
_START = """
INSERT INTO runs (run_id, name, status, created_by, started_at)
VALUES (:run_id, :name, :status, :created_by, :started_at)
"""
_SET_STATUS = "UPDATE runs SET status = :status, ended_at = :ended_at WHERE run_id = :run_id"
_PUT = {
    "params": "INSERT OR REPLACE INTO run_params (run_id, name, value) VALUES (?, ?, ?)",
    "metrics": "INSERT OR REPLACE INTO run_metrics (run_id, name, value) VALUES (?, ?, ?)",
    "tags": "INSERT OR REPLACE INTO run_tags (run_id, name, value) VALUES (?, ?, ?)",
}
_TAKE = {
    "params": "DELETE FROM run_params WHERE run_id = ? AND name = ?",
    "metrics": "DELETE FROM run_metrics WHERE run_id = ? AND name = ?",
    "tags": "DELETE FROM run_tags WHERE run_id = ? AND name = ?",
}
_LOGGED = """
SELECT at, after FROM journal
WHERE name = '*' AND action = 'log' AND json_extract(after, '$.run.run_id') = :run_id ORDER BY seq
"""
_PUT_MODEL = """
INSERT OR REPLACE INTO logged_models (run_id, path, digest, file, file_digest, size, created_at)
VALUES (:run_id, :path, :digest, :file, :file_digest, :size, :created_at)
"""


def read_run(connection: sqlite3.Connection, run_id: str) -> Run:
    """One run; raises `RunNotFound`."""
    row = connection.execute(_RUN, {"run_id": run_id}).fetchone()
    if row is None:
        raise RunNotFound(run_id)
    values = dict(row)
    logged = {what: dict(connection.execute(query, values).fetchall()) for what, query in _OF_RUN.items()}
    ended_at = values["ended_at"]
    with understood():
        models = (_model(each) for each in connection.execute(_MODELS_OF_RUN, values))
        return Run(
            **values
            | logged
            | {
                "started_at": from_text(values["started_at"]),
                "ended_at": None if ended_at is None else from_text(ended_at),
                "models": {model.path: model for model in models},
            }
        )


def read_runs(connection: sqlite3.Connection) -> list[Run]:
    """All runs, the one that was started last first."""
    return [read_run(connection, row["run_id"]) for row in connection.execute(_LATEST_FIRST)]


def read_model(connection: sqlite3.Connection, run_id: str, path: str) -> LoggedModel:
    """A model of a run; raises `RunNotFound` or `LoggedModelNotFound`."""
    models = read_run(connection, run_id).models
    if path not in models:
        raise LoggedModelNotFound(run_id, path, list(models))
    return models[path]


def read_models(connection: sqlite3.Connection, digest: Digest | None = None) -> Iterator[LoggedModel]:
    """The models of all runs, or those of one digest."""
    with understood():
        query = _EVERY_MODEL if digest is None else _MODELS_OF_DIGEST
        yield from map(_model, connection.execute(query, {"digest": digest}))


def values_of_all(connection: sqlite3.Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    """All runs with their id, as the journal has them."""
    for row in connection.execute(_RUNS):
        yield row["run_id"], _values(connection, dict(row))


def start(connection: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Add a run."""
    connection.execute(_START, values)


def set_status(connection: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Say how a run is, and since when it is over."""
    connection.execute(_SET_STATUS, values)


def put(connection: sqlite3.Connection, run_id: str, what: str, values: Mapping[str, Any]) -> None:
    """Write ``params``, ``metrics`` or ``tags``, in the place of those of the same names; None removes one."""
    connection.executemany(_PUT[what], [(run_id, *pair) for pair in values.items() if pair[1] is not None])
    connection.executemany(_TAKE[what], [(run_id, name) for name, value in values.items() if value is None])


def metric_history(connection: sqlite3.Connection, run_id: str, name: str) -> list[MetricPoint]:
    """Every value of a metric of a run, in the order in which they were logged, as the journal has them."""
    points = []
    for row in connection.execute(_LOGGED, {"run_id": run_id}):
        with understood():
            after = json.loads(row["after"])
            if name in after["run"].get("metrics", {}):
                points.append(_point(name, after, row["at"]))
    return points


def _point(name: str, after: dict[str, Any], at: str) -> MetricPoint:
    run = after["run"]
    value = run["metrics"][name]
    step, timestamp = after.get("points", {}).get(name, (0, as_milliseconds(from_text(at))))
    return MetricPoint(name, float(run["tags"][f"{MISSING}{name}"] if value is None else value), step, timestamp)


def put_model(connection: sqlite3.Connection, model: LoggedModel) -> dict[str, Any]:
    """Write a model, in the place of one of the same path; returns its values, for the journal."""
    values = {
        "digest": model.digest,
        "file": model.file.path,
        "file_digest": model.file.digest,
        "size": model.file.size,
        "created_at": as_text(model.created_at),
    }
    connection.execute(_PUT_MODEL, {"run_id": model.run_id, "path": model.path} | values)
    return values


def _values(connection: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty, as the journal never mentions it."""
    logged = {what: dict(connection.execute(query, row).fetchall()) for what, query in _OF_RUN.items()}
    models = [dict(each) for each in connection.execute(_MODELS_OF_RUN, row)]
    logged["models"] = {
        each["path"]: {name: each[name] for name in each if name not in ("run_id", "path")} for each in models
    }
    return row | {what: values for what, values in logged.items() if values}


def _model(row: sqlite3.Row) -> LoggedModel:
    return LoggedModel(
        run_id=row["run_id"],
        path=row["path"],
        digest=Digest(row["digest"]),
        file=ModelFile(row["file"], Digest(row["file_digest"]), row["size"]),
        created_at=from_text(row["created_at"]),
    )
