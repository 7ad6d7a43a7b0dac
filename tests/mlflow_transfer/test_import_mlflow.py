"""Import from MLflow: a server, a SQLite file, a folder."""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import sqlite3
import subprocess
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from pandas import DataFrame
from sklearn.linear_model import LogisticRegression

from modelreg import Registry
from modelreg.domain.transfers import Transfer, TransferOutcome
from modelreg.errors import InvalidInput, MLflowFailed, SourceNotFound
from modelreg.store.artifacts.blobs import BlobStore
from modelreg.store.catalog import Catalog

from .conftest import connect

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own


def outcomes(report: Transfer) -> dict[str, str]:
    return {item.reference: item.outcome.value for item in report.items}


def notes(report: Transfer, reference: str) -> str:
    return "; ".join(next(item.notes for item in report.items if item.reference == reference))


def stages(registry: Registry, name: str) -> dict[int, str]:
    return {version.version: version.stage.value for version in registry.versions(name)}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_sound(registry: Registry) -> bool:
    return list(registry.verify()) == []


def test_import_reads_everything_from_each_kind_of_source(source, registry):
    name = source.add_model("everything", tags={"team": "crm"}, description="who leaves")
    source.add_version(name, {"a.bin": b"1"}, metrics={"auc": 0.1 + 0.2}, params={"depth": "8"})
    source.add_version(name, {"a.bin": b"2", "sub/b.txt": b"b"}, tags={"data": "2024"}, description="the second")
    source.transition(name, 1, "Archived")
    source.transition(name, 2, "Production")
    source.client.set_registered_model_alias(name, "champion", "2")

    report = registry.import_mlflow(source.uri, name)

    assert outcomes(report) == {name: "added", f"{name}/1": "added", f"{name}/2": "added"}
    model, first, second = registry.model(name), registry.version(f"{name}/1"), registry.version(f"{name}@champion")
    assert (model.description, model.tags) == ("who leaves", {"team": "crm"})
    assert (first.stage, first.metrics, first.params) == ("Archived", {"auc": 0.1 + 0.2}, {"depth": "8"})
    assert (second.version, second.stage, second.description) == (2, "Production", "the second")
    assert second.tags["data"] == "2024"
    assert second.run_id == source.client.get_model_version(name, "2").run_id
    assert tree(registry.path(f"{name}/2")) == {"a.bin": b"2", "sub/b.txt": b"b"}
    assert is_sound(registry)


def test_a_second_import_adds_only_new_versions(source, registry):
    name = source.add_model("twice")
    source.add_version(name, {"a.bin": b"1"})
    registry.import_mlflow(source.uri, name)
    head = registry.history()[-1]

    second = registry.import_mlflow(source.uri, name)
    assert outcomes(second) == {name: "unchanged", f"{name}/1": "unchanged"}
    assert registry.history()[-1] == head

    source.add_version(name, {"a.bin": b"2"})
    assert outcomes(registry.import_mlflow(source.uri, name)) == {
        name: "unchanged",
        f"{name}/1": "unchanged",
        f"{name}/2": "added",
    }


def test_import_does_not_change_the_source(sqlite, mlruns, registry, tmp_path):
    for source in (sqlite, mlruns):
        source.add_version(source.add_model("kept"), {"a.bin": b"1"})
    before = tree(tmp_path)
    (tmp_path / "mlruns" / ".trash").rmdir()
    registry.import_mlflow(tmp_path / "mlflow.db")
    Registry(tmp_path / "other").import_mlflow(tmp_path / "mlruns")
    after = {path: content for path, content in tree(tmp_path).items() if not path.startswith(("registry", "other"))}
    assert after == before
    assert not (tmp_path / "mlruns" / ".trash").exists()


