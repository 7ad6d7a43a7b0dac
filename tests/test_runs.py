"""Runs: logged values are stored, journalled and verified; a logged model is registered from its stored bytes."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import time
from threading import Lock

import pytest

from modelreg import Registry, infer_signature
from modelreg.domain.runs import MetricPoint
from modelreg.errors import (
    BlobDamaged,
    InUse,
    InvalidExpression,
    InvalidInput,
    ModelExists,
    NameTaken,
    NotFound,
    RunNotFound,
    SourceNotFound,
    TagNotFound,
    UnsafeModel,
    UnusableSource,
)

ESTIMATOR = {"weights": [1.0, 2.0]}


class ModelWithCode:
    def __reduce__(self):
        return os.system, ("echo executed",)


@pytest.fixture
def run(registry):
    """An active run."""
    return registry.runs.start("first", tags={"team": "search"})


def test_a_run_has_the_last_logged_value_of_each_metric_and_tag(registry, run):
    runs = registry.runs
    runs.log(run.run_id, params={"depth": 3}, metrics={"auc": 0.8}, tags={"stage": "draft"})
    runs.log(run.run_id, params={"depth": 3, "lr": 0.1}, metrics={"auc": 0.9}, tags={"stage": "done"})
    ended_run = runs.end(run.run_id)
    assert (ended_run.name, ended_run.status) == ("first", "FINISHED")
    assert ended_run.params == {"depth": "3", "lr": "0.1"}
    assert ended_run.metrics == {"auc": 0.9}
    assert ended_run.tags == {"team": "search", "stage": "done"}
    assert ended_run.started_at <= ended_run.ended_at
    assert runs.run(run.run_id) == ended_run
    assert list(registry.verify()) == []


@pytest.fixture
def three_runs(registry):
    """Runs a, b and c, started in this order; c is still active."""
    runs = registry.runs
    for name, auc, depth in (("a", 0.7, "10"), ("b", 0.9, "9"), ("c", None, "deep")):
        run = runs.start(name, tags={"team": "search"} if name == "b" else {})
        runs.log(run.run_id, params={"depth": depth}, metrics={} if auc is None else {"auc": auc})
        if name != "c":
            runs.end(run.run_id)
    return runs


@pytest.mark.parametrize(
    ("filter", "sort", "expected"),
    [
        (None, None, "cba"),
        ("metrics.auc > 0.8", None, "b"),
        ("status = 'FINISHED' AND NOT metrics.auc > 0.8", None, "a"),
        ("params.depth < 10", None, "b"),
        ("tags.team = 'search' OR name = 'c'", None, "cb"),
        ("ended_at IS NULL", None, "c"),
        ("started_at > '2020-01-01'", "name", "abc"),
        (None, "metrics.auc", "abc"),
        (None, "metrics.auc DESC", "bac"),
        (None, "params.depth", "bac"),
        (None, "status DESC, name DESC", "cba"),
    ],
)
def test_runs_are_filtered_by_logged_values_and_sorted(three_runs, filter, sort, expected):
    assert [run.name for run in three_runs.search(filter, sort=sort)] == [*expected]


def test_search_returns_at_most_limit_runs_from_the_offset(three_runs):
    assert [run.name for run in three_runs.search(sort="name", limit=1, offset=1)] == ["b"]
    assert three_runs.search(limit=1) == [three_runs.run(three_runs.search(limit=1)[0].run_id)]


def test_search_refuses_unknown_fields_and_a_limit_of_zero(three_runs):
    for expression in ("stage = 'None'", "eval.a.b > 1", "metrics > 1"):
        with pytest.raises(InvalidExpression):
            three_runs.search(expression)
    with pytest.raises(InvalidInput, match="at least 1"):
        three_runs.search(limit=0)


def test_resume_sets_the_status_to_running(registry, run):
    registry.runs.end(run.run_id, "FAILED")
    resumed = registry.runs.resume(run.run_id)
    assert (resumed.status, resumed.ended_at) == ("RUNNING", None)
    assert list(registry.verify()) == []


def test_each_change_of_a_run_is_one_journal_entry_and_an_empty_log_is_none(registry, run):
    registry.runs.log(run.run_id, metrics={"auc": 0.8})
    registry.runs.log(run.run_id, tags={"team": "search"})
    registry.runs.log(run.run_id)
    registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    registry.runs.end(run.run_id)
    entries = registry.history()
    assert [entry.action for entry in entries] == ["start run", "log", "log model", "end run"]
    assert {(entry.model, entry.name, entry.version) for entry in entries} == {(0, "*", None)}
    assert json.loads(entries[1].after)["run"] == {"run_id": run.run_id, "metrics": {"auc": 0.8}}


def test_changing_a_parameter_is_refused_and_nothing_of_the_call_is_stored(registry, run):
    registry.runs.log(run.run_id, params={"depth": 3})
    with pytest.raises(InvalidInput, match=r"'depth'.*'3'.*'4'") as refused:
        registry.runs.log(run.run_id, params={"new": 1, "depth": 4}, metrics={"auc": 1})
    assert refused.value.code == "param_changed"
    stored_run = registry.runs.run(run.run_id)
    assert (stored_run.params, stored_run.metrics) == ({"depth": "3"}, {})


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"metrics": {"auc": "high"}}, "invalid_metric"),
        ({"params": {"": 1}}, "invalid_key"),
        ({"tags": {"a": "x" * 70_000}}, "invalid_input"),
    ],
)
def test_log_refuses_invalid_values(registry, run, values, code):
    with pytest.raises(InvalidInput) as refused:
        registry.runs.log(run.run_id, **values)
    assert refused.value.code == code
    assert len(registry.history()) == 1


@pytest.mark.parametrize(("value", "reason"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")])
def test_a_metric_that_is_not_finite_is_a_tag_with_the_reason_until_it_is_finite_again(registry, run, value, reason):
    registry.runs.log(run.run_id, metrics={"loss": 0.5})
    registry.runs.log(run.run_id, metrics={"loss": value, "auc": 0.8})
    stored_run = registry.runs.run(run.run_id)
    assert (stored_run.metrics, stored_run.tags["modelreg.missing.loss"]) == ({"auc": 0.8}, reason)
    assert list(registry.verify()) == []
    registry.runs.log(run.run_id, metrics={"loss": 0.25})
    stored_run = registry.runs.run(run.run_id)
    assert stored_run.metrics == {"loss": 0.25, "auc": 0.8}
    assert "modelreg.missing.loss" not in stored_run.tags
    assert list(registry.verify()) == []


def test_a_gate_on_a_metric_that_is_not_finite_does_not_pass_for_a_version_of_the_run(registry, run):
    registry.runs.log(run.run_id, metrics={"loss": 0.1})
    registry.runs.log(run.run_id, metrics={"loss": math.nan})
    logged = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    version = registry.register_stored(logged.reference, "churn")
    registry.add_gate("churn", "Production", "metrics.loss < 1")
    assert version.metrics == {}
    assert not registry.check_gates("churn/1", "Production").passed


def test_metric_history_has_every_value_with_step_and_time_and_the_run_has_the_last_one(registry, run):
    points = [MetricPoint("loss", value, step, 1_000 + step) for step, value in enumerate([3.0, 2.0, math.nan, 1.0])]
    registry.runs.log(run.run_id, metrics=points)
    registry.runs.log(run.run_id, metrics={"loss": 1.0})
    history = registry.runs.metric_history(run.run_id, "loss")
    assert [(point.step, point.timestamp) for point in history[:4]] == [(step, 1_000 + step) for step in range(4)]
    assert [point.value for point in history if math.isfinite(point.value)] == [3.0, 2.0, 1.0, 1.0]
    assert registry.runs.run(run.run_id).metrics == {"loss": 1.0}
    assert registry.runs.metric_history(run.run_id, "nothing") == []
    assert list(registry.verify()) == []


def test_remove_tag_removes_a_tag_and_refuses_a_missing_one(registry, run):
    registry.runs.remove_tag(run.run_id, "team")
    assert registry.runs.run(run.run_id).tags == {}
    with pytest.raises(TagNotFound, match="'team'"):
        registry.runs.remove_tag(run.run_id, "team")
    assert list(registry.verify()) == []


def test_logged_files_are_stored_and_can_be_registered(registry, run, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"a")
    (tmp_path / "empty.log").touch()
    files = {
        "weights/a.bin": tmp_path / "a.bin",
        "weights/sub/b.bin": tmp_path / "a.bin",
        "log": tmp_path / "empty.log",
    }
    registry.runs.log_files(run.run_id, files)
    reference = f"runs:/{run.run_id}"
    folder = registry.runs.path(f"{reference}/weights")
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.bin")} == {"a.bin", "sub/b.bin"}
    assert registry.runs.path(f"{reference}/weights/sub/b.bin").read_bytes() == b"a"
    assert (registry.runs.path(reference) / "log").read_bytes() == b""
    version = registry.register_stored(f"{reference}/weights", "churn")
    assert [file.path for file in version.files] == ["a.bin", "sub/b.bin"]
    assert registry.register_stored(f"{reference}/weights/a.bin", "churn").files[0].path == "a.bin"
    with pytest.raises(NotFound) as refused:
        registry.runs.path(f"{reference}/nothing")
    assert refused.value.code == "logged_model_not_found"
    assert list(registry.verify()) == []


def test_log_files_stores_nothing_if_a_file_is_missing(registry, run, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"a")
    with pytest.raises(SourceNotFound):
        registry.runs.log_files(run.run_id, {"a.bin": tmp_path / "a.bin", "b.bin": tmp_path / "b.bin"})
    assert registry.runs.run(run.run_id).models == {}


def test_prune_without_grace_keeps_logged_files(registry, run, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"a")
    registry.runs.log_files(run.run_id, {"weights/a.bin": tmp_path / "a.bin"})
    registry.prune(grace="0")
    assert registry.runs.path(f"runs:/{run.run_id}/weights/a.bin").read_bytes() == b"a"


def test_unknown_runs_models_and_statuses_are_refused(registry, run):
    for method in (registry.runs.run, registry.runs.end, registry.runs.resume, registry.runs.log):
        with pytest.raises(RunNotFound, match="'nothing'"):
            method("nothing")
    with pytest.raises(RunNotFound):
        registry.runs.log_model("nothing", "model", ESTIMATOR)
    with pytest.raises(NotFound, match="'model'") as refused:
        registry.register_stored(f"runs:/{run.run_id}/model", "churn")
    assert refused.value.code == "logged_model_not_found"
    with pytest.raises(InvalidInput, match="DONE"):
        registry.runs.end(run.run_id, "DONE")


@pytest.mark.parametrize("path", ["", "/", "../model", "a//b", "a/./b", "a\nb", "x" * 251])
def test_log_model_refuses_an_invalid_path(registry, run, path):
    with pytest.raises(InvalidInput):
        registry.runs.log_model(run.run_id, path, ESTIMATOR)


def test_a_logged_model_is_registered_from_its_stored_files(registry, run):
    signature = infer_signature([[1.0, 2.0]])
    registry.runs.log_model(run.run_id, "deep/model", ESTIMATOR, signature=signature)
    registry.runs.log(run.run_id, params={"depth": 3}, metrics={"auc": 0.9})
    reference = f"runs:/{run.run_id}/deep/model"
    version = registry.register_stored(reference, "churn", tags={"a": "b"}, description="good")
    assert (version.run_id, version.source) == (run.run_id, reference)
    assert (version.params, version.metrics, version.signature) == ({"depth": "3"}, {"auc": 0.9}, signature)
    assert (version.tags, version.description, version.created) == ({"a": "b"}, "good", True)
    assert version.files == registry.runs.model(reference).files
    assert registry.load("churn/1") == registry.runs.load(registry.runs.model(reference)) == ESTIMATOR
    with pytest.raises(InvalidInput, match="metrics of stored bytes"):
        registry.register_stored(reference, "churn", metrics={"auc": 1.0})
    assert registry.register_stored(reference, "churn").created is False
    assert list(registry.verify()) == []


def test_a_version_is_copied_to_another_model_with_the_same_digest(registry, model_file, model_folder):
    registry.register(model_file(), "churn", metrics={"auc": 0.9}, signature=infer_signature({"a": [1, 2]}))
    registry.register(model_folder({"a/b.bin": b"a", "c.bin": b"c"}), "churn")
    for number in (1, 2):
        copy = registry.register_stored(f"churn/{number}", "copied")
        assert copy.digest == registry.version(f"churn/{number}").digest
        assert copy.source == f"models:/churn/{number}"
    assert list(registry.verify()) == []


def test_log_model_replaces_the_model_at_the_same_path(registry, run):
    first = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    second = registry.runs.log_model(run.run_id, "model", ["another"])
    assert registry.runs.model(first.reference) == second
    assert list(registry.verify()) == []


def test_log_model_refuses_a_model_that_runs_code_or_cannot_be_pickled(registry, run):
    with pytest.raises(UnsafeModel):
        registry.runs.log_model(run.run_id, "model", ModelWithCode())
    with pytest.raises(UnusableSource, match="pickled"):
        registry.runs.log_model(run.run_id, "model", Lock())
    assert registry.runs.run(run.run_id).models == {}


def test_prune_keeps_logged_models_and_removes_replaced_ones(registry, run, blob_path):
    logged = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    replaced = registry.runs.log_model(run.run_id, "other", "replaced")
    registry.runs.log_model(run.run_id, "other", "final")
    for path in (registry.folder / "artifacts" / "blobs" / "sha256").iterdir():
        os.utime(path, (time.time() - 10**6,) * 2)
    registry.prune()
    assert registry.runs.load(logged) == ESTIMATOR
    assert not blob_path(replaced.digest).exists()
    assert list(registry.verify()) == []


def test_prune_keeps_the_files_of_a_logged_model_with_a_damaged_manifest(registry, run, blob_path):
    logged = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    other = registry.runs.log_model(run.run_id, "other", "other")
    blob_count = len(os.listdir(registry.folder / "artifacts" / "blobs" / "sha256"))
    os.chmod(blob_path(logged.digest), 0o644)
    blob_path(logged.digest).write_bytes(b"{}")
    for path in (registry.folder / "artifacts" / "blobs" / "sha256").iterdir():
        os.utime(path, (time.time() - 10**6,) * 2)
    registry.prune()
    assert len(os.listdir(registry.folder / "artifacts" / "blobs" / "sha256")) == blob_count
    assert registry.runs.load(other) == "other"


def test_a_damaged_file_of_a_logged_model_is_reported_and_not_loaded(registry, run, blob_path):
    logged = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    path = blob_path(logged.file.digest)
    os.chmod(path, 0o644)
    path.write_bytes(b"x" * logged.file.size)
    ((subject, problem),) = [(finding.subject, finding.problem) for finding in registry.verify()]
    assert subject == logged.reference
    assert "damaged" in problem
    for call in (lambda: registry.runs.load(logged), lambda: registry.register_stored(logged.reference, "churn")):
        with pytest.raises(BlobDamaged):
            call()
    assert registry.models() == []
    registry.runs.log_model(run.run_id, "model", ESTIMATOR)  # repairs the blob
    assert list(registry.verify()) == []


def test_a_restored_backup_has_the_runs_and_their_models(registry, run, tmp_path):
    logged = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    registry.backup(tmp_path / "backup")
    shutil.rmtree(registry.folder)
    registry.restore(tmp_path / "backup")
    assert registry.runs.load(logged) == ESTIMATOR
    assert registry.runs.run(run.run_id).models == {"model": logged}
    assert list(registry.verify()) == []


def test_create_model_creates_a_model_without_versions(registry, model_file):
    model = registry.create_model("churn", description="who leaves", tags={"team": "growth"})
    assert (model.versions, model.latest, model.description, model.tags) == (0, None, "who leaves", {"team": "growth"})
    with pytest.raises(ModelExists) as refused:
        registry.create_model("churn")
    assert refused.value.code == "model_exists"
    with pytest.raises(NameTaken):
        registry.create_model("Churn")
    assert registry.register(model_file(), "churn").version == 1
    assert list(registry.verify()) == []


def test_delete_with_versions_deletes_the_model_and_all_versions_unless_one_is_in_use(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    registry.register(model_file(b"2"), "churn", stage="Staging")
    with pytest.raises(InUse) as refused:
        registry.delete("churn")
    assert refused.value.code == "model_in_use"
    with pytest.raises(InUse) as refused:
        registry.delete("churn", with_versions=True)
    assert refused.value.code == "version_in_use"
    assert len(registry.versions("churn")) == 2
    registry.transition("churn/2", "Archived")
    registry.delete("churn", with_versions=True)
    assert registry.models() == []
    assert registry.register(model_file(b"1"), "churn").version == 3
    assert list(registry.verify()) == []


def test_search_returns_versions_of_all_models_in_pages(registry, model_file):
    for name in ("b", "a"):
        for content in (b"1", b"2", b"3"):
            registry.register(model_file(content + name.encode()), name, metrics={"auc": int(content)})
    references = [version.reference for version in registry.search()]
    assert references == ["a/3", "a/2", "a/1", "b/3", "b/2", "b/1"]
    pages = [[version.reference for version in registry.search(limit=4, offset=offset)] for offset in (0, 4, 8)]
    assert pages == [references[:4], references[4:], []]
    versions = registry.search("metrics.auc > 1 AND name = 'b'", sort="version")
    assert [version.reference for version in versions] == ["b/2", "b/3"]
    assert registry.search("version = 3")[0] == registry.version("a/3")


def test_search_finds_the_first_and_the_last_of_many_versions(registry, model_file):
    for number in range(12):
        registry.register(model_file(str(number).encode()), "churn", tags={"end": number in (0, 11)})
    versions = registry.search("tags.end = 'True'")
    assert [version.version for version in versions] == [12, 1]


def test_latest_in_stages_has_the_newest_version_in_each_stage_of_existing_models(registry, model_file):
    for content in (b"1", b"2", b"3"):
        registry.register(model_file(content), "churn")
    registry.register(model_file(b"1"), "empty")
    registry.delete("empty/1")
    registry.transition("churn/1", "Production")
    latest = registry.latest_in_stages("churn", "empty", "nothing")
    assert [(version.version, version.stage) for version in latest["churn"]] == [(3, "None"), (1, "Production")]
    assert latest.keys() == {"churn", "empty"}


def test_history_command_shows_runs_with_their_values(registry, run, modelreg):
    registry.runs.log(run.run_id, metrics={"auc": 0.9})
    command = [modelreg, "--registry", registry.folder, "history"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{run.run_id} auc=0.9" in output
    assert f"{run.run_id} first RUNNING team=search" in output


def test_starting_a_run_creates_the_registry(tmp_path):
    run = Registry(tmp_path / "new").runs.start()
    assert run.name == f"run-{run.run_id[:8]}"
