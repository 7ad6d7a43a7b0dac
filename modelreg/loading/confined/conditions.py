"""Under which conditions a model runs, as they are asked for, checked at the border."""

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
from modelreg.loading.confined.mounts import is_below, mounts
from modelreg.loading.confined.places import RegistryPlaces, identity

_MOST_PATHS = 100  # that one model may be allowed to read
_DEVICES = "devtmpfs"  # the file system of the kernel's devices, among them the disks


class ConfinementOptions(TypedDict, total=False):
    """What may be asked for where a model is run; `Registry.predict` says what each means."""

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
    """Whether the model is not to run unless it can be confined."""
    granted: tuple[int, ...]
    """Open descriptors of the paths in ``permissions``; none where the system has no such descriptors."""

    @classmethod
    @contextmanager
    def checked(cls, options: ConfinementOptions, registry: str) -> Iterator[RunConditions]:
        """Raises `InvalidInput` for a path that is not there or may not be read by a model, or a limit that is none.

        Paths are opened once, here, so that what is checked and written into the journal is what the model may read.
        """
        paths = options.get("allow_read", ())
        if isinstance(paths, (str, os.PathLike)):
            paths = [paths]
        if len(paths) > _MOST_PATHS:
            raise InvalidInput(f"a model may be allowed to read {_MOST_PATHS} folders or files at most")
        limits = Limits(parse_memory(options.get("memory_limit")), parse_time(options.get("time_limit")))
        with ExitStack() as opened:
            found = [_existing(path, opened) for path in paths]
            permissions = Permissions(tuple(name for name, _ in found), options.get("allow_network", False))
            granted = tuple(descriptor for _, descriptor in found if descriptor is not None)
            for path, descriptor in zip(paths, granted, strict=False):
                _require_grantable(path, descriptor, registry)
            yield cls(permissions, limits, options.get("require_sandbox", False), granted)


def _existing(path: str | os.PathLike[str], opened: ExitStack) -> tuple[str, int | None]:
    """The real path, and a descriptor of it."""
    if not os.fspath(path) or not os.path.exists(path):
        raise InvalidInput(f"there is no folder or file {shown(os.fspath(path))} to be read by the model")
    if not hasattr(os, "O_PATH"):
        return os.path.realpath(path), None
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        opened.callback(os.close, descriptor)
        name = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError as error:
        raise InvalidInput(f"{shown(os.fspath(path))} cannot be read by the model: {error.strerror}") from error
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)) or not os.path.isabs(name):
        raise InvalidInput(f"{shown(os.fspath(path))} is neither a folder nor a file")
    return name, descriptor


def _require_grantable(path: str | os.PathLike[str], descriptor: int, registry: str) -> None:
    """Raise `InvalidInput` for what is the registry, lies in it, contains it, or contains the disk that it is on."""
    if not os.path.isdir(registry):  # which is said where a version is looked for
        return
    try:
        places, name = RegistryPlaces.of(registry), os.readlink(f"/proc/self/fd/{descriptor}")
        is_inside, is_around = places.contains(descriptor), identity(os.fstat(descriptor)) in places.around
    except OSError as error:
        raise InvalidInput(f"{shown(os.fspath(path))} cannot be read by the model: {error.strerror}") from error
    devices = [mount.point for mount in mounts() if mount.kind == _DEVICES]
    if is_inside:
        problem = "is in the registry, which a model may not read"
    elif is_around:
        problem = "contains the registry, which a model may not read"
    elif any(is_below(name, point) or is_below(point, name) for point in devices):
        problem = "contains devices, such as disks"
    else:
        return
    raise InvalidInput(f"{shown(os.fspath(path))} {problem}", "allow only the folders and files that the model needs")
