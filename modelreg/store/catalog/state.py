"""The values that the journal confirms, read from the tables that hold them.

The counts of versions are not among them: the tables themselves tell whether those are right.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from modelreg.store.catalog.journal_chain import State, Values
from modelreg.store.catalog.queries import runs
from modelreg.store.catalog.spilled import large_state

ALL = ("*",)
"""Stands for every field, when something is journalled for the first time."""

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


def of_model(connection: sqlite3.Connection, model: int, fields: Iterable[str]) -> Values:
    """Values of a model: its columns, ``tags`` and ``aliases``."""
    row = dict(connection.execute(_MODEL, (model,)).fetchone())
    return _chosen(_whole_model(connection, row), fields)


def of_version(connection: sqlite3.Connection, model: int, version: int, fields: Iterable[str]) -> Values:
    """Values of a version: its columns and ``tags``; the digest stands for files, metrics and parameters."""
    row = dict(connection.execute(_VERSION, (model, version)).fetchone())
    return _chosen(_whole_version(connection, row), fields)


def present(connection: sqlite3.Connection) -> State:
    """The whole catalog, to hold against what the journal adds up to."""
    found = large_state()
    found.settings = _settings(connection)
    found.migrations = migrations(connection)
    found.counters = _counters(connection)
    found.trusted = {(row["module"], row["name"]): dict(row) for row in connection.execute(_TRUSTED)}
    found.retired = {lower: (name, number) for lower, name, number in connection.execute(_RETIRED)}
    found.gates = {row["id"]: dict(row) for row in connection.execute(_GATES)}
    for row in connection.execute(_MODELS):
        found.models[row["id"]] = _whole_model(connection, dict(row))
    for row in connection.execute(_VERSIONS):
        found.versions[row["model"], row["version"]] = _whole_version(connection, dict(row))
    for row in connection.execute(_EVALUATIONS):
        key = row["model"], row["digest"], row["dataset"]
        found.evaluations[key] = _whole_evaluation(connection, dict(row))
    for row in connection.execute(_APPROVALS):
        found.approvals[row["model"], row["digest"], row["user"]] = _without_model(dict(row))
    for run_id, values in runs.values_of_all(connection):
        found.runs[run_id] = values
    return found


def migrations(connection: sqlite3.Connection) -> list[Values]:
    """Which steps of the schema were taken, and when."""
    return [dict(row) for row in connection.execute(_MIGRATIONS)]


def foundation(connection: sqlite3.Connection) -> Values:
    """What was there before anything happened."""
    return {"settings": _settings(connection), "migrations": migrations(connection)}


def _counters(connection: sqlite3.Connection) -> dict[str, int]:
    """By table; nothing keeps the database from having a second row for one, which then has a name of its own."""
    found: dict[str, int] = {}
    for name, number in connection.execute(_COUNTERS):
        found[f"{name}, again" if name in found else name] = number
    return found


def _settings(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute(_SETTINGS).fetchall())


def _whole_model(connection: sqlite3.Connection, row: Values) -> Values:
    return row | {
        "tags": _pairs(connection, _MODEL_TAGS, row["id"]),
        "aliases": _pairs(connection, _ALIASES, row["id"]),
    }


def _whole_version(connection: sqlite3.Connection, row: Values) -> Values:
    model = row.pop("model")
    imports = connection.execute(_IMPORTS, (model, row["version"])).fetchall()
    return row | {
        "tags": _pairs(connection, _VERSION_TAGS, model, row["version"]),
        "imports": [[part for part in each if part != ""] for each in imports],  # most have no attribute
    }


def _whole_evaluation(connection: sqlite3.Connection, row: Values) -> Values:
    metrics = connection.execute(_EVALUATION_METRICS, row).fetchall()
    return _without_model(row) | {
        "metrics": {each["metric"]: each["value"] for each in metrics},
        "missing": {each["metric"]: each["missing_because"] for each in metrics if each["value"] is None},
    }


def _without_model(row: Values) -> Values:
    return {name: value for name, value in row.items() if name != "model"}


def _pairs(connection: sqlite3.Connection, query: str, *key: int) -> dict[str, Any]:
    return dict(connection.execute(query, key).fetchall())


def _chosen(values: Values, fields: Iterable[str]) -> Values:
    return values if fields is ALL else {field: values[field] for field in fields}
