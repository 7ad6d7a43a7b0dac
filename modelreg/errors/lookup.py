"""Errors about models, versions, stages, aliases and runs that do not exist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelreg.errors.base import (
    NotFound,
)
from modelreg.errors.text import did_you_mean, quoted, shown


class ModelNotFound(NotFound):
    """There is no model of this name."""

    code = "model_not_found"

    def __init__(self, name: str, names: Iterable[str] = ()) -> None:
        similar = did_you_mean(name, names)
        super().__init__(
            f"there is no model {shown(name)}",
            similar or "'modelreg list' shows the models",
            python_hint=similar or "registry.models() lists the models",
        )


class VersionNotFound(NotFound):
    """The model has no such version."""

    code = "version_not_found"

    def __init__(self, reference: object, latest: int | None) -> None:
        has = "the model has no versions" if latest is None else f"the latest version is {latest}"
        super().__init__(f"there is no version {shown(str(reference))}", has)


class AliasNotFound(NotFound):
    """The model has no such alias."""

    code = "alias_not_found"

    def __init__(self, name: str, alias: str, aliases: Sequence[str]) -> None:
        has = f"it has {', '.join(aliases)}" if aliases else "it has no aliases"
        super().__init__(f"{name} has no alias {shown(alias)}", did_you_mean(alias, aliases) or has)


class TagNotFound(NotFound):
    """The model or version has no such tag."""

    code = "tag_not_found"

    def __init__(self, subject: str, tag: str, tags: Sequence[str]) -> None:
        has = f"it has {', '.join(tags)}" if tags else "it has no tags"
        super().__init__(f"{subject} has no tag {shown(tag)}", did_you_mean(tag, tags) or has)


class BytesNotStored(NotFound):
    """The version's bytes are not stored in the registry, only their location."""

    code = "bytes_elsewhere"

    def __init__(self, reference: str, location: str) -> None:
        super().__init__(
            f"{reference} is a reference: its bytes are not stored in the registry, but at {shown(location)}",
            "download them and register them as a new version",
        )
        self.location = location


class RunNotFound(NotFound):
    """There is no run with this ID."""

    code = "run_not_found"

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"there is no run {shown(run_id)}",
            "'modelreg history' shows all runs",
            python_hint="registry.runs.search() lists the runs",
        )


class StageEmpty(NotFound):
    """No version of the model is in this stage."""

    code = "stage_empty"

    def __init__(self, name: str, stage: str) -> None:
        super().__init__(
            f"no version of {name} is in {stage}",
            f"modelreg versions {quoted(name)}",
            python_hint=f"registry.versions({name!r}) lists the versions",
        )
