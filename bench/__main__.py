"""Run the benchmarks: ``python -m bench [ROW …] [--write]``.

Each row compares modelreg with a baseline. ``--write`` writes the results to docs/benchmarks.md. Creating the registry
of a million versions takes some minutes.
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

from bench.registries import create_registry
from bench.timing import Comparison, command_task, compare, concurrent_task, terminal_task
from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict

GIB = 1024**3
DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
PACKAGE = Path(__file__).parent.parent / "modelreg"
MODELREG = str(Path(sys.executable).with_name("modelreg"))

BASELINE_TABLE = """
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

BASELINE_HASH = """
import hashlib, sys
digest = hashlib.sha256()
with open(sys.argv[1], "rb") as file:
    while block := file.read(1024 * 1024):
        digest.update(block)
"""


class NotMeasured(Exception):
    """The baseline of a row is not installed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    task: str
    baseline: str
    limit: float
    """The largest acceptable ratio."""
    measure: Callable[[Path], Comparison]


def measure_json_list(folder: Path) -> Comparison:
    create_registry(folder / "registry", models=1000, versions=10)
    return compare(
        command_task(MODELREG, "list", "--json", MODELREG_HOME=str(folder / "registry")),
        command_task(sys.executable, "-c", "import typer, sqlite3"),
        runs=25,
    )


def measure_table_list(folder: Path) -> Comparison:
    create_registry(folder / "registry", models=50, versions=10)
    catalog = str(folder / "registry" / "catalog.db")
    return compare(
        terminal_task(MODELREG, "list", MODELREG_HOME=str(folder / "registry")),
        terminal_task(sys.executable, "-c", BASELINE_TABLE, catalog),
        runs=25,
    )


def measure_large_registration(folder: Path) -> Comparison:
    source, copy, registry = folder / "large.bin", folder / "copy.bin", folder / "registry"
    _write_random_file(source, GIB)
    create_registry(registry, models=1, versions=1)
    return compare(
        command_task(MODELREG, "register", str(source), "--name", "large", "-q", MODELREG_HOME=str(registry)),
        command_task("sh", "-c", f"cp {source} {copy} && sync {copy}"),
        command_task(sys.executable, "-c", BASELINE_HASH, str(source)),
        runs=5,
        before_task=lambda: _delete_blobs(registry),
        before_baseline=lambda: copy.unlink(missing_ok=True),
    )


def measure_folder_registration(folder: Path) -> Comparison:
    source, copy, registry = folder / "source", folder / "copy", folder / "registry"
    source.mkdir()
    for number in range(10_000):
        (source / f"{number:05d}.bin").write_bytes(os.urandom(4096))
    create_registry(registry, models=1, versions=1)
    return compare(
        command_task(MODELREG, "register", str(source), "--name", "many", "-q", MODELREG_HOME=str(registry)),
        command_task("sh", "-c", f"cp -r {source} {copy} && sync -f {copy}"),
        runs=5,
        before_task=lambda: _delete_blobs(registry),
        before_baseline=lambda: shutil.rmtree(copy, ignore_errors=True),
    )


def measure_repeated_load(folder: Path) -> Comparison:
    source, registry = folder / "large.bin", str(folder / "registry")
    _write_random_file(source, GIB)
    command_task(MODELREG, "register", str(source), "--name", "large", MODELREG_HOME=registry)()
    return compare(
        command_task(MODELREG, "load", "large/1", MODELREG_HOME=registry),
        command_task(sys.executable, "-c", BASELINE_HASH, str(source)),
        runs=7,
    )


def measure_million_versions(folder: Path) -> Comparison:
    create_registry(folder / "large", models=1000, versions=1000)
    create_registry(folder / "small", models=1000, versions=1)
    slowest = Comparison(0, 0, 0)
    for words in (
        ["list", "--json"],
        ["show", "model-000500/Production"],
        ["list", "model-0005*"],
        ["info"],
        ["list", "--filter", "metrics.accuracy > 0.95"],
        ["list", "--filter", "git_commit = 'abc' AND stage = 'Production'"],
        ["versions", "model-000500", "--filter", "stage = 'Production'"],
    ):
        comparison = compare(
            command_task(MODELREG, *words, MODELREG_HOME=str(folder / "large")),
            command_task(MODELREG, *words, MODELREG_HOME=str(folder / "small")),
            runs=15,
        )
        slowest = max(slowest, comparison, key=lambda candidate: candidate.ratio)
    return slowest


def measure_concurrent_registrations(folder: Path) -> Comparison:
    files = [folder / f"{number}.bin" for number in range(160)]
    for file in files:
        file.write_bytes(os.urandom(20_000))
    create_registry(folder / "registry", models=1, versions=1)
    commands = [
        [MODELREG, "--registry", str(folder / "registry"), "register", str(file), "--name", "busy"] for file in files
    ]
    return compare(
        concurrent_task([commands[first : first + 5] for first in range(0, 160, 5)]),
        concurrent_task([commands]),
        runs=3,
        before_task=lambda: _recreate_registry(folder / "registry"),
        before_baseline=lambda: _recreate_registry(folder / "registry"),
    )


def measure_scan(folder: Path) -> Comparison:
    import joblib
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier

    inputs, target = make_classification(20_000, 20, n_informative=10, flip_y=0.3, random_state=0)
    path = folder / "forest.joblib"
    joblib.dump(RandomForestClassifier(125, random_state=0).fit(inputs, target), path)  # about 50 MB
    return compare(lambda: _scan(path), lambda: joblib.load(path), runs=15)


BASELINE_PREDICTION = """
import sys
import joblib, pandas
import sklearn.linear_model, sklearn.pipeline, sklearn.preprocessing
model = joblib.load(sys.argv[1])
rows = pandas.read_csv(sys.argv[2])
pandas.DataFrame({"prediction": model.predict(rows)}).to_csv(sys.argv[3], index=False)
"""


def measure_prediction_of_one_row(folder: Path) -> Comparison:
    return _measure_prediction(folder, 1, runs=25)


def measure_prediction_of_many_rows(folder: Path) -> Comparison:
    return _measure_prediction(folder, 200_000, runs=7, has_signature=True)


def measure_prediction_without_signature(folder: Path) -> Comparison:
    return _measure_prediction(folder, 200_000, runs=7)


def _measure_prediction(folder: Path, count: int, runs: int, *, has_signature: bool = False) -> Comparison:
    import joblib
    import pandas as pd
    from sklearn.datasets import make_classification
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    inputs, target = make_classification(max(1000, count), 10, random_state=0)
    rows = pd.DataFrame(inputs, columns=[f"feature_{position}" for position in range(10)])
    model, data, output = (str(folder / name) for name in ("model.joblib", "rows.csv", "predictions.csv"))
    joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, target), model)
    rows.head(count).to_csv(data, index=False)
    registry = str(folder / "registry")
    options = ["--signature-from", data] if has_signature else []
    command_task(MODELREG, "register", model, "--name", "small", *options, MODELREG_HOME=registry)()
    return compare(
        command_task(MODELREG, "predict", "small/1", "-i", data, "-o", output, MODELREG_HOME=registry),
        command_task(sys.executable, "-c", BASELINE_PREDICTION, model, data, output),
        runs=runs,
    )


def measure_mlflow_import(folder: Path) -> Comparison:
    python = os.environ.get("MLFLOW_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import mlflow"], capture_output=True).returncode:
        raise NotMeasured("MLflow is not installed; MLFLOW_PYTHON names a Python that has it")
    return compare(
        command_task(sys.executable, "-c", "import modelreg.mlflow"),
        command_task(python, "-c", "import mlflow"),
        runs=15,
    )


def _scan(path: Path) -> None:
    if scan({"forest.joblib": path}, False, "joblib").verdict is not Verdict.SAFE:
        raise RuntimeError("the verdict of the forest is not safe")


ROWS = {
    "list-json": Row(
        "`list --json`, 1,000 models x 10 versions", '`python -c "import typer, sqlite3"`', 1.3, measure_json_list
    ),
    "list-table": Row(
        "`list` as a table on a terminal, 50 rows",
        "a script that prints the same table with rich",
        1.2,
        measure_table_list,
    ),
    "register-large": Row(
        "register one 1 GiB file",
        "the slower of `cp` with `sync`, and SHA-256 in Python",
        1.4,
        measure_large_registration,
    ),
    "register-many": Row(
        "register a folder of 10,000 files of 4 KiB", "`cp -r` and `sync -f`", 2.0, measure_folder_registration
    ),
    "scan": Row("scan a random forest of 50 MB", "`joblib.load` of the same file", 0.5, measure_scan),
    "predict": Row(
        "`predict` on one row, in the sandbox",
        "a script with the same imports, `joblib.load` and `predict`",
        1.15,
        measure_prediction_of_one_row,
    ),
    "predict-many": Row(
        "`predict` on 200,000 rows, in the sandbox, with a signature",
        "a script that reads the CSV file, predicts and writes",
        1.2,
        measure_prediction_of_many_rows,
    ),
    "predict-unstated": Row(
        "`predict` on 200,000 rows, in the sandbox, without a signature: the file is read twice",
        "the same script",
        1.2,
        measure_prediction_without_signature,
    ),
    "mlflow": Row("`import modelreg.mlflow`", "`import mlflow` 3.17", 0.1, measure_mlflow_import),
    "load": Row("load a 1 GiB model that has a checkout", "SHA-256 of the file in Python", 1.1, measure_repeated_load),
    "million": Row(
        "the slowest of seven commands, 1,000,000 versions",
        "the same command, 1,000 versions",
        1.3,
        measure_million_versions,
    ),
    "at-once": Row(
        "32 concurrent processes, each with 5 registrations",
        "the same 160 registrations one after another",
        1.0,
        measure_concurrent_registrations,
    ),
}


def main() -> None:
    """Measure the selected rows, or all rows."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    compileall.compile_dir(PACKAGE, quiet=1)  # as in any installation, even if PYTHONDONTWRITEBYTECODE is set
    lines = ["| task | baseline | limit | ratio | time | baseline time |", "| --- | --- | --- | --- | --- | --- |"]
    for name in options.rows or ROWS:
        lines.append(_format_row(ROWS[name]))
        print(lines[-1], flush=True)
    if options.write:
        DOCUMENT.write_text(_format_document(lines))


