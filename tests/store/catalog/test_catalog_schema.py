"""The catalog file: ours, of a schema that this program knows, whole or not there at all."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from modelreg import Registry
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import CatalogDamaged, RegistryTooNew

STORED = Path(__file__).parent
APPLICATION_ID = 0x4D524547
SIGNATURE = Signature((SignatureField("age", "int64"),))


@pytest.fixture(params=sorted(path.name for path in STORED.glob("schema-*.sql")))
def stored_catalog(request, tmp_path):
    """A registry with a catalog that was stored when its schema was the newest, beside the bytes that it names."""
    Path("model.pkl").write_bytes(b"the bytes of version one")
    Path("other.pkl").write_bytes(b"the bytes of version two")
    registry = Registry(tmp_path / "registry")
    registry.register("model.pkl", "scratch", metrics={"auc": 0.9}, params={"depth": 3}, signature=SIGNATURE)
    registry.register("other.pkl", "scratch")
    (tmp_path / "registry" / "catalog.db").unlink()
    with closing(sqlite3.connect(tmp_path / "registry" / "catalog.db")) as connection:
        connection.executescript((STORED / request.param).read_text())
    return registry


def test_a_stored_catalog_opens_with_todays_program(stored_catalog):
    assert [(each.version, each.stage) for each in stored_catalog.versions("churn")] == [
        (2, "Production"),
        (1, "Archived"),
    ]
    version = stored_catalog.version("churn@champion")
    assert (version.metrics, version.params, version.tags) == ({"auc": 0.9}, {"depth": "3"}, {"team": "search"})
    assert version.signature.inputs[0].name == "age"


def test_a_stored_catalog_is_read_as_it_is_and_migrated_by_the_first_change(stored_catalog, tmp_path):
    catalog = stored_catalog.folder / "catalog.db"
    before, head = catalog.read_bytes(), stored_catalog.information().journal_head
    assert list(stored_catalog.verify()) == []
    stored_catalog.backup(tmp_path / "backup")
    stored_catalog.backup(tmp_path / "backup")
    assert stored_catalog.prune(dry_run=True).removed == 0
    assert stored_catalog.path("churn/2").read_bytes() == b"the bytes of version two"
    assert stored_catalog.information().journal_head == head
    assert catalog.read_bytes() == before
    assert not any(path.name.startswith("catalog-schema") for path in stored_catalog.folder.iterdir())
    stored_catalog.tag("churn", {"a": "b"})
    history = stored_catalog.history()
    assert [entry.action for entry in history[9:]] == ["migrate", "tag"]
    steps = [each["name"] for each in json.loads(history[9].after)["migrations"]]
    assert steps[:4] == ["foundation", "runs", "newest_in_production", "attributes_of_imports"]
    assert steps[4:] == ["answered_by_indexes", "git_branch", "terms_of_evaluations"]


def test_a_stored_catalog_is_sound_once_it_is_migrated(stored_catalog):
    assert list(stored_catalog.verify()) == []
    found = stored_catalog.register(
        "model.pkl", "churn", metrics={"auc": 0.9}, params={"depth": 3}, signature=SIGNATURE
    )
    assert (found.version, found.created) == (1, False)
    assert list(stored_catalog.verify()) == []


def test_a_stored_catalog_goes_on(stored_catalog):
    Path("new.pkl").write_bytes(b"new")
    assert stored_catalog.register("new.pkl", "churn").version == 3
    assert stored_catalog.register("new.pkl", "Gone").version == 2
    run = stored_catalog.runs.start()
    stored_catalog.runs.log(run.run_id, metrics={"auc": 0.9})
    assert stored_catalog.runs.run(run.run_id).metrics == {"auc": 0.9}


def test_a_stored_catalog_is_read_where_nothing_can_be_written_and_stays_as_it_is(
    stored_catalog, run, without_privilege, tmp_path
):
    catalog = stored_catalog.folder / "catalog.db"
    before = catalog.read_bytes(), sorted(os.listdir(stored_catalog.folder))
    subprocess.run(["chmod", "-R", "a-w", stored_catalog.folder], check=True)
    script = """
