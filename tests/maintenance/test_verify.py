"""Verify finds every kind of damage; loading never returns damaged bytes; registering again repairs them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from modelreg import Registry
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import BlobDamaged, Damaged, NoRegistry

GOOD = b"the bytes of a model" * 10
OTHER = b"the bytes of another" * 10


def problems(registry):
    return [(finding.subject, finding.path, finding.problem) for finding in registry.verify()]


@pytest.fixture
def two_models(registry, model_file):
    registry.register(model_file(GOOD, "model.pkl"), "churn", metrics={"auc": 0.9})
    registry.register(model_file(OTHER, "other.pkl"), "fraud")
    return registry


def flip(path):
    content = path.read_bytes()
    write(path, bytes([content[0] ^ 1]) + content[1:])


def write(path, content):
    os.chmod(path, 0o644)
    path.write_bytes(content)


def replace_with_a_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


DAMAGE = {
    "flipped": (flip, "damaged"),
    "truncated": (lambda path: write(path, path.read_bytes()[:-1]), "bytes in the store, not"),
    "emptied": (lambda path: write(path, b""), "0 bytes in the store"),
    "longer": (lambda path: write(path, path.read_bytes() + b"x"), "bytes in the store, not"),
    "missing": (lambda path: path.unlink(), "missing"),
    "a link to the right bytes": (replace_with_a_link, "not a regular file"),
    "a FIFO": (lambda path: (path.unlink(), os.mkfifo(path)), "not a regular file"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "not a regular file"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_found_and_never_loaded_copied_or_exported(two_models, tmp_path, blob_path, kind):
    damage, expected = DAMAGE[kind]
    damage(blob_path(two_models.version("churn/1").files[0].digest))
    ((subject, path, problem),) = problems(two_models)
    assert (subject, path) == ("churn/1", "model.pkl")
    assert expected in problem
    out = os.open(tmp_path / "out", os.O_CREAT | os.O_WRONLY)
    for read in (
        lambda: two_models.path("churn/1"),
        lambda: two_models.load("churn/1"),
        lambda: two_models.copy("churn/1", tmp_path / "copy.pkl"),
        lambda: two_models.stream("churn/1", out),
        lambda: two_models.export("churn/1", tmp_path / "oci"),
    ):
        with pytest.raises(BlobDamaged, match=r"churn/1.*model\.pkl") as refused:
            read()
        assert refused.value.exit == 6
    os.close(out)
    assert (tmp_path / "out").read_bytes() == b""
    assert not [name for name in os.listdir(tmp_path) if "copy" in name or "oci" in name]
    assert os.listdir(two_models.folder / "checkouts") == []
    assert two_models.path("fraud/1").read_bytes() == OTHER


@pytest.mark.parametrize("kind", [kind for kind in DAMAGE if kind != "a folder"])
def test_registering_the_same_file_again_repairs_the_damage(two_models, model_file, blob_path, kind):
    DAMAGE[kind][0](blob_path(two_models.version("churn/1").files[0].digest))
    repaired = two_models.register(model_file(GOOD, "model.pkl"), "churn", metrics={"auc": 0.9})
    assert (repaired.version, repaired.created) == (1, False)
    assert problems(two_models) == []
    assert two_models.path("churn/1").read_bytes() == GOOD
    assert two_models.path("churn/1").stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_manifest_is_found_and_never_loaded_or_exported(two_models, tmp_path, blob_path, kind):
    DAMAGE[kind][0](blob_path(two_models.version("churn/1").digest))
    ((subject, path, problem),) = problems(two_models)
    assert (subject, path) == ("churn/1", None)
    assert "manifest" in problem
    for read in (two_models.path, lambda name: two_models.export(name, tmp_path / "oci")):
        with pytest.raises(BlobDamaged) as refused:
            read("churn/1")
        assert refused.value.exit == 6
    assert two_models.path("fraud/1").read_bytes() == OTHER


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_config_is_found(two_models, blob_path, kind):
    manifest = json.loads(blob_path(two_models.version("churn/1").digest).read_bytes())
    DAMAGE[kind][0](blob_path(manifest["config"]["digest"]))
    ((subject, path, problem),) = problems(two_models)
    assert (subject, path) == ("churn/1", None)
    assert "config" in problem


def test_two_swapped_blobs_are_both_found(two_models, blob_path):
    one, other = (blob_path(two_models.version(f"{name}/1").files[0].digest) for name in ("churn", "fraud"))
    one.rename(one.with_name("x"))
    other.rename(one)
    one.with_name("x").rename(other)
    assert [subject for subject, _, _ in problems(two_models)] == ["churn/1", "fraud/1"]
    with pytest.raises(BlobDamaged):
        two_models.path("churn/1")


def test_a_damaged_blob_is_found_in_every_version_with_that_file(registry, model_folder, blob_path):
    folder = model_folder({"a.bin": GOOD, "b.bin": OTHER})
    registry.register(folder, "churn")
    registry.register(folder / "a.bin", "fraud")
    flip(blob_path(registry.version("fraud/1").files[0].digest))
    assert [(subject, path) for subject, path, _ in problems(registry)] == [("churn/1", "a.bin"), ("fraud/1", "a.bin")]
    with pytest.raises(BlobDamaged, match=r"a\.bin"):
        registry.path("churn/1")


def test_files_of_a_killed_process_are_not_damage(two_models):
    (two_models.folder / "artifacts" / "ingest" / "4711-abcd").write_bytes(b"half a mod")
    (two_models.folder / "artifacts" / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"unreferenced")
    assert problems(two_models) == []


@pytest.mark.parametrize("name", ["oci-layout", "index.json"])
def test_a_broken_oci_layout_is_found(two_models, name):
    (two_models.folder / "artifacts" / name).unlink()
    assert [subject for subject, _, _ in problems(two_models)] == ["artifacts"]


def test_registering_does_not_wait_for_a_paused_verification(two_models, model_file, blob_path):
    flip(blob_path(two_models.version("churn/1").files[0].digest))
    flip(blob_path(two_models.version("fraud/1").files[0].digest))
    findings = two_models.verify()
    next(findings)
    assert two_models.register(model_file(b"new"), "churn").version == 2
    assert next(findings).subject == "fraud/1"


# Manual edits of the catalog


@pytest.fixture(scope="module")
def registry_with_all_tables(tmp_path_factory):
    """A registry with rows in every table; each test copies it."""
    folder = tmp_path_factory.mktemp("registry_with_all_tables")
    registry = Registry(folder / "registry")
    (folder / "model.pkl").write_bytes(GOOD)
    (folder / "model").mkdir()
    (folder / "model" / "README.md").write_bytes(OTHER)
    facts = {
        "metrics": {"auc": 0.9, "f1": 0.8},
        "params": {"depth": 3},
        "tags": {"team": "search"},
        "signature": Signature((SignatureField("age", "int64"),)),
        "description": "first",
        "message": "why",
        "run_id": "r1",
    }
    (folder / "encoder.pkl").write_bytes(b"\x80\x04\x8c\x09mypackage\x8c\x07Encoder\x93)\x81.")
    os.environ["CI_JOB_URL"] = os.environ["MODELREG_USER"] = "claimed"
    try:
        run = registry.runs.start("first", tags={"team": "search"})
        registry.runs.log(run.run_id, params={"depth": 3}, metrics={"auc": 0.9})
        registry.runs.log_model(run.run_id, "model", {"weights": [1, 2]}, signature=facts["signature"])
        registry.runs.end(run.run_id)
        registry.register(folder / "encoder.pkl", "encoder")
        registry.trust("mypackage.Encoder", message="ours")
        registry.register(folder / "model.pkl", "churn", aliases=["champion"], stage="Staging", **facts)
        registry.register(folder / "model", "churn", stage="Production", **facts)
        registry.transition("churn/1", "Archived")
        registry.register(folder / "model", "deleted")
        registry.delete("deleted/1")
        registry.delete("deleted")
    finally:
        del os.environ["CI_JOB_URL"], os.environ["MODELREG_USER"]
    with closing(sqlite3.connect(registry.folder / "catalog.db")) as connection, connection:
        assert list(registry.verify()) == []
    return registry.folder


@pytest.fixture
def copied(registry_with_all_tables, tmp_path):
    shutil.copytree(registry_with_all_tables, tmp_path / "registry")
    return Registry(tmp_path / "registry")


def find_damage(registry):
    """The findings, or the error if the catalog cannot be read."""
    try:
        return list(registry.verify())
    except (Damaged, NoRegistry) as refused:
        return [refused]


def edit(registry, *statements):
    """Run SQL on the catalog without its triggers and constraints, as an attacker would."""
    with closing(sqlite3.connect(registry.folder / "catalog.db", isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            assert connection.execute(statement).rowcount, f"{statement} changed nothing"
        for _, sql in triggers:
            connection.execute(sql)


NUMBER, TEXT, JSON = "{} + 41", "coalesce({}, '') || 'x'", """'{{"something": "else"}}'"""
FLAG = "iif({} IS 0, 1, 0)"
COLUMNS = {
    "models": {
        **dict.fromkeys(["id", "next_version", "versions", "archived"], NUMBER),
        **dict.fromkeys(["name", "description", "created_by", "created_at", "updated_at"], TEXT),
    },
    "retired_names": {"name": TEXT, "next_version": NUMBER},
    "versions": {
        **dict.fromkeys(["model", "version", "size"], NUMBER),
        **dict.fromkeys(["stage", "status", "description", "digest", "flavor", "format", "model_class", "scan"], TEXT),
        **dict.fromkeys(["source", "run_id", "git_commit", "git_branch", "ci_job"], TEXT),
        **dict.fromkeys(["created_by", "created_at", "updated_at"], TEXT),
        **dict.fromkeys(["signature", "environment", "scan_reasons"], JSON),
        "git_dirty": FLAG,
    },
    "files": {**dict.fromkeys(["model", "version", "size"], NUMBER), "path": TEXT, "digest": TEXT},
    "imports": {
        **dict.fromkeys(["model", "version"], NUMBER),
        **dict.fromkeys(["module", "name", "verdict", "attribute"], TEXT),
    },
    "trusted_names": dict.fromkeys(["module", "name", "message", "created_by", "created_at"], TEXT),
    "metrics": {**dict.fromkeys(["model", "version", "value"], NUMBER), "name": TEXT},
    "params": {**dict.fromkeys(["model", "version"], NUMBER), "name": TEXT, "value": TEXT},
    "version_tags": {**dict.fromkeys(["model", "version"], NUMBER), "name": TEXT, "value": TEXT},
    "aliases": {**dict.fromkeys(["model", "version"], NUMBER), "alias": TEXT},
    "runs": dict.fromkeys(["run_id", "name", "status", "created_by", "started_at", "ended_at"], TEXT),
    "run_params": dict.fromkeys(["run_id", "name", "value"], TEXT),
    "run_metrics": {"run_id": TEXT, "name": TEXT, "value": NUMBER},
    "run_tags": dict.fromkeys(["run_id", "name", "value"], TEXT),
    "logged_models": {
        **dict.fromkeys(["run_id", "path", "digest", "file", "file_digest", "created_at"], TEXT),
        "size": NUMBER,
    },
    "journal": {
        **dict.fromkeys(["seq", "batch", "model", "version"], NUMBER),
        **dict.fromkeys(["at", "action", "name", "from_stage", "to_stage", "message", "user", "claimed_user"], TEXT),
        **dict.fromkeys(["ci_job", "tool", "previous_hash", "hash"], TEXT),
        "after": JSON,
    },
}
EDITS = [(table, column, change) for table, columns in COLUMNS.items() for column, change in columns.items()]


@pytest.mark.parametrize(("table", "column", "change"), EDITS, ids=[f"{t}.{c}" for t, c, _ in EDITS])
def test_a_manual_edit_of_any_column_is_found(copied, table, column, change):
    row = {
        "models": "name = 'churn'",
        "versions": "version = 2",
        "journal": "seq = (SELECT max(seq) - 3 FROM journal)",
        "metrics": "name = 'auc' AND version = 2",
    }.get(table, "true")
    edit(copied, f"UPDATE {table} SET {column} = {change.format(column)} WHERE {row}")
    assert list(copied.verify()) != []


def test_the_edited_columns_are_all_columns_of_all_tables(registry_with_all_tables):
    with closing(sqlite3.connect(registry_with_all_tables / "catalog.db")) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        columns = {
            table: {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for table in tables
            if connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        }
    columns = {table: names for table, names in columns.items() if not table.startswith(("sqlite_", "_sqlite"))}
    assert columns == {table: set(names) for table, names in COLUMNS.items()}


@pytest.mark.parametrize("kind", ["null", "number", "text", "list"])
@pytest.mark.parametrize("seq", [1, 4, 9])
def test_a_journal_row_with_an_invalid_value_is_found(copied, kind, seq):
    value = {"null": "null", "number": "1", "text": '"x"', "list": "[]"}[kind]
    edit(copied, f"UPDATE journal SET after = '{value}' WHERE seq = {seq}")
    assert list(copied.verify()) != []


@pytest.mark.parametrize("column", ["model", "version", "name", "action"])
@pytest.mark.parametrize("seq", range(1, 10))
def test_a_journal_row_with_another_subject_or_action_is_found(copied, seq, column):
    change = {"model": "99", "version": "iif(version IS NULL, 1, NULL)", "name": "'x'", "action": "'x'"}[column]
    edit(copied, f"UPDATE journal SET {column} = {change} WHERE seq = {seq}")
    assert "journal" in [finding.subject for finding in copied.verify()]


@pytest.mark.parametrize("seq", range(1, 10))
def test_a_deleted_journal_row_is_found(copied, seq):
    edit(copied, f"DELETE FROM journal WHERE seq = {seq}")
    assert list(copied.verify()) != []


def test_a_journal_time_in_another_notation_is_found(copied):
    edit(copied, "UPDATE journal SET at = replace(at, 'Z', '+00:00') WHERE seq = 4")
    assert [finding.problem for finding in copied.verify()] != []


def test_a_deleted_journal_is_found(copied):
    edit(copied, "DELETE FROM journal")
    assert list(copied.verify()) != []


@pytest.mark.parametrize("table", [table for table in COLUMNS if table != "journal"])
def test_deleted_rows_are_found(copied, table):
    edit(copied, f"DELETE FROM {table}")
    assert list(copied.verify()) != []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO settings (name, value) VALUES ('shared', 'yes')",
        "UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'models'",
        "INSERT INTO sqlite_sequence SELECT * FROM sqlite_sequence WHERE name = 'models'",
        "INSERT INTO sqlite_sequence VALUES ('more', 0)",
        "UPDATE retired_names SET name = upper(name)",
        *(
            f"UPDATE _sqlite_migrations SET {column} = {column} || 'x'"
            for column in ("migration_set", "name", "applied_at")
        ),
    ],
)
def test_a_manual_edit_of_registry_wide_rows_is_found(copied, statement):
    edit(copied, statement)
    assert [finding.subject for finding in copied.verify()] == ["catalog"]


def test_a_manually_inserted_run_is_found(copied):
    edit(copied, "INSERT INTO runs (run_id, status, created_by, started_at) VALUES ('r1', 'done', 'x', 'x')")
    assert [finding.subject for finding in copied.verify()] == ["run r1"]


def test_a_manually_inserted_model_tag_is_found(copied):
    edit(copied, "INSERT INTO model_tags (model, name, value) VALUES (1, 'a', 'b')")
    assert [finding.subject for finding in copied.verify()] == ["encoder"]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP INDEX one_version_in_production",
        "DROP TRIGGER journal_is_not_deleted",
        "DROP VIEW model_versions",
        "DROP INDEX idx__sqlite_migrations_migration_set_name",
        "ALTER TABLE _sqlite_migrations ADD COLUMN more TEXT",
        "CREATE TRIGGER my_sqlite_one AFTER INSERT ON versions BEGIN SELECT 1; END",
        "CREATE TABLE my_sqlite_table (a)",
        "CREATE VIEW my_sqlite_view AS SELECT 1",
        "CREATE UNIQUE INDEX my_sqlite_index ON metrics(model, version, name)",
        "CREATE INDEX one_more ON _sqlite_migrations(name)",
        "PRAGMA journal_mode = wal",
    ],
)
def test_a_changed_database_schema_is_found(copied, statement):
    with closing(sqlite3.connect(copied.folder / "catalog.db")) as connection:
        connection.execute(statement)
    assert list(copied.verify()) != []


def test_sqlite_statistics_are_not_damage(copied):
    with closing(sqlite3.connect(copied.folder / "catalog.db")) as connection:
        connection.execute("ANALYZE")
    assert list(copied.verify()) == []


TABLES = ["models", "versions", "journal", "files", "settings", "retired_names", "_sqlite_migrations"]
RENAMED_COLUMNS = ["versions RENAME COLUMN stage TO state", "journal RENAME COLUMN seq TO number"]


@pytest.mark.parametrize(
    "statement", [*(f"DROP TABLE {name}" for name in TABLES), *(f"ALTER TABLE {change}" for change in RENAMED_COLUMNS)]
)
def test_a_missing_table_or_column_is_reported_as_damage_by_every_method(copied, tmp_path, statement):
    with closing(sqlite3.connect(copied.folder / "catalog.db")) as connection:
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute(statement)
    findings = list(copied.verify())
    assert findings
    assert {finding.subject for finding in findings} == {"catalog"}
    (tmp_path / "new.bin").write_bytes(b"new")
    calls = [
        copied.models,
        copied.history,
        lambda: copied.versions("churn"),
        lambda: copied.tag("churn", {"a": "b"}),
        lambda: copied.register(tmp_path / "new.bin", "churn"),
        lambda: copied.prune(grace="0"),
        lambda: copied.backup(tmp_path / "backup"),
    ]
    for call in calls:
        with suppress(Damaged):  # it succeeds if it does not use that table
            call()
    with pytest.raises(Damaged):
        copied.prune(grace="0")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO trusted_names VALUES ('os', 'system', '', 'x', '2026-01-01T00:00:00.000000Z')",
        "INSERT INTO settings VALUES ('more', 'yes')",
        "INSERT INTO retired_names VALUES ('churn', 99)",
        "INSERT INTO runs VALUES ('r', 'n', 'ok', 'me', '2026', '2027')",
        "INSERT INTO gates VALUES (5, NULL, 'Production', 'TRUE', '', 'x', 'y')",
        "INSERT INTO sqlite_sequence VALUES ('models', 7)",
        "INSERT INTO sqlite_sequence VALUES ('more', 0)",
        "INSERT INTO models (name, created_by, created_at, updated_at) VALUES ('churn', 'x', 'y', 'z')",
    ],
)
@pytest.mark.parametrize("shared", [False, True])
def test_a_manually_inserted_row_in_a_new_registry_is_found(registry, execute_sql, statement, shared):
    registry.create(shared=shared)
    assert list(registry.verify()) == []
    execute_sql(statement)
    assert list(registry.verify()) != []


def test_text_that_is_not_utf8_is_found(copied):
    edit(copied, "UPDATE versions SET source = CAST(x'ff' AS TEXT) WHERE version = 1")
    assert find_damage(copied)


@pytest.mark.parametrize("statement", ["digest = (SELECT digest FROM files WHERE version = 1)", "path = 'other.md'"])
def test_files_are_not_loaded_if_catalog_and_manifest_disagree(copied, statement):
    edit(copied, f"UPDATE files SET {statement} WHERE version = 2")
    with pytest.raises(Damaged) as refused:
        copied.path("churn/2")
    assert refused.value.exit == 6


@pytest.mark.parametrize("version", [1, 2])
def test_a_version_without_its_files_in_the_catalog_is_damaged(copied, version):
    edit(copied, f"DELETE FROM files WHERE version = {version}")
    with pytest.raises(Damaged):
        copied.path(f"churn/{version}")


@pytest.mark.parametrize("path", ["../../outside", "/outside", "a/../../outside", ".", "", "a//b"])
def test_a_path_outside_the_model_is_damage_and_nothing_is_written(copied, tmp_path, path):
    edit(copied, f"UPDATE files SET path = '{path}' WHERE version = 2")
    before = sorted(tmp_path.rglob("*"))
    for read in (copied.path, lambda name: copied.copy(name, tmp_path / "copy")):
        with pytest.raises(Damaged):
            read("churn/2")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_version_with_the_digest_of_a_file_is_damaged(copied):
    edit(copied, "UPDATE versions SET digest = (SELECT digest FROM files WHERE version = 1) WHERE version = 2")
    assert "churn/2" in [finding.subject for finding in copied.verify()]
    with pytest.raises(Damaged):
        copied.path("churn/2")


@pytest.mark.parametrize(
    "statement",
    [
        "created_at = 'yesterday'",
        "signature = '{}'",
        "signature = '[]'",
        "environment = '{}'",
        "environment = '[]'",
        "stage = 'Nowhere'",
    ],
)
def test_invalid_values_in_the_catalog_are_damage(copied, statement):
    edit(copied, f"UPDATE versions SET {statement} WHERE version = 2")
    with pytest.raises(Damaged) as refused:
        copied.versions("churn")
    assert refused.value.exit == 6


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, 8))])
def test_a_flipped_byte_anywhere_in_the_catalog_raises_only_modelreg_errors(copied, part):
    catalog = Path(copied.folder, "catalog.db")
    good = catalog.read_bytes()
    for offset in range(part * 97, len(good), 8 * 397):
        catalog.write_bytes(good[:offset] + bytes([good[offset] ^ 0x55]) + good[offset + 1 :])
        find_damage(copied)  # a byte of free space is not damage; any other error fails the test
    catalog.write_bytes(good)
    assert list(copied.verify()) == []
