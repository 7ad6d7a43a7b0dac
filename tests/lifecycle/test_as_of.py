"""History from the journal: the stages at a past moment, and the entries that match conditions."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from modelreg.errors import InvalidInput, ModelNotFound, VersionNotFound


def stages_at(registry, moment, subject=None):
    return {f"{entry.name}/{entry.version}": str(entry.stage) for entry in registry.history_as_of(moment, subject)}


def test_as_of_returns_the_stages_at_any_moment(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    before = registry.history()[-1].at
    registry.register(model_file(b"2"), "churn")
    registry.transition("churn", 1, "Production", message="the first")
    promoted = registry.history()[-1].at
    registry.transition("churn", 2, "Production", archive_existing=True)
    registry.delete("churn/1")
    assert stages_at(registry, before - timedelta(microseconds=1)) == {}
    assert stages_at(registry, before) == {"churn/1": "None"}
    assert stages_at(registry, promoted) == {"churn/1": "Production", "churn/2": "None"}
    assert stages_at(registry, datetime.now(UTC)) == {"churn/2": "Production"}
    (first, _) = sorted(registry.history_as_of(promoted), key=lambda entry: entry.version)
    assert (first.since, first.message, first.user) == (promoted, "the first", registry.history()[0].user)


def test_as_of_a_date_means_its_end_and_times_may_have_an_offset(registry, model_file):
    registry.register(model_file(b"1"), "churn", stage="Production")
    today = datetime.now(UTC).date()
    assert stages_at(registry, str(today)) == {"churn/1": "Production"}
    assert stages_at(registry, str(today - timedelta(days=1))) == {}
    at = registry.history()[-1].at
    local_time = at.astimezone(UTC) + timedelta(hours=2)
    assert stages_at(registry, local_time.strftime("%Y-%m-%dT%H:%M:%S.%f+02:00")) == {"churn/1": "Production"}


def test_as_of_can_be_limited_to_a_model_or_a_version(registry, model_file):
    for name in ("churn", "fraud"):
        registry.register(model_file(b"1"), name)
        registry.register(model_file(b"2"), name)
    now = datetime.now(UTC)
    assert stages_at(registry, now, "churn") == {"churn/1": "None", "churn/2": "None"}
    assert stages_at(registry, now, "churn/2") == {"churn/2": "None"}
    assert list(stages_at(registry, now)) == ["churn/2", "churn/1", "fraud/2", "fraud/1"]


def test_as_of_finds_a_model_by_any_of_its_names_and_returns_the_name_at_that_moment(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    then = registry.history()[-1].at
    registry.rename("churn", "leaving")
    for name in ("churn", "leaving"):
        assert stages_at(registry, then, name) == {"churn/1": "None"}
        assert stages_at(registry, datetime.now(UTC), name) == {"leaving/1": "None"}


@pytest.mark.parametrize("moment", ["soon", "", "2026-13-01", "2026-10-01T25:00", "3 d", "tomorrow"])
def test_as_of_refuses_invalid_moments(registry, model_file, moment):
    registry.register(model_file(b"1"), "churn")
    with pytest.raises(InvalidInput, match="is not a time"):
        registry.history_as_of(moment)


def test_as_of_raises_not_found_for_unknown_models_and_versions(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    now = datetime.now(UTC)
    with pytest.raises(ModelNotFound):
        registry.history_as_of(now, "fraud")
    with pytest.raises(VersionNotFound):
        registry.history_as_of(now, "churn/2")


@pytest.mark.parametrize(("changes", "moments"), [(60, 200), pytest.param(150, 300, marks=pytest.mark.slow)])
def test_as_of_agrees_with_a_reference_model_of_a_random_history(registry, model_file, changes, moments):
    rng = random.Random(changes)
    models: dict[str, dict[int, str]] = {"churn": {}, "fraud": {}}  # name -> version -> stage
    snapshots = []  # (the last journal entry of each change, the stages after it)
    numbers = dict.fromkeys(models, 0)
    for change in range(changes):
        name = rng.choice(list(models))
        versions = models[name]
        action = rng.choice(["register", "transition", "transition", "transition", "delete", "describe"])
        if action == "register" or not versions:
            registry.register(model_file(b"%d" % change), name)
            numbers[name] += 1
            versions[numbers[name]] = "None"
        elif action == "transition":
            number, stage = rng.choice(list(versions)), rng.choice(["None", "Staging", "Production", "Archived"])
            registry.transition(name, number, stage, archive_existing=stage in ("Staging", "Production"))
            for other, other_stage in versions.items():
                if stage in ("Staging", "Production") and other_stage == stage and other != number:
                    versions[other] = "Archived"
            versions[number] = stage
        elif action == "delete":
            number = rng.choice(list(versions))
            if versions[number] in ("None", "Archived"):
                registry.delete(f"{name}/{number}")
                del versions[number]
        else:
            registry.describe(f"{name}/{rng.choice(list(versions))}", str(change))
        seq = int(registry.information().journal_head.partition(":")[0])
        stages = {f"{model}/{number}": stage for model in models for number, stage in models[model].items()}
        snapshots.append((seq, stages))
    times = {entry.seq: entry.at for entry in registry.history()}
    first, last = times[1], times[snapshots[-1][0]]
    for _ in range(moments):
        moment = rng.choice([first + (last - first) * rng.random(), times[rng.choice(snapshots)[0]]])
        expected = [stages for seq, stages in snapshots if times[seq] <= moment][-1]
        assert stages_at(registry, moment) == expected


def test_as_of_accepts_moments_relative_to_now(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    for moment in ("now", "today", "0s"):
        assert stages_at(registry, moment) == {"churn/1": "None"}
    for moment in ("yesterday", "3d", "3d ago", "1h"):
        assert stages_at(registry, moment) == {}


def test_history_refuses_a_user_name_that_is_not_utf8(registry):
    with pytest.raises(InvalidInput, match="not UTF-8"):
        registry.history(user="\udcff")


def test_history_filters_by_time_user_action_and_limit(registry, model_file):
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


def test_history_finds_entries_by_the_user_named_in_modelreg_user(registry, model_file, monkeypatch):
    monkeypatch.setenv("MODELREG_USER", "ana")
    registry.register(model_file(b"1"), "churn")
    assert [entry.action for entry in registry.history(user="ana")] == ["register"]


def test_stage_held_has_the_time_user_and_message_of_the_last_stage_change(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    assert registry.current_stage("churn/1").since == registry.version("churn/1").created_at
    registry.transition("churn", 1, "Production", message="passed")
    entry = registry.history()[-1]
    held_now = registry.current_stage("churn/Production")
    assert (held_now.stage, held_now.since, held_now.user, held_now.message) == (
        "Production", entry.at, entry.user, "passed",
    )  # fmt: skip
