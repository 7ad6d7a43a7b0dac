"""Content-addressed blobs in ``artifacts/``, an OCI image layout. The only module that writes or deletes there."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from modelreg.domain.garbage import GarbageCandidate
from modelreg.domain.references import DIGEST_PREFIX, Digest
from modelreg.domain.versions import ModelFile
from modelreg.errors import ITS_MANIFEST, BlobDamaged, SourceChanged, UnusableSource, shown
from modelreg.store.artifacts.copying import Advance, copy_and_hash, digest_of, digest_of_bytes
from modelreg.store.artifacts.manifest import Manifest
from modelreg.store.artifacts.source import SourceFile, identity_of
from modelreg.system.durability import sync_files
from modelreg.system.files import change_mode, make_folder, read_content, remove_folder, sync_path

if TYPE_CHECKING:
    from modelreg.domain.runs import LoggedModel
    from modelreg.domain.versions import ModelVersion, StoredVersion

DAMAGED = "damaged: its bytes are not those that were registered"

_BLOB_MODE = 0o444
_HEX_DIGITS = re.compile("[0-9a-f]{64}")
_LAYOUT = {
    "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
    # The index stays empty: the catalog lists the versions.
    "index.json": b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
}


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file copied into the store under a temporary name, not yet under its digest."""

    file: ModelFile
    content: str
    """The path of the temporary copy."""


