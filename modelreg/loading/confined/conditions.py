"""Check the options for running a model: what it may read, the network, and its limits."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypedDict

from modelreg.domain.confinement import Limits, Permissions
from modelreg.errors import InvalidInput, shown
from modelreg.loading.confined.limits import parse_memory, parse_time
from modelreg.loading.confined.mounts import is_below, list_mounts
from modelreg.loading.confined.registry_location import RegistryLocation, get_identity

_MAX_PATHS = 100  # that one model may be allowed to read
_DEVICE_FILE_SYSTEM = "devtmpfs"  # holds the kernel's device files, among them the disks


class ConfinementOptions(TypedDict, total=False):
    """The options for running a model; `Registry.predict` describes them."""

    allow_read: Sequence[str | os.PathLike[str]]
    allow_network: bool
    memory_limit: int | str | None
    time_limit: float | None
    require_sandbox: bool


@dataclass(frozen=True, slots=True)
class RunConditions:
    """Permissions and limits of one run."""

    permissions: Permissions
    limits: Limits
    is_required: bool
    """Whether to refuse to run the model where it cannot be fully confined."""
    granted: tuple[int, ...]
    """Open descriptors of the paths in ``permissions``; empty on systems without ``O_PATH``."""

    @classmethod
    @contextmanager
    def open(cls, options: ConfinementOptions, registry: str) -> Iterator[RunConditions]:
        """Check the options, and open the paths in them.

        Each path is opened once, here: the model can read exactly what is checked here and written into the journal.
        Raises `InvalidInput` for a path that does not exist or that a model may not read, and for an invalid limit.
        """
        paths = options.get("allow_read", ())
        if isinstance(paths, (str, os.PathLike)):
            paths = [paths]
        if len(paths) > _MAX_PATHS:
            raise InvalidInput(f"{len(paths)} paths are too many: a model may read at most {_MAX_PATHS}")
        limits = Limits(parse_memory(options.get("memory_limit")), parse_time(options.get("time_limit")))
        with ExitStack() as files:
            opened = [_open_path(path, files) for path in paths]
            permissions = Permissions(tuple(name for name, _ in opened), options.get("allow_network", False))
            granted = tuple(descriptor for _, descriptor in opened if descriptor is not None)
            for path, descriptor in zip(paths, granted, strict=False):
                _check_may_be_allowed(path, descriptor, registry)
            yield cls(permissions, limits, options.get("require_sandbox", False), granted)


def _open_path(path: str | os.PathLike[str], files: ExitStack) -> tuple[str, int | None]:
    """The real path, and a descriptor of it; raises `InvalidInput`."""
    text = shown(os.fspath(path))
    if not os.fspath(path) or not os.path.exists(path):
        raise InvalidInput(f"there is no folder or file {text} for the model to read")
    if not hasattr(os, "O_PATH"):
        return os.path.realpath(path), None
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        files.callback(os.close, descriptor)
        real_path = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError as error:
        raise InvalidInput(f"{text} could not be opened for the model: {error.strerror}") from error
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)) or not os.path.isabs(real_path):
        raise InvalidInput(f"{text} is neither a folder nor a regular file")
    return real_path, descriptor


def _check_may_be_allowed(path: str | os.PathLike[str], descriptor: int, registry: str) -> None:
    """Raise `InvalidInput` for a path that is, is inside or contains the registry, or that holds device files."""
    if not os.path.isdir(registry):  # reported when the version is looked up
        return
    try:
        location, real_path = RegistryLocation.find(registry), os.readlink(f"/proc/self/fd/{descriptor}")
        is_inside, is_around = location.contains(descriptor), get_identity(os.fstat(descriptor)) in location.parents
    except OSError as error:
        raise InvalidInput(f"{shown(os.fspath(path))} could not be opened for the model: {error.strerror}") from error
    device_folders = [mount.path for mount in list_mounts() if mount.file_system == _DEVICE_FILE_SYSTEM]
    if is_inside:
        problem = "is inside the registry, which models may not read"
    elif is_around:
        problem = "contains the registry, which models may not read"
    elif any(is_below(real_path, folder) or is_below(folder, real_path) for folder in device_folders):
        problem = "contains device files, such as disks"
    else:
        return
    raise InvalidInput(f"{shown(os.fspath(path))} {problem}", "allow only the folders and files that the model needs")
