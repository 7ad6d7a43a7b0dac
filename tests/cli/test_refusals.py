"""Bad input: one sentence, a hint, the documented exit code, and nothing changed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
from contextlib import closing

import pytest

from .conftest import MODELREG


def refused(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """It ended with ``status`` and one sentence on stderr that has all ``words``; nothing on stdout."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) <= 2
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["versions", "chrun"], 3, "did you mean churn?"),
        (["show", "churn/9"], 3, "the latest version is 3"),
        (["load", "churn/Staging"], 3, "no version of churn is in Staging"),
        (["load", "churn@champion"], 3, "has no alias 'champion'"),
        (["load", "churn@sha256:0123456789"], 3, "there is no version"),
        (["load", "churn"], 2, "NAME/latest"),
        (["load", "churn/0"], 2, "numbered from 1"),
        (["load", "churn/-1"], 2, "whole number"),
        (["load", "churn/1.5"], 2, "whole number"),
        (["load", "churn/Prod"], 2, "did you mean Production?"),
        (["load", "churn@sha256:xyz"], 2, "digits"),
        (["transition", "churn", "1", "Producton"], 2, "did you mean Production?"),
        (["transition", "churn", "2", "Production"], 4, "--archive-existing"),
        (["transition", "churn", "2", "Staging", "--if-current", "Archived"], 4, "not in Archived"),
        (["transition", "churn", "2", "Archived", "--archive-existing"], 2, "leave out"),
        (["transition", "churn", "2", "Production", "--move-existing", "Production"], 2, "another stage"),
        (["delete", "churn/2"], 2, "--yes"),
        (["delete", "churn/1", "--yes"], 4, "is in Production"),
        (["delete", "churn", "--yes"], 4, "3 versions"),
        (["lst"], 2, "did you mean list?"),
        (["list", "--nope"], 2, "--help"),
        (["register"], 2, "PATH"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_what_is_not_there_or_makes_no_sense_is_named(churn, words, status, said, journal):
    before = journal()
    refused(churn(*words), status, said)
    assert journal() == before


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--name", "a/b"], 2, "is not a valid model name"),
        (["--name", ".."], 2, "is not a valid model name"),
        (["--name=-dash"], 2, "is not a valid model name"),
        (["--name", "x" * 129], 2, "is not a valid model name"),
        (["--name", "a\x1bb"], 2, "\\x1b"),
        (["--name", "Churn"], 4, "only in case"),
        (["--name", "churn", "--metric", "auc=high"], 2, "not a finite number"),
        (["--name", "churn", "--metric", "auc=nan"], 2, "not a finite number"),
        (["--name", "churn", "--metric", "auc=inf"], 2, "not a finite number"),
        (["--name", "churn", "--metric", "auc"], 2, "has no '='"),
        (["--name", "churn", "--metric", "a=1", "--metric", "a=2"], 2, "given twice"),
        (["--name", "churn", "--metrics-file", "/nowhere.json"], 2, "cannot be read"),
        (["--name", "churn", "--signature-from", "/nowhere.csv"], 2, "nowhere.csv"),
        (["--name", "churn", "--stage", "Live"], 2, "not a stage"),
        (["--name", "churn", "--alias", "latest"], 2, "is not a valid alias"),
        (["--name", "churn", "--new-version", "--stage", "Production"], 4, "churn/1 is in Production"),
        (["--name", "churn", "--description", "d" * 65537], 2, "65537 characters"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_what_cannot_be_registered_is_refused_and_nothing_is(churn, files, options, status, said, journal):
    before = journal()
    refused(churn("register", files[2], *options), status, said)
    assert journal() == before


def test_a_metric_that_a_file_has_twice_is_refused(churn, files, tmp_path):
    (tmp_path / "metrics.json").write_text('{"auc": 0.5, "auc": 0.9}')
    words = ("register", files[2], "--name", "churn", "--metrics-file", tmp_path / "metrics.json")
    refused(churn(*words), 2, "it has the key 'auc' twice")


def fifo(folder):
    os.mkfifo(folder / "pipe")


def link(folder):
    (folder / "link").symlink_to("/etc/passwd")


def listening(folder):
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(folder)  # addresses of sockets are short
    server.bind("socket")
    os.chdir(here)
    server.close()


def odd_name(folder):
    (folder / os.fsdecode(b"\xff.bin")).write_bytes(b"x")


@pytest.mark.parametrize(
    ("make", "said"),
    [(fifo, "a FIFO"), (link, "symbolic link"), (listening, "a socket"), (odd_name, "not UTF-8")],
)
def test_a_folder_with_something_that_is_no_file_is_refused(run, registry, tmp_path, make, said):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"w")
    make(tmp_path / "model")
    refused(run("register", tmp_path / "model", "--name", "churn"), 2, said)
    assert not registry.exists()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("nowhere.pkl", "there is no file"),
        ("empty.pkl", "empty file"),
        ("folder", "no files"),
        ("/dev/null", "device"),
        ("", "''"),
    ],
)
def test_a_path_without_a_model_is_refused(run, registry, tmp_path, monkeypatch, path, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.pkl").touch()
    (tmp_path / "folder").mkdir()
    refused(run("register", path, "--name", "churn"), 2, said)
    assert not registry.exists()


def test_outside_of_a_project_it_is_said_where_a_registry_was_looked_for(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    done = subprocess.run(
        [MODELREG, "list"], cwd=tmp_path / "elsewhere", env=environment, capture_output=True, text=True, check=False
    )
    said = f"there is no .modelreg in this folder or above, and '{tmp_path}/data/modelreg' is not a registry"
    refused(done, 10, said, "modelreg init")


@pytest.mark.parametrize(
    "words",
    [["list"], ["versions", "churn"], ["load", "churn/1"], ["transition", "churn/1", "Staging"], ["verify"], ["info"]],
)
def test_a_command_that_reads_makes_no_registry(run, registry, words):
    refused(run(*words), 10, "is not a registry", str(registry))
    assert not registry.exists()


def test_a_folder_of_other_things_is_not_made_a_registry(run, registry, files):
    registry.mkdir()
    (registry / "thesis.tex").touch()
    refused(run("register", files[0], "--name", "churn"), 10, "thesis.tex")
    assert os.listdir(registry) == ["thesis.tex"]


@pytest.mark.parametrize("place", ["model-2.bin", "model-2.bin/registry", "model-2.bin/deeper/registry"])
def test_no_registry_is_made_at_a_file_or_below_one(run, files, tmp_path, place):
    done = run("register", files[0], "--name", "churn", "--registry", tmp_path / place)
    refused(done, 10, "model-2.bin' is not a folder", "--registry")


def test_the_registry_of_a_newer_program_is_not_read(churn, registry):
    with closing(sqlite3.connect(registry / "catalog.db")) as catalog:
        catalog.execute("PRAGMA user_version = 99")
    refused(churn("list"), 10, "schema 99", "upgrade")


@pytest.mark.parametrize("damage", ["missing", "empty", "foreign"])
def test_a_catalog_that_is_not_ours_is_damage_and_left_alone(churn, registry, files, damage):
    catalog = registry / "catalog.db"
    catalog.unlink()
    if damage == "empty":
        catalog.touch()
    elif damage == "foreign":
        sqlite3.connect(catalog).execute("CREATE TABLE recipes (name)").connection.close()
    before = catalog.read_bytes() if catalog.exists() else None
    for words in (["list"], ["register", str(files[0]), "--name", "churn"]):
        refused(churn(*words), 6, "catalog")
    assert (catalog.read_bytes() if catalog.exists() else None) == before


def test_a_flipped_bit_is_named_and_never_handed_out_and_other_models_load(churn, registry, files, tmp_path):
    churn("register", files[0], "--name", "other", "--param", "a=1")
    version = json.loads(churn("show", "churn/2", "--json").stdout)
    blob = registry / "artifacts" / "blobs" / "sha256" / version["files"][0]["digest"][7:]
    blob.chmod(0o644)
    blob.write_bytes(b"X" + blob.read_bytes()[1:])
    refused(churn("load", "churn/2"), 6, "churn/2", files[1].name, "damaged")
    refused(churn("load", "churn/2", "-o", tmp_path / "out"), 6, "damaged")
    assert not (tmp_path / "out").exists()
    assert churn("load", "other/1").returncode == 0
    found = churn("verify")
    assert (found.returncode, found.stdout.splitlines()[1].split("\t")[:2]) == (6, ["churn/2", files[1].name])
    assert churn("register", files[1], "--name", "churn", "--metric", "auc=0.9").stdout == "churn/2\n"
    assert churn("verify").returncode == 0
    assert churn("load", "churn/2").returncode == 0


def test_errors_are_json_when_the_answer_would_be(churn):
    for words, status, code in [
        (["show", "nope", "--json"], 3, "model_not_found"),
        (["list", "--json", "--nope"], 2, "invalid_input"),
        (["transition", "churn", "2", "Production", "--json"], 4, "production_occupied"),
    ]:
        done = churn(*words)
        error = json.loads(done.stderr)["error"]
        assert (done.returncode, done.stdout) == (status, "")
        assert (error["code"], error["exit"]) == (code, status)
        assert set(error) == {"code", "exit", "message", "hint"}


@pytest.fixture
def held_lock(churn, registry):
    """Another process that holds the write lock until the test ends."""
    holder = subprocess.Popen(
        [
            str(MODELREG.with_name("python")),
            "-c",
            "import sys; from pathlib import Path; from modelreg.system.locks import locked\n"
            "with locked(Path(sys.argv[1]), 0): print('held', flush=True); sys.stdin.read()",
            registry / "write.lock",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    yield holder
    holder.communicate()


def test_who_waits_in_vain_is_told_who_holds_the_lock(churn, held_lock, files):
    done = churn("register", files[0], "--name", "late", MODELREG_LOCK_TIMEOUT="0")
    refused(done, 9, f"process {held_lock.pid}")
    assert "late" not in churn("list", "-q").stdout


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=lambda each: str(each),
)
def test_an_interrupted_registration_registers_nothing_and_leaves_no_temporaries(
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
    said = process.communicate()
    assert (process.returncode, *said) == (status, "", "interrupted; nothing was registered\n")
    assert os.listdir(registry / "artifacts" / "ingest") == []
    assert "late" not in churn("list", "-q").stdout


def test_a_signal_that_is_ignored_stays_ignored(churn, held_lock, registry, tmp_path):
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


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up what makes modes not count")
def test_a_read_only_registry_is_read_and_not_changed(churn, registry, files, tmp_path):
    subprocess.run(["chmod", "-R", "a-w", registry], check=True)

    def powerless(*words):
        return subprocess.run(
            ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", MODELREG, *words],
            env=os.environ | {"MODELREG_HOME": str(registry), "XDG_CACHE_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
            check=False,
        )

    assert powerless("list", "-q").stdout == "churn\n"
    loaded = powerless("load", "churn/Production").stdout.strip()
    assert loaded.startswith(str(tmp_path / "cache"))
    refused(powerless("register", files[0], "--name", "new"), 8, "nothing was changed")
    refused(powerless("transition", "churn", "2", "Staging"), 8, "nothing was changed")
    subprocess.run(["chmod", "-R", "u+w", registry], check=True)


def test_a_folder_that_everybody_may_write_to_is_refused(churn, registry):
    registry.chmod(0o777)
    refused(churn("list"), 10, "everybody may write")
