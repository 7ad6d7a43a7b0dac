"""Models come from MLflow: a server, a SQLite file, a folder."""

from __future__ import annotations

import json
import os
import pickle
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

from .conftest import connected

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own


def outcomes(done: Transfer) -> dict[str, str]:
    return {item.reference: item.outcome.value for item in done.items}


def notes(done: Transfer, reference: str) -> str:
    return "; ".join(next(item.notes for item in done.items if item.reference == reference))


def stages(registry: Registry, name: str) -> dict[int, str]:
    return {version.version: version.stage.value for version in registry.versions(name)}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_sound(registry: Registry) -> bool:
    return list(registry.verify()) == []


def test_everything_comes_from_anywhere(anywhere, registry):
    name = anywhere.add_model("everything", tags={"team": "crm"}, description="who leaves")
    anywhere.add_version(name, {"a.bin": b"1"}, metrics={"auc": 0.1 + 0.2}, params={"depth": "8"})
    anywhere.add_version(name, {"a.bin": b"2", "sub/b.txt": b"b"}, tags={"data": "2024"}, description="the second")
    anywhere.transition(name, 1, "Archived")
    anywhere.transition(name, 2, "Production")
    anywhere.client.set_registered_model_alias(name, "champion", "2")

    done = registry.import_mlflow(anywhere.uri, name)

    assert outcomes(done) == {name: "added", f"{name}/1": "added", f"{name}/2": "added"}
    model, first, second = registry.model(name), registry.version(f"{name}/1"), registry.version(f"{name}@champion")
    assert (model.description, model.tags) == ("who leaves", {"team": "crm"})
    assert (first.stage, first.metrics, first.params) == ("Archived", {"auc": 0.1 + 0.2}, {"depth": "8"})
    assert (second.version, second.stage, second.description) == (2, "Production", "the second")
    assert second.tags["data"] == "2024"
    assert second.run_id == anywhere.client.get_model_version(name, "2").run_id
    assert tree(registry.path(f"{name}/2")) == {"a.bin": b"2", "sub/b.txt": b"b"}
    assert is_sound(registry)


def test_a_second_import_brings_only_what_is_new(anywhere, registry):
    name = anywhere.add_model("twice")
    anywhere.add_version(name, {"a.bin": b"1"})
    registry.import_mlflow(anywhere.uri, name)
    head = registry.history()[-1]

    again = registry.import_mlflow(anywhere.uri, name)
    assert outcomes(again) == {name: "unchanged", f"{name}/1": "unchanged"}
    assert registry.history()[-1] == head

    anywhere.add_version(name, {"a.bin": b"2"})
    assert outcomes(registry.import_mlflow(anywhere.uri, name)) == {
        name: "unchanged",
        f"{name}/1": "unchanged",
        f"{name}/2": "added",
    }


def test_nothing_is_changed_where_it_comes_from(sqlite, mlruns, registry, tmp_path):
    for each in (sqlite, mlruns):
        each.add_version(each.add_model("kept"), {"a.bin": b"1"})
    before = tree(tmp_path)
    (tmp_path / "mlruns" / ".trash").rmdir()
    registry.import_mlflow(tmp_path / "mlflow.db")
    Registry(tmp_path / "other").import_mlflow(tmp_path / "mlruns")
    after = {path: content for path, content in tree(tmp_path).items() if not path.startswith(("registry", "other"))}
    assert after == before
    assert not (tmp_path / "mlruns" / ".trash").exists()


def test_changes_in_mlflow_are_taken_over_and_those_here_stay(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content}, tags={"old": "x"})
    sqlite.transition("churn", 1, "Production")
    sqlite.client.set_registered_model_alias("churn", "champion", "1")
    registry.import_mlflow(sqlite.uri)
    registry.tag("churn/1", {"ours": "yes"})
    registry.describe("churn/2", "ours")
    registry.alias("churn/2", "here")

    sqlite.transition("churn", 1, "Archived")
    sqlite.transition("churn", 2, "Production")
    sqlite.client.set_registered_model_alias("churn", "champion", "2")
    sqlite.client.delete_model_version_tag("churn", "1", "old")
    done = registry.import_mlflow(sqlite.uri)

    assert outcomes(done) == {"churn": "unchanged", "churn/1": "changed", "churn/2": "changed"}
    assert stages(registry, "churn") == {1: "Archived", 2: "Production"}
    assert registry.model("churn").aliases == {"champion": 2, "here": 2}
    assert registry.version("churn/1").tags["ours"] == "yes"
    assert "old" not in registry.version("churn/1").tags
    assert registry.version("churn/2").description == "ours"
    assert is_sound(registry)


