"""Runs and what was logged in them: parameters, metrics, tags and models."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from modelreg.domain.references import Digest
from modelreg.domain.runs import MISSING, LoggedModel, MetricPoint, Run, build_logged_model_error
from modelreg.domain.versions import ModelFile
from modelreg.errors import RunNotFound
from modelreg.store.catalog.rows import parsing_rows
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
_ALL_MODELS = "SELECT * FROM logged_models ORDER BY run_id, path"
_MODELS_OF_DIGEST = "SELECT * FROM logged_models WHERE digest = :digest ORDER BY run_id, path"
_ADD_RUN = """
INSERT INTO runs (run_id, name, status, created_by, started_at)
VALUES (:run_id, :name, :status, :created_by, :started_at)
"""
_SET_STATUS = "UPDATE runs SET status = :status, ended_at = :ended_at WHERE run_id = :run_id"
_PUT = {
    "params": "INSERT OR REPLACE INTO run_params (run_id, name, value) VALUES (?, ?, ?)",
    "metrics": "INSERT OR REPLACE INTO run_metrics (run_id, name, value) VALUES (?, ?, ?)",
    "tags": "INSERT OR REPLACE INTO run_tags (run_id, name, value) VALUES (?, ?, ?)",
}
_REMOVE = {
    "params": "DELETE FROM run_params WHERE run_id = ? AND name = ?",
    "metrics": "DELETE FROM run_metrics WHERE run_id = ? AND name = ?",
    "tags": "DELETE FROM run_tags WHERE run_id = ? AND name = ?",
}
_LOG_ENTRIES = """
SELECT at, after FROM journal
WHERE name = '*' AND action = 'log' AND json_extract(after, '$.run.run_id') = :run_id ORDER BY seq
"""
_PUT_MODEL = """
INSERT OR REPLACE INTO logged_models (run_id, path, digest, file, file_digest, size, created_at)
VALUES (:run_id, :path, :digest, :file, :file_digest, :size, :created_at)
"""


class RunQueries:
    """Reads runs and their models."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, run_id: str) -> Run:
        """One run; raises `RunNotFound`."""
        row = self._connection.execute(_RUN, {"run_id": run_id}).fetchone()
        if row is None:
            raise RunNotFound(run_id)
        values = dict(row)
        logged = {kind: dict(self._connection.execute(query, values).fetchall()) for kind, query in _OF_RUN.items()}
        ended_at = values["ended_at"]
        with parsing_rows():
            models = [_parse_model(model_row) for model_row in self._connection.execute(_MODELS_OF_RUN, values)]
            values |= logged | {
                "started_at": from_text(values["started_at"]),
                "ended_at": None if ended_at is None else from_text(ended_at),
                "models": {model.path: model for model in models},
            }
            return Run(**values)

    def all(self) -> list[Run]:
        """All runs, the last started first."""
        return [self.get(row["run_id"]) for row in self._connection.execute(_LATEST_FIRST)]

    def metric_history(self, run_id: str, name: str) -> list[MetricPoint]:
        """Every logged value of a run's metric, oldest first, from the journal; raises `RunNotFound`."""
        self.get(run_id)
        points = []
        for row in self._connection.execute(_LOG_ENTRIES, {"run_id": run_id}):
            with parsing_rows():
                after = json.loads(row["after"])
                if name in after["run"].get("metrics", {}):
                    points.append(_parse_point(name, after, row["at"]))
        return points

    def model(self, run_id: str, path: str) -> LoggedModel:
        """The model at ``path`` in a run; raises `NotFound`."""
        models = self.get(run_id).models
        if path not in models:
            raise build_logged_model_error(run_id, path, list(models))
        return models[path]

    def models(self, digest: Digest | None = None) -> Iterator[LoggedModel]:
        """The models of all runs, or those with this digest."""
        with parsing_rows():
            query = _ALL_MODELS if digest is None else _MODELS_OF_DIGEST
            yield from map(_parse_model, self._connection.execute(query, {"digest": digest}))


def add_run(connection: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Add a run."""
    connection.execute(_ADD_RUN, values)


def set_status(connection: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Set the status of a run, and when it ended."""
    connection.execute(_SET_STATUS, values)


def put(connection: sqlite3.Connection, run_id: str, kind: str, values: Mapping[str, Any]) -> None:
    """Set ``params``, ``metrics`` or ``tags`` of a run by name; None removes one."""
    connection.executemany(_PUT[kind], [(run_id, *pair) for pair in values.items() if pair[1] is not None])
    connection.executemany(_REMOVE[kind], [(run_id, name) for name, value in values.items() if value is None])


def put_model(connection: sqlite3.Connection, model: LoggedModel) -> dict[str, Any]:
    """Write a model, replacing one at the same path; returns its values for the journal."""
    values = {
        "digest": model.digest,
        "file": model.file.path,
        "file_digest": model.file.digest,
        "size": model.file.size,
        "created_at": as_text(model.created_at),
    }
    connection.execute(_PUT_MODEL, {"run_id": model.run_id, "path": model.path} | values)
    return values


def journalled_values(connection: sqlite3.Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every run id with the run's values in the form of the journal, which leaves out empty mappings."""
    for run_row in connection.execute(_RUNS):
        values = dict(run_row)
        logged = {kind: dict(connection.execute(query, values).fetchall()) for kind, query in _OF_RUN.items()}
        models = [dict(row) for row in connection.execute(_MODELS_OF_RUN, values)]
        logged["models"] = {
            row["path"]: {name: row[name] for name in row if name not in ("run_id", "path")} for row in models
        }
        yield run_row["run_id"], values | {kind: mapping for kind, mapping in logged.items() if mapping}


def _parse_point(name: str, after: dict[str, Any], at: str) -> MetricPoint:
    run = after["run"]
    value = run["metrics"][name]
    step, timestamp = after.get("points", {}).get(name, (0, as_milliseconds(from_text(at))))
    return MetricPoint(name, float(run["tags"][f"{MISSING}{name}"] if value is None else value), step, timestamp)


def _parse_model(row: sqlite3.Row) -> LoggedModel:
    return LoggedModel(
        run_id=row["run_id"],
        path=row["path"],
        digest=Digest(row["digest"]),
        file=ModelFile(row["file"], Digest(row["file_digest"]), row["size"]),
        created_at=from_text(row["created_at"]),
    )
