"""Content-addressed blobs below ``artifacts/``, an OCI image layout: the only module that writes there, or deletes."""

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
from modelreg.store.artifacts.copying import Advance, copy_and_hash, digest_of, of_bytes
from modelreg.store.artifacts.manifest import Manifest
from modelreg.store.artifacts.source import SourceFile, identity_of
from modelreg.system.durability import sync_files
from modelreg.system.files import change_mode, make_folder, read_content, remove_folder, sync_path

if TYPE_CHECKING:
    from modelreg.domain.runs import LoggedModel
    from modelreg.domain.versions import ModelVersion, StoredVersion

_BLOB_MODE = 0o444
_HEX_DIGITS = re.compile("[0-9a-f]{64}")
_LAYOUT = {
    "oci-layout": b'{"imageLayoutVersion":"1.0.0"}',
    # No manifest is listed: which versions there are is the catalog's to say.
    "index.json": b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
}


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that was copied into the store, not yet under its digest."""

    file: ModelFile
    content: str
    """The path of the private copy."""


class BlobStore:
    """The folder ``artifacts/`` of a registry."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs" / "sha256"
        self._ingest = root / "ingest"

    def create(self, folder_mode: int) -> None:
        """Make the layout, or complete one whose making was interrupted."""
        for folder in (self.root, self.root / "blobs", self._blobs, self._ingest):
            make_folder(folder)
            if stat.S_IMODE(folder.stat().st_mode) != folder_mode:
                change_mode(folder, folder_mode)
        for name, content in _LAYOUT.items():
            private = self._private_path()
            try:
                self._write(private, content)
                sync_path(private)
                os.rename(private, self.root / name)
            finally:
                _remove(private)
        for folder in (self._blobs.parent, self.root, self.root.parent):
            sync_path(folder)

    def is_empty(self) -> bool:
        """Whether there is no blob at all; also when there is no layout."""
        if not self._blobs.is_dir():
            return True
        with os.scandir(self._blobs) as blobs:
            return next(blobs, None) is None

    def layout_problems(self) -> list[str]:
        """What is missing of the OCI image layout, as sentences."""
        problems = []
        for name, content in _LAYOUT.items():
            try:
                if read_content(self.root / name) != content:
                    problems.append(f"{name} is not as it was made")
            except OSError as error:
                problems.append(f"{name} cannot be read: {error.strerror}")
        return problems

    def stored(self) -> Iterator[tuple[Digest, GarbageCandidate]]:
        """Every blob that there is, each as what it would be if nothing referred to it."""
        for found in _files_of(self._blobs):
            name = os.path.basename(found.path)
            if _HEX_DIGITS.fullmatch(name):
                yield Digest(DIGEST_PREFIX + name), found

    def temporaries(self) -> list[GarbageCandidate]:
        """The private files of writers, at work or killed."""
        return list(_files_of(self._ingest))

    def remove(self, leftovers: Sequence[GarbageCandidate]) -> None:
        """Take blobs and temporaries away, that nothing refers to while nothing can come in."""
        for each in leftovers:
            _remove(each.path)
        if leftovers:
            sync_path(self._blobs)

    def path(self, digest: Digest) -> Path:
        """Where the blob is, if it is there."""
        return Path(self._place(digest))

    @contextmanager
    def open(self, digest: Digest) -> Iterator[int]:
        """A descriptor of the blob, never of what a link in its place leads to; raises OSError."""
        descriptor = os.open(self._place(digest), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def read(self, digest: Digest) -> bytes:
        """The whole content of a small blob, as it is; raises OSError."""
        with self.open(digest) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read()

    def manifest(self, version: ModelVersion | StoredVersion | LoggedModel) -> Manifest:
        """The manifest of a version or of a run's model, its bytes checked; raises `BlobDamaged`."""
        try:
            content = self.read(version.digest)
            if of_bytes(content) == version.digest:
                return Manifest.parse(content)
            problem = "damaged: its bytes are not those that were registered"
        except FileNotFoundError:
            problem = "missing from the store"
        except OSError as error:
            problem = f"unreadable in the store: {error.strerror}"
        except ValueError as error:
            problem = str(error)
        raise BlobDamaged(version.reference, ITS_MANIFEST, problem)

    def changed_at(self, digest: Digest) -> int:
        """When anything was last done to the blob's file, in nanoseconds (st_ctime); 0 when it is not there."""
        try:
            return os.lstat(self._place(digest)).st_ctime_ns
        except OSError:
            return 0

    def problem(self, file: ModelFile, *, thorough: bool = True, advance: Advance | None = None) -> str | None:
        """What is wrong with the blob of ``file``, as the end of a sentence; None when it is sound.

        Without ``thorough`` its bytes are not read: only that it is there, a regular file, and of the right size.
        """
        try:
            found = os.lstat(self._place(file.digest))
            if not stat.S_ISREG(found.st_mode):
                return "not a regular file in the store"
            if found.st_size != file.size:
                return f"{found.st_size} bytes in the store, not {file.size}"
            if thorough:
                with self.open(file.digest) as descriptor:
                    if copy_and_hash(descriptor, None, advance)[0] != file.digest:
                        return "damaged: its bytes are not those that were registered"
        except FileNotFoundError:
            return "missing from the store"
        except OSError as error:
            return f"unreadable in the store: {error.strerror}"
        return None

    def copy(self, file: ModelFile, source: BlobStore, advance: Advance | None = None) -> StagedFile | None:
        """A private copy of what ``source`` has of ``file``; None when those are other bytes. Raises OSError."""
        content = self._private_path()
        try:
            with source.open(file.digest) as opened, _created(content) as copy:
                digest, _ = copy_and_hash(opened, copy, advance)
        except BaseException:
            _remove(content)
            raise
        if digest == file.digest:
            return StagedFile(file, content)
        _remove(content)
        return None

    def adopt(self, copies: Sequence[StagedFile]) -> None:
        """Put checked private copies in their places, all on disk; what is there already is damaged, and replaced."""
        sync_files([each.content for each in copies], self.root)
        for each in copies:
            _replace(each.content, self._place(each.file.digest))
        sync_path(self._blobs)  # even for none: what is there already may not be on disk yet

    def discard(self, copies: Iterable[StagedFile]) -> None:
        """Remove private copies that were not adopted."""
        for each in copies:
            _remove(each.content)

    def withdraw(self, digests: Iterable[Digest]) -> None:
        """Take blobs away that were adopted just now, and that no version was ever to refer to."""
        for digest in digests:
            _remove(self._place(digest))

    def has(self, digest: Digest) -> bool:
        """Whether anything stands in the blob's place."""
        return os.path.lexists(self._place(digest))

    @contextmanager
    def opened_and_checked(self, file: ModelFile, version: str) -> Iterator[BinaryIO]:
        """The blob of ``file``, opened once: its bytes were checked through the very descriptor that is handed out.

        Raises `BlobDamaged`.
        """
        problem = self.problem(file, thorough=False)
        if problem is not None:
            raise BlobDamaged(version, file.path, problem)
        with self.open(file.digest) as descriptor:
            if digest_of(descriptor) != file.digest:
                raise BlobDamaged(version, file.path, "damaged: its bytes are not those that were registered")
            os.lseek(descriptor, 0, os.SEEK_SET)
            with os.fdopen(descriptor, "rb", closefd=False) as opened:
                yield opened

    @contextmanager
    def receiving(self, files: Iterable[SourceFile], advance: Advance | None = None) -> Iterator[StagedFiles]:
        """Copy ``files`` into private temporaries, hashed on the way; what is not published is removed at the end.

        Raises `UnusableSource` for a file that cannot be read, `SourceChanged` for one that changes meanwhile, and
        OSError when the store cannot be written.
        """
        receipt = StagedFiles(self)
        try:
            for file in files:
                receipt.receive(file, advance)
            yield receipt
        finally:
            receipt.discard()

    def _place(self, digest: Digest) -> str:
        """The same as `path`, as a text: a `Path` for each of thousands of files takes longer than to open them."""
        return f"{self._blobs}/{digest.removeprefix(DIGEST_PREFIX)}"

    def _private_path(self) -> str:
        return f"{self._ingest}/{os.getpid()}-{os.urandom(8).hex()}"

    def _write(self, path: str, content: bytes) -> None:
        with _created(path) as descriptor:
            copied = memoryview(content)
            while copied:
                copied = copied[os.write(descriptor, copied) :]

    def _publish(self, received: Iterable[StagedFile]) -> None:
        """Rename each private copy to its digest, once its bytes are on disk.

        A blob that is there already is read: a sound one is kept, and a damaged one is replaced, which heals it.
        """
        needed = []
        for each in received:
            if self.problem(each.file) is None:
                with suppress(PermissionError):  # another member of the group owns it
                    os.utime(self._place(each.file.digest))  # young again: no cleaning takes it away meanwhile
                os.unlink(each.content)
            else:
                needed.append(each)
        self.adopt(needed)


class StagedFiles:
    """Files that were copied into the store by one registration, and not yet published."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._received: dict[Digest, StagedFile] = {}
        self._private: list[str] = []
        self._published: list[ModelFile] = []
        self.files: list[ModelFile] = []

    def contents(self) -> dict[str, Path]:
        """Each file's path in the version, and where its bytes are now."""
        return {file.path: Path(self._received[file.digest].content) for file in self.files}

    def receive(self, source: SourceFile, advance: Advance | None = None) -> None:
        """Copy one file; `BlobStore.receiving` says what is raised."""
        content = self._private_path()
        with _opened_source(source) as opened, _created(content) as copy:
            before = os.fstat(opened)
            digest, size = copy_and_hash(opened, copy, advance)
            if _state(before) != _state(os.fstat(opened)) or size != before.st_size:
                raise SourceChanged(source.path)
        self.files.append(ModelFile(source.path, digest, size))
        self._keep(StagedFile(self.files[-1], content))

    def add(self, name: str, content: bytes) -> Digest:
        """Take in a small document that is about the files: a config or manifest."""
        private = self._private_path()
        self._store._write(private, content)
        digest = of_bytes(content)
        self._keep(StagedFile(ModelFile(name, digest, len(content)), private))
        return digest

    def publish(self) -> None:
        """Make everything durable, under its digest."""
        self._store._publish(self._received.values())
        self._published = [received.file for received in self._received.values()]
        self._received.clear()
        self._private.clear()

    def missing(self) -> list[str]:
        """What was published and is not in the store any more; looked at again just before the commit."""
        return [file.path for file in self._published if self._store.problem(file, thorough=False)]

    def discard(self) -> None:
        """Remove the private copies that were not published."""
        for path in self._private:
            _remove(path)

    def _private_path(self) -> str:
        """Where a private copy is to be made; known before it is there, so that Ctrl-C at no moment leaves one."""
        path = self._store._private_path()
        self._private.append(path)
        return path

    def _keep(self, received: StagedFile) -> None:
        if received.file.digest in self._received:  # the same bytes twice in one folder
            _remove(received.content)
        else:
            self._received[received.file.digest] = received


def _files_of(folder: Path) -> Iterator[GarbageCandidate]:
    """The regular files in ``folder``; none when there is no such folder."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # a writer ended meanwhile
                if entry.is_file(follow_symlinks=False):
                    yield GarbageCandidate.of(entry.path, entry.stat(follow_symlinks=False))


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _replace(private: str, place: str) -> None:
    """Rename a file to a blob's place, whatever is there."""
    try:
        os.rename(private, place)
    except IsADirectoryError:  # damage, as any other
        with suppress(FileNotFoundError):  # another process removed it just now
            remove_folder(Path(place))
        os.rename(private, place)


@contextmanager
def _opened_source(source: SourceFile) -> Iterator[int]:
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
def _created(path: str) -> Iterator[int]:
    """A new private file, to write and read, that gets a blob's mode when all is written."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield descriptor
        change_mode(descriptor, _BLOB_MODE)
    finally:
        os.close(descriptor)


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
