"""The wording of messages, compared exactly with messages.txt.

``MODELREG_WRITE_GOLDEN=1 pytest tests/cli/test_messages.py`` rewrites the file; review its diff. Other tests pin codes
and facts, so that a better sentence changes this file only.
"""

from __future__ import annotations

import errno
import fcntl
import getpass
import json
import os
import re
import shlex
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

import modelreg
from modelreg import Registry, errors
from modelreg.cli.commands.import_mlflow import build_incomplete_error
from modelreg.cli.output import build_stdout_error
from modelreg.data.tables.table_file import build_change_error
from modelreg.domain.runs import build_logged_model_error
from modelreg.runs import build_param_error
from modelreg.store.catalog import connection
from modelreg.system.locks import build_flock_error

from .conftest import Run, runner

GOLDEN = Path(__file__).with_name("messages.txt")
MUST_WRITE = os.environ.get("MODELREG_WRITE_GOLDEN") == "1"  # read before the fixtures clean the environment

RUNS_A_COMMAND = b"cposix\nsystem\n(S'true'\ntR."
IMPORTS_AN_UNKNOWN_NAME = b"\x80\x02cmypackage.features\nEncoder\nq\x00)\x81."

FULL = OSError(errno.ENOSPC, "No space left on device")
CONSTRUCTED = [
    build_stdout_error(FULL, done=True),
    errors.OperationInterrupted(FULL, "/backup", code="backup_interrupted", needed=1000),
    errors.BytesNotStored("churn/1", "s3://bucket/model"),
    errors.ConfinementFailed("Landlock is disabled"),
    build_change_error("data.csv"),
    connection.build_recovery_error(Path("/registry/catalog.db")),
    build_logged_model_error("1f2e", "model", ["other"]),
    errors.MLflowFailed("the run cannot be read", ValueError("no such run")),
    errors.ModelStopped("churn/1", "it needed more than 64 MiB", "raise the limit with --memory-limit"),
    build_flock_error(OSError(errno.ENOLCK, "No locks available"), Path("/registry/write.lock")),
    errors.NumberTaken("churn/1"),
    errors.ExportedVersionChanged("churn/1", "the content"),
    build_param_error("1f2e", "depth", "3", "4"),
    errors.OperationInterrupted(FULL, "/registry", code="prune_interrupted"),
    errors.OperationInterrupted(FULL, "/registry", code="restoration_interrupted"),
    errors.RunNotFound("1f2e"),
    errors.SandboxUnavailable("Landlock"),
    errors.SourceChanged("model.pkl"),
    build_incomplete_error(2),
    errors.OperationInterrupted(FULL, "/registry", code="transfer_interrupted"),
    connection.build_flush_error(FULL, Path("/registry")),
    errors.WriteFailed(FULL, Path("/registry/catalog.db"), 1000),
]
"""Errors that need a failing disk, another process, MLflow, or a run of Python; a command cannot cause them here."""
FAMILIES = {"unexpected", "not_found", "conflict", "damaged", "untrusted", "storage_failure", "no_registry"}
NOT_SHOWN = {"cannot_predict", "unloadable_model", "old_sqlite", "operation_interrupted"} | FAMILIES
"""Codes of families, codes that each error replaces, and codes of errors of a model's library or an old SQLite."""


