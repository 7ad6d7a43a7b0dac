"""Retention rules: decide which versions a prune removes, without I/O.

A version is removed if it matches every given rule and is not protected: by its stage, by an alias, or for rollback.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelreg.domain.pruning import PruneCandidate, RetentionDecision
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class Retention:
    """The retention rules of a prune; a version must match all that are given to be removed."""

    keep_last: int | None = None
    """Match versions that are not among this many newest of their model."""
    older_than: timedelta | None = None
    """Match versions that were registered longer ago."""
    stages: frozenset[Stage] = frozenset()
    """Match versions in one of these stages."""

    @property
    def has_rules(self) -> bool:
        """Whether any rule is given. Without rules no version is removed."""
        return self.keep_last is not None or self.older_than is not None or bool(self.stages)

    @property
    def options(self) -> list[str]:
        """The rules as command-line options: ``--keep-last 3 --older-than 90d --stage Archived``."""
        options: list[str] = []
        if self.keep_last is not None:
            options += ["--keep-last", str(self.keep_last)]
        if self.older_than is not None:
            count, unit = _in_largest_unit(self.older_than)
            options += ["--older-than", f"{count}{unit[0]}"]
        for stage in filter(self.stages.__contains__, Stage):
            options += ["--stage", stage.value]
        return options


def decide_retention(
    candidates: Iterable[PruneCandidate],
    retention: Retention,
    now: datetime,
    needed: Mapping[ModelName, Mapping[int, str]],
    agreed: Collection[str] | None = None,
) -> list[RetentionDecision]:
    """Decide for each version whether it is removed.

    ``candidates`` are sorted by model, newest version first. ``needed`` maps the versions that rollback needs to the
    reason. ``agreed`` has the references that the user confirmed; None if nobody was asked.
    """
    decisions: list[RetentionDecision] = []
    rank, model = 0, None
    for candidate in candidates:
        rank, model = rank + 1 if candidate.name == model else 1, candidate.name
        reason_to_keep = _find_protection(candidate, needed.get(candidate.name, {})) or _find_unmatched_rule(
            candidate, rank, retention, now
        )
        if reason_to_keep is None and agreed is not None and f"{candidate.name}/{candidate.version}" not in agreed:
            reason_to_keep = "was not in the confirmed plan"
        decisions.append(
            RetentionDecision(
                name=candidate.name,
                version=candidate.version,
                stage=candidate.stage,
                created_at=candidate.created_at,
                size=candidate.size,
                removed=reason_to_keep is None,
                reason=reason_to_keep or _list_matched_rules(candidate, retention),
            )
        )
    return decisions


def _find_protection(candidate: PruneCandidate, needed: Mapping[int, str]) -> str | None:
    """Why a version is kept whatever the rules are; None if it is not protected."""
    if candidate.stage in (Stage.STAGING, Stage.PRODUCTION):
        return f"is in {candidate.stage}"
    if candidate.aliases is not None:
        return f"has the alias {candidate.aliases}"
    return needed.get(candidate.version)


def _find_unmatched_rule(candidate: PruneCandidate, rank: int, retention: Retention, now: datetime) -> str | None:
    """The first rule that a version does not match, as the reason to keep it; ``rank`` is 1 for the newest."""
    if not retention.has_rules:
        return "matches no retention rule"
    if retention.keep_last is not None and rank <= retention.keep_last:
        return f"is among the newest {retention.keep_last}"
    if retention.older_than is not None and now - candidate.created_at <= retention.older_than:
        return f"is not older than {_format(retention.older_than)}"
    if retention.stages and candidate.stage not in retention.stages:
        stages = " or ".join(stage.value for stage in Stage if stage in retention.stages)
        return f"is in {candidate.stage}, not in {stages}"
    return None


def _list_matched_rules(candidate: PruneCandidate, retention: Retention) -> str:
    parts = []
    if retention.keep_last is not None:
        parts.append(f"is not among the newest {retention.keep_last}")
    if retention.older_than is not None:
        parts.append(f"is older than {_format(retention.older_than)}")
    if retention.stages:
        parts.append(f"is in {candidate.stage}")
    return ", ".join(parts)


def _format(duration: timedelta) -> str:
    """``90 days``, ``36 hours``, ``5 minutes``."""
    count, unit = _in_largest_unit(duration)
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _in_largest_unit(duration: timedelta) -> tuple[int, str]:
    """The duration in the largest unit that gives a whole number: 90 and ``day``."""
    seconds = duration // timedelta(seconds=1)
    units = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
    length, unit = next((length, unit) for length, unit in units if seconds % length == 0)
    return seconds // length, unit
