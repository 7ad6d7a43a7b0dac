"""Where file systems are mounted: the same folder may have several names, and each is a name of the registry."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_ESCAPED = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of ``/proc/self/mountinfo`` (proc(5))."""

    number: int
    device: str
    """The file system; two mounts of one have the same."""
    root: str
    """What of the file system is mounted."""
    point: str
    """The path at which it is mounted."""
    kind: str
    """The kind of file system, such as ``ext4``."""


def mounts() -> list[Mount]:
    """Every mount that this process sees; none where the system does not tell."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            return [_mount(line) for line in file]
    except OSError:
        return []


def names_of(descriptor: int, mounted: Sequence[Mount]) -> Iterator[str]:
    """Paths at which what is open, or a part of it, can be reached; the first is that by which it was opened."""
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    yield path
    number = _mount_number(descriptor)
    parts = [(mount, mount.root) for mount in mounted if is_below(mount.point, path)]
    parts += [(mount, _moved(path, mount.point, mount.root)) for mount in mounted if mount.number == number]
    for part, place in parts:
        for mount in mounted:
            if mount.device != part.device:
                continue
            if is_below(mount.root, place):
                yield mount.point
            elif is_below(place, mount.root):
                yield _moved(place, mount.root, mount.point)


def is_below(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or lies in it, both without links."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _moved(path: str, folder: str, other: str) -> str:
    """``path``, which lies in ``folder``, as it would be in ``other``."""
    return os.path.join(other, os.path.relpath(path, folder)) if path != folder else other


def _mount(line: bytes) -> Mount:
    number, _, device, root, point, *others = (os.fsdecode(_ESCAPED.sub(_byte, word)) for word in line.split(b" "))
    return Mount(int(number), device, root, point, others[others.index("-") + 1])


def _byte(escaped: re.Match[bytes]) -> bytes:
    return bytes((int(escaped[1], 8),))


def _mount_number(descriptor: int) -> int | None:
    with open(f"/proc/self/fdinfo/{descriptor}") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("mnt_id:")), None)
