"""The registry folder: finding it, creating it, and its two locks."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from modelreg.domain.stages import RULES, StageRules
from modelreg.errors import (
    CatalogDamaged,
    Conflict,
    InvalidInput,
    RegistryNotFound,
    StorageFailure,
    UnsafeRegistry,
    UnusableFolder,
    quoted,
    shown,
)
from modelreg.store import safety
from modelreg.store.catalog import Catalog
from modelreg.store.safety import CATALOG_FILES, LOCKS, OWN_NAMES, UNFINISHED_BACKUP, UNFINISHED_RESTORATION
from modelreg.system.files import change_mode, check_local_path, make_folder, open_or_make_file

if TYPE_CHECKING:
    from modelreg.domain.journal import Actor
    from modelreg.store.artifacts.blobs import BlobStore

FOLDER_NAME = ".modelreg"
ENVIRONMENT = "MODELREG_HOME"
SHARED = "shared"
"""The setting that marks a registry for a group: ``yes``."""

SANDBOX, REQUIRED, OPTIONAL = "sandbox", "required", "optional"
"""The setting that says whether models may run without a sandbox, and its two values; the default is optional."""


def find_registry_folder(explicit: Path | None) -> Path:
    """The folder given, else ``$MODELREG_HOME``, else the nearest ``.modelreg`` upwards, else the user's data folder.

    It need not exist. Raises `UnsafeRegistry` if the nearest ``.modelreg`` belongs to another user and was not
    created for a group of the caller: anyone who may write to a parent folder could have put it there.
    """
    named = explicit or os.environ.get(ENVIRONMENT)
    if named:
        check_local_path(named)
        return _expand_user(Path(named))
    for parent in _list_current_folder_and_parents():
        folder = parent / FOLDER_NAME
        if _is_folder(folder):
            if not (_belongs_to_caller(folder) or _is_shared_with_caller(folder)):
                raise UnsafeRegistry(
                    f"{shown(str(folder))} belongs to another user",
                    f"if you trust it, use it explicitly: --registry {quoted(folder)}",
                )
            return folder
    try:
        return _get_user_data_folder()
    except RuntimeError as error:
        raise UnusableFolder(
            "no registry was chosen, and this user has no home folder for a default registry",
            "choose one with --registry DIR or MODELREG_HOME",
        ) from error


def _get_user_data_folder() -> Path:
    """The default registry folder outside a project; raises RuntimeError for a user without a home folder."""
    from platformdirs import user_data_path

    return user_data_path("modelreg", appauthor=False)


def absolute_path(path: Path) -> Path:
    """``path`` made absolute; raises `UnusableFolder` if it is relative and the current folder was deleted."""
    try:
        return path.absolute()
    except FileNotFoundError as error:
        raise UnusableFolder(
            f"{shown(str(path))} is relative to the current folder, which was deleted",
            "give the absolute path, or change to another folder",
        ) from error


def _expand_user(path: Path) -> Path:
    """``path`` with ``~`` expanded; raises `InvalidInput` for an unknown user and for a NUL byte."""
    if "\0" in str(path):
        raise InvalidInput(f"{shown(str(path))} contains a NUL byte, which no path may", "give the path of a folder")
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise InvalidInput(
            f"{shown(str(path))} names the home folder of a user who does not exist or has none",
            "give the absolute path, or start with ./~ for a folder of that name",
        ) from error


class RegistryFolder:
    """One registry folder: its paths, its locks, its catalog and its blob store."""

    def __init__(self, path: Path, lock_timeout: float) -> None:
        self.path = path
        self.lock_timeout = lock_timeout
        """How long to wait for a lock, in seconds."""

    @property
    def artifacts(self) -> BlobStore:
        """The content-addressed blob store."""
        from modelreg.store.artifacts.blobs import BlobStore  # hashing and threads: not needed for listing

        return BlobStore(self.path / "artifacts")

    @property
    def catalog(self) -> Catalog:
        """The catalog; changed under this folder's write lock."""
        return Catalog(self.path / "catalog.db", self.writing, self.lock_timeout, _current_actor)

    @property
    def checkouts(self) -> Path:
        """The folder for checkouts: in the registry, or in the user's cache if the registry is read-only."""
        checkouts = self.path / "checkouts"
        if not checkouts.exists() and os.access(self.path, os.W_OK):  # users may delete it at any time
            _make_folder(checkouts, self.is_shared())
        if os.access(checkouts, os.W_OK):
            return checkouts
        from platformdirs import user_cache_path

        try:
            cache = user_cache_path("modelreg", appauthor=False)
        except RuntimeError as error:
            raise StorageFailure(
                f"{shown(str(checkouts))} is not writable, and this user has no home folder with a cache for checkouts",
                "choose a cache folder with XDG_CACHE_HOME",
            ) from error
        make_folder(cache)
        return cache

    def writing(self) -> AbstractContextManager[None]:
        """Hold the write lock: needed to change the catalog."""
        from modelreg.system.locks import locked

        return locked(self.path / "write.lock", self.lock_timeout)

    def ingesting(self) -> AbstractContextManager[None]:
        """Hold the prune lock, shared: any number of processes may add blobs, and none may delete any."""
        from modelreg.system.locks import locked

        return locked(self.path / "prune.lock", self.lock_timeout, shared=True)

    def pruning(self) -> AbstractContextManager[None]:
        """Hold the prune lock, exclusively: needed to delete blobs, while nobody adds or copies any."""
        from modelreg.system.locks import locked

        return locked(self.path / "prune.lock", self.lock_timeout)

    def preventing_pruning(self) -> AbstractContextManager[None]:
        """Hold the prune lock, shared, while blobs are read; a reader who may not open the lock goes without it."""
        lock = self.path / "prune.lock"
        if os.access(lock, os.R_OK) or (not os.path.lexists(lock) and os.access(self.path, os.W_OK)):
            return self.ingesting()
        return nullcontext()

    def check(self) -> None:
        """Raise unless this is a registry that only the right people may write to.

        Raises `RegistryNotFound` if nothing is there, `CatalogDamaged` if there are files but no catalog, and
        `UnsafeRegistry` if others may write to it.
        """
        if not self.catalog.path.is_file():
            self._wait_for_restoration()
        if not self.catalog.path.is_file():
            if (self.path / UNFINISHED_RESTORATION).exists():
                raise CatalogDamaged(
                    f"the restoration into {shown(str(self.path))} is not finished, so there is no catalog yet",
                    "run the same 'modelreg restore' again: it continues where it stopped",
                )
            if (self.path / UNFINISHED_BACKUP).exists():
                raise CatalogDamaged(
                    f"{shown(str(self.path))} is an unfinished backup, and cannot be used yet",
                    f"complete it: run 'modelreg backup {quoted(self.path)}' on the original registry again",
                )
            if self._must_have_catalog():
                problem = "is not a file" if self.catalog.path.exists() else "is missing, but its other files are there"
                raise CatalogDamaged(
                    f"{shown(str(self.catalog.path))} {problem}; nothing was changed",
                    "restore it from a backup: modelreg restore DIR",
                )
            raise RegistryNotFound(self.path, is_last_resort=self._is_user_default())
        safety.check_before_using(self.path, self.is_shared)

    def create(self, *, shared: bool = False, rules: StageRules | None = None) -> bool:
        """Create the registry unless it exists; returns whether it was created now.

        ``shared`` makes it writable for its group. ``rules`` are its stage rules; None accepts those of an existing
        registry, and means the strict rules for a new one. Raises what `check` raises, `UnusableFolder` for a folder
        with other files, and `Conflict` if the existing registry was created with other options.
        """
        if os.path.lexists(self.catalog.path) or self._must_have_catalog():
            self._check_options(shared, rules)
            return False
        safety.check_no_foreign_files(self.path)
        safety.check_before_creating(self.path)
        _make_folder(self.path, shared)
        with self.writing():
            if os.path.lexists(self.catalog.path):  # another process was first
                self._check_options(shared, rules)
                return False
            file_mode = self.create_layout(shared=shared)
            settings = {SHARED: "yes"} if shared else {}
            if rules not in (None, StageRules.STRICT):
                settings[RULES] = str(rules)
            self.catalog.create(file_mode, settings)
            (self.path / UNFINISHED_RESTORATION).unlink(missing_ok=True)  # left by one killed before its first file
        return True

    def _wait_for_restoration(self) -> None:
        """Wait for a running restoration that has not put its catalog in place; raises `LockTimeout`."""
        if (self.path / UNFINISHED_RESTORATION).exists():
            with suppress(PermissionError), self.writing():  # a reader without write permission does not wait
                pass

    def create_layout(self, *, shared: bool) -> int:
        """Create every missing file and folder except the catalog; returns the mode for files.

        The caller holds the write lock, and has called `safety.check_before_creating`.
        """
        from modelreg.system.locks import mode_in

        mode = _make_folder(self.path, shared)
        self.artifacts.create(mode)
        _make_folder(self.path / "checkouts", shared)
        file_mode = mode & 0o666
        for name in LOCKS:
            os.close(_open_own_file(self.path / name, mode_in(self.path)))
        with os.fdopen(_open_own_file(self.path / ".gitignore", file_mode), "w") as file:
            file.truncate()
            file.write("*\n")
        return file_mode

    def file_mode(self) -> int:
        """The mode for files: the folder's own permissions to read and write."""
        return self.path.stat().st_mode & 0o666

    def has_only_locks(self) -> bool:
        """Whether the folder contains nothing of a registry except its locks; the caller holds both."""
        return not any(name in OWN_NAMES - LOCKS or name in CATALOG_FILES for name in os.listdir(self.path))

    def remove_layout(self) -> None:
        """Undo `create_layout` in a folder that had only locks, and keep these; the caller holds both."""
        for name in OWN_NAMES - LOCKS:
            path = self.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def is_shared(self) -> bool:
        """Whether the registry was created for a group."""
        with self.catalog.reading() as catalog:
            return catalog.setting(SHARED) == "yes"

    def requires_sandbox(self) -> bool:
        """Whether models may run only in a sandbox."""
        with self.catalog.reading() as catalog:
            return catalog.setting(SANDBOX) == REQUIRED

    def _must_have_catalog(self) -> bool:
        """Whether a missing catalog is damage: there are blobs, a link in its place, or a copy kept by a migration."""
        return (
            os.path.lexists(self.catalog.path)
            or not self.artifacts.is_empty()
            or next(self.path.glob("catalog-schema-*.db"), None) is not None
        )

    def _check_options(self, shared: bool, rules: StageRules | None) -> None:
        """Raise unless this is a sound registry, for a group if ``shared``, and with ``rules`` unless None."""
        self.check()
        with self.catalog.reading() as catalog:
            existing_rules = catalog.rules
        if rules not in (None, existing_rules):
            raise Conflict(
                f"{shown(str(self.path))} is already a registry, and was created with the stage rules {existing_rules}",
                "they cannot be changed; create another registry",
                code="registry_exists",
            )
        if shared > self.is_shared():
            raise Conflict(
                f"{shown(str(self.path))} is already a registry, and was not created for a group",
                "create another one for the group with --registry",
                code="registry_exists",
            )

    def _is_user_default(self) -> bool:
        try:
            return self.path == _get_user_data_folder()
        except RuntimeError:
            return False


