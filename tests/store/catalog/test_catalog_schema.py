"""The catalog file: migrations of older schemas, foreign and damaged files, creation."""

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
from modelreg.errors import CatalogDamaged, NoRegistry

STORED = Path(__file__).parent
APPLICATION_ID = 0x4D524547
SIGNATURE = Signature((SignatureField("age", "int64"),))


@pytest.fixture(params=sorted(path.name for path in STORED.glob("schema-*.sql")))
def stored_catalog(request, tmp_path):
    """A registry with a catalog of an older schema, and the blobs that it refers to."""
    Path("model.pkl").write_bytes(b"the bytes of version one")
    Path("other.pkl").write_bytes(b"the bytes of version two")
    registry = Registry(tmp_path / "registry")
    registry.register("model.pkl", "scratch", metrics={"auc": 0.9}, params={"depth": 3}, signature=SIGNATURE)
    registry.register("other.pkl", "scratch")
    (tmp_path / "registry" / "catalog.db").unlink()
    with closing(sqlite3.connect(tmp_path / "registry" / "catalog.db")) as connection:
        connection.executescript((STORED / request.param).read_text())
    return registry


def test_old_catalog_is_readable(stored_catalog):
    assert [(version.version, version.stage) for version in stored_catalog.versions("churn")] == [
        (2, "Production"),
        (1, "Archived"),
    ]
    version = stored_catalog.version("churn@champion")
    assert (version.metrics, version.params, version.tags) == ({"auc": 0.9}, {"depth": "3"}, {"team": "search"})
    assert version.signature.inputs[0].name == "age"


def test_old_catalog_is_not_changed_by_reading_and_migrated_by_the_first_change(stored_catalog, tmp_path):
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
    steps = [step["name"] for step in json.loads(history[9].after)["migrations"]]
    assert steps[:4] == ["foundation", "runs", "newest_in_production", "attributes_of_imports"]
    assert steps[4:] == ["answered_by_indexes", "git_branch", "terms_of_evaluations"]


def test_old_catalog_passes_verify_after_migration(stored_catalog):
    assert list(stored_catalog.verify()) == []
    registration = stored_catalog.register(
        "model.pkl", "churn", metrics={"auc": 0.9}, params={"depth": 3}, signature=SIGNATURE
    )
    assert (registration.version, registration.created) == (1, False)
    assert list(stored_catalog.verify()) == []


def test_old_catalog_continues_its_version_numbers(stored_catalog):
    Path("new.pkl").write_bytes(b"new")
    assert stored_catalog.register("new.pkl", "churn").version == 3
    assert stored_catalog.register("new.pkl", "Gone").version == 2
    run = stored_catalog.runs.start()
    stored_catalog.runs.log(run.run_id, metrics={"auc": 0.9})
    assert stored_catalog.runs.run(run.run_id).metrics == {"auc": 0.9}


