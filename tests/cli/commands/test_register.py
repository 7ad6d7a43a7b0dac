"""``modelreg register``."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess

import pytest

from ..conftest import MODELREG, assert_refused, get_state, get_undo


def test_register_prints_only_the_reference_on_stdout(run, files):
    result = run("register", files[0], "--name", "churn")
    assert result.stdout == "churn/1\n"
    assert "undo: modelreg delete churn/1" in result.stderr


def test_register_of_the_same_content_returns_the_existing_version(churn, files):
    result = churn("register", files[1], "--name", "churn", "--metric", "auc=0.9")
    assert (result.returncode, result.stdout) == (0, "churn/2\n")
    assert "no new version" in result.stderr
    assert churn("versions", "churn", "-q").stdout.split() == ["churn/3", "churn/2", "churn/1"]


def test_new_version_option_creates_a_version_of_the_same_content(churn, files):
    result = churn("register", files[1], "--name", "churn", "--metric", "auc=0.9", "--new-version", "--json")
    assert json.loads(result.stdout)["version"] == 4
    assert json.loads(result.stdout)["created"] is True


def test_register_into_production_reports_the_displaced_version_and_a_working_undo(churn, tmp_path):
    (tmp_path / "fourth.bin").write_bytes(b"fourth")
    result = churn(
        "register", tmp_path / "fourth.bin", "--name", "churn", "--stage", "Production", "--archive-existing"
    )
    assert "registered churn/4, in Production (churn/1 -> Archived)" in result.stderr
    for undo in result.stderr.split("undo: ")[1].splitlines()[0].split(" && "):
        assert churn(*undo.split()[1:]).returncode == 0
    stages = {v["version"]: v["stage"] for v in json.loads(churn("versions", "churn", "--json").stdout)}
    assert stages == {1: "Production", 2: "None", 3: "None"}


def test_register_succeeds_with_a_closed_stdout(run, files):
    result = subprocess.run(
        ["bash", "-c", f"{MODELREG} register {files[0]} --name churn >&-"],
        env=os.environ | {"MODELREG_HOME": run("init").stdout.strip()},
        check=False,
    )
    assert result.returncode == 0
    assert run("versions", "churn", "-q").stdout == "churn/1\n"


def test_register_stores_a_description_of_64_kib(run, files):
    assert run("register", files[0], "--name", "churn", "--description", "d" * 65536).returncode == 0
    assert json.loads(run("show", "churn/1", "--json").stdout)["description"] == "d" * 65536


def test_types_option_sets_types_of_the_signature(run, trained):
    (trained / "x.csv").write_text("zip,city\n01234,Bern\n99,Rome\n")
    arguments = ("--name", "geo", "--signature-from", trained / "x.csv")
    result = run("register", trained / "iris.joblib", *arguments, "--types", "city=category")
    assert result.returncode == 0, result.stderr
    assert "add --types zip=int64" in result.stderr
    zip_code, city = json.loads(run("show", "geo/1", "--json").stdout)["signature"]["inputs"]
    assert (zip_code["type"], city["categories"]) == ("string", ["Bern", "Rome"])
    result = run("register", trained / "iris.joblib", *arguments, "--types", "zip=int8")
    assert "'zip' is out of range for int8: '01234' in line 2" in result.stderr
    assert run("register", trained / "iris.joblib", "--name", "geo", "--types", "zip=int8").returncode == 2


@pytest.mark.parametrize(
    ("options", "status", "code", "fact"),
    [
        (["--name", "a/b"], 2, "invalid_name", "'a/b'"),
        (["--name", ".."], 2, "invalid_name", "'..'"),
        (["--name=-dash"], 2, "invalid_name", "'-dash'"),
        (["--name", "x" * 129], 2, "invalid_name", "xxx"),
        (["--name", "a\x1bb"], 2, "invalid_name", "\\x1b"),
        (["--name", "Churn"], 4, "name_taken", "--name churn"),
        (["--name", "churn", "--metric", "auc=high"], 2, "invalid_metric", "'high'"),
        (["--name", "churn", "--metric", "auc=nan"], 2, "invalid_metric", "'nan'"),
        (["--name", "churn", "--metric", "auc=inf"], 2, "invalid_metric", "'inf'"),
        (["--name", "churn", "--metric", "auc"], 2, "invalid_input", "'auc'"),
        (["--name", "churn", "--metric", "a=1", "--metric", "a=2"], 2, "invalid_input", "'a'"),
        (["--name", "churn", "--metrics-file", "/nowhere.json"], 2, "invalid_data", "/nowhere.json"),
        (["--name", "churn", "--signature-from", "/nowhere.csv"], 2, "source_not_found", "/nowhere.csv"),
        (["--name", "churn", "--stage", "Live"], 2, "unknown_stage", "'Live'"),
        (["--name", "churn", "--alias", "latest"], 2, "invalid_alias", "'latest'"),
        (["--name", "churn", "--new-version", "--stage", "Production"], 4, "production_occupied", "churn/1"),
        (["--name", "churn", "--description", "d" * 65537], 2, "invalid_input", "65537 characters"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_invalid_registration_is_refused_and_changes_nothing(churn, files, options, status, code, fact, journal):
    before = journal()
    assert_refused(churn, ["register", files[2], *options], status, code, fact)
    assert journal() == before


def test_metrics_file_with_a_duplicate_key_is_refused(churn, files, tmp_path):
    (tmp_path / "metrics.json").write_text('{"auc": 0.5, "auc": 0.9}')
    arguments = ("register", files[2], "--name", "churn", "--metrics-file", tmp_path / "metrics.json")
    assert_refused(churn, arguments, 2, "invalid_data", "'auc'")


def create_fifo(folder):
    os.mkfifo(folder / "pipe")


def create_link(folder):
    (folder / "link").symlink_to("/etc/passwd")


def create_socket(folder):
    server = socket.socket(socket.AF_UNIX)
    current_folder = os.getcwd()
    os.chdir(folder)  # addresses of sockets are short
    server.bind("socket")
    os.chdir(current_folder)
    server.close()


def create_file_with_invalid_name(folder):
    (folder / os.fsdecode(b"\xff.bin")).write_bytes(b"x")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (create_fifo, "a FIFO"),
        (create_link, "symbolic link"),
        (create_socket, "a socket"),
        (create_file_with_invalid_name, "not UTF-8"),
    ],
)
def test_folder_with_a_special_file_is_refused(run, registry, tmp_path, make, kind):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"w")
    make(tmp_path / "model")
    assert_refused(run, ["register", tmp_path / "model", "--name", "churn"], 2, "unusable_source", kind)
    assert not registry.exists()


@pytest.mark.parametrize(
    ("path", "code", "fact"),
    [
        ("nowhere.pkl", "source_not_found", "nowhere.pkl"),
        ("empty.pkl", "unusable_source", "empty file"),
        ("folder", "unusable_source", "no files"),
        ("/dev/null", "unusable_source", "device"),
        ("", "source_not_found", "''"),
    ],
)
def test_path_without_a_model_is_refused(run, registry, tmp_path, monkeypatch, path, code, fact):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.pkl").touch()
    (tmp_path / "folder").mkdir()
    assert_refused(run, ["register", path, "--name", "churn"], 2, code, fact)
    assert not registry.exists()


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=str,
)
def test_interrupted_registration_leaves_no_version_and_no_temporary_files(
    churn, held_lock, registry, tmp_path, number, status
):
    (tmp_path / "new.bin").write_bytes(b"new")
    blob = registry / "artifacts" / "blobs" / "sha256" / hashlib.sha256(b"new").hexdigest()
    process = subprocess.Popen(
        [MODELREG, "register", tmp_path / "new.bin", "--name", "late"],
        env=os.environ | {"MODELREG_HOME": str(registry)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # 'nohup make test' ignores SIGHUP
    )
    while not blob.exists():  # from then on it waits for the lock
        assert process.poll() is None
    process.send_signal(number)
    output = process.communicate()
    assert (process.returncode, *output) == (status, "", "interrupted; nothing was registered\n")
    assert os.listdir(registry / "artifacts" / "ingest") == []
    assert "late" not in churn("list", "-q").stdout


def test_ignored_signal_does_not_interrupt_a_registration(churn, held_lock, registry, tmp_path):
    (tmp_path / "new.bin").write_bytes(b"new")
    blob = registry / "artifacts" / "blobs" / "sha256" / hashlib.sha256(b"new").hexdigest()
    process = subprocess.Popen(
        ["nohup", MODELREG, "register", tmp_path / "new.bin", "--name", "late"],
        env=os.environ | {"MODELREG_HOME": str(registry)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not blob.exists():
        assert process.poll() is None
    process.send_signal(signal.SIGHUP)
    held_lock.terminate()
    assert process.communicate()[0].startswith("late/1")
    assert process.returncode == 0


def test_undo_of_a_registration_deletes_it_with_its_aliases_and_stage(churn, registry, shell, tmp_path):
    (tmp_path / "new.bin").write_bytes(b"new")
    before = get_state(registry)
    result = churn(
        "register", tmp_path / "new.bin", "--name", "churn", "--alias", "a", "--alias", "b", "--stage", "Staging"
    )
    assert shell(get_undo(result)).returncode == 0
    assert get_state(registry) == before
