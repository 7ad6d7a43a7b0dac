"""Errors about stored bytes or a catalog that differ from what was registered."""

from __future__ import annotations

import os

from modelreg.errors.base import (
    Damaged,
)
from modelreg.errors.text import quoted, shown

ITS_MANIFEST = "its manifest"
"""Used instead of a path when a version's manifest is damaged."""
ITS_CONFIG = "its config"
"""Used instead of a path when the config of the manifest is damaged."""

_REGISTER_AGAIN = "to repair a file, register it again with the same metrics, parameters and signature"


class BlobDamaged(Damaged):
    """A stored file is missing or does not match its digest."""

    code = "blob_damaged"

    def __init__(self, version: str, path: str, problem: str, outcome: str = "nothing was loaded") -> None:
        super().__init__(
            f"{version}: {path if path in (ITS_MANIFEST, ITS_CONFIG) else shown(path)} is {problem}; {outcome}",
            f"{_REGISTER_AGAIN}, or restore a backup ('modelreg restore'); 'modelreg verify' lists all damage",
            python_hint=f"{_REGISTER_AGAIN}, or restore() a backup; registry.verify() yields all damage",
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


class DamagedBackup(Damaged):
    """The backup is damaged."""

    code = "backup_damaged"

    def __init__(self, folder: os.PathLike[str], damage: Damaged) -> None:
        super().__init__(
            f"the backup in {shown(os.fspath(folder))} cannot be used: {damage.message}",
            f"modelreg verify --registry {quoted(folder)} lists the damage; use another backup",
        )


class RegistryDamaged(Damaged):
    """Verification found damage."""

    code = "findings"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} {'finding' if count == 1 else 'findings'}: the registry is damaged",
            f"{_REGISTER_AGAIN}; to repair anything else, restore a backup: modelreg restore DIR --force",
        )
