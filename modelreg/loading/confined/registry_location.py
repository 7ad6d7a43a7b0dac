"""Find the registry's folder under all its paths, so that no sandbox rule lets a model read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from modelreg.loading.confined.mounts import find_paths, list_mounts

Identity = tuple[int, int]
"""Device and inode of a file or folder."""


@dataclass(frozen=True, slots=True)
class RegistryLocation:
    """The folders in and around the registry, identified by device and inode: links and mounts cannot hide them."""

    inside: frozenset[Identity]
    """The registry's folder, and parts of it that are mounted elsewhere: everything below belongs to the registry."""
    parents: frozenset[Identity]
    """The parent folders of all folders in ``inside``, up to the root."""
    _cache: dict[Identity, bool] = field(default_factory=dict)
    """File or folder -> the result of `contains`."""

    @classmethod
    def find(cls, registry: str) -> RegistryLocation:
        """Find the location of the registry in the folder ``registry``; raises OSError when it does not exist."""
        descriptor = os.open(registry, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            inside = {get_identity(os.fstat(descriptor))}
            paths = {os.path.realpath(registry)}
            with suppress(OSError):  # without /proc
                paths.update(find_paths(descriptor, list_mounts()))
        finally:
            os.close(descriptor)
        parents: set[Identity] = set()
        for path in paths:
            with suppress(OSError):  # another mount covers this path
                inside.add(get_identity(os.stat(path)))
                parents.update(_list_parents(path))
        return cls(frozenset(inside), frozenset(parents - inside))

    def contains(self, descriptor: int) -> bool:
        """Whether an open file or folder is the registry or lies in it; raises OSError."""
        identity = get_identity(os.fstat(descriptor))
        if identity not in self._cache:
            self._cache[identity] = identity in self.inside or self._is_parent_inside(descriptor, identity)
        return self._cache[identity]

    def _is_parent_inside(self, descriptor: int, identity: Identity) -> bool:
        try:
            parent = os.open("..", os.O_PATH | os.O_CLOEXEC, dir_fd=descriptor)
        except NotADirectoryError:
            parent = os.open(os.path.dirname(os.readlink(f"/proc/self/fd/{descriptor}")), os.O_PATH | os.O_CLOEXEC)
        try:
            is_root = get_identity(os.fstat(parent)) == identity
            return not is_root and self.contains(parent)
        finally:
            os.close(parent)


def get_identity(status: os.stat_result) -> Identity:
    """Device and inode, which identify a file whatever its path."""
    return status.st_dev, status.st_ino


def _list_parents(path: str) -> Iterator[Identity]:
    while path != os.path.dirname(path):
        path = os.path.dirname(path)
        yield get_identity(os.stat(path))
