"""Errors about changes that the current state of the registry does not allow."""

from __future__ import annotations

import os
import shlex

from modelreg.errors.base import (
    Conflict,
)
from modelreg.errors.text import quoted, shown


class NameTaken(Conflict):
    """A model name differs from an existing one only in case."""

    code = "name_taken"

    def __init__(self, name: str, existing: str) -> None:
        super().__init__(
            f"{shown(name)} differs from the existing model {existing} only in case",
            f"use --name {shlex.quote(existing)}",
            python_hint=f"use the name {existing!r}",
        )
        self.existing = existing


class ProductionOccupied(Conflict):
    """Another version is in Production, and the request does not say what happens to it."""

    code = "production_occupied"

    def __init__(self, name: str, version: int, occupant: int) -> None:
        super().__init__(
            f"{name}/{occupant} is in Production, and only one version may be; nothing was changed",
            "choose what happens to it: --archive-existing or --move-existing STAGE",
            python_hint="choose what happens to it: archive_existing=True or move_existing='Staging'",
        )
        self.occupant = occupant
        self.reference = f"{name}/{occupant}"
        self.wanted = f"{name}/{version}"


class StageChanged(Conflict):
    """The version is not in the stage that the caller expected."""

    code = "stage_changed"

    def __init__(self, name: str, version: int, stage: str, expected: str) -> None:
        super().__init__(
            f"{name}/{version} is in {stage}, not in {expected}; nothing was changed",
            f"modelreg show {quoted(f'{name}/{version}')}",
            python_hint=f"registry.version('{name}/{version}') has the current stage",
        )


class ModelExists(Conflict):
    """A model of this name already exists."""

    code = "model_exists"


class NumberTaken(Conflict):
    """The number of an imported version belongs to another version."""

    code = "number_taken"

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"{reference} already exists, and is not MLflow's version of this number",
            "import into another registry (--registry DIR), or rename the existing model",
            python_hint="import into another registry, or rename the existing model",
        )


class InUse(Conflict):
    """A version in Staging, in Production or with an alias, or a model with versions, cannot be deleted."""

    code = "version_in_use"


class DestinationExists(Conflict):
    """The destination already exists."""

    code = "destination_exists"

    def __init__(
        self, path: os.PathLike[str] | str, *, is_folder: bool = False, hint: str = "--force overwrites it"
    ) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} exists; nothing was written",
            "name a folder that does not exist, or an empty one" if is_folder else hint,
            python_hint="name a folder that does not exist, or an empty one" if is_folder else "pass overwrite=True",
        )


class NothingToRollBackTo(Conflict):
    """There is no earlier version to bring back to Production."""

    code = "nothing_to_roll_back_to"

    def __init__(self, name: str, reason: str, hint: str) -> None:
        super().__init__(f"{reason}; {name} was not changed", hint)
