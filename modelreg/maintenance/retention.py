"""Which versions a cleaning removes: those of which all that was asked for is true, and that nobody relies on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelreg.domain.pruning import PruneCandidate, RetentionDecision
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class Retention:
    """What must be true of a version that is removed: all of it that is given."""

    keep_last: int | None = None
    """It is not among so many newest of its model."""
    older_than: timedelta | None = None
    """It was registered longer ago than that."""
    stages: frozenset[Stage] = frozenset()
    """It is in one of these."""

    @property
    def is_given(self) -> bool:
        """Whether anything is asked for: without it no version is ever removed."""
        return self.keep_last is not None or self.older_than is not None or bool(self.stages)

    @property
    def options(self) -> list[str]:
        """The same as options of the command line: ``--keep-last 3 --older-than 90d --stage Archived``."""
        given: list[str] = []
        if self.keep_last is not None:
            given += ["--keep-last", str(self.keep_last)]
        if self.older_than is not None:
            count, unit = _whole(self.older_than)
            given += ["--older-than", f"{count}{unit[0]}"]
        for stage in filter(self.stages.__contains__, Stage):
            given += ["--stage", stage.value]
        return given


def decide_fates(
    candidates: Iterable[PruneCandidate],
    retention: Retention,
    now: datetime,
    needed: Mapping[ModelName, Mapping[int, str]],
    agreed: Collection[str] | None = None,
) -> list[RetentionDecision]:
    """What becomes of each version; ``candidates`` come model after model, the newest version first.

    ``needed`` are the versions of each model that rollbacks need, with the reason, and ``agreed`` the references of
    those that may go at all, where somebody was asked.
    """
    fates: list[RetentionDecision] = []
    rank, model = 0, None
    for each in candidates:
        rank, model = rank + 1 if each.name == model else 1, each.name
        reason = _relied_on(each, needed.get(each.name, {})) or _spared(each, rank, retention, now)
        if reason is None and agreed is not None and f"{each.name}/{each.version}" not in agreed:
            reason = "was not among those that you agreed to"
        removed = reason is None
        fates.append(
            RetentionDecision(
                name=each.name,
                version=each.version,
                stage=each.stage,
                created_at=each.created_at,
                size=each.size,
                removed=removed,
                reason=reason or _why(each, retention),
            )
        )
    return fates


def _relied_on(version: PruneCandidate, needed: Mapping[int, str]) -> str | None:
    """Why this version never goes, whatever is asked for."""
    if version.stage in (Stage.STAGING, Stage.PRODUCTION):
        return f"is in {version.stage}"
    if version.aliases is not None:
        return f"has the alias {version.aliases}"
    return needed.get(version.version)


def _spared(version: PruneCandidate, rank: int, retention: Retention, now: datetime) -> str | None:
    """What of all that was asked for is not true of the version."""
    if not retention.is_given:
        return "is not asked for by any rule"
    if retention.keep_last is not None and rank <= retention.keep_last:
        return f"is among the newest {retention.keep_last}"
    if retention.older_than is not None and now - version.created_at <= retention.older_than:
        return f"is not older than {_length(retention.older_than)}"
    if retention.stages and version.stage not in retention.stages:
        return f"is in {version.stage}, not in {_either(retention.stages)}"
    return None


def _why(version: PruneCandidate, retention: Retention) -> str:
    parts = []
    if retention.keep_last is not None:
        parts.append(f"is not among the newest {retention.keep_last}")
    if retention.older_than is not None:
        parts.append(f"is older than {_length(retention.older_than)}")
    if retention.stages:
        parts.append(f"is in {version.stage}")
    return ", ".join(parts)


def _either(stages: Collection[Stage]) -> str:
    return " or ".join(stage.value for stage in Stage if stage in stages)


def _length(duration: timedelta) -> str:
    """``90 days``, ``36 hours``, ``5 minutes``."""
    count, unit = _whole(duration)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _whole(duration: timedelta) -> tuple[int, str]:
    """How many of the largest unit that measures it without a rest, and which: 90 and ``day``."""
    seconds = duration // timedelta(seconds=1)
    units = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
    length, unit = next(each for each in units if seconds % each[0] == 0)
    return seconds // length, unit