def test_an_earlier_version_returns_to_production_as_in_mlflow(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    sqlite.transition("churn", 2, "Production")
    registry.import_mlflow(sqlite.uri)
    sqlite.transition("churn", 2, "Staging")
    sqlite.transition("churn", 1, "Production")
    registry.import_mlflow(sqlite.uri)
    assert stages(registry, "churn") == {1: "Production", 2: "Staging"}


def test_what_was_promoted_here_stays_in_production(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    registry.import_mlflow(sqlite.uri)
    registry.transition("churn", 1, "Production")
    sqlite.transition("churn", 2, "Production")
    done = registry.import_mlflow(sqlite.uri)
    assert stages(registry, "churn") == {1: "Production", 2: "None"}
    assert "churn/1, which was promoted here, stays there" in notes(done, "churn/2")


def test_of_several_in_production_the_newest_stays_and_the_others_are_archived(sqlite, registry):
    sqlite.add_model("churn")
    for number in (1, 2, 3):
        sqlite.add_version("churn", {"a.bin": str(number).encode()})
        sqlite.transition("churn", number, "Production")
    done = registry.import_mlflow(sqlite.uri)
    assert stages(registry, "churn") == {1: "Archived", 2: "Archived", 3: "Production"}
    assert "as is version 3, which is newer" in notes(done, "churn/1")
    assert done.failed == 0


def test_a_registry_with_mlflows_rules_gets_what_mlflow_has(sqlite, tmp_path):
    name = sqlite.add_model("churn model (v2)")
    for _ in range(2):
        sqlite.transition(name, sqlite.add_version(name, {"a.bin": b"a"}), "Production")
    sqlite.client.set_registered_model_alias(name, "_next", "2")
    registry = Registry(tmp_path / "loose")
    registry.create(stages="mlflow")

    done = registry.import_mlflow(sqlite.uri)

    assert {item.outcome.value for item in done.items} == {"added"}
    assert [item.notes for item in done.items if item.notes] == []
    assert [(each.version, each.stage, each.aliases) for each in registry.versions(name)] == [
        (2, "Production", ("_next",)),
        (1, "Production", ()),
    ]
    again = registry.import_mlflow(sqlite.uri)
    assert (again.added, again.changed, again.failed) == (0, 0, 0)
    assert list(registry.verify()) == []


def test_no_gate_is_asked_and_the_journal_says_where_from(sqlite, registry):
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


def test_numbers_of_deleted_versions_stay_free_and_the_next_registration_goes_on_after_them(
    sqlite, registry, model_file
):
    sqlite.add_model("churn")
    for number in (1, 2, 3, 4):
        sqlite.add_version("churn", {"a.bin": str(number).encode()})
    for number in ("1", "3"):
        sqlite.client.delete_model_version("churn", number)
    registry.import_mlflow(sqlite.uri)
    assert list(stages(registry, "churn")) == [4, 2]
    assert registry.register(model_file(), "churn").version == 5
    assert is_sound(registry)


def test_another_version_of_the_same_number_is_reported_and_left_alone(sqlite, registry, model_file):
    mine = registry.register(model_file(), "churn", description="mine")
    sqlite.add_model("churn", description="theirs")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    done = registry.import_mlflow(sqlite.uri)
    assert outcomes(done) == {"churn": "changed", "churn/1": "failed", "churn/2": "added"}
    assert registry.version("churn/1").digest == mine.digest
    assert is_sound(registry)


def test_what_was_deleted_here_does_not_come_back(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    registry.import_mlflow(sqlite.uri)
    registry.delete("churn/1")
    done = registry.import_mlflow(sqlite.uri)
    assert outcomes(done) == {"churn": "unchanged", "churn/1": "skipped", "churn/2": "unchanged"}
    registry.delete("churn", with_versions=True)
    assert outcomes(registry.import_mlflow(sqlite.uri)) == {"churn": "skipped"}


def test_bytes_that_cannot_be_read_are_reported_and_come_when_they_can(anywhere, registry):
    name = anywhere.add_model("unreadable")
    anywhere.client.create_model_version(name, "s3://nowhere.invalid/model")
    anywhere.add_version(name, {"a.bin": b"2"})
    done = registry.import_mlflow(anywhere.uri, name)
    assert outcomes(done) == {name: "added", f"{name}/1": "failed", f"{name}/2": "added"}
    assert notes(done, f"{name}/1").startswith("its bytes: ")


def test_a_version_whose_bytes_were_missing_gets_its_own_number_later(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    bytes_of_first = sqlite.bytes_of("churn", 1)
    bytes_of_first.rename(bytes_of_first.with_name("away"))
    assert outcomes(registry.import_mlflow(sqlite.uri, dry_run=True))["churn/1"] == "failed"
    assert outcomes(registry.import_mlflow(sqlite.uri))["churn/1"] == "failed"
    bytes_of_first.with_name("away").rename(bytes_of_first)
    assert outcomes(registry.import_mlflow(sqlite.uri))["churn/1"] == "added"
    assert (registry.path("churn/1") / "a.bin").read_bytes() == b"1"
    assert is_sound(registry)


def test_paths_that_a_server_names_are_read_only_when_the_user_says_that_it_is_this_machine(
    server, mlflow, registry, tmp_path
):
    here = connected(mlflow, server, tmp_path / "artifacts")
    name = here.add_model("paths")
    here.add_version(name, {"a.bin": b"1"})
    run_id = here.client.get_model_version(name, "1").run_id
    here.client.create_model_version(name, f"runs:/{run_id}/model", run_id)
    other = Registry(tmp_path / "other")
    done = other.import_mlflow(server, name)  # it may be the end of a tunnel
    for each in (f"{name}/1", f"{name}/2"):
        assert "a path of the server's machine" in notes(done, each)
        assert "--local-paths" in notes(done, each)
    assert not [path for path in other.folder.rglob("*") if path.is_file() and path.read_bytes() == b"1"]
    assert registry.import_mlflow(server, name, local_paths=True).added == 2


@pytest.mark.parametrize("records", ["sqlite", "mlruns"])
def test_a_metric_has_the_last_value_of_the_run_and_the_logged_model_adds_what_the_run_has_not(
    records, request, mlflow, registry
):
    place = request.getfixturevalue(records)
    estimator = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with mlflow.start_run() as run:
        logged = mlflow.sklearn.log_model(
            estimator, name="model", registered_model_name="churn", params={"of": "model"}
        )
        for step, loss in enumerate([1.0, 0.5, 0.2]):
            place.client.log_metric(run.info.run_id, "loss", loss, step=step, model_id=logged.model_id)
    with mlflow.start_run() as evaluation:
        for step, error in enumerate([5.0, 3.0]):
            place.client.log_metric(evaluation.info.run_id, "error", error, step=step, model_id=logged.model_id)
        mlflow.log_metric("loss", 7.0)
    registry.import_mlflow(place.uri)
    version = registry.version("churn/1")
    assert version.metrics == {"loss": 0.2, "error": 3.0}
    assert version.params == {"of": "model"}


def test_of_aliases_that_differ_in_case_the_one_of_the_newest_version_comes_and_the_other_is_reported(sqlite, registry):
    sqlite.add_model("churn")
    for content in (b"1", b"2"):
        sqlite.add_version("churn", {"a.bin": content})
    sqlite.client.set_registered_model_alias("churn", "Champion", "1")
    sqlite.client.set_registered_model_alias("churn", "champion", "2")
    done = registry.import_mlflow(sqlite.uri)
    assert registry.model("churn").aliases == {"champion": 2}
    assert notes(done, "churn/1") == (
        "alias 'Champion' is left out: it differs in case only from 'champion' of version 2"
    )


def test_a_parameter_that_mlflow_may_have_cut_is_reported(sqlite, registry):
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"}, params={"query": "x" * 7000, "depth": "8"})
    done = registry.import_mlflow(sqlite.uri)
    assert len(registry.version("churn/1").params["query"]) == 6000
    assert "parameter 'query' has 6,000 characters" in notes(done, "churn/1")
    assert "depth" not in notes(done, "churn/1")


def test_the_copy_that_a_killed_import_left_is_removed_by_the_next_one(
    sqlite, registry, modelreg, tmp_path, monkeypatch
):
    sqlite.add_model("churn")
    for number in range(30):
        sqlite.add_version("churn", {"a.bin": str(number).encode()})
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    started = subprocess.Popen([modelreg, "--registry", registry.folder, "import-mlflow", sqlite.uri])
    while not list(place.glob("*/mlflow.db")):
        assert started.poll() is None
    started.kill()
    started.wait()
    assert list(place.glob("modelreg-mlflow-*"))
    subprocess.run([modelreg, "--registry", registry.folder, "import-mlflow", sqlite.uri], check=True)
    assert not list(place.glob("modelreg-mlflow-*"))


def test_a_model_that_somebody_else_makes_meanwhile_gets_its_versions(sqlite, registry, monkeypatch):
    sqlite.add_model("churn", description="who leaves us")
    sqlite.add_version("churn", {"a.bin": b"1"})
    registry.create()
    known = Catalog.writing

    def after_another_process(*asked):
        monkeypatch.undo()
        registry.create_model("churn")
        return known(*asked)

    monkeypatch.setattr(Catalog, "writing", after_another_process)
    assert outcomes(registry.import_mlflow(sqlite.uri))["churn/1"] == "added"
    assert registry.model("churn").description == "who leaves us"


def test_a_version_that_another_import_brings_meanwhile_is_no_foreign_one(sqlite, registry, monkeypatch):
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"})
    registry.create()
    known = BlobStore.receiving

    def after_another_import(*asked):
        monkeypatch.undo()
        registry.import_mlflow(sqlite.uri)
        return known(*asked)

    monkeypatch.setattr(BlobStore, "receiving", after_another_import)
    done = registry.import_mlflow(sqlite.uri)
    assert (outcomes(done)["churn/1"], done.failed) == ("unchanged", 0)
    assert "another import" in notes(done, "churn/1")


ENDLESS = {"inputs": [{"name": "x", "type": "double", "shape": [1e999]}], "outputs": []}
MANIFEST = {
    "layers": [{"annotations": {"org.cncf.model.filepath": "a.bin"}, "digest": "", "size": 1}],
    "config": {"digest": "", "size": 0},
    "annotations": {
        "org.modelreg.facts.v1": json.dumps({"kind": "file", "signature": ENDLESS, "metrics": {}, "params": {}})
    },
}


@pytest.mark.parametrize("manifest", [b"[" * 100_000, json.dumps(MANIFEST).encode()], ids=["deep", "endless lengths"])
def test_a_manifest_that_nobody_can_read_keeps_no_other_version_out(sqlite, registry, manifest):
    sqlite.add_model("churn")
    digest = f"sha256:{sha256(manifest).hexdigest()}"
    sqlite.add_version("churn", {"a.bin": b"1"}, tags={"modelreg.digest": digest, "modelreg.version": "1"})
    sqlite.add_version("churn", {"a.bin": b"2"})
    (sqlite.bytes_of("churn", 1).parent / "modelreg-manifest.json").write_bytes(manifest)
    done = registry.import_mlflow(sqlite.uri)
    assert outcomes(done) == {"churn": "added", "churn/1": "failed", "churn/2": "added"}


@pytest.mark.parametrize("number", [-1, 0, 2**31, 2**63 - 1])
def test_a_number_that_is_none_of_mlflows_keeps_no_other_version_out(sqlite, registry, number):
    sqlite.add_model("churn")
    for content in b"1", b"2":
        sqlite.add_version("churn", {"a.bin": content})
    with closing(sqlite3.connect(sqlite.uri.removeprefix("sqlite:///"))) as database, database:
        database.execute("UPDATE model_versions SET version = ? WHERE version = 1", [number])
    done = registry.import_mlflow(sqlite.uri)
    assert outcomes(done) == {"churn": "added", f"churn/{number}": "failed", "churn/2": "added"}
    assert registry.register(__file__, "churn").version == 3


class RunsCode:
    def __reduce__(self):
        return os.system, ("echo it ran",)


def test_what_runs_code_when_it_is_loaded_needs_a_reason(sqlite, registry):
    sqlite.add_model("evil")
    sqlite.add_version("evil", {"model.pkl": pickle.dumps(RunsCode())})
    sqlite.transition("evil", 1, "Production")
    done = registry.import_mlflow(sqlite.uri)
    assert outcomes(done)["evil/1"] == "failed"
    assert "dangerous to load" in notes(done, "evil/1")
    assert "it is in Production in MLflow, and not here" in notes(done, "evil/1")
    assert outcomes(registry.import_mlflow(sqlite.uri, allow_unsafe="it is a test"))["evil/1"] == "added"
    assert registry.version("evil/1").scan == "dangerous"


def test_a_version_whose_run_was_deleted_for_good_comes_without_its_facts(sqlite, registry, model_folder):
    sqlite.add_model("churn")
    sqlite.client.create_model_version("churn", str(model_folder({"a.bin": b"1"})), run_id="0" * 32)
    done = registry.import_mlflow(sqlite.uri)
    assert outcomes(done)["churn/1"] == "added"
    assert notes(done, "churn/1").startswith("its run is gone from MLflow")


def test_what_is_set_for_mlflow_in_this_process_is_afterwards_what_it_was(mlflow, mlruns, registry, tmp_path):
    set_before = mlflow.get_tracking_uri(), mlflow.get_registry_uri(), dict(os.environ)
    mlruns.add_model("churn")
    registry.import_mlflow(tmp_path / "mlruns")
    assert (mlflow.get_tracking_uri(), mlflow.get_registry_uri(), dict(os.environ)) == set_before


def test_names_and_values_that_cannot_be_kept_are_reported_and_the_rest_is_imported(sqlite, registry):
    sqlite.add_model("no näme")
    sqlite.add_version("no näme", {"a.bin": b"1"})
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"}, metrics={"loss": float("nan"), "auc": 0.9})
    done = registry.import_mlflow(sqlite.uri, "churn", "no näme", "nobody")
    assert outcomes(done) == {"no näme": "failed", "nobody": "failed", "churn": "added", "churn/1": "added"}
    assert "metric 'loss' is left out" in notes(done, "churn/1")
    assert registry.version("churn/1").metrics == {"auc": 0.9}


def test_a_dry_run_says_what_would_be_done_and_makes_no_registry(sqlite, registry):
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"})
    planned = registry.import_mlflow(sqlite.uri, dry_run=True)
    assert not registry.exists()
    done = registry.import_mlflow(sqlite.uri)
    assert (planned.items, planned.dry_run, done.dry_run) == (done.items, True, False)


def test_a_model_that_mlflow_logged_comes_with_its_signature_and_its_libraries(mlflow, sqlite, registry):
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


def test_a_database_of_an_earlier_mlflow_is_read_and_stays_as_it_is(mlflow, registry, model_folder, tmp_path):
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
    """A SQLite file as MLflow 2.9 made it: its schema by MLflow's own migrations, up to the one of that time."""
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


def test_records_that_were_moved_with_their_artifacts_are_read(mlruns, registry, tmp_path):
    mlruns.add_model("churn")
    mlruns.add_version("churn", {"a.bin": b"1"})
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "mlruns").rename(tmp_path / "elsewhere" / "mlruns")
    assert outcomes(registry.import_mlflow(tmp_path / "elsewhere" / "mlruns"))["churn/1"] == "added"


def test_what_holds_no_records_of_mlflow_is_refused(mlflow, registry, tmp_path):
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE t (a)")
    (tmp_path / "folder").mkdir()
    for place, error in {
        tmp_path / "nowhere": SourceNotFound,
        "sqlite:///nowhere.db": SourceNotFound,
        tmp_path / "other.db": InvalidInput,
        tmp_path / "folder": InvalidInput,
        "postgresql://user:secret@host/db": InvalidInput,
        "http://127.0.0.1:9": MLflowFailed,
    }.items():
        with pytest.raises(error) as raised:
            registry.import_mlflow(place)
        assert "secret" not in raised.value.message
    assert not registry.exists()


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_an_import_that_was_ended_goes_on_where_it_was(sent, status, sqlite, registry, modelreg):
    sqlite.add_model("churn")
    for number in range(1, 31):
        sqlite.add_version("churn", {"a.bin": str(number).encode() * 1000})
    registry.create()
    command = [modelreg, "--registry", registry.folder, "import-mlflow", sqlite.uri]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not (registry.models() and registry.model("churn").versions >= 3):
        assert started.poll() is None
    started.send_signal(sent)
    started.communicate()
    assert started.returncode == status
    kept = {version.version: version.digest for version in registry.versions("churn")}
    assert 3 <= len(kept) < 30

    done = registry.import_mlflow(sqlite.uri)

    assert done.added == 30 - len(kept)
    versions = {version.version: version.digest for version in registry.versions("churn")}
    assert sorted(versions) == list(range(1, 31))
    assert kept.items() <= versions.items()
    assert is_sound(registry)


def test_the_command_tells_in_json_what_it_did_and_exits_with_8_when_something_failed(sqlite, registry, modelreg):
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
