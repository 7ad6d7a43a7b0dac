"""Which version was in which stage at a time, told from the journal."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from modelreg.errors import InvalidInput, ModelNotFound, VersionNotFound


def held(registry, moment, subject=None):
    return {f"{each.name}/{each.version}": str(each.stage) for each in registry.history_as_of(moment, subject)}


def test_it_is_told_for_any_moment(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    before = registry.history()[-1].at
    registry.register(model_file(b"2"), "churn")
    registry.transition("churn", 1, "Production", message="the first")
    promoted = registry.history()[-1].at
    registry.transition("churn", 2, "Production", archive_existing=True)
    registry.delete("churn/1")
    assert held(registry, before - timedelta(microseconds=1)) == {}
    assert held(registry, before) == {"churn/1": "None"}
    assert held(registry, promoted) == {"churn/1": "Production", "churn/2": "None"}
    assert held(registry, datetime.now(UTC)) == {"churn/2": "Production"}
    (first, _) = sorted(registry.history_as_of(promoted), key=lambda each: each.version)
    assert (first.since, first.message, first.user) == (promoted, "the first", registry.history()[0].user)


def test_of_a_day_it_is_the_end_and_a_time_may_have_an_offset(registry, model_file):
    registry.register(model_file(b"1"), "churn", stage="Production")
    today = datetime.now(UTC).date()
    assert held(registry, str(today)) == {"churn/1": "Production"}
    assert held(registry, str(today - timedelta(days=1))) == {}
    at = registry.history()[-1].at
    elsewhere = at.astimezone(UTC) + timedelta(hours=2)
    assert held(registry, elsewhere.strftime("%Y-%m-%dT%H:%M:%S.%f+02:00")) == {"churn/1": "Production"}


def test_it_is_told_of_one_model_or_one_version(registry, model_file):
    for name in ("churn", "fraud"):
        registry.register(model_file(b"1"), name)
        registry.register(model_file(b"2"), name)
    now = datetime.now(UTC)
    assert held(registry, now, "churn") == {"churn/1": "None", "churn/2": "None"}
    assert held(registry, now, "churn/2") == {"churn/2": "None"}
    assert list(held(registry, now)) == ["churn/2", "churn/1", "fraud/2", "fraud/1"]


def test_a_model_is_found_under_any_name_it_had_and_shown_under_that_of_the_time(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    then = registry.history()[-1].at
    registry.rename("churn", "leaving")
    for name in ("churn", "leaving"):
        assert held(registry, then, name) == {"churn/1": "None"}
        assert held(registry, datetime.now(UTC), name) == {"leaving/1": "None"}


@pytest.mark.parametrize("moment", ["soon", "", "2026-13-01", "2026-10-01T25:00", "3 d", "tomorrow"])
def test_what_is_no_time_is_refused(registry, model_file, moment):
    registry.register(model_file(b"1"), "churn")
    with pytest.raises(InvalidInput, match="is not a time"):
        registry.history_as_of(moment)


def test_what_was_never_there_is_not_found(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    now = datetime.now(UTC)
    with pytest.raises(ModelNotFound):
        registry.history_as_of(now, "fraud")
    with pytest.raises(VersionNotFound):
        registry.history_as_of(now, "churn/2")


@pytest.mark.parametrize(("changes", "moments"), [(60, 200), pytest.param(150, 300, marks=pytest.mark.slow)])
def test_random_moments_of_a_random_history_agree_with_a_model_kept_beside_it(registry, model_file, changes, moments):
    chance = random.Random(changes)
    known: dict[str, dict[int, str]] = {"churn": {}, "fraud": {}}
    kept = []  # (the last journal entry of each change, what holds after it)
    numbers = dict.fromkeys(known, 0)
    for change in range(changes):
        name = chance.choice(list(known))
        versions = known[name]
        act = chance.choice(["register", "transition", "transition", "transition", "delete", "describe"])
        if act == "register" or not versions:
            registry.register(model_file(b"%d" % change), name)
            numbers[name] += 1
            versions[numbers[name]] = "None"
        elif act == "transition":
            number, stage = chance.choice(list(versions)), chance.choice(["None", "Staging", "Production", "Archived"])
            registry.transition(name, number, stage, archive_existing=stage in ("Staging", "Production"))
            for other, there in versions.items():
                if stage in ("Staging", "Production") and there == stage and other != number:
                    versions[other] = "Archived"
            versions[number] = stage
        elif act == "delete":
            number = chance.choice(list(versions))
            if versions[number] in ("None", "Archived"):
                registry.delete(f"{name}/{number}")
                del versions[number]
        else:
            registry.describe(f"{name}/{chance.choice(list(versions))}", str(change))
        seq = int(registry.information().journal_head.partition(":")[0])
        kept.append((seq, {f"{each}/{number}": stage for each in known for number, stage in known[each].items()}))
    times = {entry.seq: entry.at for entry in registry.history()}
    first, last = times[1], times[kept[-1][0]]
    for _ in range(moments):
        moment = chance.choice([first + (last - first) * chance.random(), times[chance.choice(kept)[0]]])
        expected = [holds for seq, holds in kept if times[seq] <= moment][-1]
        assert held(registry, moment) == expected


def test_a_moment_may_be_said_from_now(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    for moment in ("now", "today", "0s"):
        assert held(registry, moment) == {"churn/1": "None"}
    for moment in ("yesterday", "3d", "3d ago", "1h"):
        assert held(registry, moment) == {}


def test_a_user_whose_name_is_no_text_is_refused(registry):
    with pytest.raises(InvalidInput, match="is no user"):
        registry.history(user="\udcff")


def test_the_history_is_chosen_by_time_user_action_and_number(registry, model_file):
    for number in (1, 2):
        registry.register(model_file(b"%d" % number), "churn")
    registry.register(model_file(b"3"), "fraud")
    registry.transition("churn", 1, "Production")
    everything = registry.history()
    user = everything[0].user
    assert registry.history(limit=2) == everything[-2:]
    assert [entry.version for entry in registry.history(action="register")] == [1, 2, 1]
    assert registry.history(since="1d", user=user, action="transition") == everything[-1:]
    assert registry.history(since=everything[-1].at) == everything[-1:]
    assert registry.history("churn/1", action="register") == registry.history("churn/1")[:1]
    assert registry.history("churn", user="nobody") == registry.history("churn/1", user="nobody") == []
    for subject, error in (("absent", ModelNotFound), ("churn/9", VersionNotFound)):
        with pytest.raises(error):
            registry.history(subject, user="nobody")
    with pytest.raises(InvalidInput) as refused:
        registry.history(action="transitions")
    assert refused.value.hint == "did you mean transition?"


def test_the_user_that_the_environment_claims_is_found_too(registry, model_file, monkeypatch):
    monkeypatch.setenv("MODELREG_USER", "ana")
    registry.register(model_file(b"1"), "churn")
    assert [entry.action for entry in registry.history(user="ana")] == ["register"]


def test_a_version_tells_since_when_it_is_in_its_stage_and_who_put_it_there(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    assert registry.stage_held("churn/1").since == registry.version("churn/1").created_at
    registry.transition("churn", 1, "Production", message="passed")
    entry = registry.history()[-1]
    held_now = registry.stage_held("churn/Production")
    assert (held_now.stage, held_now.since, held_now.user, held_now.message) == (
        "Production", entry.at, entry.user, "passed",
    )  # fmt: skip
