"""Resolving a reference, such as ``churn/3`` or ``churn@champion``, to a version number."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from typing import Any

from modelreg.domain.references import (
    DIGEST_PREFIX,
    SHORT_DIGEST,
    Alias,
    DigestPrefix,
    Latest,
    ModelName,
    Reference,
    check_plain_alias,
)
from modelreg.domain.stages import Stage, StageRules
from modelreg.errors import AliasNotFound, Conflict, StageEmpty, VersionNotFound
from modelreg.store.catalog.queries.models import model_id, stage_rules

_LATEST = "SELECT max(version) AS version FROM versions WHERE model = :model"
_EXISTS = "SELECT version FROM versions WHERE model = :model AND version = :version"
_IN_STAGE = "SELECT version FROM versions WHERE model = :model AND stage = :stage ORDER BY version DESC"
_BY_ALIAS = "SELECT version FROM aliases WHERE model = :model AND alias = :alias"
_ALIAS_NAMES = "SELECT alias FROM aliases WHERE model = :model ORDER BY alias"
_STAGES = """
SELECT version, stage FROM versions WHERE model = :model AND stage = 'Production'
UNION SELECT version, stage FROM versions
WHERE model = :model AND version IN (SELECT value FROM json_each(:versions))
"""
_BY_DIGEST = """
SELECT digest, max(version) AS version FROM versions
WHERE model = :model AND digest >= :prefix AND digest < :prefix || 'g' GROUP BY digest LIMIT 2
"""


def resolve(connection: sqlite3.Connection, reference: Reference) -> int:
    """The number of the version that ``reference`` resolves to; the highest of several.

    Raises `ModelNotFound`, `VersionNotFound`, `StageEmpty`, `AliasNotFound` or `Conflict`.
    """
    model = model_id(connection, reference.name)
    row = _find_version(connection, model, reference)
    if row is None or row["version"] is None:
        latest = _get_first(connection, _LATEST, model=model)
        raise VersionNotFound(reference, latest["version"])
    return int(row["version"])


def versions_in_stage(connection: sqlite3.Connection, model: int, stage: Stage) -> list[int]:
    """The numbers of the versions of a model in ``stage``, newest first."""
    return [row["version"] for row in connection.execute(_IN_STAGE, {"model": model, "stage": stage.value})]


def latest_in_stages(connection: sqlite3.Connection, model: int) -> list[int]:
    """The number of the newest version in each non-empty stage, in the order of the stages."""
    rows = (_get_first(connection, _IN_STAGE, model=model, stage=stage.value) for stage in Stage)
    return [row["version"] for row in rows if row is not None]


def stages_of(connection: sqlite3.Connection, model: int, versions: Iterable[int]) -> dict[int, Stage]:
    """The stages of the existing ones among ``versions``, and of the versions in Production."""
    rows = connection.execute(_STAGES, {"model": model, "versions": json.dumps(list(versions))})
    return {version: Stage(stage) for version, stage in rows}


def _find_version(connection: sqlite3.Connection, model: int, reference: Reference) -> Any:
    match reference.selector:
        case Latest():
            return _get_first(connection, _LATEST, model=model)
        case Alias(alias):
            row = _get_first(connection, _BY_ALIAS, model=model, alias=alias)
            if row is None and re.fullmatch(SHORT_DIGEST, alias):  # an abbreviated digest, as tables print it
                row = _find_by_digest(connection, model, reference.name, f"{DIGEST_PREFIX}{alias}")
            if row is None:
                if stage_rules(connection) is StageRules.STRICT:
                    check_plain_alias(alias)
                aliases = [alias_row["alias"] for alias_row in connection.execute(_ALIAS_NAMES, {"model": model})]
                raise AliasNotFound(reference.name, alias, aliases)
            return row
        case DigestPrefix(prefix):
            return _find_by_digest(connection, model, reference.name, prefix)
        case Stage() as stage:
            row = _get_first(connection, _IN_STAGE, model=model, stage=stage.value)
            if row is None:
                raise StageEmpty(reference.name, stage)
            return row
        case number:
            return _get_first(connection, _EXISTS, model=model, version=number)


def _find_by_digest(connection: sqlite3.Connection, model: int, name: ModelName, prefix: str) -> Any:
    rows = connection.execute(_BY_DIGEST, {"model": model, "prefix": prefix}).fetchall()
    if len(rows) > 1:
        message = f"more than one digest of {name} starts with {prefix}"
        raise Conflict(message, "write more digits", code="ambiguous_digest")
    return rows[0] if rows else None


def _get_first(connection: sqlite3.Connection, query: str, **values: Any) -> Any:
    return connection.execute(query, values).fetchone()
