"""Measure every row of the speed table: ``python -m bench [ROW …] [--write]``.

``--write`` puts the outcome into docs/benchmarks.md. The row of a million versions takes some minutes to fill.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import registries
from bench.pairs import Outcome, at_once, command, compare, on_terminal
from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict

GIB = 1024**3
DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
PACKAGE = Path(__file__).parent.parent / "modelreg"
MODELREG = str(Path(sys.executable).with_name("modelreg"))

BARE_TABLE = """
import sqlite3, sys, typer
def main(path: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    rows = sqlite3.connect(path).execute("SELECT * FROM registered_models").fetchall()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("name", "versions", "latest", "staging", "production", "aliases", "updated at"):
        table.add_column(name)
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in (*row[:1], *row[2:6], "", row[9])))
    Console(highlight=False, markup=False).print(table)
typer.run(main)
"""

SHA256 = """
import hashlib, sys
digest = hashlib.sha256()
with open(sys.argv[1], "rb") as file:
    while block := file.read(1024 * 1024):
        digest.update(block)
"""


class NotMeasured(Exception):
    """What a row is measured against is not there."""


@dataclass(frozen=True, slots=True)
class Row:
    """One promise about speed."""

    work: str
    against: str
    at_most: float
    measure: Callable[[Path], Outcome]


def list_as_json(folder: Path) -> Outcome:
    registries.fill(folder / "registry", models=1000, versions=10)
    return compare(
        command(MODELREG, "list", "--json", MODELREG_HOME=str(folder / "registry")),
        command(sys.executable, "-c", "import typer, sqlite3"),
        runs=25,
    )


def list_as_table(folder: Path) -> Outcome:
    registries.fill(folder / "registry", models=50, versions=10)
    catalog = str(folder / "registry" / "catalog.db")
    return compare(
        on_terminal(MODELREG, "list", MODELREG_HOME=str(folder / "registry")),
        on_terminal(sys.executable, "-c", BARE_TABLE, catalog),
        runs=25,
    )


def register_large_file(folder: Path) -> Outcome:
    source, copy, registry = folder / "large.bin", folder / "copy.bin", folder / "registry"
    _write_random(source, GIB)
    registries.fill(registry, models=1, versions=1)
    return compare(
        command(MODELREG, "register", str(source), "--name", "large", "-q", MODELREG_HOME=str(registry)),
        command("sh", "-c", f"cp {source} {copy} && sync {copy}"),
        command(sys.executable, "-c", SHA256, str(source)),
        runs=5,
        before_ours=lambda: _empty_blobs(registry),
        before_theirs=lambda: copy.unlink(missing_ok=True),
    )


def register_many_files(folder: Path) -> Outcome:
    source, copy, registry = folder / "source", folder / "copy", folder / "registry"
    source.mkdir()
    for number in range(10_000):
        (source / f"{number:05d}.bin").write_bytes(os.urandom(4096))
    registries.fill(registry, models=1, versions=1)
    return compare(
        command(MODELREG, "register", str(source), "--name", "many", "-q", MODELREG_HOME=str(registry)),
        command("sh", "-c", f"cp -r {source} {copy} && sync -f {copy}"),
        runs=5,
        before_ours=lambda: _empty_blobs(registry),
        before_theirs=lambda: shutil.rmtree(copy, ignore_errors=True),
    )


def load_checked_out(folder: Path) -> Outcome:
    source, registry = folder / "large.bin", str(folder / "registry")
    _write_random(source, GIB)
    command(MODELREG, "register", str(source), "--name", "large", MODELREG_HOME=registry)()
    return compare(
        command(MODELREG, "load", "large/1", MODELREG_HOME=registry),
        command(sys.executable, "-c", SHA256, str(source)),
        runs=7,
    )


def a_million_versions(folder: Path) -> Outcome:
    registries.fill(folder / "large", models=1000, versions=1000)
    registries.fill(folder / "small", models=1000, versions=1)
    worst = Outcome(0, 0, 0)
    for words in (
        ["list", "--json"],
        ["show", "model-000500/Production"],
        ["list", "model-0005*"],
        ["info"],
        ["list", "--filter", "metrics.accuracy > 0.95"],
        ["list", "--filter", "git_commit = 'abc' AND stage = 'Production'"],
        ["versions", "model-000500", "--filter", "stage = 'Production'"],
    ):
        outcome = compare(
            command(MODELREG, *words, MODELREG_HOME=str(folder / "large")),
            command(MODELREG, *words, MODELREG_HOME=str(folder / "small")),
            runs=15,
        )
        worst = max(worst, outcome, key=lambda each: each.ratio)
    return worst


def processes_at_once(folder: Path) -> Outcome:
    files = []
    for number in range(160):
        files.append(folder / f"{number}.bin")
        files[-1].write_bytes(os.urandom(20_000))
    registries.fill(folder / "registry", models=1, versions=1)
    words = [
        [MODELREG, "--registry", str(folder / "registry"), "register", str(file), "--name", "busy"] for file in files
    ]
    return compare(
        at_once([[*words[first : first + 5]] for first in range(0, 160, 5)]),
        at_once([words]),
        runs=3,
        before_ours=lambda: _renew(folder / "registry"),
        before_theirs=lambda: _renew(folder / "registry"),
    )


def look_through_forest(folder: Path) -> Outcome:
    import joblib
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier

    inputs, target = make_classification(20_000, 20, n_informative=10, flip_y=0.3, random_state=0)
    path = folder / "forest.joblib"
    joblib.dump(RandomForestClassifier(125, random_state=0).fit(inputs, target), path)  # about 50 MB
    return compare(lambda: _look_through(path), lambda: joblib.load(path), runs=15)


BARE_PREDICTION = """
import sys
import joblib, pandas
import sklearn.linear_model, sklearn.pipeline, sklearn.preprocessing
model = joblib.load(sys.argv[1])
rows = pandas.read_csv(sys.argv[2])
pandas.DataFrame({"prediction": model.predict(rows)}).to_csv(sys.argv[3], index=False)
"""


def predict_one_row(folder: Path) -> Outcome:
    return _prediction(folder, 1, runs=25)


def predict_many_rows(folder: Path) -> Outcome:
    return _prediction(folder, 200_000, runs=7, states_types=True)


def predict_without_signature(folder: Path) -> Outcome:
    return _prediction(folder, 200_000, runs=7)


def _prediction(folder: Path, count: int, runs: int, *, states_types: bool = False) -> Outcome:
    import joblib
    import pandas as pd
    from sklearn.datasets import make_classification
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    inputs, target = make_classification(max(1000, count), 10, random_state=0)
    rows = pd.DataFrame(inputs, columns=[f"feature_{place}" for place in range(10)])
    model, data, out = (str(folder / name) for name in ("model.joblib", "row.csv", "out.csv"))
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, target), model)
    rows.head(count).to_csv(data, index=False)
    registry = str(folder / "registry")
    signature = ["--signature-from", data] if states_types else []
    command(MODELREG, "register", model, "--name", "small", *signature, MODELREG_HOME=registry)()
    return compare(
        command(MODELREG, "predict", "small/1", "-i", data, "-o", out, MODELREG_HOME=registry),
        command(sys.executable, "-c", BARE_PREDICTION, model, data, out),
        runs=runs,
    )


def import_interface(folder: Path) -> Outcome:
    python = os.environ.get("MLFLOW_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import mlflow"], capture_output=True).returncode:
        raise NotMeasured("MLflow is not installed; MLFLOW_PYTHON names a Python that has it")
    return compare(
        command(sys.executable, "-c", "import modelreg.mlflow"), command(python, "-c", "import mlflow"), runs=15
    )


def _look_through(path: Path) -> None:
    if scan({"forest.joblib": path}, False, "joblib").verdict is not Verdict.SAFE:
        raise RuntimeError("the forest is not safe")


ROWS = {
    "list-json": Row(
        "`list --json`, 1,000 models x 10 versions", '`python -c "import typer, sqlite3"`', 1.3, list_as_json
    ),
    "list-table": Row(
        "`list` as a table on a terminal, 50 rows", "a bare script that prints the same table", 1.2, list_as_table
    ),
    "register-large": Row(
        "register one 1 GiB file",
        "the slower of `cp` and `sync` of that file and SHA-256 of it in Python",
        1.4,
        register_large_file,
    ),
    "register-many": Row(
        "register a folder of 10,000 files of 4 KiB", "`cp -r` and `sync -f`", 2.0, register_many_files
    ),
    "scan": Row("look through a 50 MB forest for code", "`joblib.load` of it", 0.5, look_through_forest),
    "predict": Row(
        "`predict` on one row, confined",
        "a bare script: same imports, `joblib.load`, predict",
        1.15,
        predict_one_row,
    ),
    "predict-many": Row(
        "`predict` on 200,000 rows, confined, the signature stating the types",
        "a bare script: read the CSV, predict, write",
        1.2,
        predict_many_rows,
    ),
    "predict-unstated": Row(
        "the same without a signature: the file is read twice", "the same script", 1.35, predict_without_signature
    ),
    "mlflow": Row("`import modelreg.mlflow`", "`import mlflow` 3.17", 0.1, import_interface),
    "load": Row("load a 1 GiB model already checked out", "SHA-256 of it in Python", 1.1, load_checked_out),
    "million": Row(
        "any command on 1,000,000 versions (the slowest of seven)", "the same on 1,000", 1.3, a_million_versions
    ),
    "at-once": Row("32 processes x 5 registers at once", "the same 160 one after another", 1.0, processes_at_once),
}


def main() -> None:
    """Measure the rows that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    compileall.compile_dir(PACKAGE, quiet=1)  # as in any installation, also where PYTHONDONTWRITEBYTECODE is set
    lines = ["| work | against | at most | measured | ours | theirs |", "| --- | --- | --- | --- | --- | --- |"]
    for name in options.rows or ROWS:
        lines.append(_measured(ROWS[name]))
        print(lines[-1], flush=True)
    if options.write:
        DOCUMENT.write_text(_document(lines))


