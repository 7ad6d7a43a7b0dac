"""The state of the registry stands against it."""

from __future__ import annotations

import os
import shlex

from modelreg.errors.base import (
    Conflict,
)
from modelreg.errors.text import quoted, shown


class NameTaken(Conflict):
    """A model's name differs from an existing one in case only."""

    code = "name_taken"

    def __init__(self, name: str, existing: str) -> None:
        super().__init__(
            f"{shown(name)} differs from the existing model {existing} in case only",
            f"use --name {shlex.quote(existing)}",
        )


class ProductionOccupied(Conflict):
    """Another version is in Production, and nothing was said about it."""

    code = "production_occupied"

    def __init__(self, name: str, version: int, occupant: int) -> None:
        super().__init__(
            f"{name}/{occupant} is in Production, and only one version may be; nothing was changed",
            "say what happens to it: --archive-existing, or --move-existing STAGE",
        )
        self.occupant = occupant
        self.reference = f"{name}/{occupant}"
        self.wanted = f"{name}/{version}"


class StageChanged(Conflict):
    """The version is not in the stage that the caller took it to be in."""

    code = "stage_changed"

    def __init__(self, name: str, version: int, stage: str, expected: str) -> None:
        super().__init__(
            f"{name}/{version} is in {stage}, not in {expected}; nothing was changed",
            f"modelreg show {quoted(f'{name}/{version}')}",
        )


class ModelExists(Conflict):
    """A model that was to be made is there already."""

    code = "model_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a model {name} already; nothing was changed", f"modelreg show {quoted(name)}")


class NameInUse(Conflict):
    """Another model has this name."""

    code = "name_in_use"

    def __init__(self, name: str, new: str) -> None:
        super().__init__(f"there is a model {new} already; {name} was not renamed", "choose another name")


class AmbiguousDigest(Conflict):
    """The beginning of a digest fits more than one."""

    code = "ambiguous_digest"

    def __init__(self, name: str, prefix: str) -> None:
        super().__init__(f"{prefix} begins more than one digest of {name}", "write more of its digits")


class NumberTaken(Conflict):
    """The number that a version is to keep belongs to another one."""

    code = "number_taken"

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"there is another version {reference} already, which is not this one of MLflow",
            "import into another registry (--registry DIR), or rename the model that is here",
        )


class VersionInUse(Conflict):
    """A version that is in Staging or Production, or has an alias, is not deleted."""

    code = "version_in_use"

    def __init__(self, name: str, version: int, use: str, hint: str) -> None:
        super().__init__(f"{name}/{version} {use}; it was not deleted", hint)


class ModelInUse(Conflict):
    """A model that has versions is not deleted."""

    code = "model_in_use"

    def __init__(self, name: str, versions: int) -> None:
        some = "1 version" if versions == 1 else f"{versions} versions"
        super().__init__(
            f"{name} has {some}; it was not deleted", f"delete them first: modelreg versions {quoted(name)}"
        )


class DestinationExists(Conflict):
    """A file stands where one was to be written."""

    code = "destination_exists"

    def __init__(
        self, path: os.PathLike[str] | str, *, is_folder: bool = False, hint: str = "--force overwrites it"
    ) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} exists; nothing was written",
            "name a folder that does not exist, or an empty one" if is_folder else hint,
        )


class RegistryExists(Conflict):
    """There is a registry where one was to be made in another way."""

    code = "registry_exists"


class UnusableBackup(Conflict):
    """A folder is not one into which this registry can be backed up, or from which it can be restored."""

    code = "unusable_backup"


class NothingToRollBackTo(Conflict):
    """No version can be brought back to Production."""

    code = "nothing_to_roll_back_to"

    def __init__(self, name: str, reason: str, hint: str) -> None:
        super().__init__(f"{reason}; {name} was not changed", hint)
