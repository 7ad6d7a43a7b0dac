"""Checkouts: read-only copies of versions under their original file names, created when a version is loaded.

They are copies, or reflinks, never hard links: root in a container can write to any file, and through a hard link
would change the blob itself.
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
from modelreg.store.artifacts.manifest import parse_relative_path
from modelreg.system.files import change_mode, make_folder, remove_folder

_FILE_MODE = 0o444
_FOLDER_MODE = 0o755  # so that its owner can delete it with 'rm -rf'
_PRIVATE_FILE, _PRIVATE_FOLDER = 0o600, 0o700  # while it is built: nobody else may open an unfinished checkout
_ATTEMPTS = 5  # to replace a damaged checkout while other processes do the same
_CHECKOUT_NAME = re.compile("sha256-[0-9a-f]{64}")
_TEMPORARY_NAME = re.compile(r"\.\d+-[0-9a-f]{16}(-old-\d+)?")
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
    """A checkout in ``folder`` with exactly ``files``, all bytes checked now; returns its path.

    An intact checkout is reused, a damaged one is replaced. ``version`` is the reference for messages. ``building``
    prevents pruning while a checkout is created. Raises `BlobDamaged` if the stored bytes are not those that were
    registered, and OSError.
    """
    checkout = folder / digest.replace(":", "-")
    if _is_intact(checkout, files, advance):
        _check_changed_blobs(store, checkout, version, files)
        return checkout
    with building():
        temporary = folder / f".{os.getpid()}-{os.urandom(8).hex()}"
        try:
            _build(store, temporary, version, files, advance)
            _install(temporary, checkout, files)
        finally:
            _remove(temporary)
    return checkout


def write_blob(
    store: BlobStore, file: ModelFile, target: Path, version: str, advance: Advance | None, mode: int = 0o666
) -> None:
    """Write the checked blob of ``file`` to the new file ``target``, with ``mode`` less the umask.

    Raises `BlobDamaged`. On any exception the caller removes ``target``.
    """
    problem = store.problem(file, thorough=False)
    if problem is not None:
        raise BlobDamaged(version, file.path, problem)
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
    try:
        with store.open(file.digest) as blob:
            is_clone = _try_clone(blob, descriptor)
            source, copy = (descriptor, None) if is_clone else (blob, descriptor)
            digest, _ = copy_and_hash(source, copy, advance)
        if digest != file.digest:
            raise BlobDamaged(version, file.path, store.problem(file) or "damaged while it was read")
    finally:
        os.close(descriptor)


def safe_path(path: str) -> PurePosixPath:
    """A stored path as a file name of this system, checked again before use; raises `CatalogDamaged`.

    Stored paths are UTF-8 in every locale.
    """
    try:
        parse_relative_path(path)
    except ValueError as error:
        raise CatalogDamaged(f"the catalog contains an invalid path: {error}") from error
    return PurePosixPath(os.fsdecode(path.encode()))


@dataclass(frozen=True, slots=True)
class StaleCheckouts:
    """Checkouts that no version needs."""

    stale: list[GarbageCandidate]
    """Checkouts of digests that no version has."""
    unfinished: list[GarbageCandidate]
    """Unfinished checkouts of running and killed processes."""
    foreign: list[GarbageCandidate]
    """Both kinds, owned by other users, who alone can delete them."""


def find_stale_checkouts(folder: Path, digests: Container[Digest]) -> StaleCheckouts:
    """The checkouts in ``folder`` except those of ``digests``; other files are ignored."""
    stale = StaleCheckouts([], [], [])
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            is_temporary = _TEMPORARY_NAME.fullmatch(entry.name) is not None
            if is_temporary or (_CHECKOUT_NAME.fullmatch(entry.name) and entry.name.replace("-", ":") not in digests):
                with suppress(FileNotFoundError):
                    is_own = os.geteuid() in (0, entry.stat(follow_symlinks=False).st_uid)
                    candidates = stale.foreign if not is_own else stale.unfinished if is_temporary else stale.stale
                    candidates.append(_measure(entry.path))
    return stale


def remove_checkouts(candidates: Iterable[GarbageCandidate]) -> None:
    """Delete checkouts, finished or not."""
    for candidate in candidates:
        _remove(Path(candidate.path))


def _measure(path: str) -> GarbageCandidate:
    """A checkout with the size of all its files, and the times of the newest."""
    statuses = [os.lstat(path)]
    for folder in _folders(path):
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if not entry.is_dir(follow_symlinks=False):
                        statuses.append(entry.stat(follow_symlinks=False))
    return GarbageCandidate(
        path,
        sum(status.st_size for status in statuses if not stat.S_ISDIR(status.st_mode)),
        max(status.st_mtime_ns for status in statuses),
        max(status.st_ctime_ns for status in statuses),
    )


def _check_changed_blobs(store: BlobStore, checkout: Path, version: str, files: Sequence[ModelFile]) -> None:
    """Raise `BlobDamaged` for a blob that was damaged after the checkout was created.

    A blob is read only if its file was touched since then: reading all of them would double the time to load.
    """
    created_at = os.stat(checkout).st_ctime_ns
    is_any_touched = False
    for file in files:
        is_touched = store.changed_at(file.digest) >= created_at  # equal too: timestamps are coarse
        problem = store.problem(file, thorough=is_touched)
        if problem is not None:
            raise BlobDamaged(version, file.path, problem)
        is_any_touched = is_any_touched or is_touched
    if is_any_touched:
        with suppress(OSError):  # another member of the group owns it
            os.utime(checkout)


def _is_intact(checkout: Path, files: Sequence[ModelFile], advance: Advance | None = None) -> bool:
    """Whether the checkout has exactly ``files``: regular, with the right bytes, and not writable."""
    expected = {str(checkout / safe_path(file.path)): file for file in files}
    try:
        return _read_only_files(str(checkout)) == set(expected) and all(
            _has_content(path, file, advance) for path, file in expected.items()
        )
    except OSError:
        return False


def _folders(folder: str) -> list[str]:
    """A folder and all folders below it, parents first; not recursive, since they may be nested very deeply."""
    folders = [folder]
    for parent in folders:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(parent) as entries:
            folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return folders


def _read_only_files(folder: str) -> set[str]:
    """The files below ``folder``; raises OSError for a link, a writable file, and a folder that others may write to."""
    paths: set[str] = set()
    _check_permissions(folder, 0o022)
    for parent in _folders(folder):
        with os.scandir(parent) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                _check_permissions(entry.path, 0o022 if is_folder else 0o222)
                if not is_folder:
                    paths.add(entry.path)
    return paths


def _check_permissions(path: str, forbidden: int) -> None:
    """Raise PermissionError for a link, or if the mode has any of the ``forbidden`` bits."""
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode) or mode & forbidden:
        raise PermissionError(path)


def _has_content(path: str, file: ModelFile, advance: Advance | None) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        same_size = stat.S_ISREG(status.st_mode) and status.st_size == file.size
        return same_size and digest_of(descriptor, advance) == file.digest
    finally:
        os.close(descriptor)


def _build(
    store: BlobStore, temporary: Path, version: str, files: Sequence[ModelFile], advance: Advance | None
) -> None:
    make_folder(temporary, _PRIVATE_FOLDER)
    for file in files:
        target = temporary / safe_path(file.path)
        make_folder(target.parent, _PRIVATE_FOLDER)
        write_blob(store, file, target, version, advance, _PRIVATE_FILE)
        change_mode(target, _FILE_MODE)
    for folder in reversed(_folders(str(temporary))):
        change_mode(folder, _FOLDER_MODE)


def _install(temporary: Path, checkout: Path, files: Sequence[ModelFile]) -> None:
    """Rename ``temporary`` to ``checkout``; an intact one of another process is kept, a damaged one removed."""
    for attempt in range(_ATTEMPTS):
        try:
            os.rename(temporary, checkout)
            return
        except OSError:
            if _is_intact(checkout, files):
                return
            if attempt == _ATTEMPTS - 1:
                raise
        old = temporary.with_name(f"{temporary.name}-old-{attempt}")
        with suppress(FileNotFoundError):  # another process removed it just now
            os.rename(checkout, old)
            _remove(old)


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.is_dir():
        with suppress(OSError):  # another member of the group owns it; pruning by that user will delete it
            remove_folder(folder)


def _try_clone(source: int, target: int) -> bool:
    """Make ``target`` a reflink of ``source``, which copies nothing; returns whether the file system could."""
    if sys.platform != "linux":
        return False
    from fcntl import ioctl

    try:
        ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
