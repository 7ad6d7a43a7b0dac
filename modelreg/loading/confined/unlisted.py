"""Modules in folders that cannot be listed: found by asking for each name that a module of theirs may have.

Python lists every folder on ``sys.path``. One that contains the registry must not be listed by a confined process,
since the right to do so holds for everything below it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, all_suffixes
from importlib.util import spec_from_file_location
from types import ModuleType


class UnlistedFolders(MetaPathFinder):
    """Finds top-level modules and packages; those within packages are found as everywhere."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = folders

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where the module is; None for another, or for one within a package."""
        if path is not None:
            return None
        places = [os.path.join(folder, fullname) for folder in self._folders]
        for place in places:
            for suffix in all_suffixes():
                package = os.path.join(place, f"__init__{suffix}")
                if os.path.isfile(package):
                    return spec_from_file_location(fullname, package, submodule_search_locations=[place])
                if os.path.isfile(f"{place}{suffix}"):
                    return spec_from_file_location(fullname, f"{place}{suffix}")
        namespace = ModuleSpec(fullname, None, is_package=True)
        namespace.submodule_search_locations = [place for place in places if os.path.isdir(place)]
        return namespace if namespace.submodule_search_locations else None


def find_modules_in(folders: Sequence[str]) -> None:
    """Let modules in these folders be imported without listing them."""
    if folders:
        sys.meta_path.append(UnlistedFolders(folders))
