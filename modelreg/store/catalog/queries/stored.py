"""What the catalog says about stored bytes: which are needed, and which versions might go."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby

from modelreg.domain.pruning import PruneCandidate
from modelreg.domain.references import Digest, ModelName
from modelreg.domain.stages import Stage
from modelreg.domain.versions import ModelFile, StoredVersion
from modelreg.store.catalog.rows import understood
from modelreg.system.clock import from_text

Key = tuple[ModelName, int]

_CANDIDATES = """
SELECT name, version, stage, versions.created_at, size,
       (SELECT group_concat(alias, ', ') FROM aliases
        WHERE aliases.model = versions.model AND aliases.version = versions.version) AS aliases
FROM models CROSS JOIN versions ON versions.model = models.id
WHERE :glob IS NULL OR name GLOB :glob
ORDER BY name COLLATE NOCASE, version DESC
"""
_FILES_OF_VERSIONS = """
SELECT name, versions.version, versions.digest, path, files.digest, files.size
FROM models CROSS JOIN versions ON versions.model = models.id
LEFT JOIN files ON files.model = versions.model AND files.version = versions.version
WHERE :digest IS NULL OR versions.digest = :digest
ORDER BY versions.model, versions.version, path
"""
_MANIFESTS = "SELECT name, version, digest FROM versions JOIN models ON models.id = versions.model"
_EVERY_MANIFEST = "SELECT digest FROM versions UNION SELECT digest FROM logged_models"
_LOGGED_MANIFESTS = "SELECT digest FROM logged_models"
_FILES = "SELECT name, version, digest FROM files JOIN models ON models.id = files.model"
_EVERY_FILE = "SELECT digest FROM files UNION SELECT file_digest FROM logged_models"
_LOGGED_FILES = "SELECT file_digest FROM logged_models"
_SIZE = """
SELECT coalesce(sum(size), 0) FROM
(SELECT size FROM (SELECT digest, size FROM files UNION SELECT file_digest, size FROM logged_models) GROUP BY digest)
"""


def candidates(connection: sqlite3.Connection, glob: str | None) -> Iterator[PruneCandidate]:
    """The versions of the models whose name fits a shell pattern, model after model, the newest first."""
    rows = connection.execute(_CANDIDATES, {"glob": glob})
    with understood():
        for name, version, stage, created_at, size, aliases in rows:
            yield PruneCandidate(ModelName(name), version, Stage(stage), from_text(created_at), size, aliases)


def stored_versions(connection: sqlite3.Connection, digest: Digest | None = None) -> Iterator[StoredVersion]:
    """Every version with its files, or those of one digest."""
    rows = connection.execute(_FILES_OF_VERSIONS, {"digest": digest})
    for version, files in groupby(rows, key=_version_of):
        found = tuple(ModelFile(row[3], Digest(row[4]), row[5]) for row in files if row[3] is not None)
        yield StoredVersion(*version, found)


def manifests(connection: sqlite3.Connection, without: Collection[Key] = ()) -> set[Digest]:
    """The digests of all versions, but for those ``without`` which it is to be, and of the models of runs."""
    if not without:
        return _digests(connection.execute(_EVERY_MANIFEST))
    logged = _digests(connection.execute(_LOGGED_MANIFESTS))
    return logged | _digests_of_others(connection.execute(_MANIFESTS), without)


def files(connection: sqlite3.Connection, without: Collection[Key] = ()) -> set[Digest]:
    """The digests of all files of versions, but for those ``without`` which it is to be, and of the models of runs."""
    if not without:
        return _digests(connection.execute(_EVERY_FILE))
    logged = _digests(connection.execute(_LOGGED_FILES))
    return logged | _digests_of_others(connection.execute(_FILES), without)


def size_of_files(connection: sqlite3.Connection) -> int:
    """Bytes of all files of versions and runs, each counted once."""
    return int(connection.execute(_SIZE).fetchone()[0])


def _version_of(row: sqlite3.Row) -> tuple[ModelName, int, Digest]:
    return ModelName(row[0]), row[1], Digest(row[2])


def _digests(rows: Iterable[sqlite3.Row]) -> set[Digest]:
    return {Digest(digest) for (digest,) in rows}


def _digests_of_others(rows: Iterable[sqlite3.Row], without: Collection[Key]) -> set[Digest]:
    return {Digest(digest) for name, version, digest in rows if (name, version) not in without}
