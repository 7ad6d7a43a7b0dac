"""The stored files in the catalog: which are needed, and which versions could be pruned."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from itertools import groupby

from modelreg.domain.pruning import PruneCandidate
from modelreg.domain.references import Digest, ModelName
from modelreg.domain.stages import Stage
from modelreg.domain.versions import ModelFile, StoredVersion
from modelreg.store.catalog.rows import parsing_rows
from modelreg.system.clock import from_text

VersionKey = tuple[ModelName, int]

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
_VERSION_MANIFESTS = "SELECT name, version, digest FROM versions JOIN models ON models.id = versions.model"
_ALL_MANIFESTS = "SELECT digest FROM versions UNION SELECT digest FROM logged_models"
_RUN_MANIFESTS = "SELECT digest FROM logged_models"
_VERSION_FILES = "SELECT name, version, digest FROM files JOIN models ON models.id = files.model"
_ALL_FILES = "SELECT digest FROM files UNION SELECT file_digest FROM logged_models"
_RUN_FILES = "SELECT file_digest FROM logged_models"
# Two sums, each in the order of an index: a UNION of both tables would sort all digests.
_SIZE = """
SELECT coalesce((SELECT sum(size) FROM (SELECT size FROM files GROUP BY digest)), 0) + coalesce((
  SELECT sum(size) FROM (
    SELECT size FROM logged_models
    WHERE NOT EXISTS (SELECT 1 FROM files WHERE digest = file_digest) GROUP BY file_digest
  )
), 0)
"""


class StorageQueries:
    """Reads which files are stored, for pruning, verification and backup."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def prune_candidates(self, glob: str | None) -> Iterator[PruneCandidate]:
        """The versions of the models whose name matches a shell pattern, by model, newest first."""
        with parsing_rows():
            for name, version, stage, created_at, size, aliases in self._connection.execute(
                _CANDIDATES, {"glob": glob}
            ):
                yield PruneCandidate(ModelName(name), version, Stage(stage), from_text(created_at), size, aliases)

    def versions(self, digest: Digest | None = None) -> Iterator[StoredVersion]:
        """Every version with its files, or those with this digest."""
        rows = self._connection.execute(_FILES_OF_VERSIONS, {"digest": digest})
        for key, version_rows in groupby(rows, key=lambda row: (ModelName(row[0]), row[1], Digest(row[2]))):
            files = tuple(ModelFile(row[3], Digest(row[4]), row[5]) for row in version_rows if row[3] is not None)
            yield StoredVersion(*key, files)

    def manifest_digests(self, without: Collection[VersionKey] = ()) -> set[Digest]:
        """The digests of all versions except ``without``, and of the models of runs."""
        if not without:
            return self._digests(_ALL_MANIFESTS)
        return self._digests(_RUN_MANIFESTS) | self._digests_of_others(_VERSION_MANIFESTS, without)

    def file_digests(self, without: Collection[VersionKey] = ()) -> set[Digest]:
        """The digests of the files of all versions except ``without``, and of the models of runs."""
        if not without:
            return self._digests(_ALL_FILES)
        return self._digests(_RUN_FILES) | self._digests_of_others(_VERSION_FILES, without)

    def size_of_files(self) -> int:
        """The size of all files of versions and runs in bytes, equal files counted once."""
        return int(self._connection.execute(_SIZE).fetchone()[0])

    def _digests(self, query: str) -> set[Digest]:
        return {Digest(digest) for (digest,) in self._connection.execute(query)}

    def _digests_of_others(self, query: str, without: Collection[VersionKey]) -> set[Digest]:
        rows = self._connection.execute(query)
        return {Digest(digest) for name, version, digest in rows if (name, version) not in without}
