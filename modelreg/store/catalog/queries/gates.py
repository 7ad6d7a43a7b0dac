"""Gates, read from and written to their table."""

from __future__ import annotations

import sqlite3
from typing import Any

from modelreg.domain.gates import Gate
from modelreg.domain.stages import Stage
from modelreg.store.catalog.rows import understood
from modelreg.system.clock import from_text

EVERY_MODEL = "*"
"""Stands for a model's name in a gate that every model has to pass."""

_GATES = f"""
SELECT gates.id, coalesce(models.name, '{EVERY_MODEL}') AS name, stage, expression, gates.description,
       gates.created_by, gates.created_at
FROM gates LEFT JOIN models ON models.id = gates.model
WHERE (:model IS NULL OR gates.model IS NULL OR gates.model = :model) AND (:stage IS NULL OR stage = :stage)
ORDER BY gates.model IS NOT NULL, models.name, gates.id
"""
_SAME = """
SELECT id FROM gates
WHERE coalesce(model, 0) = coalesce(:model, 0) AND stage = :stage AND expression = :expression
"""
_ADD = """
INSERT INTO gates (model, stage, expression, description, created_by, created_at)
VALUES (:model, :stage, :expression, :description, :created_by, :created_at)
"""
_DESCRIBE = "UPDATE gates SET description = :description WHERE id = :id AND description != :description RETURNING *"
_REMOVE = "DELETE FROM gates WHERE id = ? RETURNING stage, expression"
_OF_MODEL = "SELECT id FROM gates WHERE model = ?"


def read_gates(connection: sqlite3.Connection, model: int | None, stage: Stage | None) -> list[Gate]:
    """The gates of a model, those of every model first; all that there are without a model."""
    rows = connection.execute(_GATES, {"model": model, "stage": stage and stage.value})
    with understood():
        return [
            Gate(
                id=row["id"],
                name=row["name"],
                stage=Stage(row["stage"]),
                expression=row["expression"],
                description=row["description"],
                created_by=row["created_by"],
                created_at=from_text(row["created_at"]),
            )
            for row in rows
        ]


def find_gate(connection: sqlite3.Connection, model: int | None, stage: Stage, expression: str) -> int | None:
    """The number of the gate that says the same."""
    row = connection.execute(_SAME, {"model": model, "stage": stage.value, "expression": expression}).fetchone()
    return None if row is None else int(row["id"])


def add_gate(connection: sqlite3.Connection, values: dict[str, Any]) -> int:
    """Write a gate down; returns its number."""
    added = connection.execute(_ADD, values).lastrowid
    assert added is not None
    return added


def describe_gate(connection: sqlite3.Connection, number: int, description: str) -> dict[str, Any] | None:
    """Give a gate another description; returns the whole of it, or None where it is that already."""
    changed = connection.execute(_DESCRIBE, {"id": number, "description": description}).fetchone()
    return None if changed is None else dict(changed)


def remove_gate(connection: sqlite3.Connection, number: int) -> dict[str, str]:
    """Take a gate away; returns its stage and expression."""
    return dict(connection.execute(_REMOVE, (number,)).fetchone())


def gates_of_model(connection: sqlite3.Connection, model: int) -> list[int]:
    """The numbers of a model's own gates."""
    return [number for (number,) in connection.execute(_OF_MODEL, (model,))]
