"""Checkouts: read-only copies of versions under their files' real names, made when a version is loaded.

They are copies (or reflinks, which share no write), never hard links: whoever may write to any file, as root in a
container may, would change the only copy of the bytes through one.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modelreg.domain.garbage import GarbageCandidate
from modelreg.domain.references import Digest
from modelreg.domain.versions import ModelFile
from modelreg.errors import BlobDamaged, CatalogDamaged
from modelreg.store.artifacts.blobs import BlobStore
from modelreg.store.artifacts.copying import Advance, copy_and_hash, digest_of
from modelreg.store.artifacts.manifest import inside
from modelreg.system.files import change_mode, make_folder, remove_folder

_FILE_MODE = 0o444
_FOLDER_MODE = 0o755  # which its owner can delete with 'rm -rf'
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700  # while it is built: nobody else may open what is not finished
_ATTEMPTS = 5  # at taking the place of a damaged checkout, with other processes that do the same
_CHECKOUT_NAME = re.compile("sha256-[0-9a-f]{64}")
_PRIVATE_NAME = re.compile(r"\.\d+-[0-9a-f]{16}(-old-\d+)?")
_FICLONE = 0x40049409  # ioctl_ficlone(2)


def check_out(
    store: BlobStore,
    folder: Path,
    version: str,
    digest: Digest,
    files: Sequence[ModelFile],
    building: Callable[[], AbstractContextManager[None]],
    advance: Advance | None = None,
) -> Path:
    """A folder below ``folder`` that holds exactly ``files``, every byte of them checked now.

    One that is there already is used if it and the blobs are intact, and made anew if it is not. ``version`` names the
    version in messages, and ``building`` keeps pruning away while one is made. Raises `BlobDamaged` when the stored
    bytes are not those that were registered, and OSError.
    """
    checkout = folder / digest.replace(":", "-")
    if _is_intact(checkout, files, advance):
        _refuse_changed_blobs(store, checkout, version, files)
        return checkout
    with building():
        private = folder / f".{os.getpid()}-{os.urandom(8).hex()}"
        try:
            _build(store, private, version, files, advance)
            _put_in_place(private, checkout, files)
        finally:
            _remove(private)
    return checkout


def write_blob(
    store: BlobStore, file: ModelFile, target: Path, version: str, advance: Advance | None, mode: int = 0o666
) -> None:
    """Write the bytes of ``file`` to the new file ``target``, of ``mode`` less the umask.

    Raises `BlobDamaged` when they are not what they were. Whoever calls removes ``target`` when this raises.
    """
    problem = store.problem(file, thorough=False)
    if problem is not None:
        raise BlobDamaged(version, file.path, problem)
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    try:
        with store.open(file.digest) as blob:
            is_clone = _cloned(blob, descriptor)
            source, copy = (descriptor, None) if is_clone else (blob, descriptor)
            found, _ = copy_and_hash(source, copy, advance)
        if found != file.digest:
            raise BlobDamaged(version, file.path, store.problem(file) or "damaged while it was read")
    finally:
        os.close(descriptor)


def safe_path(path: str) -> PurePosixPath:
    """A stored path, looked at again before anything is written under it; raises `CatalogDamaged`.

    File names are bytes; stored paths are UTF-8 in every locale.
    """
    try:
        inside(path)
    except ValueError as error:
        raise CatalogDamaged(f"the catalog holds a wrong path: {error}") from error
    return PurePosixPath(os.fsdecode(path.encode()))


@dataclass(frozen=True, slots=True)
class StaleCheckouts:
    """What is in a folder of checkouts and no version needs."""

    stale: list[GarbageCandidate]
    """Checkouts of digests that no version has."""
    private: list[GarbageCandidate]
    """What loading processes are building, or were when they were killed."""
    foreign: list[GarbageCandidate]
    """The same, of other members of the group, who alone can take it away."""


def unneeded(folder: Path, digests: Container[Digest]) -> StaleCheckouts:
    """What is in ``folder`` beside checkouts of ``digests``; other things that somebody put there are left alone."""
    found = StaleCheckouts([], [], [])
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            is_private = _PRIVATE_NAME.fullmatch(entry.name) is not None
            if is_private or (_CHECKOUT_NAME.fullmatch(entry.name) and entry.name.replace("-", ":") not in digests):
                with suppress(FileNotFoundError):
                    own = os.geteuid() in (0, entry.stat(follow_symlinks=False).st_uid)
                    kind = found.foreign if not own else found.private if is_private else found.stale
                    kind.append(_measured(entry.path))
    return found


def remove_checkouts(leftovers: Iterable[GarbageCandidate]) -> None:
    """Take checkouts away, whole or half made."""
    for each in leftovers:
        _remove(Path(each.path))


def _measured(path: str) -> GarbageCandidate:
    """A folder with the bytes of everything in it, and as young as the youngest of that."""
    every = [os.lstat(path)]
    for folder in _folders(path):
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if not entry.is_dir(follow_symlinks=False):
                        every.append(entry.stat(follow_symlinks=False))
    return GarbageCandidate(
        path,
        sum(status.st_size for status in every if not stat.S_ISDIR(status.st_mode)),
        max(status.st_mtime_ns for status in every),
        max(status.st_ctime_ns for status in every),
    )


def _refuse_changed_blobs(store: BlobStore, checkout: Path, version: str, files: Sequence[ModelFile]) -> None:
    """Raise `BlobDamaged` for a blob that is not what it was when the checkout was made.

    Its bytes are read only if anything was done to the file since then: reading all of them each time would make
    loading take twice as long.
    """
    made = os.stat(checkout).st_ctime_ns
    touched = False
    for file in files:
        changed = store.changed_at(file.digest) >= made  # file systems count time in steps of milliseconds
        problem = store.problem(file, thorough=changed)
        if problem is not None:
            raise BlobDamaged(version, file.path, problem)
        touched = touched or changed
    if touched:
        with suppress(OSError):  # another member of the group made it
            os.utime(checkout)


def _is_intact(checkout: Path, files: Sequence[ModelFile], advance: Advance | None = None) -> bool:
    """Whether exactly ``files`` are there, as regular files with the right bytes that nobody may write to."""
    expected = {str(checkout / safe_path(file.path)): file for file in files}
    try:
        return _read_only_files(str(checkout)) == set(expected) and all(
            _has_bytes(path, file, advance) for path, file in expected.items()
        )
    except OSError:
        return False


def _folders(folder: str) -> list[str]:
    """A folder and all below it, each before those in it; a list rather than recursion, as in `find_source`."""
    found = [folder]
    for here in found:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(here) as entries:
            found += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return found


def _read_only_files(folder: str) -> set[str]:
    """The files below ``folder``; raises OSError where one may be written to, or a folder by others, or is a link."""
    found: set[str] = set()
    _refuse_writers(folder, 0o022)
    for here in _folders(folder):
        with os.scandir(here) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                _refuse_writers(entry.path, 0o022 if is_folder else 0o222)
                found |= set() if is_folder else {entry.path}
    return found


def _refuse_writers(path: str, permissions: int) -> None:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode) or mode & permissions:
        raise PermissionError(path)


def _has_bytes(path: str, file: ModelFile, advance: Advance | None) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        same_size = stat.S_ISREG(status.st_mode) and status.st_size == file.size
        return same_size and digest_of(descriptor, advance) == file.digest
    finally:
        os.close(descriptor)


def _build(store: BlobStore, private: Path, version: str, files: Sequence[ModelFile], advance: Advance | None) -> None:
    make_folder(private, _PRIVATE_FOLDER)
    for file in files:
        target = private / safe_path(file.path)
        make_folder(target.parent, _PRIVATE_FOLDER)
        write_blob(store, file, target, version, advance, _PRIVATE_FILE)
        change_mode(target, _FILE_MODE)
    for folder in reversed(_folders(str(private))):
        change_mode(folder, _FOLDER_MODE)


def _put_in_place(private: Path, checkout: Path, files: Sequence[ModelFile]) -> None:
    """Rename ``private`` to ``checkout``; what is there is used when another process made it, else taken away."""
    for attempt in range(_ATTEMPTS):
        try:
            os.rename(private, checkout)
            return
        except OSError:
            if _is_intact(checkout, files):
                return
            if attempt == _ATTEMPTS - 1:
                raise
        old = private.with_name(f"{private.name}-old-{attempt}")
        with suppress(FileNotFoundError):  # another process took it away just now
            os.rename(checkout, old)
            _remove(old)


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.is_dir():
        with suppress(OSError):  # another member of the group made it; pruning takes it away one day
            remove_folder(folder)


def _cloned(source: int, target: int) -> bool:
    """Whether the file system could share the source's blocks with the target, copying nothing."""
    if sys.platform != "linux":
        return False
    from fcntl import ioctl

    try:
        ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
