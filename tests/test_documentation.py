"""What the documentation says is what the program does."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest

from modelreg import Registry
from modelreg.cli.application import COMMANDS
from modelreg.domain.comparison import Difference
from modelreg.domain.evaluations import Prediction
from modelreg.domain.gates import Gate, GateCheck
from modelreg.domain.journal import JournalEntry, StageAtMoment
from modelreg.domain.metadata import MetadataChange
from modelreg.domain.models import Model
from modelreg.domain.pruning import Pruning
from modelreg.domain.registries import Backup, Finding, RegistryInformation, Restoration
from modelreg.domain.transfers import Transfer
from modelreg.domain.transitions import Transition
from modelreg.domain.versions import ModelVersion

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def environment() -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MODELREG_")}
    return plain | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.fixture
def pasted(tmp_path: Path) -> Path:
    """A folder after pasting the session of the README, and its continuation in docs/gates.md, into a shell."""
    session = re.search(r"## A session to paste\n\n```sh\n(.*?)```", README, re.DOTALL)
    continued = re.search(r"```sh\n(.*?)```", (ROOT / "docs" / "gates.md").read_text(), re.DOTALL)
    assert session is not None
    assert continued is not None
    parts = [session.group(1), continued.group(1)]
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(parts)],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "refused: exit 4" in done.stdout
    assert "the very same bytes" in done.stdout
    assert "would be refused: exit 5" in done.stdout
    assert "churn/1 -> Production (churn/2 -> None)" in done.stdout
    return tmp_path / "churn-project"


@pytest.mark.slow
def test_the_session_of_the_readme_works_and_the_guides_on_gates_and_python_continue_it(pasted: Path) -> None:
    block = re.search(r"<!-- tested -->\n```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(), re.DOTALL)
    assert block is not None
    done = subprocess.run(
        [sys.executable, "-c", block.group(1)],
        cwd=pasted,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("churn/3 sha256:")
    assert Registry(pasted / ".modelreg").model("churn").production == 3


def test_the_command_reference_and_the_tables_of_the_readme_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "write_docs.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_table_and_column_of_the_catalog_is_described(tmp_path: Path) -> None:
    Registry(tmp_path / "registry").create()
    described = (ROOT / "docs" / "catalog.md").read_text()
    with closing(sqlite3.connect(tmp_path / "registry" / "catalog.db")) as catalog:
        missing = [
            f"{table}.{column}"
            for (table,) in catalog.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
            if not table.startswith(("sqlite_", "_sqlite_"))
            for (column,) in catalog.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
            if f"`{table}`" not in described or f"`{column}`" not in described
        ]
    assert missing == []


def test_every_local_link_of_the_documents_exists() -> None:
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


JSON_DOCUMENT = (ROOT / "docs" / "json.md").read_text()
RECORDS = {
    "list": Model,
    "versions": ModelVersion,
    "transition": Transition,
    "predict": Prediction,
    "diff": Difference,
    "gate list": Gate,
    "gate check": GateCheck,
    "alias": MetadataChange,
    "history": JournalEntry,
    "history --as-of": StageAtMoment,
    "verify": Finding,
    "info": RegistryInformation,
    "prune": Pruning,
    "backup": Backup,
    "restore": Restoration,
    "import-mlflow": Transfer,
}


@pytest.mark.parametrize("command", RECORDS)
def test_the_keys_of_json_are_documented_in_their_order(command: str) -> None:
    row = next(line for line in JSON_DOCUMENT.splitlines() if line.startswith(f"| `{command}`"))
    documented = re.findall(r"`(\w+)`", row.split("|")[2])
    assert documented == [field.name for field in fields(RECORDS[command])]


def test_every_command_with_json_is_documented() -> None:
    listed = {
        name for row in re.findall(r"^\| (`.*?) \|", JSON_DOCUMENT, re.MULTILINE) for name in row.split("`")[1::2]
    }
    documented = {name.split(" --")[0].split()[0] for name in listed}
    assert documented == set(COMMANDS)
