"""Import modules from folders that a confined process may not list.

Python's own finder lists each folder on ``sys.path``. A confined process must not list a folder that contains the
registry, because Landlock's right to list a folder covers everything below it. The finder here tries the possible file
names of a module instead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, all_suffixes
from importlib.util import spec_from_file_location
from types import ModuleType


class UnlistableFolderFinder(MetaPathFinder):
    """Finds top-level modules and packages; Python's own finder finds the modules inside packages."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = folders

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module; returns None when it is not in these folders, or is inside a package (``path`` is set)."""
        if path is not None:
            return None
        candidates = [os.path.join(folder, fullname) for folder in self._folders]
        for candidate in candidates:
            for suffix in all_suffixes():
                package = os.path.join(candidate, f"__init__{suffix}")
                if os.path.isfile(package):
                    return spec_from_file_location(fullname, package, submodule_search_locations=[candidate])
                if os.path.isfile(f"{candidate}{suffix}"):
                    return spec_from_file_location(fullname, f"{candidate}{suffix}")
        namespace = ModuleSpec(fullname, None, is_package=True)
        namespace.submodule_search_locations = [candidate for candidate in candidates if os.path.isdir(candidate)]
        return namespace if namespace.submodule_search_locations else None


def install_finder(folders: Sequence[str]) -> None:
    """Let this process import modules from these folders without listing them."""
    if folders:
        sys.meta_path.append(UnlistableFolderFinder(folders))