class BlobStore:
    """The folder ``artifacts/`` of a registry."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs" / "sha256"
        self._ingest = root / "ingest"

    def create(self, folder_mode: int) -> None:
        """Create the layout, or complete one that was interrupted."""
        for folder in (self.root, self.root / "blobs", self._blobs, self._ingest):
            make_folder(folder)
            if stat.S_IMODE(folder.stat().st_mode) != folder_mode:
                change_mode(folder, folder_mode)
        for name, content in _LAYOUT.items():
            temporary = self._get_temporary_path()
            try:
                self._write(temporary, content)
                sync_path(temporary)
                os.rename(temporary, self.root / name)
            finally:
                _remove(temporary)
        for folder in (self._blobs.parent, self.root, self.root.parent):
            sync_path(folder)

    def is_empty(self) -> bool:
        """Whether there is no blob, or not even a layout."""
        if not self._blobs.is_dir():
            return True
        with os.scandir(self._blobs) as blobs:
            return next(blobs, None) is None

    def layout_problems(self) -> list[str]:
        """Missing and changed files of the OCI image layout, as sentences."""
        problems = []
        for name, content in _LAYOUT.items():
            try:
                if read_content(self.root / name) != content:
                    problems.append(f"{name} was changed")
            except OSError as error:
                problems.append(f"{name} cannot be read: {error.strerror}")
        return problems

    def stored(self) -> Iterator[tuple[Digest, GarbageCandidate]]:
        """All blobs: digest, and the candidate for removal that an unused blob would be."""
        for candidate in _list_files(self._blobs):
            name = os.path.basename(candidate.path)
            if _HEX_DIGITS.fullmatch(name):
                yield Digest(DIGEST_PREFIX + name), candidate

    def temporaries(self) -> list[GarbageCandidate]:
        """The temporary files of running and killed processes."""
        return list(_list_files(self._ingest))

    def remove(self, candidates: Sequence[GarbageCandidate]) -> None:
        """Delete unused blobs and temporary files. The caller holds the prune lock, so none can be added meanwhile."""
        for candidate in candidates:
            _remove(candidate.path)
        if candidates:
            sync_path(self._blobs)

    def path(self, digest: Digest) -> Path:
        """The path of the blob, whether it exists or not."""
        return Path(self._get_blob_path(digest))

    @contextmanager
    def open(self, digest: Digest) -> Iterator[int]:
        """Open the blob to read; yields its descriptor. Never follows a link. Raises OSError."""
        descriptor = os.open(self._get_blob_path(digest), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def read(self, digest: Digest) -> bytes:
        """The content of a small blob, not checked; raises OSError."""
        with self.open(digest) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read()

    def manifest(self, version: ModelVersion | StoredVersion | LoggedModel) -> Manifest:
        """The checked manifest of a version, or of a run's model; raises `BlobDamaged`."""
        try:
            content = self.read(version.digest)
            if digest_of_bytes(content) == version.digest:
                return Manifest.parse(content)
            problem = DAMAGED
        except FileNotFoundError:
            problem = "missing from the store"
        except OSError as error:
            problem = f"unreadable in the store: {error.strerror}"
        except ValueError as error:
            problem = str(error)
        raise BlobDamaged(version.reference, ITS_MANIFEST, problem)

    def changed_at(self, digest: Digest) -> int:
        """When the blob's file or its metadata last changed (st_ctime), in nanoseconds; 0 if it is missing."""
        try:
            return os.lstat(self._get_blob_path(digest)).st_ctime_ns
        except OSError:
            return 0

    def problem(self, file: ModelFile, *, thorough: bool = True, advance: Advance | None = None) -> str | None:
        """What is wrong with the blob of ``file``, as the end of a sentence; None if nothing is.

        Without ``thorough`` only existence, file type and size are checked, and no bytes are read.
        """
        try:
            status = os.lstat(self._get_blob_path(file.digest))
            if not stat.S_ISREG(status.st_mode):
                return "not a regular file in the store"
            if status.st_size != file.size:
                return f"{status.st_size} bytes in the store, not {file.size}"
            if thorough:
                with self.open(file.digest) as descriptor:
                    if copy_and_hash(descriptor, None, advance)[0] != file.digest:
                        return DAMAGED
        except FileNotFoundError:
            return "missing from the store"
        except OSError as error:
            return f"unreadable in the store: {error.strerror}"
        return None

    def copy(self, file: ModelFile, source: BlobStore, advance: Advance | None = None) -> StagedFile | None:
        """A temporary copy of the blob in ``source``; None if its bytes have another digest. Raises OSError."""
        content = self._get_temporary_path()
        try:
            with source.open(file.digest) as blob, _create_blob_file(content) as copy:
                digest, _ = copy_and_hash(blob, copy, advance)
        except BaseException:
            _remove(content)
            raise
        if digest == file.digest:
            return StagedFile(file, content)
        _remove(content)
        return None

    def adopt(self, copies: Sequence[StagedFile]) -> None:
        """Flush checked temporary copies to disk and rename them to their digests, replacing damaged blobs."""
        sync_files([copy.content for copy in copies], self.root)
        for copy in copies:
            _replace(copy.content, self._get_blob_path(copy.file.digest))
        sync_path(self._blobs)  # also without copies: an existing blob may not be on disk yet

    def discard(self, copies: Iterable[StagedFile]) -> None:
        """Remove temporary copies that were not adopted."""
        for copy in copies:
            _remove(copy.content)

    def withdraw(self, digests: Iterable[Digest]) -> None:
        """Delete blobs that were adopted just now, and that no version refers to."""
        for digest in digests:
            _remove(self._get_blob_path(digest))

    def has(self, digest: Digest) -> bool:
        """Whether anything exists at the path of the blob."""
        return os.path.lexists(self._get_blob_path(digest))

    @contextmanager
    def open_checked(self, file: ModelFile, version: str) -> Iterator[BinaryIO]:
        """Open the blob of ``file``, with its bytes checked through the same descriptor; raises `BlobDamaged`."""
        problem = self.problem(file, thorough=False)
        if problem is not None:
            raise BlobDamaged(version, file.path, problem)
        with self.open(file.digest) as descriptor:
            if digest_of(descriptor) != file.digest:
                raise BlobDamaged(version, file.path, DAMAGED)
            os.lseek(descriptor, 0, os.SEEK_SET)
            with os.fdopen(descriptor, "rb", closefd=False) as blob:
                yield blob

    @contextmanager
    def receiving(self, files: Iterable[SourceFile], advance: Advance | None = None) -> Iterator[StagedFiles]:
        """Copy ``files`` into temporary files and hash them; what is not published is removed at the end.

        Raises `UnusableSource` for an unreadable file, `SourceChanged` for a file that changes meanwhile, and
        OSError if the store cannot be written.
        """
        staged = StagedFiles(self)
        try:
            for file in files:
                staged.receive(file, advance)
            yield staged
        finally:
            staged.discard()

    def _get_blob_path(self, digest: Digest) -> str:
        """The path of the blob as a string: creating a `Path` for each of many files takes longer than opening them."""
        return f"{self._blobs}/{digest.removeprefix(DIGEST_PREFIX)}"

    def _get_temporary_path(self) -> str:
        return f"{self._ingest}/{os.getpid()}-{os.urandom(8).hex()}"

    def _write(self, path: str, content: bytes) -> None:
        with _create_blob_file(path) as descriptor:
            remaining = memoryview(content)
            while remaining:
                remaining = remaining[os.write(descriptor, remaining) :]

    def _publish(self, staged: Iterable[StagedFile]) -> None:
        """Flush temporary copies to disk and rename them to their digests.

        An existing blob is read: an intact one is kept, a damaged one is replaced.
        """
        needed = []
        for copy in staged:
            if self.problem(copy.file) is None:
                with suppress(PermissionError):  # another member of the group owns it
                    os.utime(self._get_blob_path(copy.file.digest))  # restarts the grace period of pruning
                os.unlink(copy.content)
            else:
                needed.append(copy)
        self.adopt(needed)