def _format_row(row: Row) -> str:
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as folder:
        try:
            comparison = row.measure(Path(folder))
        except NotMeasured as reason:
            return f"| {row.task} | {row.baseline} | {row.limit:g}x | not measured: {reason} | | |"
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    mark = "" if comparison.ratio <= row.limit else " (over)"
    return (
        f"| {row.task} | {row.baseline} | {row.limit:g}x | **{comparison.ratio:.2f}x**{mark} "
        f"| {comparison.time:.3f} s | {comparison.baseline_time:.3f} s |"
    )


def _format_document(lines: list[str]) -> str:
    date = datetime.now(UTC).date().isoformat()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    table = "\n".join(lines)
    return f"""# Benchmarks

The task and its baseline are run in turn. The ratio is the median of the ratios of all pairs of runs, and the times are
medians, too. `make bench` measures them on your machine.

Measured on {date}: {machine}.

{table}
"""


def _write_random_file(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(size // 2**20):
            file.write(os.urandom(2**20))
    subprocess.run(["sync", str(path)], check=True)


def _delete_blobs(registry: Path) -> None:
    for blob in (registry / "artifacts" / "blobs" / "sha256").iterdir():
        blob.unlink()


def _recreate_registry(registry: Path) -> None:
    subprocess.run(["chmod", "-R", "u+w", str(registry)], check=True)
    shutil.rmtree(registry)
    create_registry(registry, models=1, versions=1)


if __name__ == "__main__":
    main()
