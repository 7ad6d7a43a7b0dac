"""One moment of the catalog, as records."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from modelreg.catalog import journal, state
from modelreg.clock import from_text
from modelreg.errors import AliasNotFound, AmbiguousDigest, ModelNotFound, StageEmpty, VersionNotFound
from modelreg.lifecycle.journal import State
from modelreg.records import Environment, JournalEntry, Model, ModelFile, ModelVersion
from modelreg.references import Alias, Digest, DigestPrefix, Latest, ModelName, Reference
from modelreg.signatures import signature_from_json
from modelreg.stages import Stage

_MODELS = """
SELECT id, name, description, versions, archived, created_by, created_at, updated_at,
       (SELECT max(version) FROM versions WHERE model = models.id) AS latest,
       (SELECT version FROM versions WHERE model = models.id AND stage = 'Production') AS production
FROM models WHERE :glob IS NULL OR name GLOB :glob ORDER BY name COLLATE NOCASE
"""
_MODEL = "SELECT id, name FROM models WHERE name = :name"
_SOME_NAMES = "SELECT name FROM models LIMIT 2000"
_STAGING = "SELECT model, version FROM versions WHERE stage = 'Staging' ORDER BY model, version"
_ALL_ALIASES = "SELECT model, alias, version FROM aliases ORDER BY model, alias"
_ALL_MODEL_TAGS = "SELECT model, name, value FROM model_tags ORDER BY model, name"

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

_WRONG_COUNTS = """
SELECT name FROM models
WHERE versions <> (SELECT count(*) FROM versions WHERE model = models.id)
   OR archived <> (SELECT count(*) FROM versions WHERE model = models.id AND stage = 'Archived')
   OR next_version <= (SELECT coalesce(max(version), 0) FROM versions WHERE model = models.id)
