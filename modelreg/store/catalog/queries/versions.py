"""Model versions with their files, imports, metrics, parameters, tags, aliases, evaluations and approvals."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from modelreg.domain.references import Digest, ModelName
from modelreg.domain.scans import ImportedName, Verdict
from modelreg.domain.signatures import signature_from_json
from modelreg.domain.stages import Stage
from modelreg.domain.versions import Approval, Environment, ModelFile, ModelVersion
from modelreg.store.catalog.rows import group_by_first_column, parsing_rows
from modelreg.system.clock import from_text

if TYPE_CHECKING:
    from modelreg.expressions.building import Key
    from modelreg.expressions.tree import Expression

_VERSIONS = "SELECT * FROM versions WHERE model = :model AND version BETWEEN :low AND :high ORDER BY version DESC"
_FILES = """
SELECT version, path, digest, size FROM files
WHERE model = :model AND version BETWEEN :low AND :high ORDER BY version, path
"""
_IMPORTS = """
SELECT version, module, name, verdict, attribute FROM imports
WHERE model = :model AND version BETWEEN :low AND :high ORDER BY version, verdict, module, name
"""
_METRICS = "SELECT version, name, value FROM metrics WHERE model = :model AND version BETWEEN :low AND :high"
_PARAMS = "SELECT version, name, value FROM params WHERE model = :model AND version BETWEEN :low AND :high"
_VERSION_TAGS = "SELECT version, name, value FROM version_tags WHERE model = :model AND version BETWEEN :low AND :high"
_ALIASES = """
SELECT version, alias FROM aliases INDEXED BY aliases_by_version
WHERE model = :model AND version BETWEEN :low AND :high ORDER BY alias
"""
_EVALUATIONS = """
SELECT version, dataset, data_digest, terms, metric, value
FROM versions JOIN evaluations USING (model, digest) JOIN evaluation_metrics USING (model, digest, dataset)
WHERE model = :model AND version BETWEEN :low AND :high ORDER BY dataset, metric
"""
_APPROVALS = """
SELECT versions.version, user, message, approvals.created_at,
       NOT EXISTS (SELECT 1 FROM versions v INDEXED BY versions_by_digest
                   WHERE v.model = approvals.model AND v.digest = approvals.digest AND v.created_by = user)
FROM versions JOIN approvals USING (model, digest)
WHERE model = :model AND version BETWEEN :low AND :high ORDER BY approvals.created_at, user
"""
_FILTERED = """
SELECT v.version FROM versions v JOIN models m ON m.id = v.model
WHERE v.model = :model AND {where} ORDER BY {order} v.version DESC LIMIT :limit
"""
_FILTERED_OF_ALL_MODELS = """
SELECT m.id, m.name, v.version FROM versions v JOIN models m ON m.id = v.model
WHERE {where} ORDER BY {order} m.name, v.version DESC LIMIT :limit OFFSET :offset
"""
_NO_LIMIT = 2**62
_MAX_EXTRA_VERSIONS = 4
"""A range is read at once if it has at most this many versions for each requested one; otherwise one by one."""

VersionKey = tuple[int, ModelName, int]
"""Model id, model name and version number."""


def choose_versions(
    connection: sqlite3.Connection, model: int, where: Expression | None, order: Sequence[Key], limit: int | None
) -> list[int]:
    """The numbers of a model's versions for which ``where`` is true, sorted by ``order``, then newest first."""
    from modelreg.store.catalog.queries import filters

    filters.prepare(connection)
    condition = filters.condition(where, of_models=False) if where else filters.Condition("TRUE")
    query = _FILTERED.format(where=condition.sql, order=filters.order(order, condition))
    values = condition.values | {"model": model, "limit": limit or _NO_LIMIT}
    return [version for (version,) in connection.execute(query, values)]


