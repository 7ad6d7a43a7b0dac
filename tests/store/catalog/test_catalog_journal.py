"""The journal: one row for each change, a chain of hashes, and a replay that gives the current state."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelreg import Registry
from modelreg.errors import ModelregError

DAY = "2999-01-01T00:00:00.000000Z"


def test_each_change_adds_one_row_and_reading_adds_none(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    registry.register(model_file(b"2"), "churn", tags={"a": "b"}, description="x", metrics={"m": 1}, params={"p": 1})
    registry.register(model_file(b"2"), "churn", aliases=["one", "two"], metrics={"m": 1}, params={"p": 1})
    registry.transition("churn", 1, "Production")
    registry.transition("churn", 2, "Production", move_existing="Staging")
    registry.transition("churn", 1, "Archived")
    registry.delete("churn/1")
    registry.path("churn/2")
    registry.versions("churn")
    assert [(entry.action, entry.version) for entry in registry.history()] == [
        ("register", 1),
        ("register", 2),
        ("alias", 2),
        ("alias", 2),
        ("transition", 1),
        ("transition", 1),
        ("transition", 2),
        ("transition", 1),
        ("delete", 1),
    ]
    batches = [entry.batch for entry in registry.history()]
    assert batches == [1, 2, 3, 3, 5, 6, 6, 8, 9]


def test_row_contains_the_values_after_the_change(registry, model_file):
    registry.register(model_file(), "churn", description="good", tags={"a": "b"}, metrics={"auc": 0.5})
    registry.transition("churn", 1, "Staging", message="why")
    registered, moved = registry.history()
    after = json.loads(registered.after)
    assert after["model"]["name"] == "churn"
    assert after["model"]["next_version"] == 2
    version = registry.version("churn/1")
    assert after["version"]["digest"] == version.digest
    assert (after["version"]["stage"], after["version"]["tags"], after["version"]["description"]) == (
        "None",
        {"a": "b"},
        "good",
    )
    assert json.loads(moved.after)["version"]["stage"] == "Staging"
    assert (moved.from_stage, moved.to_stage, moved.message) == ("None", "Staging", "why")


def test_each_row_contains_the_hash_of_the_previous_row(registry, model_file, execute_sql):
    for content in (b"1", b"2", b"3"):
        registry.register(model_file(content), "churn")
    columns = "seq, at, batch, action, model, name, version, from_stage, to_stage, message, user, claimed_user, ci_job"
    rows = execute_sql(f"SELECT {columns}, tool, after, previous_hash, hash FROM journal ORDER BY seq")
    previous = "0" * 64
    for *values, hash_ in rows:
        assert values[-1] == previous
        previous = hashlib.sha256(json.dumps(values).encode()).hexdigest()
        assert hash_ == previous


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET message = 'x'",
        "DELETE FROM journal",
        "INSERT OR REPLACE INTO journal SELECT * FROM journal",  # REPLACE runs no delete trigger
    ],
)
def test_triggers_refuse_to_change_or_delete_a_row(registry, model_file, execute_sql, statement):
    registry.register(model_file(), "churn")
    with pytest.raises(sqlite3.IntegrityError, match="a journal entry is never"):
        execute_sql(statement)
    assert registry.history()[0].message is None


def test_times_never_decrease_when_the_clock_is_set_back(registry, model_file, run):
    # a separate process with a wrong clock
    script = f"""
import sys
from datetime import datetime
from modelreg import Registry
from modelreg.system import clock
clock.now = lambda: datetime.fromisoformat({DAY!r})
Registry(sys.argv[1]).register(sys.argv[2], "churn")
"""
    status, _, err = run(script, registry.folder, model_file(b"1"))
    assert status == 0, err
    registry.register(model_file(b"2"), "churn", stage="Staging")
    times = [entry.at for entry in registry.history()]
    assert times == [datetime(2999, 1, 1, tzinfo=UTC)] * 3
    assert registry.version("churn/latest").version == 2
    assert registry.version("churn/2").created_at == times[0]
    assert list(registry.verify()) == []


def replay(entries):
    """Models and versions as the rows alone give them, by the rules in docs/catalog.md."""
    models, versions = {}, {}
    for entry in entries:
        after = json.loads(entry.after)
        for mapping, key, values in (
            (models, entry.model, after.get("model", {})),
            (versions, (entry.model, entry.version), after.get("version", {}) if entry.version else {}),
        ):
            if values is None:
                mapping.pop(key, None)
            elif values:
                mapping.setdefault(key, {}).update(values)
    return models, versions


CHANGES = st.one_of(
    st.tuples(st.just("register"), st.sampled_from("ab"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("state"), st.sampled_from("ab"), st.integers(0, 3), st.sampled_from("xyz")),
    st.tuples(
        st.just("transition"),
        st.sampled_from("ab"),
        st.integers(1, 5),
        st.sampled_from(["None", "Staging", "Production", "Archived"]),
        st.booleans(),
    ),
    st.tuples(st.just("delete"), st.sampled_from("ab"), st.integers(0, 5)),
)


@settings(max_examples=10, deadline=None)
@given(changes=st.lists(CHANGES, max_size=15))
def test_replaying_the_journal_gives_the_current_state(changes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("journal")
    registry = Registry(folder / "registry")
    registry.create()
    for kind, name, *rest in changes:
        try:
            apply_change(registry, folder, kind, name, rest)
        except ModelregError:
            assert list(registry.verify()) == []
    models, versions = replay(registry.history())
    assert {(values["name"], tuple(values["aliases"].items())) for values in models.values()} == {
        (model.name, tuple(model.aliases.items())) for model in registry.models()
    }
    assert {
        (models[model]["name"], number): (values["stage"], values["digest"], values["tags"], values["description"])
        for (model, number), values in versions.items()
    } == {
        (model.name, version.version): (version.stage, version.digest, version.tags, version.description)
        for model in registry.models()
        for version in registry.versions(model.name)
    }
    assert list(registry.verify()) == []


def apply_change(registry, folder, kind, name, rest):
    match kind, rest:
        case "register", [content, new_version]:
            registry.register(make_file(folder, content), name, new_version=new_version)
        case "state", [content, text]:
            registry.register(
                make_file(folder, content), name, aliases=[text], tags={text: str(content)}, description=text
            )
        case "transition", [version, stage, archive]:
            archive = archive and stage in ("Staging", "Production")
            registry.transition(name, version, stage, archive_existing=archive)
        case "delete", [0]:
            registry.delete(name)
        case "delete", [version]:
            registry.delete(f"{name}/{version}")


def make_file(folder, content):
    path = folder / "model"
    path.write_bytes(bytes([content + 1]))
    return path
