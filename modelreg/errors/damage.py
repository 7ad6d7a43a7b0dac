"""Bytes or catalog are not what was registered."""

from __future__ import annotations

import os

from modelreg.errors.base import (
    Damaged,
)
from modelreg.errors.text import quoted, shown

ITS_MANIFEST = "its manifest"
"""What stands for the path of a version's manifest, which is no file of the model."""
ITS_CONFIG = "its config"
"""The same for the config that the manifest names."""


class BlobDamaged(Damaged):
    """A stored file is missing, or not what its digest says."""

    code = "blob_damaged"

    def __init__(self, version: str, path: str, problem: str, outcome: str = "nothing was handed out") -> None:
        super().__init__(
            f"{version}: {path if path in (ITS_MANIFEST, ITS_CONFIG) else shown(path)} is {problem}; {outcome}",
            "registering the same files with the same facts heals it, and so does 'modelreg restore' from a backup; "
            "'modelreg verify' shows everything that is damaged",
        )
        self.problem = problem


class OtherBytes(Damaged):
    """What MLflow has of a version that came from a registry is not what was brought there."""

    code = "other_bytes"

    def __init__(self, reference: str, what: str) -> None:
        super().__init__(
            f"{what} of {reference} in MLflow is not what modelreg brought there; nothing was imported",
            "take it from the registry that it came from",
        )


class CatalogDamaged(Damaged):
    """The catalog is missing beside stored files, empty, foreign or broken."""

    code = "catalog_damaged"


class DamagedBackup(Damaged):
    """A backup from which a registry was to be restored is damaged itself."""

    code = "backup_damaged"

    def __init__(self, folder: os.PathLike[str], damage: Damaged) -> None:
        super().__init__(
            f"the backup in {shown(os.fspath(folder))} cannot be used: {damage.message}",
            f"modelreg verify --registry {quoted(folder)} shows what is damaged in it; take another backup",
        )


class Findings(Damaged):
    """Verification found damage."""

    code = "findings"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{count} {'finding' if count == 1 else 'findings'}: the registry is damaged",
            "a file comes back by registering it again with the same facts; everything else, and files, too, from a "
            "backup: modelreg restore DIR --force",
        )
