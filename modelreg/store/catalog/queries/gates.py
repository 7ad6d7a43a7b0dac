"""The gates table."""

from __future__ import annotations

import sqlite3
from typing import Any

from modelreg.domain.gates import Gate
from modelreg.domain.stages import Stage
from modelreg.store.catalog.rows import parsing_rows
from modelreg.system.clock import from_text

EVERY_MODEL = "*"
"""The model name of a gate that applies to every model."""

_GATES = f"""
SELECT gates.id, coalesce(models.name, '{EVERY_MODEL}') AS name, stage, expression, gates.description,
       gates.created_by, gates.created_at
FROM gates LEFT JOIN models ON models.id = gates.model
WHERE (:model IS NULL OR gates.model IS NULL OR gates.model = :model) AND (:stage IS NULL OR stage = :stage)
ORDER BY gates.model IS NOT NULL, models.name, gates.id
"""
_FIND = """
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
    """The gates of a model, those for every model first; all gates if ``model`` is None."""
    rows = connection.execute(_GATES, {"model": model, "stage": stage and stage.value})
    with parsing_rows():
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
    """The number of the gate with the same model, stage and expression."""
    row = connection.execute(_FIND, {"model": model, "stage": stage.value, "expression": expression}).fetchone()
    return None if row is None else int(row["id"])


def add_gate(connection: sqlite3.Connection, values: dict[str, Any]) -> int:
    """Add a gate; returns its number."""
    number = connection.execute(_ADD, values).lastrowid
    assert number is not None
    return number


def describe_gate(connection: sqlite3.Connection, number: int, description: str) -> dict[str, Any] | None:
    """Change the description of a gate; returns the whole gate, or None if the description is the same."""
    row = connection.execute(_DESCRIBE, {"id": number, "description": description}).fetchone()
    return None if row is None else dict(row)


def remove_gate(connection: sqlite3.Connection, number: int) -> dict[str, str]:
    """Remove a gate; returns its stage and expression."""
    return dict(connection.execute(_REMOVE, (number,)).fetchone())


def gates_of_model(connection: sqlite3.Connection, model: int) -> list[int]:
    """The numbers of the gates that apply to this model alone."""
    return [number for (number,) in connection.execute(_OF_MODEL, (model,))]