class Recorder:
    """Runs commands in one folder, and records what they print in blocks of text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry = folder / "registry"
        self.run: Run = runner(self.registry)
        self.blocks: list[str] = []
        self.codes: set[str] = set()

    def prepare(self, *arguments: str | Path) -> None:
        """Run a command that must succeed, without recording it."""
        result = self.run(*arguments)
        assert result.returncode == 0, result.stderr

    def record(self, *arguments: str | Path, is_table: bool = False) -> None:
        """Record a command that succeeds; of a table on stdout only the header."""
        result = self.run(*arguments)
        assert result.returncode == 0, (arguments, result.stderr)
        stdout = result.stdout.splitlines()[:1] if is_table else result.stdout.splitlines()
        lines = [*stdout, *(f"stderr: {line}" for line in result.stderr.splitlines())]
        self._add(f"$ modelreg {shlex.join(map(str, arguments))}", "exit 0", *lines)

    def record_error(self, code: str, *arguments: str | Path) -> None:
        """Record a command that fails with ``code``."""
        result = self.run(*arguments, "--json")
        *_, last = result.stderr.splitlines() or [""]  # a system without Landlock adds a warning before
        assert last.startswith('{"error"'), (arguments, result.stderr)
        error = json.loads(last)["error"]
        assert (error["code"], error["exit"]) == (code, result.returncode), result.stderr
        self._add_error(
            f"$ modelreg {shlex.join(map(str, arguments))}", code, error["exit"], error["message"], error["hint"]
        )

    def record_constructed(self, error: errors.ModelregError) -> None:
        """Record an error that was constructed instead of caused."""
        self._add_error(type(error).__name__, error.code, error.exit, error.message, error.hint)

    def _add_error(self, title: str, code: str, status: int, message: str, hint: str | None) -> None:
        self.codes.add(code)
        self._add(title, f"exit {status} {code}", f"error: {message}", *([f"hint: {hint}"] if hint else []))

    def _add(self, *lines: str) -> None:
        text = "\n".join(lines).replace(str(self.folder), "FOLDER")
        text = re.sub(rf"\b{re.escape(getpass.getuser())}\b", "USER", text)
        text = text.replace(socket.gethostname(), "HOST")
        text = re.sub(r"process \d+", "process PID", text)
        text = re.sub(r"\b\d+:[0-9a-f]{64}\b", "HEAD", text)
        text = re.sub(r"sha256:[0-9a-f]{8,}", "sha256:DIGEST", text)
        text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME", text)
        text = re.sub(r"\d+ bytes are free", "N bytes are free", text)
        text = re.sub(r"schemas up to \d+", "schemas up to N", text)
        text = re.sub(r"stored files, [0-9.]+ k?B", "stored files, SIZE", text)
        self.blocks.append(text)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """A recorder whose registry has three versions of churn, the first in Production, and files to use."""
    recorder = Recorder(tmp_path)
    for number in (1, 2, 3):
        (tmp_path / f"model-{number}.bin").write_bytes(bytes([number]) * 1000)
    for name, content in {
        "unsafe.pkl": RUNS_A_COMMAND,
        "custom.pkl": IMPORTS_AN_UNKNOWN_NAME,
        "empty.pkl": b"",
        "new.bin": b"new",
        "rows.csv": b"age\n31\n",
        "list.json": b"[]",
        "work/note.txt": b"note",
    }.items():
        (tmp_path / name).write_bytes(content)
    registry = Registry(recorder.registry)
    for number in (1, 2, 3):
        registry.register(tmp_path / f"model-{number}.bin", "churn", metrics={"auc": 0.9})
    registry.transition("churn", 1, "Production")
    registry.register(tmp_path / "custom.pkl", "custom")
    return recorder


def record_successes(recorder: Recorder) -> None:
    """The success lines of each command, in an order in which each can run."""
    folder, record = recorder.folder, recorder.record
    record("init", folder / "other")
    record("init", folder / "other")
    record("init", folder / "other", "--require-sandbox")
    record("register", folder / "new.bin", "--name", "first", "--registry", folder / "fresh")
    record("register", folder / "new.bin", "--name", "churn", "--stage", "Staging", "--alias", "latest-good")
    record("register", folder / "new.bin", "--name", "churn", "--tag", "team=growth")
    record("list", is_table=True)
    record("versions", "churn", is_table=True)
    record("show", "churn/1", is_table=True)
    record("info", is_table=True)
    record("history", is_table=True)
    record("diff", "churn/1", "churn/2", is_table=True)
    record("load", "churn/1", "-o", folder / "copy.bin")
    record("export", "churn/1", folder / "layout")
    record("alias", "churn/3", "champion")
    record("alias", "churn/2", "champion")
    record("alias", "churn@champion", "--remove")
    record("tag", "churn/3", "team=growth")
    record("tag", "churn/3", "team=growth")
    record("tag", "churn/3", "--remove", "team")
    record("describe", "churn", "customers who leave")
    record("approve", "churn/3")
    record("approve", "churn/3", "--withdraw")
    record("evaluate", "churn/1", "--as", "holdout", "--metric", "auc=0.9")
    record("evaluate", "churn/2", "--as", "test", "--metric", "auc=0.95")
    record("gate", "check", "churn/3", "Production")
    record("gate", "add", "churn", "Archived", "metrics.auc > 0.95")
    record("gate", "add", "churn", "Archived", "metrics.auc > 0.95", "--description", "strict")
    record("gate", "list", is_table=True)
    record("transition", "churn/3", "Archived", "--force", "--message", "a test")
    record("gate", "remove", "1")
    record("transition", "churn/2", "Production", "--archive-existing", "--dry-run")
    record("transition", "churn/2", "Production", "--archive-existing")
    record("transition", "churn/2", "Production")
    record("rollback", "churn")
    record("trust", "add", "mypackage.features.Encoder")
    record("trust", "add", "mypackage.features.Encoder")
    record("trust", "list", is_table=True)
    record("trust", "remove", "mypackage.features.Encoder")
    record("rename", "custom", "own")
    record("delete", "own/1", "--yes")
    record("prune", "nothing*", "--keep-last", "1", "--dry-run", is_table=True)
    record("prune", is_table=True)
    record("verify")
    record("verify", "churn/1")
    record("backup", folder / "backup")
    record("restore", folder / "backup", "--registry", folder / "restored")


def record_refusals(recorder: Recorder) -> None:
    """Errors of commands on an intact registry."""
    folder, record = recorder.folder, recorder.record_error
    recorder.prepare("alias", "churn/3", "champion")
    recorder.prepare("gate", "add", "churn", "Archived", "metrics.auc > 0.95")
    register = ("register", folder / "new.bin", "--name", "churn")
    # not found
    record("model_not_found", "versions", "chrun")
    record("version_not_found", "show", "churn/9")
    record("alias_not_found", "load", "churn@nope")
    record("stage_empty", "load", "churn/Staging")
    record("tag_not_found", "tag", "churn/3", "--remove", "team")
    record("gate_not_found", "gate", "remove", "9")
    record("approval_not_found", "approve", "churn/1", "--withdraw")
    record("name_not_trusted", "trust", "remove", "mypackage.features.Encoder")
    # invalid input
    record("invalid_input", "lst")
    record("invalid_input", "versions", "churn", "--limit", "1", "--limit", "2")
    record("invalid_input", "versions", "churn", "--limit", "0")
    record("invalid_input", *register, "--metric", "auc")
    record("invalid_input", *register, "--metric", "auc=1", "--metric", "auc=2")
    record("invalid_input", *register, "--metric", "auc = 1")
    record("invalid_input", *register, "--types", "zip=string")
    record("invalid_input", "alias", "churn/3")
    record("invalid_input", "alias", "churn/3", "champion", "--remove")
    record("invalid_input", "tag", "churn")
    record("invalid_input", "delete", "churn/2")
    record("invalid_input", "prune", "--keep-last", "1")
    record("invalid_input", "prune", "churn*")
    record("invalid_input", "history", "churn", "--head")
    record("invalid_input", "history", "--as-of", "2026-01-01", "--limit", "1")
    record("invalid_input", "evaluate", "churn/1")
    record("invalid_input", "evaluate", "churn/1", "--metric", "auc=1")
    record("invalid_input", "predict", "churn/1", "-i", folder / "rows.csv", "-o", "-")
    record("invalid_input", "load", "churn/1", "-o", "-")
    record("invalid_input", "transition", "churn", "2", "Archived", "--archive-existing")
    record("invalid_name", "register", folder / "new.bin", "--name", "a/b")
    record("invalid_alias", *register, "--alias", "latest")
    record("invalid_key", "tag", "churn", "=1")
    record("invalid_reference", "load", "churn/0")
    record("invalid_reference", "load", "churn")
    record("invalid_metric", *register, "--metric", "auc=high")
    record("invalid_data", *register, "--metrics-file", folder / "list.json")
    record("invalid_data", *register, "--metrics-file", folder / "rows.csv")
    record("invalid_expression", "versions", "churn", "--filter", "nonsense > 1")
    record("unknown_stage", "transition", "churn", "1", "Producton")
    record("unknown_stage_rules", "init", folder / "loose", "--stages", "loose")
    record("source_not_found", "register", folder / "missing.pkl", "--name", "churn")
    record("unusable_source", "register", folder / "empty.pkl", "--name", "churn")
    # conflicts and gates
    record("name_taken", "register", folder / "new.bin", "--name", "Churn")
    record("name_in_use", "rename", "custom", "churn")
    record("production_occupied", "transition", "churn", "2", "Production")
    record("stage_changed", "transition", "churn", "2", "Staging", "--if-current", "Archived")
    record("version_in_use", "delete", "churn/1", "--yes")
    record("version_in_use", "delete", "churn/3", "--yes")
    record("model_in_use", "delete", "churn", "--yes")
    record("destination_exists", "load", "churn/1", "-o", folder / "model-1.bin")
    record("registry_exists", "init", recorder.registry, "--stages", "mlflow")
    record("unusable_backup", "backup", recorder.registry)
    record("unusable_backup", "backup", folder / "work")
    record("nothing_to_roll_back_to", "rollback", "churn")
    record("gate_refused", "transition", "churn/2", "Archived")
    record("gate_refused", "gate", "check", "churn/2", "Archived")
    # trust
    record("unsafe_model", "register", folder / "unsafe.pkl", "--name", "churn")
    record("untrusted_model", "predict", "custom/1", "-i", folder / "rows.csv", "-o", folder / "out.csv")
    record("dangerous_name", "trust", "add", "os.system")


def record_broken_registries(recorder: Recorder) -> None:
    """Errors of commands on a registry that is locked, missing, unusable or damaged."""
    folder, registry, record = recorder.folder, recorder.registry, recorder.record_error
    with open(registry / "write.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record("lock_timeout", "tag", "churn", "a=b", "--lock-timeout", "0")
    record("registry_not_found", "list", "--registry", folder / "nowhere")
    record("backup_not_found", "restore", folder / "nowhere")
    record("unusable_folder", "register", folder / "new.bin", "--name", "churn", "--registry", folder / "work")
    recorder.prepare("backup", folder / "backup")
    record("registry_exists", "restore", folder / "backup")
    registry.chmod(0o777)
    record("unsafe_registry", "list")
    registry.chmod(0o755)
    damage_file(folder / "backup", "churn/2")
    record("backup_damaged", "restore", folder / "backup", "--registry", folder / "restored")
    damage_file(registry, "churn/2")
    record("blob_damaged", "load", "churn/2")
    record("findings", "verify")
    with closing(sqlite3.connect(registry / "catalog.db")) as catalog:
        catalog.execute("UPDATE versions SET digest = 'sha256:' || printf('%064d', version)")
        catalog.commit()
        record("ambiguous_digest", "show", f"churn@sha256:{'0' * 40}")
        catalog.execute("PRAGMA user_version = 99")
    record("registry_too_new", "list")
    (registry / "catalog.db").unlink()
    record("catalog_damaged", "list")


def find_codes() -> set[str]:
    """The codes of all errors: those of the classes, and those that are set where an error is raised."""
    sources = (path.read_text() for path in Path(modelreg.__file__).parent.rglob("*.py"))
    codes = {code for source in sources for code in re.findall(r'\bcode="(\w+)"', source)}
    classes = (value for value in vars(errors).values() if isinstance(value, type))
    return codes | {error.code for error in classes if issubclass(error, errors.ModelregError)}


def damage_file(folder: Path, reference: str) -> None:
    """Change the first byte of a version's stored file."""
    digest = Registry(folder).version(reference).files[0].digest.removeprefix("sha256:")
    blob = folder / "artifacts" / "blobs" / "sha256" / digest
    blob.chmod(0o644)
    blob.write_bytes(b"X" + blob.read_bytes()[1:])


