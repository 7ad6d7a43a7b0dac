"""Registration: what creates a new version, its number, digest and provenance, and what is refused."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from modelreg import Registry, Stage
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import (
    InvalidInput,
    InvalidName,
    NameTaken,
    ProductionOccupied,
)

SIGNATURE = Signature((SignatureField("age", "int64"),))


def version_numbers(registry, name="churn"):
    return [version.version for version in registry.versions(name)]


def list_blobs(registry):
    return sorted(os.listdir(registry.folder / "artifacts" / "blobs" / "sha256"))


# What creates a new version


def test_the_first_registration_creates_the_registry_the_model_and_version_1(registry, model_file):
    assert not registry.folder.exists()
    registered = registry.register(model_file(), "churn")
    assert (registered.reference, registered.created) == ("churn/1", True)
    assert registry.model("churn").latest == 1
    assert registry.version("churn/1").stage is Stage.NONE


def test_registering_the_same_bytes_and_facts_returns_the_existing_version(registry, model_file):
    facts = {"metrics": {"auc": 0.9}, "params": {"depth": 3}, "signature": SIGNATURE}
    first = registry.register(model_file(), "churn", **facts)
    second = registry.register(model_file(name="elsewhere/model.bin"), "churn", **facts)
    assert (second.version, second.created, second.digest) == (1, False, first.digest)
    assert len(registry.history()) == 1


def test_new_version_creates_a_version_of_the_same_bytes(registry, model_file):
    first = registry.register(model_file(), "churn")
    second = registry.register(model_file(), "churn", new_version=True)
    assert (second.reference, second.created, second.digest) == ("churn/2", True, first.digest)


def test_registering_the_same_bytes_returns_the_newest_version_of_these_bytes(registry, model_file):
    registry.register(model_file(), "churn")
    registry.register(model_file(), "churn", new_version=True)
    registry.register(model_file(b"other"), "churn")
    assert registry.register(model_file(), "churn").version == 2


@pytest.mark.parametrize(
    "facts",
    [
        {"metrics": {"auc": 0.5}},
        {"metrics": {"auc": 0.5000000000000001}},
        {"params": {"depth": "3"}},
        {"signature": SIGNATURE},
        {"signature": Signature((SignatureField("age", "int64", nullable=True),))},
    ],
    ids=str,
)
def test_different_facts_create_a_version(registry, model_file, facts):
    registry.register(model_file(), "churn")
    assert registry.register(model_file(), "churn", **facts).version == 2
    assert registry.register(model_file(), "churn", **facts).version == 2


@pytest.mark.parametrize(
    "metadata",
    [
        {"description": "the second try"},
        {"tags": {"team": "search"}},
        {"aliases": ["champion"]},
        {"stage": "Staging"},
        {"message": "again"},
        {"run_id": "abc"},
        {"metrics": {}, "params": None},
    ],
    ids=str,
)
def test_different_metadata_creates_no_version(registry, model_file, metadata):
    registry.register(model_file(), "churn")
    assert registry.register(model_file(), "churn", **metadata).version == 1


def test_the_same_bytes_under_another_file_name_create_a_version(registry, model_file):
    registry.register(model_file(name="a.bin"), "churn")
    assert registry.register(model_file(name="b.bin"), "churn").version == 2


def test_a_folder_with_one_file_is_another_version_than_the_file_alone(registry, model_folder):
    folder = model_folder({"model.bin": b"the same"})
    registry.register(folder / "model.bin", "churn")
    assert registry.register(folder, "churn").version == 2
    assert registry.path("churn/1").is_file()
    assert registry.path("churn/2").is_dir()


def test_an_integer_metric_equals_the_same_float(registry, model_file):
    registry.register(model_file(), "churn", metrics={"trees": 100})
    assert registry.register(model_file(), "churn", metrics={"trees": 100.0}).version == 1


@pytest.mark.parametrize("value", [1.2345678901234568e20, 1e21, 1e-7, -0.0, 5e-324, 1.7976931348623157e308, 2**53 + 2])
def test_a_float_metric_is_stored_without_loss(registry, model_file, value):
    registry.register(model_file(), "churn", metrics={"loss": value})
    assert registry.version("churn/1").metrics == {"loss": float(value)}
    assert list(registry.verify()) == []


# The digest


def test_the_digest_depends_only_on_the_files_and_facts(tmp_path, model_file, monkeypatch):
    first_registry, second_registry = Registry(tmp_path / "first"), Registry(tmp_path / "second")
    first = first_registry.register(model_file(), "churn", metrics={"b": 2, "a": 1}, params={"x": "ä", "a": 1})
    monkeypatch.setenv("MODELREG_USER", "another user")
    monkeypatch.setenv("CI_JOB_URL", "https://ci.example/1")
    monkeypatch.chdir("/")
    second = second_registry.register(
        model_file(name="other/model.bin"),
        "fraud",
        metrics={"a": 1.0, "b": 2.0},
        params={"a": "1", "x": "ä"},
        description="other",
        tags={"a": "b"},
        aliases=["champion"],
        stage="Production",
        run_id="r",
    )
    assert first.digest == second.digest


def test_the_same_bytes_in_two_models_are_stored_once(registry, model_file):
    registry.register(model_file(), "churn")
    before = list_blobs(registry)
    assert registry.register(model_file(), "fraud").reference == "fraud/1"
    assert list_blobs(registry) == before


def test_the_digest_does_not_depend_on_modes_and_times_of_files(registry, model_file):
    registry.register(model_file(), "churn")
    os.chmod(model_file(), 0o755)
    os.utime(model_file(), (1, 1))
    assert not registry.register(model_file(), "churn").created


# Version numbers


def test_the_number_of_a_deleted_version_is_not_reused(registry, model_file):
    registry.register(model_file(b"1"), "churn")
    registry.register(model_file(b"2"), "churn")
    registry.delete("churn/2")
    assert registry.register(model_file(b"2"), "churn").version == 3


@pytest.mark.parametrize("new_name", ["churn", "CHURN"])
def test_a_recreated_model_continues_the_numbers_of_the_deleted_one(registry, model_file, new_name):
    registry.register(model_file(), "churn")
    registry.delete("churn/1")
    registry.delete("churn")
    assert registry.register(model_file(), new_name).reference == f"{new_name}/2"
    registry.delete(f"{new_name}/2")
    registry.delete(new_name)
    assert registry.register(model_file(), "churn").version == 3
    assert list(registry.verify()) == []


def test_a_model_name_that_differs_only_in_case_is_refused(registry, model_file):
    registry.register(model_file(), "churn")
    with pytest.raises(NameTaken, match="churn"):
        registry.register(model_file(b"other"), "Churn")
    assert [model.name for model in registry.models()] == ["churn"]


# Metadata


def test_metadata_of_a_repeated_registration_is_applied_to_the_existing_version(registry, model_file):
    registry.register(model_file(), "churn", tags={"a": "1", "b": "2"})
    version = registry.register(
        model_file(), "churn", tags={"b": "3"}, aliases=["champion"], description="good", stage="Production"
    )
    assert version.tags == {"a": "1", "b": "3"}
    assert version.aliases == ("champion",)
    assert version.description == "good"
    assert version.stage is Stage.PRODUCTION
    assert [entry.action for entry in registry.history()] == ["register", "describe", "tag", "alias", "transition"]


def test_registering_again_with_the_same_metadata_changes_nothing(registry, model_file):
    metadata = {"tags": {"a": "1"}, "aliases": ["champion"], "description": "good", "stage": "Staging"}
    registry.register(model_file(), "churn", **metadata)
    before = registry.history()
    registry.register(model_file(), "churn", **metadata)
    assert registry.history() == before


def test_a_duplicate_alias_is_set_once(registry, model_file):
    registry.register(model_file(), "churn", aliases=["champion", "champion"])
    assert [entry.action for entry in registry.history()] == ["register", "alias"]


def test_an_existing_alias_moves_to_the_newly_registered_version(registry, model_file):
    registry.register(model_file(b"1"), "churn", aliases=["champion"])
    registry.register(model_file(b"2"), "churn", aliases=["champion"])
    assert registry.version("churn@champion").version == 2
    assert registry.version("churn/1").aliases == ()


def test_a_refused_stage_refuses_the_whole_registration(registry, model_file):
    registry.register(model_file(b"1"), "churn", stage="Production")
    before = (registry.models(), registry.versions("churn"), registry.history())
    with pytest.raises(ProductionOccupied):
        registry.register(model_file(b"2"), "churn", stage="Production", aliases=["champion"], tags={"a": "b"})
    assert (registry.models(), registry.versions("churn"), registry.history()) == before
    assert registry.register(model_file(b"2"), "churn").version == 2


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"metrics": {"auc": float("nan")}}, "invalid_metric"),
        ({"metrics": {"auc": float("inf")}}, "invalid_metric"),
        ({"metrics": {"auc": "0.9"}}, "invalid_metric"),
        ({"metrics": {"auc": True}}, "invalid_metric"),
        ({"metrics": {"auc": None}}, "invalid_metric"),
        ({"metrics": {"auc": 10**400}}, "invalid_metric"),
        ({"metrics": {"": 1}}, "invalid_key"),
        ({"params": {"a\n": 1}}, "invalid_key"),
        ({"tags": {"a" * 251: 1}}, "invalid_key"),
        ({"aliases": ["latest"]}, "invalid_alias"),
        ({"aliases": ["V12"]}, "invalid_alias"),
        ({"aliases": ["a/b"]}, "invalid_alias"),
        ({"stage": "Prod"}, "unknown_stage"),
        ({"description": "x" * 65537}, "invalid_input"),
        ({"description": "\udcff"}, "invalid_input"),
        ({"message": "a\0b"}, "invalid_input"),
        ({"params": {"a": "\udcff"}}, "invalid_input"),
        ({"run_id": "\udcff"}, "invalid_input"),
        ({"run_id": "a\0b"}, "invalid_input"),
        ({"params": {f"p{number}": "x" * 65536 for number in range(17)}}, "invalid_input"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_invalid_facts_and_metadata_are_refused_and_create_nothing(registry, model_file, values, code):
    with pytest.raises(InvalidInput) as refused:
        registry.register(model_file(), "churn", **values)
    assert (refused.value.code, refused.value.exit) == (code, 2)
    assert not registry.folder.exists() or registry.models() == []


@pytest.mark.parametrize(
    "name", ["", ".x", "-x", "_x", "a/b", "..", "a  b", " a", "a ", "ä", "a\n", "a" * 129, "a%2Fb", "a@b", "\x1b[31m"]
)
def test_an_invalid_model_name_is_refused(registry, model_file, name):
    with pytest.raises(InvalidName) as refused:
        registry.register(model_file(), name)
    assert refused.value.code == "invalid_name"
    assert not registry.folder.exists()


@pytest.mark.parametrize("name", ["a", "0", "a" * 128, "a.b-c_D", "latest", "Production", "sha256", "1"])
def test_a_valid_model_name_is_accepted(registry, model_file, name):
    assert registry.register(model_file(), name).name == name
    assert registry.version(f"{name}/latest").version == 1


TEXTS = ["[bold]x[/bold]", "\x1b[31mred", "a\nb\tc\\", "\u202eabc", "🙂", "'; DROP TABLE models; --", "x" * 65536, ""]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_any_text_in_metadata_is_stored_unchanged(registry, model_file, text):
    registry.register(
        model_file(), "churn", description=text, params={"p": text}, tags={"t": text}, message=text, metrics={"m": 1}
    )
    version = registry.version("churn/1")
    assert (version.description, version.params, version.tags) == (text, {"p": text}, {"t": text})
    assert registry.history()[0].message == text
    assert list(registry.verify()) == []


# Provenance


def test_provenance_is_recorded_with_the_version_and_in_the_journal(registry, model_file, monkeypatch):
    monkeypatch.setenv("MODELREG_USER", "Ada")
    monkeypatch.setenv("CI_JOB_URL", "https://ci.example/7")
    registered = registry.register(model_file(), "churn", run_id="run-1", message="why")
    (entry,) = registry.history()
    assert (registered.source, registered.run_id) == (str(model_file()), "run-1")
    assert registered.ci_job == entry.ci_job == "https://ci.example/7"
    assert (entry.user, entry.claimed_user, entry.message) == (registered.created_by, "Ada", "why")
    assert {"numpy", "scikit-learn"} <= registered.environment.libraries.keys()


def test_register_succeeds_with_a_claimed_user_that_is_not_utf8(run, tmp_path, model_file):
    script = "import sys; from modelreg import Registry; Registry(sys.argv[1]).register(sys.argv[2], 'churn')"
    status, _, err = run(script, tmp_path / "registry", model_file(), env=os.environ | {"MODELREG_USER": "\udcff"})
    assert status == 0, err


GIT_IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Create a Git repository with one commit and make it the current folder. Returns a function that runs git."""
    import shutil
    import subprocess

    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def git(*arguments):
        return subprocess.run(["git", *GIT_IDENTITY, *arguments], check=True, capture_output=True, text=True).stdout

    git("init", "-q", "--initial-branch", "trees")
    (folder / "train.py").write_text("one")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    return git