def test_changes_in_mlflow_are_applied_and_local_changes_are_kept(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content}, tags={"old": "x"})
    sqlite.transition("churn", 1, "Production")
    sqlite.client.set_registered_model_alias("churn", "champion", "1")
    registry.import_mlflow(sqlite.uri)
    registry.tag("churn/1", {"ours": "yes"})
    registry.describe("churn/2", "ours")
    registry.alias("churn/2", "local")

    sqlite.transition("churn", 1, "Archived")
    sqlite.transition("churn", 2, "Production")
    sqlite.client.set_registered_model_alias("churn", "champion", "2")
    sqlite.client.delete_model_version_tag("churn", "1", "old")
    report = registry.import_mlflow(sqlite.uri)

    assert outcomes(report) == {"churn": "unchanged", "churn/1": "changed", "churn/2": "changed"}
    assert stages(registry, "churn") == {1: "Archived", 2: "Production"}
    assert registry.model("churn").aliases == {"champion": 2, "local": 2}
    assert registry.version("churn/1").tags["ours"] == "yes"
    assert "old" not in registry.version("churn/1").tags
    assert registry.version("churn/2").description == "ours"
    assert is_sound(registry)


def test_a_rollback_in_mlflow_is_applied(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    sqlite.transition("churn", 2, "Production")
    registry.import_mlflow(sqlite.uri)
    sqlite.transition("churn", 2, "Staging")
    sqlite.transition("churn", 1, "Production")
    registry.import_mlflow(sqlite.uri)
    assert stages(registry, "churn") == {1: "Production", 2: "Staging"}


def test_a_locally_promoted_version_stays_in_production(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    registry.import_mlflow(sqlite.uri)
    registry.transition("churn", 1, "Production")
    sqlite.transition("churn", 2, "Production")
    report = registry.import_mlflow(sqlite.uri)
    assert stages(registry, "churn") == {1: "Production", 2: "None"}
    assert "churn/1" in notes(report, "churn/2")


def test_all_but_the_newest_of_several_versions_in_production_are_archived(sqlite, registry):
    sqlite.add_model("churn")
    for number in (1, 2, 3):
        sqlite.add_version("churn", {"a.bin": str(number).encode()})
        sqlite.transition("churn", number, "Production")
    report = registry.import_mlflow(sqlite.uri)
    assert stages(registry, "churn") == {1: "Archived", 2: "Archived", 3: "Production"}
    assert "version 3" in notes(report, "churn/1")
    assert report.failed == 0


def test_a_registry_with_mlflow_rules_accepts_all_stages_names_and_aliases(sqlite, tmp_path):
    name = sqlite.add_model("churn model (v2)")
    for _ in range(2):
        sqlite.transition(name, sqlite.add_version(name, {"a.bin": b"a"}), "Production")
    sqlite.client.set_registered_model_alias(name, "_next", "2")
    registry = Registry(tmp_path / "loose")
    registry.create(stages="mlflow")

    report = registry.import_mlflow(sqlite.uri)

    assert {item.outcome.value for item in report.items} == {"added"}
    assert [item.notes for item in report.items if item.notes] == []
    assert [(version.version, version.stage, version.aliases) for version in registry.versions(name)] == [
        (2, "Production", ("_next",)),
        (1, "Production", ()),
    ]
    second = registry.import_mlflow(sqlite.uri)
    assert (second.added, second.changed, second.failed) == (0, 0, 0)
    assert list(registry.verify()) == []


def test_import_checks_no_gates_and_journals_its_source(sqlite, registry):
    registry.create()
    registry.add_gate("*", "Production", "metrics.auc > 0.9")
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"})
    sqlite.transition("churn", 1, "Production")
    registry.import_mlflow(sqlite.uri)
    assert stages(registry, "churn") == {1: "Production"}
    entries = registry.history("churn/1")
    assert {entry.message for entry in entries} == {f"imported from {sqlite.uri}"}
    assert [entry.action for entry in entries] == ["register", "transition", "import"]
    assert len({entry.batch for entry in entries}) == 1


def test_numbers_of_deleted_versions_stay_unused(sqlite, registry, model_file):
    sqlite.add_model("churn")
    for number in (1, 2, 3, 4):
        sqlite.add_version("churn", {"a.bin": str(number).encode()})
    for number in ("1", "3"):
        sqlite.client.delete_model_version("churn", number)
    registry.import_mlflow(sqlite.uri)
    assert list(stages(registry, "churn")) == [4, 2]
    assert registry.register(model_file(), "churn").version == 5
    assert is_sound(registry)


def test_a_number_that_another_version_uses_is_reported(sqlite, registry, model_file):
    existing = registry.register(model_file(), "churn", description="mine")
    sqlite.add_model("churn", description="theirs")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    report = registry.import_mlflow(sqlite.uri)
    assert outcomes(report) == {"churn": "changed", "churn/1": "failed", "churn/2": "added"}
    assert registry.version("churn/1").digest == existing.digest
    assert is_sound(registry)


def test_a_locally_deleted_version_is_not_imported_again(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    registry.import_mlflow(sqlite.uri)
    registry.delete("churn/1")
    report = registry.import_mlflow(sqlite.uri)
    assert outcomes(report) == {"churn": "unchanged", "churn/1": "skipped", "churn/2": "unchanged"}
    registry.delete("churn", with_versions=True)
    assert outcomes(registry.import_mlflow(sqlite.uri)) == {"churn": "skipped"}


def test_unreadable_files_are_reported_and_imported_once_they_are_readable(source, registry):
    name = source.add_model("unreadable")
    source.client.create_model_version(name, "s3://nowhere.invalid/model")
    source.add_version(name, {"a.bin": b"2"})
    report = registry.import_mlflow(source.uri, name)
    assert outcomes(report) == {name: "added", f"{name}/1": "failed", f"{name}/2": "added"}
    assert notes(report, f"{name}/1").startswith("its files: ")


def test_a_version_with_missing_files_is_imported_later_under_its_number(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    files_of_first = sqlite.files_of("churn", 1)
    files_of_first.rename(files_of_first.with_name("away"))
    assert outcomes(registry.import_mlflow(sqlite.uri, dry_run=True))["churn/1"] == "failed"
    assert outcomes(registry.import_mlflow(sqlite.uri))["churn/1"] == "failed"
    files_of_first.with_name("away").rename(files_of_first)
    assert outcomes(registry.import_mlflow(sqlite.uri))["churn/1"] == "added"
    assert (registry.path("churn/1") / "a.bin").read_bytes() == b"1"
    assert is_sound(registry)


def test_local_paths_of_a_server_are_read_only_with_local_paths(server, mlflow, registry, tmp_path):
    source = connect(mlflow, server, tmp_path / "artifacts")
    name = source.add_model("paths")
    source.add_version(name, {"a.bin": b"1"})
    run_id = source.client.get_model_version(name, "1").run_id
    source.client.create_model_version(name, f"runs:/{run_id}/model", run_id)
    other = Registry(tmp_path / "other")
    report = other.import_mlflow(server, name)  # the address may be the end of a tunnel
    for reference in (f"{name}/1", f"{name}/2"):
        assert "a path on the server's machine" in notes(report, reference)
        assert "--local-paths" in notes(report, reference)
    assert not [path for path in other.folder.rglob("*") if path.is_file() and path.read_bytes() == b"1"]
    assert registry.import_mlflow(server, name, local_paths=True).added == 2


@pytest.mark.parametrize("records", ["sqlite", "mlruns"])
def test_metrics_of_the_run_precede_those_of_the_logged_model(records, request, mlflow, registry):
    source = request.getfixturevalue(records)
    estimator = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with mlflow.start_run() as run:
        logged = mlflow.sklearn.log_model(
            estimator, name="model", registered_model_name="churn", params={"of": "model"}
        )
        for step, loss in enumerate([1.0, 0.5, 0.2]):
            source.client.log_metric(run.info.run_id, "loss", loss, step=step, model_id=logged.model_id)
    with mlflow.start_run() as evaluation:
        for step, error in enumerate([5.0, 3.0]):
            source.client.log_metric(evaluation.info.run_id, "error", error, step=step, model_id=logged.model_id)
        mlflow.log_metric("loss", 7.0)
    registry.import_mlflow(source.uri)
    version = registry.version("churn/1")
    assert version.metrics == {"loss": 0.2, "error": 3.0}
    assert version.params == {"of": "model"}


def test_an_alias_that_differs_only_in_case_from_one_of_a_newer_version_is_left_out(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    sqlite.client.set_registered_model_alias("churn", "Champion", "1")
    sqlite.client.set_registered_model_alias("churn", "champion", "2")
    report = registry.import_mlflow(sqlite.uri)
    assert registry.model("churn").aliases == {"champion": 2}
    assert re.fullmatch(r"alias 'Champion' is left out: .*'champion' of version 2", notes(report, "churn/1"))


def test_a_parameter_that_mlflow_may_have_truncated_is_reported(sqlite, registry):
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"}, params={"query": "x" * 7000, "depth": "8"})
    report = registry.import_mlflow(sqlite.uri)
    assert len(registry.version("churn/1").params["query"]) == 6000
    assert "parameter 'query' has 6,000 characters" in notes(report, "churn/1")
    assert "depth" not in notes(report, "churn/1")


def test_an_import_removes_the_copy_that_a_killed_import_left_behind(sqlite, registry, modelreg, tmp_path, monkeypatch):
    sqlite.add_model("churn")
    for number in range(30):
        sqlite.add_version("churn", {"a.bin": str(number).encode()})
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    process = subprocess.Popen([modelreg, "--registry", registry.folder, "import-mlflow", sqlite.uri])
    while not list(temporary.glob("*/mlflow.db")):
        assert process.poll() is None
    process.kill()
    process.wait()
    assert list(temporary.glob("modelreg-mlflow-*"))
    subprocess.run([modelreg, "--registry", registry.folder, "import-mlflow", sqlite.uri], check=True)
    assert not list(temporary.glob("modelreg-mlflow-*"))


def test_a_model_that_is_created_concurrently_is_merged(sqlite, registry, monkeypatch):
    sqlite.add_model("churn", description="who leaves us")
    sqlite.add_version("churn", {"a.bin": b"1"})
    registry.create()
    original = Catalog.writing

    def after_another_process(*arguments):
        monkeypatch.undo()
        registry.create_model("churn")
        return original(*arguments)

    monkeypatch.setattr(Catalog, "writing", after_another_process)
    assert outcomes(registry.import_mlflow(sqlite.uri))["churn/1"] == "added"
    assert registry.model("churn").description == "who leaves us"


def test_a_version_that_is_imported_concurrently_is_unchanged(sqlite, registry, monkeypatch):
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"})
    registry.create()
    original = BlobStore.receiving

    def after_another_import(*arguments):
        monkeypatch.undo()
        registry.import_mlflow(sqlite.uri)
        return original(*arguments)

    monkeypatch.setattr(BlobStore, "receiving", after_another_import)
    report = registry.import_mlflow(sqlite.uri)
    assert (outcomes(report)["churn/1"], report.failed) == ("unchanged", 0)
    assert "another import" in notes(report, "churn/1")


ENDLESS = {"inputs": [{"name": "x", "type": "double", "shape": [1e999]}], "outputs": []}
MANIFEST = {
    "layers": [{"annotations": {"org.cncf.model.filepath": "a.bin"}, "digest": "", "size": 1}],
    "config": {"digest": "", "size": 0},
    "annotations": {
        "org.modelreg.facts.v1": json.dumps({"kind": "file", "signature": ENDLESS, "metrics": {}, "params": {}})
    },
}


@pytest.mark.parametrize("manifest", [b"[" * 100_000, json.dumps(MANIFEST).encode()], ids=["deep", "endless lengths"])
def test_an_invalid_manifest_fails_only_its_version(sqlite, registry, manifest):
    sqlite.add_model("churn")
    digest = f"sha256:{sha256(manifest).hexdigest()}"
    sqlite.add_version("churn", {"a.bin": b"1"}, tags={"modelreg.digest": digest, "modelreg.version": "1"})
    sqlite.add_version("churn", {"a.bin": b"2"})
    (sqlite.files_of("churn", 1).parent / "modelreg-manifest.json").write_bytes(manifest)
    report = registry.import_mlflow(sqlite.uri)
    assert outcomes(report) == {"churn": "added", "churn/1": "failed", "churn/2": "added"}


@pytest.mark.parametrize("number", [-1, 0, 2**31, 2**63 - 1])
def test_an_invalid_number_fails_only_its_version(sqlite, registry, number):
    sqlite.add_model("churn")
    for content in b"1", b"2":
        sqlite.add_version("churn", {"a.bin": content})
    with closing(sqlite3.connect(sqlite.uri.removeprefix("sqlite:///"))) as database, database:
        database.execute("UPDATE model_versions SET version = ? WHERE version = 1", [number])
    report = registry.import_mlflow(sqlite.uri)
    assert outcomes(report) == {"churn": "added", f"churn/{number}": "failed", "churn/2": "added"}
    assert registry.register(__file__, "churn").version == 3


class RunsCode:
    def __reduce__(self):
        return os.system, ("echo it ran",)


def test_an_unsafe_version_is_imported_only_with_allow_unsafe(sqlite, registry):
    sqlite.add_model("evil")
    sqlite.add_version("evil", {"model.pkl": pickle.dumps(RunsCode())})
    sqlite.transition("evil", 1, "Production")
    report = registry.import_mlflow(sqlite.uri)
    assert outcomes(report)["evil/1"] == "failed"
    assert "dangerous to load" in notes(report, "evil/1")
    assert "in Production in MLflow" in notes(report, "evil/1")
    assert outcomes(registry.import_mlflow(sqlite.uri, allow_unsafe="it is a test"))["evil/1"] == "added"
    assert registry.version("evil/1").scan == "dangerous"


def test_a_version_of_a_deleted_run_is_imported_without_metrics(sqlite, registry, model_folder):
    sqlite.add_model("churn")
    sqlite.client.create_model_version("churn", str(model_folder({"a.bin": b"1"})), run_id="0" * 32)
    report = registry.import_mlflow(sqlite.uri)
    assert outcomes(report)["churn/1"] == "added"
    assert "its run was deleted" in notes(report, "churn/1")


def test_import_restores_the_settings_of_mlflow(mlflow, mlruns, registry, tmp_path):
    set_before = mlflow.get_tracking_uri(), mlflow.get_registry_uri(), dict(os.environ)
    mlruns.add_model("churn")
    registry.import_mlflow(tmp_path / "mlruns")
    assert (mlflow.get_tracking_uri(), mlflow.get_registry_uri(), dict(os.environ)) == set_before


def test_invalid_names_and_values_are_reported_and_the_rest_is_imported(sqlite, registry):
    sqlite.add_model("no näme")
    sqlite.add_version("no näme", {"a.bin": b"1"})
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"}, metrics={"loss": float("nan"), "auc": 0.9})
    report = registry.import_mlflow(sqlite.uri, "churn", "no näme", "nobody")
    assert outcomes(report) == {"no näme": "failed", "nobody": "failed", "churn": "added", "churn/1": "added"}
    assert "metric 'loss' is left out" in notes(report, "churn/1")
    assert registry.version("churn/1").metrics == {"auc": 0.9}


def test_a_dry_run_reports_the_same_and_creates_no_registry(sqlite, registry):
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"})
    planned = registry.import_mlflow(sqlite.uri, dry_run=True)
    assert not registry.exists()
    report = registry.import_mlflow(sqlite.uri)
    assert (planned.items, planned.dry_run, report.dry_run) == (report.items, True, False)


def test_a_logged_model_is_imported_with_signature_and_environment(mlflow, sqlite, registry):
    example = DataFrame({"age": [0.0, 1.0]})
    estimator = LogisticRegression().fit(example, [0, 1])
    with mlflow.start_run():
        mlflow.log_metric("auc", 0.9)
        mlflow.sklearn.log_model(estimator, name="model", registered_model_name="churn", input_example=example)
    registry.import_mlflow(sqlite.uri)
    version = registry.version("churn/1")
    assert (version.flavor, version.format, version.metrics) == ("sklearn", "mlflow", {"auc": 0.9})
    assert [field.name for field in version.signature.inputs] == ["age"]
    assert version.environment.libraries["scikit-learn"]
    assert version.tags["mlflow.created_by"]


def test_a_database_of_an_older_mlflow_is_read_and_not_changed(mlflow, registry, model_folder, tmp_path):
    path = tmp_path / "earlier.db"
    make_database_of_mlflow_2(path, model_folder({"a.bin": b"1"}))
    before = path.read_bytes()
    registry.import_mlflow(path)
    version = registry.version("churn@champion")
    assert (version.version, version.stage, version.metrics, version.params) == (
        3,
        "Production",
        {"auc": 0.9},
        {"depth": "8"},
    )
    assert path.read_bytes() == before


def make_database_of_mlflow_2(path: Path, model: Path) -> None:
    """Create a SQLite file as of MLflow 2.9: with the schema of MLflow's own migrations up to that release."""
    from alembic import command
    from mlflow.store.db import utils
    from mlflow.store.db.utils import InitialBase

    engine = utils.create_sqlalchemy_engine(f"sqlite:///{path}")
    InitialBase.metadata.create_all(engine)
    config = utils._get_alembic_config(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "acf3f17fdcc7")
    engine.dispose()
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(f"""
INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) VALUES (0, 'Default', '', 'active');
INSERT INTO runs (run_uuid, experiment_id, user_id, status, start_time, lifecycle_stage, artifact_uri)
VALUES ('r1', 0, 'ann', 'FINISHED', 1700000000000, 'active', '{model}');
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('auc', 0.9, 1, 0, 0, 'r1');
INSERT INTO params (key, value, run_uuid) VALUES ('depth', '8', 'r1');
INSERT INTO registered_models (name, creation_time, last_updated_time) VALUES ('churn', 1700000000000, 1700000000000);
INSERT INTO model_versions (name, version, creation_time, last_updated_time, current_stage, source, run_id, status)
VALUES ('churn', 3, 1700000000000, 1700000000000, 'Production', '{model}', 'r1', 'READY');
INSERT INTO registered_model_aliases (name, alias, version) VALUES ('churn', 'champion', 3);
""")


def test_data_that_was_moved_with_its_artifacts_is_imported(mlruns, registry, tmp_path):
    mlruns.add_model("churn")
    mlruns.add_version("churn", {"a.bin": b"1"})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mlruns").rename(tmp_path / "elsewhere" / "mlruns")
    assert outcomes(registry.import_mlflow(tmp_path / "elsewhere" / "mlruns"))["churn/1"] == "added"


def test_a_source_without_data_of_mlflow_is_refused(mlflow, registry, tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE t (a)")
    (tmp_path / "folder").mkdir()
    for address, error in {
        tmp_path / "nowhere": SourceNotFound,
        "sqlite:///nowhere.db": SourceNotFound,
        tmp_path / "other.db": InvalidInput,
        tmp_path / "folder": InvalidInput,
        "postgresql://user:secret@host/db": InvalidInput,
        "http://127.0.0.1:9": MLflowFailed,
    }.items():
        with pytest.raises(error) as raised:
            registry.import_mlflow(address)
        assert "secret" not in raised.value.message
    assert not registry.exists()


@pytest.mark.parametrize(("signal_number", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_an_interrupted_import_continues_at_the_next_call(signal_number, status, sqlite, registry, modelreg):
    sqlite.add_model("churn")
    for number in range(1, 31):
        sqlite.add_version("churn", {"a.bin": str(number).encode() * 1000})
    registry.create()
    command = [modelreg, "--registry", registry.folder, "import-mlflow", sqlite.uri]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not (registry.models() and registry.model("churn").versions >= 3):
        assert process.poll() is None
    process.send_signal(signal_number)
    process.communicate()
    assert process.returncode == status
    imported = {version.version: version.digest for version in registry.versions("churn")}
    assert 3 <= len(imported) < 30

    report = registry.import_mlflow(sqlite.uri)

    assert report.added == 30 - len(imported)
    versions = {version.version: version.digest for version in registry.versions("churn")}
    assert sorted(versions) == list(range(1, 31))
    assert imported.items() <= versions.items()
    assert is_sound(registry)


def test_the_command_prints_a_json_report_and_exits_with_8_after_a_failure(sqlite, registry, modelreg):
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"})
    command = [modelreg, "--registry", registry.folder, "import-mlflow", sqlite.uri, "--json"]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    sqlite.add_model("no näme")
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (first.returncode, second.returncode) == (0, 8)
    report = json.loads(first.stdout)
    assert report["items"][1] == {"name": "churn", "version": 1, "outcome": TransferOutcome.ADDED.value, "notes": []}
    assert first.stderr == f"created a registry in {registry.folder}\nimported 1 new version, 0 changed, 0 failed\n"
    assert json.loads(second.stdout)["failed"] == 1
    assert '"code": "transfer_incomplete"' in second.stderr
