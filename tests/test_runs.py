"""Runs: what is logged is kept, journalled and checked, and a run's model becomes a version from its stored bytes."""

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
    InvalidExpression,
    InvalidInput,
    InvalidKey,
    InvalidMetric,
    LoggedModelNotFound,
    ModelExists,
    ModelInUse,
    NameTaken,
    ParamChanged,
    RunNotFound,
    SourceNotFound,
    TagNotFound,
    UnsafeModel,
    UnusableSource,
    VersionInUse,
)

ESTIMATOR = {"weights": [1.0, 2.0]}


class Hostile:
    def __reduce__(self):
        return os.system, ("echo gotcha",)


@pytest.fixture
def run(registry):
    """A run that goes on."""
    return registry.runs.start("first", tags={"team": "search"})


def test_a_run_keeps_the_latest_of_what_is_logged(registry, run):
    runs = registry.runs
    runs.log(run.run_id, params={"depth": 3}, metrics={"auc": 0.8}, tags={"stage": "draft"})
    runs.log(run.run_id, params={"depth": 3, "lr": 0.1}, metrics={"auc": 0.9}, tags={"stage": "done"})
    ended = runs.end(run.run_id)
    assert (ended.name, ended.status) == ("first", "FINISHED")
    assert ended.params == {"depth": "3", "lr": "0.1"}
    assert ended.metrics == {"auc": 0.9}
    assert ended.tags == {"team": "search", "stage": "done"}
    assert ended.started_at <= ended.ended_at
    assert runs.run(run.run_id) == ended
    assert list(registry.verify()) == []


@pytest.fixture
def three_runs(registry):
    """Runs that were started in the order of their names."""
    runs = registry.runs
    for name, auc, depth in (("a", 0.7, "10"), ("b", 0.9, "9"), ("c", None, "deep")):
        started = runs.start(name, tags={"team": "search"} if name == "b" else {})
        runs.log(started.run_id, params={"depth": depth}, metrics={} if auc is None else {"auc": auc})
        if name != "c":
            runs.end(started.run_id)
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
def test_runs_are_found_by_what_was_logged_and_come_in_order(three_runs, filter, sort, expected):
    assert [run.name for run in three_runs.search(filter, sort=sort)] == [*expected]


def test_so_many_runs_are_found_as_are_wanted(three_runs):
    assert [run.name for run in three_runs.search(sort="name", limit=1, offset=1)] == ["b"]
    assert three_runs.search(limit=1) == [three_runs.run(three_runs.search(limit=1)[0].run_id)]


def test_search_refuses_unknown_fields(three_runs):
    for unknown in ("stage = 'None'", "eval.a.b > 1", "metrics > 1"):
        with pytest.raises(InvalidExpression):
            three_runs.search(unknown)
    with pytest.raises(InvalidInput, match="at least 1"):
        three_runs.search(limit=0)


def test_resume_sets_the_status_to_running(registry, run):
    registry.runs.end(run.run_id, "FAILED")
    resumed = registry.runs.resume(run.run_id)
    assert (resumed.status, resumed.ended_at) == ("RUNNING", None)
    assert list(registry.verify()) == []


def test_each_change_of_a_run_is_one_entry_of_the_journal_and_what_changes_nothing_is_none(registry, run):
    registry.runs.log(run.run_id, metrics={"auc": 0.8})
    registry.runs.log(run.run_id, tags={"team": "search"})
    registry.runs.log(run.run_id)
    registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    registry.runs.end(run.run_id)
    entries = registry.history()
    assert [entry.action for entry in entries] == ["start run", "log", "log model", "end run"]
    assert {(entry.model, entry.name, entry.version) for entry in entries} == {(0, "*", None)}
    assert json.loads(entries[1].after)["run"] == {"run_id": run.run_id, "metrics": {"auc": 0.8}}


