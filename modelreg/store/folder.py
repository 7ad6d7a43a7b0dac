"""The registry folder: finding it, making it, refusing an unsafe one, and its two locks."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from modelreg.domain.stages import RULES, StageRules
from modelreg.errors import (
    CatalogDamaged,
    InvalidInput,
    RegistryExists,
    RegistryNotFound,
    StorageFailure,
    UnsafeRegistry,
    UnusableFolder,
    quoted,
    shown,
)
from modelreg.store.catalog import Catalog
from modelreg.system.files import change_mode, find_obstacle, make_folder, open_or_make_file, refuse_address

if TYPE_CHECKING:
    from modelreg.domain.journal import Actor
    from modelreg.store.artifacts.blobs import BlobStore

FOLDER_NAME = ".modelreg"
ENVIRONMENT = "MODELREG_HOME"
SHARED = "shared"
"""The setting that says that a registry was made for a group."""

SANDBOX, REQUIRED, OPTIONAL = "sandbox", "required", "optional"
"""The setting that says whether models run only where they can be confined, and its values; optional unless set."""

LOCKS = {"write.lock", "prune.lock"}
"""They are never deleted: another process may wait for one."""
UNFINISHED_RESTORATION = "unfinished-restoration"
"""The file that tells a restoration that has not put a catalog in place from a registry that lost its catalog."""
_OWN_NAMES = {"artifacts", "checkouts", ".gitignore", UNFINISHED_RESTORATION, *LOCKS}
UNFINISHED = "unfinished-backup"
"""The file that tells a backup that has no catalog yet from a registry that lost its catalog."""

_FOLDERS = ("artifacts", "artifacts/blobs", "artifacts/blobs/sha256", "artifacts/ingest", "checkouts")
_FILES = ("write.lock", "prune.lock", ".gitignore", "artifacts/oci-layout", "artifacts/index.json")
_CATALOG = ("catalog.db", "catalog.db-journal", "catalog.db-wal", "catalog.db-shm")
"""With `_FOLDERS` and `_FILES`, what is written to: nothing there leads elsewhere, and nothing is of another kind."""
_PRIVATE = {"catalog.db", *_FOLDERS}
"""Where nobody else may write."""


def find_home(explicit: Path | None) -> Path:
    """The registry folder: as given, else ``$MODELREG_HOME``, else the nearest ``.modelreg``, else the user's own.

    It need not exist. Raises `UnsafeRegistry` for a ``.modelreg`` of somebody else that was not made for a group:
    whoever may write above the current folder could have put it there.
    """
    named = explicit or os.environ.get(ENVIRONMENT)
    if named:
        refuse_address(named)
        return _expanded(Path(named))
    for folder in _here_and_above():
        found = folder / FOLDER_NAME
        if _is_folder(found):
            if not (_is_of_caller(found) or _is_made_for_a_group_of_caller(found)):
                raise UnsafeRegistry(
                    f"{shown(str(found))} belongs to another user",
                    f"if you trust it, name it: --registry {quoted(found)}",
                )
            return found
    try:
        return _folder_of_user()
    except RuntimeError as error:
        raise UnusableFolder(
            "no registry is named, and this user has no home folder to keep one in",
            "name one with --registry DIR or MODELREG_HOME",
        ) from error


def _folder_of_user() -> Path:
    """Where a registry is that no project keeps; raises RuntimeError for a user without a home folder."""
    from platformdirs import user_data_path

    return user_data_path("modelreg", appauthor=False)


def absolute(path: Path) -> Path:
    """``path`` from the root on; raises `UnusableFolder` where it starts in a current folder that was deleted."""
    try:
        return path.absolute()
    except FileNotFoundError as error:
        raise UnusableFolder(
            f"{shown(str(path))} starts in the current folder, which was deleted",
            "name the whole path, or go elsewhere",
        ) from error


def _expanded(path: Path) -> Path:
    """``path`` with ``~`` as the home folder of its user; raises `InvalidInput` where there is no such user."""
    if "\0" in str(path):
        raise InvalidInput(f"{shown(str(path))} holds NUL, which no path does", "name a folder")
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise InvalidInput(
            f"{shown(str(path))} names the home folder of a user who has none, or is not there",
            "write the whole path, or ./~ for a folder of that name",
        ) from error


class RegistryFolder:
    """The places and locks of one registry folder; no dataclass, which would take each command half a millisecond."""

    def __init__(self, path: Path, lock_timeout: float) -> None:
        self.path = path
        self.lock_timeout = lock_timeout
        """Seconds to wait for a lock at most."""

    @property
    def artifacts(self) -> BlobStore:
        """The content-addressed store."""
        from modelreg.store.artifacts.blobs import (
            BlobStore,  # with hashing and threads: what only lists needs none of it
        )

        return BlobStore(self.path / "artifacts")

    @property
    def catalog(self) -> Catalog:
        """The catalog, written under this folder's write lock."""
        return Catalog(self.path / "catalog.db", self.writing, self.lock_timeout, _actor)

    @property
    def checkouts(self) -> Path:
        """Where checkouts go: into the registry, or into the user's cache where that cannot be written."""
        own = self.path / "checkouts"
        if not own.exists() and os.access(self.path, os.W_OK):  # it may be deleted at any time
            _make_folder(own, self.is_shared())
        if os.access(own, os.W_OK):
            return own
        from platformdirs import user_cache_path

        try:
            cache = user_cache_path("modelreg", appauthor=False)
        except RuntimeError as error:
            raise StorageFailure(
                f"{shown(str(own))} cannot be written, and this user has no home folder with a cache for checkouts",
                "name a folder with XDG_CACHE_HOME",
            ) from error
        make_folder(cache)
        return cache

    def writing(self) -> AbstractContextManager[None]:
        """The lock under which the catalog is changed."""
        from modelreg.system.locks import locked

        return locked(self.path / "write.lock", self.lock_timeout)

    def ingesting(self) -> AbstractContextManager[None]:
        """The lock that keeps cleaning away while files come in; any number of processes hold it at once."""
        from modelreg.system.locks import locked

        return locked(self.path / "prune.lock", self.lock_timeout, shared=True)

    def pruning(self) -> AbstractContextManager[None]:
        """The lock under which stored bytes are taken away: nothing comes in, and nothing is copied meanwhile."""
        from modelreg.system.locks import locked

        return locked(self.path / "prune.lock", self.lock_timeout)

    def keeping_still(self) -> AbstractContextManager[None]:
        """Let nothing be pruned while it is read; whoever may not open the lock reads without it."""
        lock = self.path / "prune.lock"
        if os.access(lock, os.R_OK) or (not os.path.lexists(lock) and os.access(self.path, os.W_OK)):
            return self.ingesting()
        return nullcontext()

    def require(self) -> None:
        """Raise unless this is a registry, and one that only the right people may write to.

        `RegistryNotFound` when there is nothing, `CatalogDamaged` when there are files and no catalog,
        `UnsafeRegistry` when others may write to it.
        """
        if not self.catalog.path.is_file():
            self._wait_for_restoration()
        if not self.catalog.path.is_file():
            if (self.path / UNFINISHED_RESTORATION).exists():
                raise CatalogDamaged(
                    f"the restoration into {shown(str(self.path))} is not finished, so there is no catalog yet",
                    "run the same 'modelreg restore' again, which completes it",
                )
            if (self.path / UNFINISHED).exists():
                raise CatalogDamaged(
                    f"{shown(str(self.path))} is an unfinished backup, and cannot be used yet",
                    f"run 'modelreg backup {quoted(self.path)}' of its registry again, which completes it",
                )
            if self._had_a_catalog():
                gone = "is no file" if self.catalog.path.exists() else "is missing, though files are stored beside it"
                raise CatalogDamaged(
                    f"{shown(str(self.catalog.path))} {gone}; nothing was changed",
                    "'modelreg restore DIR' brings it back from a backup",
                )
            raise RegistryNotFound(self.path, is_last_resort=self._is_of_user())
        self._refuse_unsafe()

    def create(self, *, shared: bool = False, rules: StageRules | None = None) -> bool:
        """Make the registry unless it is there; returns whether it was made now.

        ``shared`` makes it writable for its group; ``rules`` are those for stages, strict ones unless said. Raises
        what `require` raises, `UnusableFolder` for a folder that holds other things, and `RegistryExists` when one is
        there that was made in another way.
        """
        if os.path.lexists(self.catalog.path) or self._had_a_catalog():
            self._require_kind(shared, rules)
            return False
        self.refuse_foreign_folder()
        self.refuse_odd_places()
        _make_folder(self.path, shared)
        with self.writing():
            if os.path.lexists(self.catalog.path):  # another process was first
                self._require_kind(shared, rules)
                return False
            file_mode = self.make_places(shared=shared)
            self.catalog.create(file_mode, _settings(shared, rules))
            (self.path / UNFINISHED_RESTORATION).unlink(missing_ok=True)  # of one that was killed before its first file
        return True

    def _wait_for_restoration(self) -> None:
        """Wait while a restoration runs that has not put a catalog in place yet; raises `LockTimeout`."""
        if (self.path / UNFINISHED_RESTORATION).exists():
            with suppress(PermissionError), self.writing():  # who may not write does not wait
                pass

    def make_places(self, *, shared: bool) -> int:
        """Make everything but the catalog, as far as it is not there; returns the mode that files have.

        Call it under the registry's write lock, after `refuse_odd_places`.
        """
        from modelreg.system.locks import mode_in

        mode = _make_folder(self.path, shared)
        self.artifacts.create(mode)
        _make_folder(self.path / "checkouts", shared)
        file_mode = mode & 0o666
        for name in LOCKS:
            os.close(_own_file(self.path / name, mode_in(self.path)))
        _write_ignore_file(self.path / ".gitignore", file_mode)
        return file_mode

    def file_mode(self) -> int:
        """The mode of files in the folder: others may do with them what they may do with the folder."""
        return self.path.stat().st_mode & 0o666

    def is_bare(self) -> bool:
        """Whether nothing of a registry is in the folder but its locks; ask under them."""
        return not any(name in _OWN_NAMES - LOCKS or name in _CATALOG for name in os.listdir(self.path))

    def unmake(self) -> None:
        """Remove what `make_places` made, but for the locks, in a folder that was bare; call it under both locks."""
        for name in _OWN_NAMES - LOCKS:
            path = self.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def is_shared(self) -> bool:
        """Whether the registry was made for a group."""
        with self.catalog.reading() as snapshot:
            return snapshot.setting(SHARED) == "yes"

    def requires_sandbox(self) -> bool:
        """Whether models run only where they can be confined."""
        with self.catalog.reading() as snapshot:
            return snapshot.setting(SANDBOX) == REQUIRED

    def _had_a_catalog(self) -> bool:
        """Whether there must be a catalog: files are stored, a link is in its place, or a migration kept a copy."""
        return (
            os.path.lexists(self.catalog.path)
            or not self.artifacts.is_empty()
            or next(self.path.glob("catalog-schema-*.db"), None) is not None
        )

    def _require_kind(self, shared: bool, rules: StageRules | None) -> None:
        """Raise unless this is a sound registry and, when ``shared``, one for a group, with ``rules`` if given."""
        self.require()
        with self.catalog.reading() as snapshot:
            present = snapshot.rules
        if rules not in (None, present):
            raise RegistryExists(
                f"{shown(str(self.path))} is a registry already, and was made with the stages {present}",
                "the choice is for good; make another registry",
            )
        if shared > self.is_shared():
            raise RegistryExists(
                f"{shown(str(self.path))} is a registry already, and was not made for a group",
                "make a new one for the group with --registry",
            )

    def refuse_odd_places(self, *, catalog_too: bool = True) -> None:
        """Raise `UnsafeRegistry` where a link, or what is of another kind, stands in the place of what is written to.

        A folder that others had a hand in, such as a clone, may have brought it.
        """
        for path, mode in self._places((*_FOLDERS, *_FILES, *(_CATALOG if catalog_too else ()))):
            self._refuse_link(path, mode)
            if self._is_odd(path, mode):
                raise UnsafeRegistry(
                    f"{shown(str(path))} is no {self._kind(path)}, and a registry needs one there; nothing was changed",
                    "take it away, or name another folder with --registry",
                )

    def _refuse_unsafe(self) -> None:
        for path, mode in self._places((*_FOLDERS, *_FILES, *_CATALOG)):
            self._refuse_link(path, mode)
            if self._is_odd(path, mode):
                raise CatalogDamaged(
                    f"{shown(str(path))} is no {self._kind(path)}, and is in the way of one; nothing was changed",
                    "take it away",
                )
            if path == self.path or str(path.relative_to(self.path)) in _PRIVATE:
                self._refuse_writers(path, mode)

    def _places(self, names: Iterable[str]) -> Iterator[tuple[Path, int]]:
        """The folder and what of these is in it, with modes."""
        for path in (self.path, *(self.path / name for name in names)):
            try:
                yield path, (path.stat() if path == self.path else path.lstat()).st_mode
            except FileNotFoundError:  # damage, which whoever needs it will name
                continue

    def _kind(self, path: Path) -> str:
        return "folder" if path == self.path or str(path.relative_to(self.path)) in _FOLDERS else "file"

    def _is_odd(self, path: Path, mode: int) -> bool:
        return not (stat.S_ISDIR(mode) if self._kind(path) == "folder" else stat.S_ISREG(mode))

    def _refuse_link(self, path: Path, mode: int) -> None:
        if stat.S_ISLNK(mode):
            raise UnsafeRegistry(
                f"{shown(str(path))} is a link, and what it leads to is not part of the registry",
                "put what belongs there into its place; the registry's folder itself may be reached by a link",
            )

    def _refuse_writers(self, path: Path, mode: int) -> None:
        if mode & stat.S_IWOTH:
            raise UnsafeRegistry(
                f"everybody may write to {shown(str(path))}, so nothing in it can be trusted",
                f"chmod o-w {quoted(path)}",
            )
        if mode & stat.S_IWGRP and not self.is_shared():
            raise UnsafeRegistry(
                f"the group may write to {shown(str(path))}, and the registry was not made for a group",
                f"chmod g-w {quoted(path)}, or make one with 'modelreg init --shared'",
            )

    def _is_of_user(self) -> bool:
        try:
            return self.path == _folder_of_user()
        except RuntimeError:
            return False

    def refuse_foreign_folder(self) -> None:
        """Raise `UnusableFolder` for a folder that holds what is not of a registry."""
        obstacle = find_obstacle(self.path)
        if obstacle is not None:
            raise UnusableFolder(f"{shown(str(obstacle))} is not a folder", "name another with --registry")
        if not os.path.lexists(self.path):
            return
        # the catalog's own temporaries come and go while another process makes the registry
        foreign = [
            name
            for name in os.listdir(self.path)
            if name not in _OWN_NAMES and not name.lstrip(".").startswith("catalog")
        ]
        if foreign:
            raise UnusableFolder(
                f"{shown(str(self.path))} is no registry and holds other files, such as {shown(foreign[0])}",
                "name an empty folder or a new one with --registry",
            )


