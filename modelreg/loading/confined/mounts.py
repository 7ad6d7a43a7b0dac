"""List the mounted file systems: bind mounts can make the registry's folder reachable under several paths."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_OCTAL_ESCAPE = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of ``/proc/self/mountinfo`` (proc(5))."""

    mount_id: int
    device: str
    """``major:minor``; two mounts of the same file system have the same device."""
    root: str
    """The folder of the file system that is mounted."""
    path: str
    """The mount point."""
    file_system: str
    """The file system type, such as ``ext4``."""


def list_mounts() -> list[Mount]:
    """List all mounts that this process sees; the list is empty without ``/proc``."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            return [_parse_mount(line) for line in file]
    except OSError:
        return []


def find_paths(descriptor: int, mounts: Sequence[Mount]) -> Iterator[str]:
    """Find all paths at which an open file or folder, or a part of it, is reachable; the path it has now comes first.

    Raises OSError without ``/proc``.
    """
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    yield path
    mount_id = _get_mount_id(descriptor)
    # (mount, location inside its file system): mounts below the folder, then the mount that holds the folder itself
    parts = [(mount, mount.root) for mount in mounts if is_below(mount.path, path)]
    parts += [(mount, _rebase(path, mount.path, mount.root)) for mount in mounts if mount.mount_id == mount_id]
    for part, location in parts:
        for mount in mounts:
            if mount.device != part.device:
                continue
            if is_below(mount.root, location):
                yield mount.path
            elif is_below(location, mount.root):
                yield _rebase(location, mount.root, mount.path)


def is_below(path: str, folder: str) -> bool:
    """Whether ``path`` equals ``folder`` or lies below it; both must be free of symbolic links."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _rebase(path: str, folder: str, new_folder: str) -> str:
    """Replace the leading ``folder`` of ``path`` by ``new_folder``."""
    return os.path.join(new_folder, os.path.relpath(path, folder)) if path != folder else new_folder


def _parse_mount(line: bytes) -> Mount:
    mount_id, _, device, root, path, *rest = (
        os.fsdecode(_OCTAL_ESCAPE.sub(lambda escape: bytes((int(escape[1], 8),)), word)) for word in line.split(b" ")
    )
    return Mount(int(mount_id), device, root, path, rest[rest.index("-") + 1])


def _get_mount_id(descriptor: int) -> int | None:
    with open(f"/proc/self/fdinfo/{descriptor}") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("mnt_id:")), None)
