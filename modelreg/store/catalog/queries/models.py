"""Models: their table, names, and the rules for names."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from modelreg.domain.models import Model
from modelreg.domain.references import ModelName, check_plain_name
from modelreg.domain.stages import RULES, StageRules
from modelreg.errors import ModelNotFound, NameTaken
from modelreg.store.catalog.rows import Rows, group_by_first_column, parsing_rows
from modelreg.system.clock import from_text

if TYPE_CHECKING:
    from modelreg.expressions.building import Key
    from modelreg.expressions.tree import Expression

# A version that came into Production without a promotion, as an imported one does, is there since its creation.
_MODELS = """
SELECT models.id, models.name AS name, models.description, models.versions AS versions,
       (SELECT max(version) FROM versions WHERE model = models.id) AS latest,
       holder.version AS production, coalesce(promotion.at, holder.created_at) AS production_since,
       coalesce(promotion.user, holder.created_by) AS production_by,
       models.archived AS archived, models.created_by, models.created_at AS created_at, models.updated_at AS updated_at
FROM models
LEFT JOIN versions holder ON holder.model = models.id AND holder.version = (
  SELECT max(version) FROM versions WHERE model = models.id AND stage = 'Production'
)
LEFT JOIN journal promotion ON promotion.seq = (
  SELECT seq FROM journal
  WHERE model = holder.model AND version = holder.version AND to_stage = 'Production' AND action <> 'refuse'
  ORDER BY seq DESC LIMIT 1
)
"""
_BY_NAME = "models.name COLLATE NOCASE, models.name"
_FILTERED = f"""
{_MODELS}
WHERE (:glob IS NULL OR models.name GLOB :glob) AND {{where}}
ORDER BY {{order}} {_BY_NAME} LIMIT :limit OFFSET :offset
"""
_WITH_VERSION = "models.id IN (SELECT m.id FROM versions v JOIN models m ON m.id = v.model WHERE {where})"
_WITHOUT_VERSION = "models.id IN (SELECT m.id FROM models m WHERE {where})"
_ALL = f"{_MODELS} ORDER BY {_BY_NAME}"
_ONE = _MODELS + "WHERE models.id = :low"
_NAME = "SELECT name FROM models WHERE id = :model"
_MODEL = "SELECT id FROM models WHERE name = :name"
_SAME_NAME = "SELECT name FROM models WHERE name = :name COLLATE NOCASE"
_RULES = "SELECT value FROM settings WHERE name = ?"
_SOME_NAMES = "SELECT name FROM models LIMIT 2000"
_STAGING = """
SELECT model, version FROM versions
WHERE model BETWEEN :low AND :high AND stage = 'Staging' ORDER BY model, version
"""
_ALIASES = "SELECT model, alias, version FROM aliases WHERE model BETWEEN :low AND :high ORDER BY model, alias"
_TAGS = "SELECT model, name, value FROM model_tags WHERE model BETWEEN :low AND :high ORDER BY model, name"
_NO_LIMIT = 2**62
_ALL_IDS = {"low": 0, "high": _NO_LIMIT}


def choose_models(
    connection: sqlite3.Connection,
    glob: str | None,
    where: Expression | None,
    order: Sequence[Key],
    limit: int | None,
    offset: int,
) -> list[Model]:
    """The models whose name matches a shell pattern and that have a version for which ``where`` is true.

    Sorted by ``order``, then by name.
    """
    from modelreg.store.catalog.queries import filters

    filters.prepare(connection)
    condition = filters.condition(where, of_models=True) if where else filters.Condition("TRUE", of_versions=False)
    clause = (_WITH_VERSION if condition.of_versions else _WITHOUT_VERSION).format(where=condition.sql)
    query = _FILTERED.format(where=clause, order=filters.order_of_models(order))
    values = condition.values | {"glob": glob, "limit": limit or _NO_LIMIT, "offset": offset}
    return _parse_models(connection, connection.execute(query, values).fetchall(), _ALL_IDS)


def read_models(connection: sqlite3.Connection, only: int | None = None) -> list[Model]:
    """All models by name, or the one with the id ``only``."""
    if only is None:
        return _parse_models(connection, connection.execute(_ALL).fetchall(), _ALL_IDS)
    scope = {"low": only, "high": only}
    return _parse_models(connection, connection.execute(_ONE, scope).fetchall(), scope)


def _parse_models(connection: sqlite3.Connection, rows: list[sqlite3.Row], scope: Mapping[str, int]) -> list[Model]:
    staging, aliases, tags = (
        group_by_first_column(connection.execute(query, scope)) for query in (_STAGING, _ALIASES, _TAGS)
    )
    with parsing_rows():
        return [_parse_model(row, staging, aliases, tags) for row in rows]


def _parse_model(row: sqlite3.Row, staging: Rows, aliases: Rows, tags: Rows) -> Model:
    model, name, description, versions, latest = row[:5]
    production, since, promoted_by, archived = row[5:9]
    created_by, created_at, updated_at = row[9:]
    return Model(
        name=ModelName(name),
        description=description,
        versions=versions,
        latest=latest,
        staging=tuple([version for (version,) in staging.get(model, ())]),
        production=production,
        production_since=None if since is None else from_text(since),
        production_by=promoted_by,
        archived=archived,
        aliases=dict(aliases.get(model, ())),
        tags=dict(tags.get(model, ())),
        created_by=created_by,
        created_at=from_text(created_at),
        updated_at=from_text(updated_at),
    )


def find_model(connection: sqlite3.Connection, name: str) -> int | None:
    """The id of the model with exactly this name; None if there is none."""
    row = connection.execute(_MODEL, {"name": name}).fetchone()
    return None if row is None else int(row["id"])


def model_name(connection: sqlite3.Connection, model: int) -> ModelName:
    """What the model with this number is called now; raises `ModelNotFound` for one that was deleted."""
    row = connection.execute(_NAME, {"model": model}).fetchone()
    if row is None:
        raise ModelNotFound(f"number {model}", ())
    return ModelName(row["name"])


def stage_rules(connection: sqlite3.Connection) -> StageRules:
    """The rules for stages, names and deletion, chosen when the registry was created."""
    row = connection.execute(_RULES, (RULES,)).fetchone()
    with parsing_rows():
        return StageRules.STRICT if row is None else StageRules(row["value"])


def check_name(connection: sqlite3.Connection, name: str) -> None:
    """Raise `InvalidName` or `NameTaken` if the strict rules do not allow a model of this name.

    `NameTaken` means that the name of another model differs only in case.
    """
    if stage_rules(connection) is StageRules.MLFLOW:
        return
    check_plain_name(name)
    row = connection.execute(_SAME_NAME, {"name": name}).fetchone()
    if row is not None and row["name"] != name:
        raise NameTaken(name, row["name"])


def model_id(connection: sqlite3.Connection, name: str) -> int:
    """The id of a model; raises `ModelNotFound`, or `InvalidName` if no model can have this name."""
    model = find_model(connection, name)
    if model is None:
        if stage_rules(connection) is StageRules.STRICT:
            check_plain_name(name)
        raise ModelNotFound(name, (row["name"] for row in connection.execute(_SOME_NAMES)))
    return model
