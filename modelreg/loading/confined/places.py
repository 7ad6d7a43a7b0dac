"""The registry's folder under every name that it has, so that no rule lets a model read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from modelreg.loading.confined.mounts import mounts, names_of

Identity = tuple[int, int]
"""Device and inode of a file or folder."""


@dataclass(frozen=True, slots=True)
class RegistryPlaces:
    """Files and folders are told by device and inode, so that no other name of one gets past."""

    inside: frozenset[Identity]
    """The registry's folder, and what of it is mounted elsewhere: everything below belongs to the registry."""
    around: frozenset[Identity]
    """The folders above any of these."""
    _known: dict[Identity, bool] = field(default_factory=dict)
    """Folder -> whether it lies in the registry, as far as that was looked up."""

    @classmethod
    def of(cls, registry: str) -> RegistryPlaces:
        """Raises OSError when the registry is not there."""
        descriptor = os.open(registry, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            inside = {identity(os.fstat(descriptor))}
            names = {os.path.realpath(registry)}
            with suppress(OSError):  # without /proc
                names.update(names_of(descriptor, mounts()))
        finally:
            os.close(descriptor)
        around: set[Identity] = set()
        for name in names:
            with suppress(OSError):  # another mount lies above it
                inside.add(identity(os.stat(name)))
                around.update(_above(name))
        return cls(frozenset(inside), frozenset(around - inside))

    def contains(self, descriptor: int) -> bool:
        """Whether what is open is the registry or lies in it; raises OSError."""
        status = os.fstat(descriptor)
        found = identity(status)
        if found not in self._known:
            self._known[found] = found in self.inside or self._lies_below(descriptor, found)
        return self._known[found]

    def _lies_below(self, descriptor: int, found: Identity) -> bool:
        try:
            above = os.open("..", os.O_PATH | os.O_CLOEXEC, dir_fd=descriptor)
        except NotADirectoryError:
            above = os.open(os.path.dirname(os.readlink(f"/proc/self/fd/{descriptor}")), os.O_PATH | os.O_CLOEXEC)
        try:
            return identity(os.fstat(above)) != found and self.contains(above)
        finally:
            os.close(above)


def identity(status: os.stat_result) -> Identity:
    """What tells a file from every other."""
    return status.st_dev, status.st_ino


def _above(path: str) -> Iterator[Identity]:
    while path != os.path.dirname(path):
        path = os.path.dirname(path)
        yield identity(os.stat(path))
