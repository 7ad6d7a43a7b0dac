"""No such model, version, stage or alias."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelreg.errors.base import (
    NotFound,
)
from modelreg.errors.text import did_you_mean, listed, quoted, shown


class ModelNotFound(NotFound):
    """There is no registered model of this name."""

    code = "model_not_found"

    def __init__(self, name: str, names: Iterable[str] = ()) -> None:
        super().__init__(
            f"no model is named {shown(name)}", did_you_mean(name, names) or "'modelreg list' shows the models"
        )


class VersionNotFound(NotFound):
    """The model has no such version."""

    code = "version_not_found"

    def __init__(self, reference: object, latest: int | None) -> None:
        has = "it has no version" if latest is None else f"the latest is version {latest}"
        super().__init__(f"there is no version {shown(str(reference))}", has)


class AliasNotFound(NotFound):
    """The model has no such alias."""

    code = "alias_not_found"

    def __init__(self, name: str, alias: str, aliases: Sequence[str]) -> None:
        has = f"it has {', '.join(aliases)}" if aliases else "it has no alias at all"
        super().__init__(f"{name} has no alias {shown(alias)}", did_you_mean(alias, aliases) or has)


class TagNotFound(NotFound):
    """The model or version has no such tag."""

    code = "tag_not_found"

    def __init__(self, subject: str, tag: str, tags: Sequence[str]) -> None:
        has = f"it has {', '.join(tags)}" if tags else "it has no tags at all"
        super().__init__(f"{subject} has no tag {shown(tag)}", did_you_mean(tag, tags) or has)


class GateNotFound(NotFound):
    """There is no gate of this number."""

    code = "gate_not_found"

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no gate {number}", "'modelreg gate list' shows the gates with their numbers")


class ApprovalNotFound(NotFound):
    """The user has not approved the version."""

    code = "approval_not_found"

    def __init__(self, reference: str, user: str) -> None:
        super().__init__(f"{user} has not approved {reference}", f"modelreg show {quoted(reference)}")


class NameNotTrusted(NotFound):
    """This name is not among those that were trusted."""

    code = "name_not_trusted"

    def __init__(self, name: str, names: Sequence[str]) -> None:
        has = f"trusted are {listed(names)}" if names else "no name is trusted besides those of the allow-list"
        super().__init__(f"{shown(name)} is not trusted", did_you_mean(name, names) or has)


class BytesElsewhere(NotFound):
    """The version is a reference: its bytes were never stored in the registry."""

    code = "bytes_elsewhere"

    def __init__(self, reference: str, location: str) -> None:
        super().__init__(
            f"{reference} is a reference: its bytes are not in the registry, but at {shown(location)}",
            "fetch them from there and register them, which makes another version",
        )
        self.location = location


class RunNotFound(NotFound):
    """There is no such run."""

    code = "run_not_found"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"there is no run {shown(run_id)}", "'modelreg history' shows the runs that were started")


class LoggedModelNotFound(NotFound):
    """The run logged no model of this path."""

    code = "logged_model_not_found"

    def __init__(self, run_id: str, path: str, paths: Sequence[str]) -> None:
        has = f"it has {', '.join(paths)}" if paths else "it has no models at all"
        super().__init__(f"run {run_id} has no model {shown(path)}", did_you_mean(path, paths) or has)


class StageEmpty(NotFound):
    """No version of the model is in this stage."""

    code = "stage_empty"

    def __init__(self, name: str, stage: str) -> None:
        super().__init__(f"no version of {name} is in {stage}", f"modelreg versions {quoted(name)}")