def test_a_parameter_keeps_its_value_and_all_of_a_refused_call_is_refused(registry, run):
    registry.runs.log(run.run_id, params={"depth": 3})
    with pytest.raises(ParamChanged, match=r"'depth'.*'3'.*'4'"):
        registry.runs.log(run.run_id, params={"new": 1, "depth": 4}, metrics={"auc": 1})
    found = registry.runs.run(run.run_id)
    assert (found.params, found.metrics) == ({"depth": "3"}, {})


@pytest.mark.parametrize(
    ("logged", "error"),
    [
        ({"metrics": {"auc": "high"}}, InvalidMetric),
        ({"params": {"": 1}}, InvalidKey),
        ({"tags": {"a": "x" * 70_000}}, InvalidInput),
    ],
)
def test_invalid_values_are_refused(registry, run, logged, error):
    with pytest.raises(error):
        registry.runs.log(run.run_id, **logged)
    assert len(registry.history()) == 1


@pytest.mark.parametrize(("value", "reason"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")])
def test_a_metric_that_is_not_finite_is_missing_with_a_reason_until_it_is_finite_again(registry, run, value, reason):
    registry.runs.log(run.run_id, metrics={"loss": 0.5})
    registry.runs.log(run.run_id, metrics={"loss": value, "auc": 0.8})
    found = registry.runs.run(run.run_id)
    assert (found.metrics, found.tags["modelreg.missing.loss"]) == ({"auc": 0.8}, reason)
    assert list(registry.verify()) == []
    registry.runs.log(run.run_id, metrics={"loss": 0.25})
    found = registry.runs.run(run.run_id)
    assert found.metrics == {"loss": 0.25, "auc": 0.8}
    assert "modelreg.missing.loss" not in found.tags
    assert list(registry.verify()) == []


def test_a_version_of_a_run_has_no_value_of_a_metric_that_is_missing_and_a_gate_does_not_pass(registry, run):
    registry.runs.log(run.run_id, metrics={"loss": 0.1})
    registry.runs.log(run.run_id, metrics={"loss": math.nan})
    logged = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    version = registry.register_stored(logged.reference, "churn")
    registry.add_gate("churn", "Production", "metrics.loss < 1")
    assert version.metrics == {}
    assert not registry.check_gates("churn/1", "Production").passed


def test_a_metric_has_every_value_with_its_step_and_time_and_the_last_one_counts(registry, run):
    points = [MetricPoint("loss", value, step, 1_000 + step) for step, value in enumerate([3.0, 2.0, math.nan, 1.0])]
    registry.runs.log(run.run_id, metrics=points)
    registry.runs.log(run.run_id, metrics={"loss": 1.0})
    found = registry.runs.metric_history(run.run_id, "loss")
    assert [(point.step, point.timestamp) for point in found[:4]] == [(step, 1_000 + step) for step in range(4)]
    assert [point.value for point in found if math.isfinite(point.value)] == [3.0, 2.0, 1.0, 1.0]
    assert registry.runs.run(run.run_id).metrics == {"loss": 1.0}
    assert registry.runs.metric_history(run.run_id, "nothing") == []
    assert list(registry.verify()) == []


def test_a_tag_can_be_removed(registry, run):
    registry.runs.remove_tag(run.run_id, "team")
    assert registry.runs.run(run.run_id).tags == {}
    with pytest.raises(TagNotFound, match="'team'"):
        registry.runs.remove_tag(run.run_id, "team")
    assert list(registry.verify()) == []


def test_files_of_a_run_are_stored_checked_and_become_versions(registry, run, tmp_path):
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
    with pytest.raises(LoggedModelNotFound):
        registry.runs.path(f"{reference}/nothing")
    assert list(registry.verify()) == []


def test_files_are_kept_all_of_them_or_none(registry, run, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"a")
    with pytest.raises(SourceNotFound):
        registry.runs.log_files(run.run_id, {"a.bin": tmp_path / "a.bin", "b.bin": tmp_path / "b.bin"})
    assert registry.runs.run(run.run_id).models == {}


def test_files_of_a_run_stay_when_everything_else_is_pruned(registry, run, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"a")
    registry.runs.log_files(run.run_id, {"weights/a.bin": tmp_path / "a.bin"})
    registry.prune(grace="0")
    assert registry.runs.path(f"runs:/{run.run_id}/weights/a.bin").read_bytes() == b"a"


def test_an_unknown_run_raises_not_found(registry, run):
    for ask in (registry.runs.run, registry.runs.end, registry.runs.resume, registry.runs.log):
        with pytest.raises(RunNotFound, match="'nothing'"):
            ask("nothing")
    with pytest.raises(RunNotFound):
        registry.runs.log_model("nothing", "model", ESTIMATOR)
    with pytest.raises(LoggedModelNotFound, match="'model'"):
        registry.register_stored(f"runs:/{run.run_id}/model", "churn")
    with pytest.raises(InvalidInput, match="DONE"):
        registry.runs.end(run.run_id, "DONE")


@pytest.mark.parametrize("path", ["", "/", "../model", "a//b", "a/./b", "a\nb", "x" * 251])
def test_an_invalid_model_path_is_refused(registry, run, path):
    with pytest.raises(InvalidInput):
        registry.runs.log_model(run.run_id, path, ESTIMATOR)


def test_a_model_of_a_run_becomes_a_version_without_being_written_again(registry, run):
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


def test_a_version_becomes_one_of_another_model_with_the_same_digest(registry, model_file, model_folder):
    registry.register(model_file(), "churn", metrics={"auc": 0.9}, signature=infer_signature({"a": [1, 2]}))
    registry.register(model_folder({"a/b.bin": b"a", "c.bin": b"c"}), "churn")
    for number in (1, 2):
        copied = registry.register_stored(f"churn/{number}", "copied")
        assert copied.digest == registry.version(f"churn/{number}").digest
        assert copied.source == f"models:/churn/{number}"
    assert list(registry.verify()) == []


def test_a_model_is_logged_again_in_the_place_of_the_earlier_one(registry, run):
    first = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    second = registry.runs.log_model(run.run_id, "model", ["another"])
    assert registry.runs.model(first.reference) == second
    assert list(registry.verify()) == []


def test_what_runs_code_or_cannot_be_pickled_is_not_logged(registry, run):
    with pytest.raises(UnsafeModel):
        registry.runs.log_model(run.run_id, "model", Hostile())
    with pytest.raises(UnusableSource, match="pickled"):
        registry.runs.log_model(run.run_id, "model", Lock())
    assert registry.runs.run(run.run_id).models == {}


def test_prune_keeps_files_of_runs(registry, run, blob_path):
    logged = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    replaced = registry.runs.log_model(run.run_id, "other", "replaced")
    registry.runs.log_model(run.run_id, "other", "final")
    for each in (registry.folder / "artifacts" / "blobs" / "sha256").iterdir():
        os.utime(each, (time.time() - 10**6,) * 2)
    registry.prune()
    assert registry.runs.load(logged) == ESTIMATOR
    assert not blob_path(replaced.digest).exists()
    assert list(registry.verify()) == []


def test_prune_keeps_files_of_a_damaged_run_manifest(registry, run, blob_path):
    logged = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    other = registry.runs.log_model(run.run_id, "other", "other")
    before = len(os.listdir(registry.folder / "artifacts" / "blobs" / "sha256"))
    os.chmod(blob_path(logged.digest), 0o644)
    blob_path(logged.digest).write_bytes(b"{}")
    for each in (registry.folder / "artifacts" / "blobs" / "sha256").iterdir():
        os.utime(each, (time.time() - 10**6,) * 2)
    registry.prune()
    assert len(os.listdir(registry.folder / "artifacts" / "blobs" / "sha256")) == before
    assert registry.runs.load(other) == "other"


def test_a_damaged_run_file_is_reported_and_not_loaded(registry, run, blob_path):
    logged = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    path = blob_path(logged.file.digest)
    os.chmod(path, 0o644)
    path.write_bytes(b"x" * logged.file.size)
    ((subject, problem),) = [(finding.subject, finding.problem) for finding in registry.verify()]
    assert subject == logged.reference
    assert "damaged" in problem
    for ask in (lambda: registry.runs.load(logged), lambda: registry.register_stored(logged.reference, "churn")):
        with pytest.raises(BlobDamaged):
            ask()
    assert registry.models() == []
    registry.runs.log_model(run.run_id, "model", ESTIMATOR)  # which heals it
    assert list(registry.verify()) == []


def test_a_backup_has_the_runs_and_their_models(registry, run, tmp_path):
    logged = registry.runs.log_model(run.run_id, "model", ESTIMATOR)
    registry.backup(tmp_path / "backup")
    shutil.rmtree(registry.folder)
    registry.restore(tmp_path / "backup")
    assert registry.runs.load(logged) == ESTIMATOR
    assert registry.runs.run(run.run_id).models == {"model": logged}
    assert list(registry.verify()) == []


def test_a_model_is_made_without_versions_and_goes_on_as_any(registry, model_file):
    made = registry.create_model("churn", description="who leaves", tags={"team": "growth"})
    assert (made.versions, made.latest, made.description, made.tags) == (0, None, "who leaves", {"team": "growth"})
    with pytest.raises(ModelExists):
        registry.create_model("churn")
    with pytest.raises(NameTaken):
        registry.create_model("Churn")
    assert registry.register(model_file(), "churn").version == 1
    assert list(registry.verify()) == []


def test_a_model_is_deleted_with_its_versions_or_not_at_all(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    registry.register(model_file(b"2"), "churn", stage="Staging")
    with pytest.raises(ModelInUse):
        registry.delete("churn")
    with pytest.raises(VersionInUse):
        registry.delete("churn", with_versions=True)
    assert len(registry.versions("churn")) == 2
    registry.transition("churn/2", "Archived")
    registry.delete("churn", with_versions=True)
    assert registry.models() == []
    assert registry.register(model_file(b"1"), "churn").version == 3
    assert list(registry.verify()) == []


def test_versions_of_all_models_are_searched_in_pages(registry, model_file):
    for name in ("b", "a"):
        for content in (b"1", b"2", b"3"):
            registry.register(model_file(content + name.encode()), name, metrics={"auc": int(content)})
    everything = [version.reference for version in registry.search()]
    assert everything == ["a/3", "a/2", "a/1", "b/3", "b/2", "b/1"]
    pages = [[each.reference for each in registry.search(limit=4, offset=offset)] for offset in (0, 4, 8)]
    assert pages == [everything[:4], everything[4:], []]
    found = registry.search("metrics.auc > 1 AND name = 'b'", sort="version")
    assert [version.reference for version in found] == ["b/2", "b/3"]
    assert registry.search("version = 3")[0] == registry.version("a/3")


def test_versions_far_apart_are_searched_as_those_beside_each_other(registry, model_file):
    for number in range(12):
        registry.register(model_file(str(number).encode()), "churn", tags={"end": number in (0, 11)})
    found = registry.search("tags.end = 'True'")
    assert [version.version for version in found] == [12, 1]


def test_the_newest_version_in_each_stage_is_read_for_many_models(registry, model_file):
    for content in (b"1", b"2", b"3"):
        registry.register(model_file(content), "churn")
    registry.register(model_file(b"1"), "empty")
    registry.delete("empty/1")
    registry.transition("churn/1", "Production")
    found = registry.latest_in_stages("churn", "empty", "nothing")
    assert [(version.version, version.stage) for version in found["churn"]] == [(3, "None"), (1, "Production")]
    assert found.keys() == {"churn", "empty"}


def test_runs_are_seen_in_the_history_of_the_command_line(registry, run, modelreg):
    registry.runs.log(run.run_id, metrics={"auc": 0.9})
    command = [modelreg, "--registry", registry.folder, "history"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"{run.run_id} auc=0.9" in said
    assert f"{run.run_id} first RUNNING team=search" in said


def test_a_new_registry_is_made_by_the_first_run(tmp_path):
    run = Registry(tmp_path / "new").runs.start()
    assert run.name == f"run-{run.run_id[:8]}"
