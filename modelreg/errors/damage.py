"""Errors about stored bytes or a catalog that differ from what was registered."""

from __future__ import annotations

from modelreg.errors.base import (
    Damaged,
)
from modelreg.errors.text import shown

ITS_MANIFEST = "its manifest"
"""Used instead of a path when a version's manifest is damaged."""
ITS_CONFIG = "its config"
"""Used instead of a path when the config of the manifest is damaged."""

REGISTER_AGAIN = "to repair a file, register it again with the same metrics, parameters and signature"
"""The beginning of hints about damaged files."""


class BlobDamaged(Damaged):
    """A stored file is missing or does not match its digest."""

    code = "blob_damaged"

    def __init__(self, version: str, path: str, problem: str, outcome: str = "nothing was loaded") -> None:
        super().__init__(
            f"{version}: {path if path in (ITS_MANIFEST, ITS_CONFIG) else shown(path)} is {problem}; {outcome}",
            f"{REGISTER_AGAIN}, or restore a backup ('modelreg restore'); 'modelreg verify' lists all damage",
            python_hint=f"{REGISTER_AGAIN}, or restore() a backup; registry.verify() yields all damage",
        )
        self.problem = problem


class ExportedVersionChanged(Damaged):
    """The files of an exported version were changed in MLflow."""

    code = "other_bytes"

    def __init__(self, reference: str, what: str) -> None:
        super().__init__(
            f"{what} of {reference} in MLflow is not what modelreg exported; nothing was imported",
            "import it from the registry that exported it",
        )


class CatalogDamaged(Damaged):
    """The catalog is missing, empty, broken or not a catalog."""

    code = "catalog_damaged"
