"""Which versions go, decided without a disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelreg.domain.garbage import GarbageCandidate, GracePeriod
from modelreg.domain.pruning import PruneCandidate
from modelreg.domain.references import ModelName
from modelreg.domain.stages import Stage
from modelreg.domain.statements import checked_duration
from modelreg.maintenance.retention import Retention, decide_fates

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
CHURN = ModelName("churn")


def candidate(version, stage=Stage.NONE, days=0, aliases=None, name=CHURN):
    return PruneCandidate(name, version, stage, NOW - days * DAY, 1, aliases)


def needed(target):
    return {CHURN: {} if target is None else {target: "is what a rollback would return to"}}


def reasons(candidates, retention, target=None, agreed=None):
    fates = decide_fates(candidates, retention, NOW, needed(target), agreed)
    return {fate.version: (fate.removed, fate.reason) for fate in fates}


def test_each_version_says_why_it_goes_or_stays():
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
    assert reasons(candidates, retention, target=3) == {
        7: (False, "is among the newest 1"),
        6: (False, "is not older than 90 days"),
        5: (False, "is in Production"),
        4: (False, "has the alias champion, old"),
        3: (False, "is what a rollback would return to"),
        2: (False, "is in None, not in Archived"),
        1: (True, "is not among the newest 1, is older than 90 days, is in Archived"),
    }


def test_the_newest_are_counted_for_each_model():
    candidates = [candidate(number, name=ModelName(name)) for name in ("a", "b") for number in (2, 1)]
    fates = decide_fates(candidates, Retention(keep_last=1), NOW, {})
    assert [(fate.reference, fate.removed) for fate in fates] == [
        ("a/2", False), ("a/1", True), ("b/2", False), ("b/1", True),
    ]  # fmt: skip


def test_a_version_that_is_exactly_as_old_stays():
    assert reasons([candidate(1, days=90)], Retention(older_than=90 * DAY))[1][0] is False


def test_what_nobody_agreed_to_stays():
    found = reasons([candidate(2), candidate(1)], Retention(stages=frozenset({Stage.NONE})), agreed={"churn/1"})
    assert found == {2: (False, "was not among those that you agreed to"), 1: (True, "is in None")}


CANDIDATES = st.lists(
    st.tuples(st.sampled_from(Stage), st.integers(-5, 200), st.none() | st.just("champion")), max_size=12
).map(lambda rows: [candidate(len(rows) - at, *row) for at, row in enumerate(rows)])
RETENTIONS = st.builds(
    Retention,
    keep_last=st.none() | st.integers(1, 6),
    older_than=st.none() | st.integers(0, 200).map(lambda days: days * DAY),
    stages=st.frozensets(st.sampled_from(Stage)),
)


@given(CANDIDATES, RETENTIONS, st.none() | st.integers(1, 12))
def test_what_somebody_relies_on_never_goes_and_everything_else_goes_by_all_that_is_given(
    candidates, retention, target
):
    fates = decide_fates(candidates, retention, NOW, needed(target))
    assert [fate.version for fate in fates] == [each.version for each in candidates]
    for rank, (each, fate) in enumerate(zip(candidates, fates, strict=True)):
        relied_on = each.stage in (Stage.STAGING, Stage.PRODUCTION) or each.aliases or each.version == target
        meets_all = (
            retention.is_given
            and (retention.keep_last is None or rank >= retention.keep_last)
            and (retention.older_than is None or NOW - each.created_at > retention.older_than)
            and (not retention.stages or each.stage in retention.stages)
        )
        assert fate.removed == (meets_all and not relied_on)
        assert fate.reason


SECOND = 10**9
AT = GracePeriod.at(NOW, timedelta(hours=24))


@pytest.mark.parametrize(
    ("modified", "changed", "old"),
    [
        (-25, -25, True),
        (-24, -24, True),
        (-23, -23, False),
        (-25, -1, True),  # a change of its owner or mode makes no file younger
        (1, -25, False),  # written before the clock was set back
        (-25, 1, False),
    ],
)
def test_a_leftover_is_old_by_its_bytes_and_never_when_it_comes_from_the_future(modified, changed, old):
    hours = [AT.now + each * 3600 * SECOND for each in (modified, changed)]
    assert AT.is_over(GarbageCandidate("path", 1, *hours)) is old


@pytest.mark.parametrize(
    ("length", "written"), [("2w", "14d"), ("36h", "36h"), ("90m", "90m"), ("60s", "1m"), ("0", "0d")]
)
def test_a_length_of_time_is_written_as_it_can_be_typed(length, written):
    retention = Retention(older_than=checked_duration(length, "the age"))
    assert retention.options == ["--older-than", written]
    assert checked_duration(written, "the age") == retention.older_than
