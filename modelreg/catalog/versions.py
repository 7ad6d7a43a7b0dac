"""Model versions, read from their tables."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from modelreg.catalog.rows import grouped, understood
from modelreg.clock import from_text
from modelreg.records.version import Environment, ModelFile, ModelVersion
from modelreg.references import Digest, ModelName
from modelreg.signatures import signature_from_json
from modelreg.stages import Stage

_VERSIONS = "SELECT * FROM versions WHERE model = :model AND version BETWEEN :low AND :high ORDER BY version DESC"
_FILES = """
SELECT version, path, digest, size FROM files
WHERE model = :model AND version BETWEEN :low AND :high ORDER BY version, path
"""
_METRICS = "SELECT version, name, value FROM metrics WHERE model = :model AND version BETWEEN :low AND :high"
_PARAMS = "SELECT version, name, value FROM params WHERE model = :model AND version BETWEEN :low AND :high"
_VERSION_TAGS = "SELECT version, name, value FROM version_tags WHERE model = :model AND version BETWEEN :low AND :high"
_ALIASES = """
SELECT version, alias FROM aliases WHERE model = :model AND version BETWEEN :low AND :high ORDER BY alias
"""
_NO_LIMIT = 2**62


def read_versions(
    connection: sqlite3.Connection, model: int, name: ModelName, only: int | None = None
) -> list[ModelVersion]:
    """The versions of a model, newest first, or ``only`` one of them."""
    scope = {"model": model, "low": only or 1, "high": only or _NO_LIMIT}
    files, metrics, params, tags, aliases = (
        grouped(connection.execute(query, scope)) for query in (_FILES, _METRICS, _PARAMS, _VERSION_TAGS, _ALIASES)
    )
    with understood():
        return [
            _version(
                row,
                name=name,
                files=tuple(ModelFile(path, Digest(digest), size) for path, digest, size in files[row["version"]]),
                metrics=dict(metrics[row["version"]]),
                params=dict(params[row["version"]]),
                tags=dict(tags[row["version"]]),
                aliases=tuple(alias for (alias,) in aliases[row["version"]]),
            )
            for row in connection.execute(_VERSIONS, scope)
        ]


def _version(row: sqlite3.Row, **gathered: Any) -> ModelVersion:
    return ModelVersion(
        version=row["version"],
        stage=Stage(row["stage"]),
        status=row["status"],
        description=row["description"],
        digest=Digest(row["digest"]),
        size=row["size"],
        flavor=row["flavor"],
        format=row["format"],
        model_class=row["model_class"],
        signature=row["signature"] and signature_from_json(json.loads(row["signature"])),
        scan=row["scan"],
        source=row["source"],
        run_id=row["run_id"],
        git_commit=row["git_commit"],
        git_dirty=None if row["git_dirty"] is None else bool(row["git_dirty"]),
        ci_job=row["ci_job"],
        environment=Environment(**json.loads(row["environment"])),
        created_by=row["created_by"],
        created_at=from_text(row["created_at"]),
        updated_at=from_text(row["updated_at"]),
        **gathered,
    )