class StagedFiles:
    """The files of one registration: copied into the store, and not yet published under their digests."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._staged: dict[Digest, StagedFile] = {}
        self._temporary_paths: list[str] = []
        self._published: list[ModelFile] = []
        self.files: list[ModelFile] = []

    def contents(self) -> dict[str, Path]:
        """Path in the version -> path of the temporary copy."""
        return {file.path: Path(self._staged[file.digest].content) for file in self.files}

    def receive(self, source: SourceFile, advance: Advance | None = None) -> None:
        """Copy one file; raises what `BlobStore.receiving` raises."""
        content = self._get_temporary_path()
        with _open_source(source) as original, _create_blob_file(content) as copy:
            before = os.fstat(original)
            digest, size = copy_and_hash(original, copy, advance)
            if _state(before) != _state(os.fstat(original)) or size != before.st_size:
                raise SourceChanged(source.path)
        self.files.append(ModelFile(source.path, digest, size))
        self._keep(StagedFile(self.files[-1], content))

    def add(self, name: str, content: bytes) -> Digest:
        """Add a small document, the config or the manifest; returns its digest."""
        temporary = self._get_temporary_path()
        self._store._write(temporary, content)
        digest = digest_of_bytes(content)
        self._keep(StagedFile(ModelFile(name, digest, len(content)), temporary))
        return digest

    def publish(self) -> None:
        """Flush everything to disk, and rename it to its digest."""
        self._store._publish(self._staged.values())
        self._published = [staged.file for staged in self._staged.values()]
        self._staged.clear()
        self._temporary_paths.clear()

    def missing(self) -> list[str]:
        """The paths of published files whose blobs have disappeared; checked again just before the commit."""
        return [file.path for file in self._published if self._store.problem(file, thorough=False)]

    def discard(self) -> None:
        """Remove the temporary copies that were not published."""
        for path in self._temporary_paths:
            _remove(path)

    def _get_temporary_path(self) -> str:
        """A path for a temporary copy, noted before the file exists, so that Ctrl-C never leaves one behind."""
        path = self._store._get_temporary_path()
        self._temporary_paths.append(path)
        return path

    def _keep(self, staged: StagedFile) -> None:
        if staged.file.digest in self._staged:  # two equal files in one folder
            _remove(staged.content)
        else:
            self._staged[staged.file.digest] = staged


def _list_files(folder: Path) -> Iterator[GarbageCandidate]:
    """The regular files in ``folder``; none if the folder does not exist."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another process removed it meanwhile
                if entry.is_file(follow_symlinks=False):
                    yield GarbageCandidate.of(entry.path, entry.stat(follow_symlinks=False))


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _replace(temporary: str, path: str) -> None:
    """Rename a file to a blob's path, replacing anything there, even a folder."""
    try:
        os.rename(temporary, path)
    except IsADirectoryError:
        with suppress(FileNotFoundError):  # another process removed it just now
            remove_folder(Path(path))
        os.rename(temporary, path)


@contextmanager
def _open_source(source: SourceFile) -> Iterator[int]:
    """Open the very file that was found; yields its descriptor. Raises `UnusableSource` or `SourceChanged`."""
    try:
        descriptor = os.open(source.location, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise UnusableSource(f"{shown(source.path)} cannot be read: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnusableSource(f"{shown(source.path)} is not a regular file any more")
        if source.identity not in (None, identity_of(status)):
            raise SourceChanged(source.path)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _create_blob_file(path: str) -> Iterator[int]:
    """Create a file that only its owner can open; at the end it becomes read-only for everybody."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield descriptor
        change_mode(descriptor, _BLOB_MODE)
    finally:
        os.close(descriptor)


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
