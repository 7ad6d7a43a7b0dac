"""The metadata of a version: what may change without another version, and one such change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelreg.domain.references import parse_alias
from modelreg.domain.stages import Stage
from modelreg.domain.validation import parse_message, parse_sequence, parse_tags, parse_text
from modelreg.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class VersionMetadata:
    """The metadata of a new version; made by `parse`."""

    description: str | None
    tags: Mapping[str, str]
    aliases: tuple[str, ...]
    stage: Stage | None
    archive_existing: bool
    """Whether versions that are in this stage now are archived."""
    message: str | None
    """The reason, stored in the journal."""
    run_id: str | None

    @classmethod
    def parse(
        cls,
        *,
        description: str | None = None,
        tags: Mapping[str, object] | None = None,
        aliases: Sequence[str] = (),
        stage: Stage | str | None = None,
        archive_existing: bool = False,
        message: str | None = None,
        run_id: str | None = None,
    ) -> VersionMetadata:
        """Check what a user states; raises `InvalidInput` or a subclass."""
        if archive_existing and stage is None:
            raise InvalidInput("--archive-existing needs a stage", "add --stage STAGE, or leave out --archive-existing")
        by_lower_case = {alias.lower(): parse_alias(alias) for alias in parse_sequence(aliases, "aliases")}
        return cls(
            description=None if description is None else parse_text(description, "the description"),
            tags=parse_tags(tags),
            aliases=tuple(by_lower_case.values()),
            stage=None if stage is None else Stage.parse(stage),
            archive_existing=archive_existing,
            message=parse_message(message),
            run_id=None if run_id is None else parse_text(run_id, "the run id"),
        )


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """One value was replaced by another."""

    subject: str
    """The model as ``NAME``, or the version as ``NAME/VERSION``."""
    field: str
    """``alias``, ``tags``, ``description``, ``name`` or ``approval``."""
    key: str | None
    """The alias; None for other fields."""
    before: Any
    """The version that an alias named, the text of a description, the tags that are touched; None for nothing."""
    after: Any

    @property
    def changed(self) -> bool:
        """False if the value was the same."""
        return bool(self.before != self.after)