def read_versions(
    connection: sqlite3.Connection, model: int, name: ModelName, low: int = 1, high: int = _NO_LIMIT
) -> list[ModelVersion]:
    """The versions of a model from ``low`` to ``high``, newest first."""
    scope = {"model": model, "low": low, "high": high}
    files, imports, metrics, params, tags, aliases, evaluations, approvals = (
        group_by_first_column(connection.execute(query, scope))
        for query in (_FILES, _IMPORTS, _METRICS, _PARAMS, _VERSION_TAGS, _ALIASES, _EVALUATIONS, _APPROVALS)
    )
    with parsing_rows():
        return [
            _parse_version(
                row,
                name=name,
                files=tuple(ModelFile(path, Digest(digest), size) for path, digest, size in files[row["version"]]),
                imports=tuple(
                    ImportedName(
                        module, imported, Verdict(verdict), attributes=tuple(filter(None, attribute.split(",")))
                    )
                    for module, imported, verdict, attribute in imports[row["version"]]
                ),
                metrics=dict(metrics[row["version"]]),
                params=dict(params[row["version"]]),
                tags=dict(tags[row["version"]]),
                aliases=tuple(alias for (alias,) in aliases[row["version"]]),
                evaluations=_group_metrics_by_dataset(evaluations[row["version"]]),
                evaluation_data={dataset: data for dataset, data, *_ in evaluations[row["version"]]},
                evaluation_terms={
                    dataset: terms and json.loads(terms) for dataset, _, terms, *_ in evaluations[row["version"]]
                },
                approvals=tuple(
                    Approval(user, message, from_text(at), bool(counts))
                    for user, message, at, counts in approvals[row["version"]]
                ),
            )
            for row in connection.execute(_VERSIONS, scope)
        ]


def read_chosen_versions(
    connection: sqlite3.Connection, model: int, name: ModelName, numbers: Sequence[int]
) -> list[ModelVersion]:
    """The versions with these numbers, in this order."""
    return [version for number in numbers for version in read_versions(connection, model, name, number, number)]


def choose_among_all(
    connection: sqlite3.Connection, where: Expression | None, order: Sequence[Key], limit: int | None, offset: int
) -> list[VersionKey]:
    """The versions of all models for which ``where`` is true, sorted by ``order``, then model, then newest first."""
    from modelreg.store.catalog.queries import filters

    filters.prepare(connection)
    condition = filters.condition(where, of_models=False) if where else filters.Condition("TRUE")
    query = _FILTERED_OF_ALL_MODELS.format(where=condition.sql, order=filters.order(order, condition))
    values = condition.values | {"limit": limit or _NO_LIMIT, "offset": offset}
    return [(model, ModelName(name), version) for model, name, version in connection.execute(query, values)]


def read_versions_of_many(connection: sqlite3.Connection, keys: Sequence[VersionKey]) -> list[ModelVersion]:
    """The versions with these keys, in this order; those of one model are read together."""
    numbers: dict[tuple[int, ModelName], list[int]] = {}
    for model, name, version in keys:
        numbers.setdefault((model, name), []).append(version)
    versions = {
        (model, version.version): version
        for (model, name), model_numbers in numbers.items()
        for version in _read_some(connection, model, name, model_numbers)
    }
    return [versions[model, number] for model, _, number in keys]


def _read_some(
    connection: sqlite3.Connection, model: int, name: ModelName, numbers: Sequence[int]
) -> list[ModelVersion]:
    low, high = min(numbers), max(numbers)
    if high - low < _MAX_EXTRA_VERSIONS * len(numbers):
        return read_versions(connection, model, name, low, high)
    return read_chosen_versions(connection, model, name, numbers)


def _group_metrics_by_dataset(
    rows: Iterable[tuple[str, str | None, str | None, str, float | None]],
) -> dict[str, dict[str, float | None]]:
    metrics: dict[str, dict[str, float | None]] = {}
    for dataset, _, _, metric, value in rows:
        metrics.setdefault(dataset, {})[metric] = value
    return metrics


def _parse_version(row: sqlite3.Row, **related: Any) -> ModelVersion:
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
        scan_reasons=tuple(json.loads(row["scan_reasons"])),
        source=row["source"],
        run_id=row["run_id"],
        git_commit=row["git_commit"],
        git_branch=row["git_branch"],
        git_dirty=None if row["git_dirty"] is None else bool(row["git_dirty"]),
        ci_job=row["ci_job"],
        environment=Environment(**json.loads(row["environment"])),
        created_by=row["created_by"],
        created_at=from_text(row["created_at"]),
        updated_at=from_text(row["updated_at"]),
        **related,
    )