import sys
from modelreg import Registry
registry = Registry(sys.argv[1])
print(registry.version("churn/Production").version, len(registry.models()), registry.runs.search())
print(list(registry.verify()))
print(registry.path("churn/2").read_bytes())
"""
    script += "registry.backup(sys.argv[2]); registry.backup(sys.argv[2])\n"
    try:
        asked = run(script, stored_catalog.folder, tmp_path / "backup", before=without_privilege)
    finally:
        subprocess.run(["chmod", "-R", "u+w", stored_catalog.folder], check=True)
    assert asked == (0, "2 1 []\n[]\nb'the bytes of version two'\n", "")
    assert (catalog.read_bytes(), sorted(os.listdir(stored_catalog.folder))) == before


def test_a_stored_catalog_is_backed_up_and_restored_by_todays_program(stored_catalog, tmp_path):
    stored_catalog.backup(tmp_path / "backup")
    restored = Registry(tmp_path / "restored")
    restored.restore(tmp_path / "backup")
    for registry in (Registry(tmp_path / "backup"), restored):
        assert registry.versions("churn") == stored_catalog.versions("churn")
        assert list(registry.verify()) == []


def test_a_catalog_says_whose_it_is_and_of_which_schema(registry, by_hand):
    registry.create()
    assert by_hand("PRAGMA application_id") == [(APPLICATION_ID,)]
    assert by_hand("PRAGMA user_version") == [(registry.information().schema_version,)]
    assert by_hand("PRAGMA journal_mode") == [("delete",)]


def test_every_table_is_strict_and_the_views_can_be_read(registry, model_file, by_hand):
    registry.register(model_file(), "churn", metrics={"auc": 0.5}, stage="Staging", aliases=["champion"])
    loose = by_hand("SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict AND schema = 'main'")
    assert {name for (name,) in loose if not name.startswith(("sqlite_", "_sqlite"))} == set()
    assert by_hand("SELECT name, versions, latest, staging, production FROM registered_models") == [
        ("churn", 1, 1, "1", None)
    ]
    assert by_hand("SELECT name, version, stage, aliases, metrics FROM model_versions") == [
        ("churn", 1, "Staging", "champion", '{"auc":0.5}')
    ]


def test_a_newer_catalog_is_not_read(registry, model_file, by_hand):
    registry.register(model_file(), "churn")
    by_hand("PRAGMA user_version = 99")
    before = (registry.folder / "catalog.db").read_bytes()
    for ask in (registry.models, lambda: registry.register(model_file(b"2"), "churn"), lambda: list(registry.verify())):
        with pytest.raises(RegistryTooNew, match="99") as refused:
            ask()
        assert refused.value.exit == 10
    assert (registry.folder / "catalog.db").read_bytes() == before


def foreign(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA application_id = 42")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("CREATE TABLE models (name)")


def foreign_in_wal_mode(path):
    foreign(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


NO_CATALOG = {
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"S"),
    "random bytes": lambda path: path.write_bytes(os.urandom(8192)),
    "text": lambda path: path.write_text("all models are wrong\n" * 100),
    "header alone": lambda path: path.write_bytes(b"SQLite format 3\0"),
    "foreign": foreign,
    "foreign in WAL mode": foreign_in_wal_mode,
}


@pytest.mark.parametrize("kind", NO_CATALOG)
def test_what_is_no_catalog_is_damage_and_is_left_as_it_is(registry, model_file, kind):
    registry.register(model_file(), "churn")
    catalog = registry.folder / "catalog.db"
    catalog.unlink()
    NO_CATALOG[kind](catalog)
    os.chmod(catalog, 0o644)
    before = catalog.read_bytes(), sorted(os.listdir(registry.folder))
    for ask in (registry.models, lambda: registry.register(model_file(b"2"), "churn")):
        with pytest.raises(CatalogDamaged) as refused:
            ask()
        assert refused.value.exit == 6
    assert (catalog.read_bytes(), sorted(os.listdir(registry.folder))) == before


@pytest.mark.parametrize("kind", NO_CATALOG)
def test_making_a_registry_where_no_catalog_of_ours_is_does_not_call_it_made(registry, kind):
    registry.create()
    (registry.folder / "catalog.db").unlink()
    NO_CATALOG[kind](registry.folder / "catalog.db")
    with pytest.raises(CatalogDamaged):
        registry.create()


def test_a_catalog_cut_short_is_damage(registry, model_file):
    registry.register(model_file(), "churn")
    catalog = registry.folder / "catalog.db"
    catalog.write_bytes(catalog.read_bytes()[:5000])
    with pytest.raises(CatalogDamaged):
        registry.versions("churn")
    with pytest.raises(CatalogDamaged):
        registry.register(model_file(b"2"), "churn")


def test_a_catalog_that_is_a_link_to_nowhere_is_damage(registry, model_file):
    registry.register(model_file(), "churn")
    (registry.folder / "catalog.db").unlink()
    (registry.folder / "catalog.db").symlink_to("nowhere")
    with pytest.raises(CatalogDamaged):
        registry.models()


def test_sqlite_utils_is_imported_to_make_a_catalog_and_never_again(registry, model_file, run):
    script = """
import sys
from modelreg import Registry
Registry(sys.argv[1]).register(sys.argv[2], "churn")
registry = Registry(sys.argv[1])
registry.models(), registry.versions("churn"), registry.path("churn/1"), list(registry.verify())
print("sqlite_utils" in sys.modules)
"""
    assert run(script, registry.folder, model_file())[:2] == (0, "True\n")
    assert run(script, registry.folder, model_file(b"2"))[:2] == (0, "False\n")


def test_processes_that_make_one_registry_at_once_make_one(registry, at_once):
    script = "from modelreg import Registry; ready(); print(Registry(sys.argv[1]).create())"
    assert sorted(at_once(script, [(registry.folder,)] * 6)) == ["False\n"] * 5 + ["True\n"]
    assert list(registry.verify()) == []
    assert [name for name in os.listdir(registry.folder) if name.startswith(".")] == [".gitignore"]