def test_commit_branch_and_dirty_flag_are_recorded(registry, model_file, repository):
    clean = registry.register(model_file(b"1"), "churn")
    with open("train.py", "w") as file:
        file.write("two")
    dirty = registry.register(model_file(b"2"), "churn")
    assert clean.git_commit == dirty.git_commit == repository("rev-parse", "HEAD").strip()
    assert (clean.git_dirty, dirty.git_dirty) == (False, True)
    assert clean.git_branch == "trees"
    assert [version.version for version in registry.versions("churn", filter="git_branch = 'trees'")] == [2, 1]


def test_the_branch_of_a_detached_head_is_read_from_a_ci_job_of_the_same_commit(
    registry, model_file, repository, monkeypatch
):
    commit = repository("rev-parse", "HEAD").strip()
    repository("checkout", "-q", "--detach")
    assert registry.register(model_file(b"1"), "churn").git_branch is None
    monkeypatch.setenv("CI_COMMIT_BRANCH", "forests")
    assert registry.register(model_file(b"2"), "churn").git_branch is None
    monkeypatch.setenv("CI_COMMIT_SHA", commit)
    assert registry.register(model_file(b"3"), "churn").git_branch == "forests"


@pytest.mark.parametrize("location", ["attributes", "info"])
@pytest.mark.parametrize("kind", ["clean", "process"])
def test_filters_and_hooks_of_a_repository_are_not_executed(registry, model_file, repository, tmp_path, kind, location):
    marker = tmp_path / "executed"
    for key in (f"filter.any.{kind}", "core.fsmonitor", "diff.external", "core.sshCommand"):
        repository("config", key, f"touch '{marker}'; cat")
    repository("config", "filter.any.required", "true")
    hook = Path(".git/hooks/post-index-change")
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{marker}'\n")
    hook.chmod(0o755)
    attributes = Path(".gitattributes" if location == "attributes" else ".git/info/attributes")
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("* filter=any diff=any\n")
    os.utime("train.py", (1, 1))  # forces git to read its content
    version = registry.register(model_file(b"1"), "churn")
    assert (len(version.git_commit), version.git_dirty, version.notes) == (40, False, ())
    assert not marker.exists()


