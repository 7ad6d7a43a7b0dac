"""Copying what versions refer to from one store into another, every byte checked on its way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from modelreg.domain.references import Digest
from modelreg.domain.runs import LoggedModel
from modelreg.domain.versions import ModelFile, ModelVersion
from modelreg.errors import ITS_CONFIG, ITS_MANIFEST, BlobDamaged
from modelreg.store.artifacts.blobs import BlobStore, StagedFile
from modelreg.store.artifacts.copying import Advance
from modelreg.store.artifacts.manifest import Manifest

_FILES_AT_ONCE = 1000
_BYTES_AT_ONCE = 64 * 1024 * 1024
"""How much is copied before it is made durable, and need not be copied again after a kill."""


@contextmanager
def replicating(
    source: BlobStore, target: BlobStore, outcome: str, advance: Advance | None = None
) -> Iterator[Replication]:
    """A `Replication`, all of which is durable at the end; temporaries are removed whatever happens.

    ``outcome`` is the end of the error's sentence when something is damaged, such as that nothing was copied.
    """
    replication = Replication(source, target, outcome, advance)
    try:
        yield replication
        replication.publish()
    finally:
        replication.discard()


class Replication:
    """Blobs on their way from one store to another; made by `replicating`."""

    def __init__(self, source: BlobStore, target: BlobStore, outcome: str, advance: Advance | None) -> None:
        self._source = source
        self._target = target
        self._outcome = outcome
        self._advance = advance
        self._waiting: list[StagedFile] = []
        self._waiting_bytes = 0
        self._seen: set[Digest] = set()
        self._added: list[Digest] = []
        self.copied = 0
        self.bytes = 0

    @property
    def blobs(self) -> int:
        """How many blobs the versions need, copied now or there before."""
        return len(self._seen)

    def take(self, version: ModelVersion | LoggedModel) -> Manifest:
        """Copy what is not there yet of a version or a run's model: manifest, which is returned, config and files.

        Raises `BlobDamaged`, which names the version and the file, and OSError.
        """
        manifest = self._manifest(version)
        self._copy(version, ModelFile(ITS_MANIFEST, version.digest, manifest.size))
        self._copy(version, ModelFile(ITS_CONFIG, manifest.config, manifest.config_size))
        for file in (*manifest.files, *version.files):
            self._copy(version, file)
        return manifest

    def publish(self) -> None:
        """Make durable what was copied so far."""
        self._target.adopt(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0

    def discard(self) -> None:
        """Remove the private copies that were not published."""
        self._target.discard(self._waiting)

    def take_back(self) -> None:
        """Remove every blob that was added to the target, as if nothing had been copied."""
        self.discard()
        self._target.withdraw(self._added)

    def _manifest(self, version: ModelVersion | LoggedModel) -> Manifest:
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
        problem = self._target.problem(file)
        if problem is None:
            self._report(file)
            return
        is_new = not self._target.has(file.digest)
        self._waiting.append(self._checked_copy(version, file))
        if is_new:
            self._added.append(file.digest)
        self._waiting_bytes += file.size
        self.copied += 1
        self.bytes += file.size
        if len(self._waiting) >= _FILES_AT_ONCE or self._waiting_bytes >= _BYTES_AT_ONCE:
            self.publish()

    def _checked_copy(self, version: ModelVersion | LoggedModel, file: ModelFile) -> StagedFile:
        problem = self._source.problem(file, thorough=False)
        copy = None if problem else self._target.copy(file, self._source, self._advance_for(file))
        if copy is None:
            found = problem or "damaged: its bytes are not those that were registered"
            raise BlobDamaged(version.reference, file.path, found, self._outcome)
        return copy

    def _advance_for(self, file: ModelFile) -> Advance | None:
        """Manifests and configs are not counted: nobody knows how large they are before they are read."""
        return None if file.path in (ITS_MANIFEST, ITS_CONFIG) else self._advance

    def _report(self, file: ModelFile) -> None:
        advance = self._advance_for(file)
        if advance is not None:
            advance(file.size)