def _measured(row: Row) -> str:
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        try:
            outcome = row.measure(Path(folder))
        except NotMeasured as reason:
            return f"| {row.work} | {row.against} | {row.at_most:g}x | not measured: {reason} | | |"
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    mark = "" if outcome.ratio <= row.at_most else " (over)"
    return (
        f"| {row.work} | {row.against} | {row.at_most:g}x | **{outcome.ratio:.2f}x**{mark} "
        f"| {outcome.ours:.3f} s | {outcome.theirs:.3f} s |"
    )


def _document(lines: list[str]) -> str:
    date = datetime.now(UTC).date().isoformat()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    table = "\n".join(lines)
    return f"""# How fast it is

Ratios: both sides are measured in turn in one run, and the median of the ratios, pair by pair, is shown; the times
beside it are medians too. `make bench` measures them on your machine.

Measured on {date}: {machine}.

{table}
"""


def _write_random(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(size // 2**20):
            file.write(os.urandom(2**20))
    subprocess.run(["sync", str(path)], check=True)


def _empty_blobs(registry: Path) -> None:
    for blob in (registry / "artifacts" / "blobs" / "sha256").iterdir():
        blob.unlink()


def _renew(registry: Path) -> None:
    subprocess.run(["chmod", "-R", "u+w", str(registry)], check=True)
    shutil.rmtree(registry)
    registries.fill(registry, models=1, versions=1)


if __name__ == "__main__":
    main()
