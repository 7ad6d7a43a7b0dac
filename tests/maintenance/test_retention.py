"""Retention rules and the grace period, without a registry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelreg.domain.garbage import GarbageCandidate, GracePeriod
from modelreg.domain.pruning import PruneCandidate
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage
from modelreg.domain.validation import parse_duration
from modelreg.maintenance.retention import Retention, decide_retention

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CHURN = ModelName("churn")


def candidate(version, stage=Stage.NONE, days=0, aliases=None, name=CHURN):
    return PruneCandidate(name, version, stage, NOW - days * DAY, 1, aliases)


def needed(target):
    return {CHURN: {} if target is None else {target: "is the rollback target"}}


def decide(candidates, retention, target=None, agreed=None):
    """Version -> whether it is removed, and the reason."""
    decisions = decide_retention(candidates, retention, NOW, needed(target), agreed)
    return {decision.version: (decision.removed, decision.reason) for decision in decisions}


def test_each_decision_has_the_reason_to_keep_or_remove():
    candidates = [
        candidate(7, days=100),
        candidate(6, Stage.ARCHIVED, days=3),
        candidate(5, Stage.PRODUCTION, days=100),
        candidate(4, Stage.ARCHIVED, days=100, aliases="champion, old"),
        candidate(3, Stage.ARCHIVED, days=100),
        candidate(2, Stage.NONE, days=100),
        candidate(1, Stage.ARCHIVED, days=100),
    ]
    retention = Retention(keep_last=1, older_than=90 * DAY, stages=frozenset({Stage.ARCHIVED}))
    assert decide(candidates, retention, target=3) == {
        7: (False, "is among the newest 1"),
        6: (False, "is not older than 90 days"),
        5: (False, "is in Production"),
        4: (False, "has the alias champion, old"),
        3: (False, "is the rollback target"),
        2: (False, "is in None, not in Archived"),
        1: (True, "is not among the newest 1, is older than 90 days, is in Archived"),
    }


def test_keep_last_counts_per_model():
    candidates = [candidate(number, name=ModelName(name)) for name in ("a", "b") for number in (2, 1)]
    decisions = decide_retention(candidates, Retention(keep_last=1), NOW, {})
    assert [(decision.reference, decision.removed) for decision in decisions] == [
        ("a/2", False), ("a/1", True), ("b/2", False), ("b/1", True),
    ]  # fmt: skip


def test_older_than_keeps_a_version_of_exactly_that_age():
    assert decide([candidate(1, days=90)], Retention(older_than=90 * DAY))[1][0] is False


def test_only_confirmed_versions_are_removed():
    retention = Retention(stages=frozenset({Stage.NONE}))
    decisions = decide([candidate(2), candidate(1)], retention, agreed={"churn/1"})
    assert decisions == {2: (False, "was not in the confirmed plan"), 1: (True, "is in None")}


CANDIDATES = st.lists(
    st.tuples(st.sampled_from(Stage), st.integers(-5, 200), st.none() | st.just("champion")), max_size=12
).map(lambda rows: [candidate(len(rows) - index, *row) for index, row in enumerate(rows)])
RETENTIONS = st.builds(
    Retention,
    keep_last=st.none() | st.integers(1, 6),
    older_than=st.none() | st.integers(0, 200).map(lambda days: days * DAY),
    stages=st.frozensets(st.sampled_from(Stage)),
)


@given(CANDIDATES, RETENTIONS, st.none() | st.integers(1, 12))
def test_a_version_is_removed_if_it_matches_every_rule_and_is_not_protected(candidates, retention, target):
    decisions = decide_retention(candidates, retention, NOW, needed(target))
    assert [decision.version for decision in decisions] == [version.version for version in candidates]
    for rank, (version, decision) in enumerate(zip(candidates, decisions, strict=True)):
        in_use = version.stage in (Stage.STAGING, Stage.PRODUCTION)
        is_protected = in_use or version.aliases or version.version == target
        matches_every_rule = (
            retention.has_rules
            and (retention.keep_last is None or rank >= retention.keep_last)
            and (retention.older_than is None or NOW - version.created_at > retention.older_than)
            and (not retention.stages or version.stage in retention.stages)
        )
        assert decision.removed == (matches_every_rule and not is_protected)
        assert decision.reason


HOUR = 3600 * 10**9  # nanoseconds
GRACE = GracePeriod.at(NOW, timedelta(hours=24))


@pytest.mark.parametrize(
    ("modified", "changed", "has_expired"),
    [
        (-25, -25, True),
        (-24, -24, True),
        (-23, -23, False),
        (-25, -1, True),  # changing the owner or mode does not make a file younger
        (1, -25, False),  # written before the clock was set back
        (-25, 1, False),
    ],
)
def test_grace_period_expires_by_modification_time_and_never_for_files_from_the_future(modified, changed, has_expired):
    candidate = GarbageCandidate("path", 1, GRACE.now + modified * HOUR, GRACE.now + changed * HOUR)
    assert GRACE.has_expired(candidate) is has_expired


@pytest.mark.parametrize(
    ("duration", "option"), [("2w", "14d"), ("36h", "36h"), ("90m", "90m"), ("60s", "1m"), ("0", "0d")]
)
def test_durations_are_rendered_as_options_that_parse_to_the_same_duration(duration, option):
    retention = Retention(older_than=parse_duration(duration, "the age"))
    assert retention.options == ["--older-than", option]
    assert parse_duration(option, "the age") == retention.older_than