def test_the_repository_of_the_model_file_precedes_that_of_the_current_folder(
    registry, repository, tmp_path, monkeypatch
):
    Path("model.bin").write_bytes(b"a model")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    version = registry.register(tmp_path / "repository" / "model.bin", "churn")
    monkeypatch.chdir(tmp_path / "repository")
    assert version.git_commit == repository("rev-parse", "HEAD").strip()


def test_a_commit_that_git_cannot_read_is_taken_from_the_ci_job_or_noted_as_missing(
    registry, model_file, repository, monkeypatch
):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # as in a container that mounts a folder of another user
    without_commit = registry.register(model_file(b"1"), "churn")
    (note,) = without_commit.notes
    assert without_commit.git_commit is None
    assert "is not recorded: detected dubious ownership" in note
    assert "git config --global --add safe.directory" in note
    monkeypatch.setenv("CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567")
    from_ci = registry.register(model_file(b"2"), "churn")
    assert (from_ci.git_commit, from_ci.git_dirty, from_ci.notes) == (
        "0123456789abcdef0123456789abcdef01234567",
        None,
        (),
    )
    monkeypatch.setenv("CI_COMMIT_SHA", "main")
    assert registry.register(model_file(b"3"), "churn").git_commit is None


def test_a_repository_without_commits_adds_no_note(registry, model_file, tmp_path, monkeypatch, repository):
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    repository("init", "-q")
    assert registry.register(model_file(), "churn").notes == ()


