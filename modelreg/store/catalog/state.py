"""The catalog's tables as a `State`, to compare with the state that replaying the journal gives.

The counts of versions are left out: the tables themselves show whether those are right.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from modelreg.store.catalog.disk_backed import large_state
from modelreg.store.catalog.journal_chain import State, Values
from modelreg.store.catalog.queries import runs

ALL_FIELDS = ("*",)
"""Every field, for the first journal entry of a model or version."""

_MODELS = "SELECT id, name, description, next_version, created_by, created_at, updated_at FROM models"
_VERSIONS = "SELECT * FROM versions"
_MODEL = f"{_MODELS} WHERE id = ?"
_VERSION = f"{_VERSIONS} WHERE model = ? AND version = ?"
_MODEL_TAGS = "SELECT name, value FROM model_tags WHERE model = ? ORDER BY name"
_ALIASES = "SELECT alias, version FROM aliases WHERE model = ? ORDER BY alias"
_VERSION_TAGS = "SELECT name, value FROM version_tags WHERE model = ? AND version = ? ORDER BY name"
_GATES = "SELECT * FROM gates"
_EVALUATIONS = "SELECT * FROM evaluations"
_EVALUATION_METRICS = """
SELECT metric, value, missing_because FROM evaluation_metrics
WHERE model = :model AND digest = :digest AND dataset = :dataset
"""
_APPROVALS = "SELECT * FROM approvals"
_IMPORTS = "SELECT module, name, verdict, attribute FROM imports WHERE model = ? AND version = ? ORDER BY module, name"
_TRUSTED = "SELECT * FROM trusted_names"
_SETTINGS = "SELECT name, value FROM settings"
_MIGRATIONS = "SELECT * FROM _sqlite_migrations"
_COUNTERS = "SELECT name, seq FROM sqlite_sequence"
_RETIRED = "SELECT lower(name), name, next_version FROM retired_names"


def model_values(connection: sqlite3.Connection, model: int, fields: Iterable[str]) -> Values:
    """The given fields of a model: columns, ``tags`` and ``aliases``."""
    row = dict(connection.execute(_MODEL, (model,)).fetchone())
    return _select(_with_tags_and_aliases(connection, row), fields)


def version_values(connection: sqlite3.Connection, model: int, version: int, fields: Iterable[str]) -> Values:
    """The given fields of a version: columns, ``tags`` and ``imports``.

    The digest covers files, metrics and parameters.
    """
    row = dict(connection.execute(_VERSION, (model, version)).fetchone())
    return _select(_with_tags_and_imports(connection, row), fields)


def current_state(connection: sqlite3.Connection) -> State:
    """The state of the whole catalog."""
    state = large_state()
    state.settings = _read_settings(connection)
    state.migrations = migrations(connection)
    state.counters = _read_counters(connection)
    state.trusted = {(row["module"], row["name"]): dict(row) for row in connection.execute(_TRUSTED)}
    state.retired = {lower: (name, number) for lower, name, number in connection.execute(_RETIRED)}
    state.gates = {row["id"]: dict(row) for row in connection.execute(_GATES)}
    for row in connection.execute(_MODELS):
        state.models[row["id"]] = _with_tags_and_aliases(connection, dict(row))
    for row in connection.execute(_VERSIONS):
        state.versions[row["model"], row["version"]] = _with_tags_and_imports(connection, dict(row))
    for row in connection.execute(_EVALUATIONS):
        key = row["model"], row["digest"], row["dataset"]
        state.evaluations[key] = _with_metrics(connection, dict(row))
    for row in connection.execute(_APPROVALS):
        state.approvals[row["model"], row["digest"], row["user"]] = _without_model(dict(row))
    for run_id, values in runs.journalled_values(connection):
        state.runs[run_id] = values
    return state


def migrations(connection: sqlite3.Connection) -> list[Values]:
    """The applied steps of the schema, with their times."""
    return [dict(row) for row in connection.execute(_MIGRATIONS)]


def initial_values(connection: sqlite3.Connection) -> Values:
    """The settings and migrations of a new catalog, for its first journal entry."""
    return {"settings": _read_settings(connection), "migrations": migrations(connection)}


def _read_counters(connection: sqlite3.Connection) -> dict[str, int]:
    """Table -> its highest row id ever. SQLite allows a second row for one table: it gets another key here."""
    counters: dict[str, int] = {}
    for name, number in connection.execute(_COUNTERS):
        counters[f"{name}, again" if name in counters else name] = number
    return counters


def _read_settings(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute(_SETTINGS).fetchall())


def _with_tags_and_aliases(connection: sqlite3.Connection, model_row: Values) -> Values:
    return model_row | {
        "tags": _pairs(connection, _MODEL_TAGS, model_row["id"]),
        "aliases": _pairs(connection, _ALIASES, model_row["id"]),
    }


def _with_tags_and_imports(connection: sqlite3.Connection, version_row: Values) -> Values:
    model = version_row.pop("model")
    imports = connection.execute(_IMPORTS, (model, version_row["version"])).fetchall()
    return version_row | {
        "tags": _pairs(connection, _VERSION_TAGS, model, version_row["version"]),
        "imports": [[value for value in row if value != ""] for row in imports],  # most have no attribute
    }


def _with_metrics(connection: sqlite3.Connection, evaluation_row: Values) -> Values:
    metrics = connection.execute(_EVALUATION_METRICS, evaluation_row).fetchall()
    return _without_model(evaluation_row) | {
        "metrics": {row["metric"]: row["value"] for row in metrics},
        "missing": {row["metric"]: row["missing_because"] for row in metrics if row["value"] is None},
    }


def _without_model(row: Values) -> Values:
    return {name: value for name, value in row.items() if name != "model"}


def _pairs(connection: sqlite3.Connection, query: str, *key: int) -> dict[str, Any]:
    return dict(connection.execute(query, key).fetchall())


def _select(values: Values, fields: Iterable[str]) -> Values:
    return values if fields is ALL_FIELDS else {field: values[field] for field in fields}