def test_messages_are_those_of_the_golden_file(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    record_refusals(recorder)
    record_broken_registries(recorder)
    for error in CONSTRUCTED:
        recorder.record_constructed(error)
    registry = Registry(recorder.folder / "new")
    registry.create_model("churn")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    for call, subject in ((registry.create_model, "churn"), (registry.import_mlflow, "http://127.0.0.1:9")):
        with pytest.raises(errors.ModelregError) as raised:
            call(subject)
        recorder.record_constructed(raised.value)
    text = "\n\n".join(recorder.blocks) + "\n"
    check_golden("errors", text)
    assert find_codes() - recorder.codes == NOT_SHOWN


def test_success_lines_are_those_of_the_golden_file(recorder: Recorder) -> None:
    record_successes(recorder)
    check_golden("successes", "\n\n".join(recorder.blocks) + "\n")


def check_golden(section: str, text: str) -> None:
    """Compare a section of the golden file, or rewrite it."""
    heading = f"# {section}\n\n"
    parts = re.split(r"^(# \w+\n\n)", GOLDEN.read_text() if GOLDEN.exists() else "", flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    if MUST_WRITE:
        sections[heading] = text
        GOLDEN.write_text("\n".join(name + sections[name].strip() + "\n" for name in sorted(sections)))
    else:
        assert sections[heading].strip() == text.strip()