def test_a_file_name_that_is_not_utf8_in_the_repository_is_accepted(registry, model_file, repository):
    with open(b"caf\xe9.py", "w") as file:
        file.write("one")
    repository("add", ".")
    assert registry.register(model_file(), "churn").git_dirty is True


def test_git_dirty_is_none_if_the_index_is_damaged(registry, model_file, repository):
    with open(".git/index", "wb") as file:
        file.write(b"damaged")
    assert registry.register(model_file(), "churn").git_dirty is None


def test_register_succeeds_if_the_current_folder_was_removed(registry, model_file, tmp_path, monkeypatch):
    (tmp_path / "removed").mkdir()
    monkeypatch.chdir(tmp_path / "removed")
    (tmp_path / "removed").rmdir()
    try:
        assert registry.register(model_file(), "churn").version == 1
    finally:
        os.chdir(tmp_path)


# Threads and progress


def test_threads_share_one_registry_object(registry, model_file):
    paths = [model_file(bytes([number]), f"{number}.bin") for number in range(8)]
    threads = [threading.Thread(target=registry.register, args=(path, "churn")) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert version_numbers(registry) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert list(registry.verify()) == []


def test_progress_increases_to_the_total_number_of_bytes(registry, model_folder):
    reports = []
    folder = model_folder({"a": b"x" * 3_000_000, "b": b"", "c/d": b"y"})
    registry.register(folder, "churn", progress=lambda done, total: reports.append((done, total)))
    assert reports[-1] == (3_000_001, 3_000_001)
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
