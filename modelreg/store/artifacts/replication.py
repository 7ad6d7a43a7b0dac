"""Copying the blobs of versions from one store to another, with every byte checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from modelreg.domain.references import Digest
from modelreg.domain.runs import LoggedModel
from modelreg.domain.versions import ModelFile, ModelVersion
from modelreg.errors import ITS_CONFIG, ITS_MANIFEST, BlobDamaged
from modelreg.store.artifacts.blobs import DAMAGED, BlobStore, StagedFile
from modelreg.store.artifacts.copying import Advance
from modelreg.store.artifacts.manifest import Manifest

_MAX_FILES = 1000
_MAX_BYTES = 64 * 1024 * 1024
"""Files and bytes in one batch; after a kill, finished batches are not copied again."""


@contextmanager
def replicating(
    source: BlobStore, target: BlobStore, outcome: str, advance: Advance | None = None
) -> Iterator[Replication]:
    """A `Replication` that is flushed to disk at the end; temporary files are always removed.

    ``outcome`` ends the message of `BlobDamaged`, for example "nothing was copied".
    """
    replication = Replication(source, target, outcome, advance)
    try:
        yield replication
        replication.publish()
    finally:
        replication.discard()


class Replication:
    """Copies blobs from one store to another in batches; created by `replicating`."""

    def __init__(self, source: BlobStore, target: BlobStore, outcome: str, advance: Advance | None) -> None:
        self._source = source
        self._target = target
        self._outcome = outcome
        self._advance = advance
        self._batch: list[StagedFile] = []
        self._batch_bytes = 0
        self._seen: set[Digest] = set()
        self._added: list[Digest] = []
        self.copied = 0
        self.bytes = 0

    @property
    def blobs(self) -> int:
        """The number of blobs that the versions need, copied now or existing before."""
        return len(self._seen)

    def copy_version(self, version: ModelVersion | LoggedModel) -> Manifest:
        """Copy the missing manifest, config and files of a version, or of a run's model; returns the manifest.

        Raises `BlobDamaged`, which names the version and the file, and OSError.
        """
        manifest = self._read_manifest(version)
        self._copy(version, ModelFile(ITS_MANIFEST, version.digest, manifest.size))
        self._copy(version, ModelFile(ITS_CONFIG, manifest.config, manifest.config_size))
        for file in (*manifest.files, *version.files):
            self._copy(version, file)
        return manifest

    def publish(self) -> None:
        """Flush the current batch to disk, under its digests."""
        self._target.adopt(self._batch)
        self._batch.clear()
        self._batch_bytes = 0

    def discard(self) -> None:
        """Remove the temporary copies of the current batch."""
        self._target.discard(self._batch)

    def undo(self) -> None:
        """Delete every blob that was added to the target."""
        self.discard()
        self._target.withdraw(self._added)

    def _read_manifest(self, version: ModelVersion | LoggedModel) -> Manifest:
        try:
            return self._target.manifest(version)
        except BlobDamaged:
            pass
        try:
            return self._source.manifest(version)
        except BlobDamaged as damage:
            raise BlobDamaged(version.reference, ITS_MANIFEST, damage.problem, self._outcome) from None

    def _copy(self, version: ModelVersion | LoggedModel, file: ModelFile) -> None:
        if file.digest in self._seen:
            return
        self._seen.add(file.digest)
        advance = self._advance_for(file)
        if self._target.problem(file) is None:
            if advance is not None:
                advance(file.size)
            return
        is_new = not self._target.has(file.digest)
        self._batch.append(self._copy_checked(version, file, advance))
        if is_new:
            self._added.append(file.digest)
        self._batch_bytes += file.size
        self.copied += 1
        self.bytes += file.size
        if len(self._batch) >= _MAX_FILES or self._batch_bytes >= _MAX_BYTES:
            self.publish()

    def _copy_checked(
        self, version: ModelVersion | LoggedModel, file: ModelFile, advance: Advance | None
    ) -> StagedFile:
        problem = self._source.problem(file, thorough=False)
        copy = None if problem else self._target.copy(file, self._source, advance)
        if copy is None:
            raise BlobDamaged(version.reference, file.path, problem or DAMAGED, self._outcome)
        return copy

    def _advance_for(self, file: ModelFile) -> Advance | None:
        """Progress does not count manifests and configs, whose sizes are unknown in advance."""
        return None if file.path in (ITS_MANIFEST, ITS_CONFIG) else self._advance