def _settings(shared: bool, rules: StageRules | None) -> dict[str, str]:
    """What differs from what a registry is unless something is said."""
    settings = {SHARED: "yes"} if shared else {}
    return settings if rules in (None, StageRules.STRICT) else settings | {RULES: str(rules)}


def _actor() -> Actor:
    from modelreg.store.actor import current_actor  # what only reads needs to know nobody

    return current_actor()


def _here_and_above() -> tuple[Path, ...]:
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the current folder was deleted
        return ()
    return here, *here.parents


def _is_folder(path: Path) -> bool:
    """Whether a folder is there, as far as the caller may look."""
    try:
        return path.is_dir()
    except PermissionError:
        return False


def _is_of_caller(folder: Path) -> bool:
    """Whether the folder is the caller's own, and a link that leads to it is, too."""
    return {folder.stat().st_uid, folder.lstat().st_uid} == {os.geteuid()}


def _is_made_for_a_group_of_caller(folder: Path) -> bool:
    """Whether the folder is a registry for a group that the caller is in; a link may lead anywhere, and is none."""
    status, home = folder.lstat(), RegistryFolder(folder, 0)
    if not stat.S_ISDIR(status.st_mode) or status.st_gid not in {os.getegid(), *os.getgroups()}:
        return False
    return os.path.lexists(home.catalog.path) and home.is_shared()


def _own_file(path: Path, mode: int) -> int:
    """A descriptor of a regular file of ours, which is made if need be, with this mode."""
    descriptor = open_or_make_file(path, mode)
    change_mode(descriptor, mode)  # refused where another member of the group made it
    return descriptor


def _write_ignore_file(path: Path, mode: int) -> None:
    """Tell git to leave the folder alone: models are no source code."""
    with os.fdopen(_own_file(path, mode), "w") as file:
        file.truncate()
        file.write("*\n")


def _make_folder(path: Path, shared: bool) -> int:
    """Make a folder that its owner can use and others, as the umask lets them, can read; returns its mode."""
    make_folder(path)
    allowed = stat.S_IMODE(path.stat().st_mode) | 0o700
    mode = (allowed | 0o2770) & 0o2775 if shared else allowed & 0o755
    if stat.S_IMODE(path.stat().st_mode) != mode:  # which in a group registry its owner alone may change
        change_mode(path, mode)
    return mode