def test_old_catalog_in_a_read_only_folder_is_readable_and_not_changed(
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
        result = run(script, stored_catalog.folder, tmp_path / "backup", prefix=without_privilege)
    finally:
        subprocess.run(["chmod", "-R", "u+w", stored_catalog.folder], check=True)
    assert result == (0, "2 1 []\n[]\nb'the bytes of version two'\n", "")
    assert (catalog.read_bytes(), sorted(os.listdir(stored_catalog.folder))) == before


def test_old_catalog_can_be_backed_up_and_restored(stored_catalog, tmp_path):
    stored_catalog.backup(tmp_path / "backup")
    restored = Registry(tmp_path / "restored")
    restored.restore(tmp_path / "backup")
    for registry in (Registry(tmp_path / "backup"), restored):
        assert registry.versions("churn") == stored_catalog.versions("churn")
        assert list(registry.verify()) == []


def test_catalog_has_the_application_id_and_schema_version(registry, execute_sql):
    registry.create()
    assert execute_sql("PRAGMA application_id") == [(APPLICATION_ID,)]
    assert execute_sql("PRAGMA user_version") == [(registry.information().schema_version,)]
    assert execute_sql("PRAGMA journal_mode") == [("delete",)]


def test_tables_are_strict_and_views_are_readable(registry, model_file, execute_sql):
    registry.register(model_file(), "churn", metrics={"auc": 0.5}, stage="Staging", aliases=["champion"])
    loose = execute_sql("SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict AND schema = 'main'")
    assert {name for (name,) in loose if not name.startswith(("sqlite_", "_sqlite"))} == set()
    assert execute_sql("SELECT name, versions, latest, staging, production FROM registered_models") == [
        ("churn", 1, 1, "1", None)
    ]
    assert execute_sql("SELECT name, version, stage, aliases, metrics FROM model_versions") == [
        ("churn", 1, "Staging", "champion", '{"auc":0.5}')
    ]


def test_a_newer_catalog_is_not_read(registry, model_file, execute_sql):
    registry.register(model_file(), "churn")
    execute_sql("PRAGMA user_version = 99")
    before = (registry.folder / "catalog.db").read_bytes()
    for call in (
        registry.models,
        lambda: registry.register(model_file(b"2"), "churn"),
        lambda: list(registry.verify()),
    ):
        with pytest.raises(NoRegistry, match="99") as error_info:
            call()
        assert (error_info.value.code, error_info.value.exit) == ("registry_too_new", 10)
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


FOREIGN_FILES = {
    "empty": lambda path: path.write_bytes(b""),
    "one byte": lambda path: path.write_bytes(b"S"),
    "random bytes": lambda path: path.write_bytes(os.urandom(8192)),
    "text": lambda path: path.write_text("all models are wrong\n" * 100),
    "header alone": lambda path: path.write_bytes(b"SQLite format 3\0"),
    "foreign": foreign,
    "foreign in WAL mode": foreign_in_wal_mode,
}


@pytest.mark.parametrize("kind", FOREIGN_FILES)
def test_foreign_or_damaged_file_as_catalog_is_reported_and_not_changed(registry, model_file, kind):
    registry.register(model_file(), "churn")
    catalog = registry.folder / "catalog.db"
    catalog.unlink()
    FOREIGN_FILES[kind](catalog)
    os.chmod(catalog, 0o644)
    before = catalog.read_bytes(), sorted(os.listdir(registry.folder))
    for call in (registry.models, lambda: registry.register(model_file(b"2"), "churn")):
        with pytest.raises(CatalogDamaged) as error_info:
            call()
        assert error_info.value.exit == 6
    assert (catalog.read_bytes(), sorted(os.listdir(registry.folder))) == before


@pytest.mark.parametrize("kind", FOREIGN_FILES)
def test_create_refuses_a_foreign_or_damaged_file_as_catalog(registry, kind):
    registry.create()
    (registry.folder / "catalog.db").unlink()
    FOREIGN_FILES[kind](registry.folder / "catalog.db")
    with pytest.raises(CatalogDamaged):
        registry.create()


def test_truncated_catalog_is_damage(registry, model_file):
    registry.register(model_file(), "churn")
    catalog = registry.folder / "catalog.db"
    catalog.write_bytes(catalog.read_bytes()[:5000])
    with pytest.raises(CatalogDamaged):
        registry.versions("churn")
    with pytest.raises(CatalogDamaged):
        registry.register(model_file(b"2"), "churn")


def test_dangling_link_as_catalog_is_damage(registry, model_file):
    registry.register(model_file(), "churn")
    (registry.folder / "catalog.db").unlink()
    (registry.folder / "catalog.db").symlink_to("nowhere")
    with pytest.raises(CatalogDamaged):
        registry.models()


def test_sqlite_utils_is_imported_only_to_create_a_catalog(registry, model_file, run):
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


def test_concurrent_processes_create_one_registry(registry, run_concurrently):
    script = "from modelreg import Registry; ready(); print(Registry(sys.argv[1]).create())"
    assert sorted(run_concurrently(script, [(registry.folder,)] * 6)) == ["False\n"] * 5 + ["True\n"]
    assert list(registry.verify()) == []
    assert [name for name in os.listdir(registry.folder) if name.startswith(".")] == [".gitignore"]