def _current_actor() -> Actor:
    from modelreg.store.actor import current_actor  # only needed to write

    return current_actor()


def _list_current_folder_and_parents() -> tuple[Path, ...]:
    try:
        current = Path.cwd()
    except FileNotFoundError:  # it was deleted
        return ()
    return current, *current.parents


def _is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder; False if the caller may not look."""
    try:
        return path.is_dir()
    except PermissionError:
        return False


def _belongs_to_caller(folder: Path) -> bool:
    """Whether the caller owns the folder, and also the link if it is one."""
    return {folder.stat().st_uid, folder.lstat().st_uid} == {os.geteuid()}


def _is_shared_with_caller(path: Path) -> bool:
    """Whether ``path`` is a shared registry of one of the caller's groups; a link, which anyone can make, is not."""
    status, folder = path.lstat(), RegistryFolder(path, 0)
    if not stat.S_ISDIR(status.st_mode) or status.st_gid not in {os.getegid(), *os.getgroups()}:
        return False
    return os.path.lexists(folder.catalog.path) and folder.is_shared()


def _open_own_file(path: Path, mode: int) -> int:
    """Open or create a regular file with ``mode``; returns the descriptor."""
    descriptor = open_or_make_file(path, mode)
    change_mode(descriptor, mode)  # refused if another member of the group created it
    return descriptor


def _make_folder(path: Path, shared: bool) -> int:
    """Create a folder that its owner can use and others can read, as far as the umask allows; returns its mode."""
    make_folder(path)
    allowed = stat.S_IMODE(path.stat().st_mode) | 0o700
    mode = (allowed | 0o2770) & 0o2775 if shared else allowed & 0o755
    if stat.S_IMODE(path.stat().st_mode) != mode:  # in a group's registry only the owner may change it
        change_mode(path, mode)
    return mode