"""

_LATEST = "SELECT max(version) AS version FROM versions WHERE model = :model"
_EXISTS = "SELECT version FROM versions WHERE model = :model AND version = :version"
_IN_STAGE = "SELECT version FROM versions WHERE model = :model AND stage = :stage ORDER BY version DESC"
_BY_ALIAS = "SELECT version FROM aliases WHERE model = :model AND alias = :alias"
_ALIAS_NAMES = "SELECT alias FROM aliases WHERE model = :model ORDER BY alias"
_BY_DIGEST = """
SELECT digest, max(version) AS version FROM versions
WHERE model = :model AND digest >= :prefix AND digest < :prefix || 'g' GROUP BY digest LIMIT 2
"""


class Snapshot:
    """Reads one moment of the catalog; made by `Catalog.reading`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def setting(self, name: str) -> str | None:
        """What was chosen when the registry was made."""
        row = self._one("SELECT value FROM settings WHERE name = :name", name=name)
        return None if row is None else str(row["value"])

    def schema_version(self) -> int:
        """The number of migrations that the catalog has seen."""
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return version

    def counts(self) -> tuple[int, int]:
        """How many models there are, and how many versions."""
        models, versions = self._one("SELECT count(*), coalesce(sum(versions), 0) FROM models")
        return models, versions

    def has_model(self, name: str) -> bool:
        """Whether a model has exactly this name."""
        return self._one(_MODEL, name=name) is not None

    def models(self, glob: str | None = None) -> list[Model]:
        """The models whose name fits a shell pattern, or all of them, by name."""
        rows = self._connection.execute(_MODELS, {"glob": glob}).fetchall()
        staging = _grouped(self._connection.execute(_STAGING))
        aliases, tags = (_grouped(self._connection.execute(query)) for query in (_ALL_ALIASES, _ALL_MODEL_TAGS))
        return [
            Model(
                name=ModelName(row["name"]),
                description=row["description"],
                versions=row["versions"],
                latest=row["latest"],
                staging=tuple(version for (version,) in staging[row["id"]]),
                production=row["production"],
                archived=row["archived"],
                aliases=dict(aliases[row["id"]]),
                tags=dict(tags[row["id"]]),
                created_by=row["created_by"],
                created_at=from_text(row["created_at"]),
                updated_at=from_text(row["updated_at"]),
            )
            for row in rows
        ]

    def model(self, name: str) -> Model:
        """The model of this name; raises `ModelNotFound`."""
        self.model_id(name)
        (model,) = self.models(glob=name)  # a name has none of the characters that mean something to GLOB
        return model

    def model_id(self, name: str) -> int:
        """The catalog's number for a model; raises `ModelNotFound`."""
        row = self._one(_MODEL, name=name)
        if row is None:
            raise ModelNotFound(name, (found["name"] for found in self._connection.execute(_SOME_NAMES)))
        model: int = row["id"]
        return model

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions of a model, newest first; raises `ModelNotFound`."""
        return self._versions(self.model_id(name), name, 1, _NO_LIMIT)

    def version(self, reference: Reference) -> ModelVersion:
        """The version that ``reference`` names; raises what `number` raises."""
        number = self.number(reference)
        (version,) = self._versions(self.model_id(reference.name), reference.name, number, number)
        return version

    def number(self, reference: Reference) -> int:
        """The number of the version that ``reference`` names; the highest, where several fit.

        Raises `ModelNotFound`, `VersionNotFound`, `StageEmpty`, `AliasNotFound` or `AmbiguousDigest`.
        """
        model = self.model_id(reference.name)
        match reference.selector:
            case Latest():
                found = self._one(_LATEST, model=model)
            case Alias(alias):
                found = self._one(_BY_ALIAS, model=model, alias=alias)
                if found is None:
                    aliases = [row["alias"] for row in self._connection.execute(_ALIAS_NAMES, {"model": model})]
                    raise AliasNotFound(reference.name, alias, aliases)
            case DigestPrefix(prefix):
                rows = self._connection.execute(_BY_DIGEST, {"model": model, "prefix": prefix}).fetchall()
                if len(rows) > 1:
                    raise AmbiguousDigest(reference.name, prefix)
                found = rows[0] if rows else None
            case Stage() as stage:
                found = self._one(_IN_STAGE, model=model, stage=stage.value)
                if found is None:
                    raise StageEmpty(reference.name, stage)
            case number:
                found = self._one(_EXISTS, model=model, version=number)
        if found is None or found["version"] is None:
            raise VersionNotFound(reference, self._one(_LATEST, model=model)["version"])
        version: int = found["version"]
        return version

    def in_stage(self, name: str, stage: Stage) -> list[int]:
        """The versions of a model in ``stage``, newest first."""
        rows = self._connection.execute(_IN_STAGE, {"model": self.model_id(name), "stage": stage.value})
        return [row["version"] for row in rows]

    def journal(self, name: str | None = None) -> Iterator[JournalEntry]:
        """The journal's entries, or those of the models that ever had this name, oldest first."""
        return journal.entries(self._connection, name)

    def journal_of_version(self, reference: Reference) -> Iterator[JournalEntry]:
        """The entries of one version, oldest first."""
        return journal.entries_of_version(self._connection, self.model_id(reference.name), self.number(reference))

    def state(self) -> State:
        """Everything that the journal vouches for, as it is now."""
        return state.present(self._connection)

    def integrity_problems(self) -> list[str]:
        """What SQLite itself finds wrong with the catalog: broken pages, indexes or foreign keys, wrong counts."""
        found = [row[0] for row in self._connection.execute("PRAGMA integrity_check")]
        problems = [problem for problem in found if problem != "ok"]
        if problems:
            return problems
        foreign = self._connection.execute("PRAGMA foreign_key_check").fetchall()
        problems += [f"a row of {row['table']} refers to a row of {row['parent']} that is not there" for row in foreign]
        wrong = self._connection.execute(_WRONG_COUNTS).fetchall()
        return problems + [f"the counts of {row['name']} are wrong" for row in wrong]

    def journal_head(self) -> JournalEntry | None:
        """The newest entry."""
        return journal.last(self._connection)

    def _one(self, query: str, **values: Any) -> Any:
        return self._connection.execute(query, values).fetchone()

    def _versions(self, model: int, name: str, low: int, high: int) -> list[ModelVersion]:
        scope = {"model": model, "low": low, "high": high}
        files, metrics, params, tags, aliases = (
            _grouped(self._connection.execute(query, scope))
            for query in (_FILES, _METRICS, _PARAMS, _VERSION_TAGS, _ALIASES)
        )
        return [
            _version(
                row,
                name=ModelName(name),
                files=tuple(ModelFile(path, Digest(digest), size) for path, digest, size in files[row["version"]]),
                metrics=dict(metrics[row["version"]]),
                params=dict(params[row["version"]]),
                tags=dict(tags[row["version"]]),
                aliases=tuple(alias for (alias,) in aliases[row["version"]]),
            )
            for row in self._connection.execute(_VERSIONS, scope)
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


def _grouped(rows: Iterable[sqlite3.Row]) -> defaultdict[int, list[tuple[Any, ...]]]:
    """Rows by their first column, without it."""
    groups: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for key, *rest in rows:
        groups[key].append(tuple(rest))
    return groups
