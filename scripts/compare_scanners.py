"""Compare modelreg with other scanners of model files on the same files, as a table in Markdown.

``make compare-scanners`` runs this. It writes hostile and genuine files into a temporary folder (or uses the folders in
its options), runs every scanner on every file, in one process per scanner, and prints how many hostile files a scanner
passed over and how many genuine files it refused. "No verdict" counts files on which a scanner fails, that it does not
support, or that take more than a minute.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import importlib.metadata
import io
import json
import os
import pickle
import selectors
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60
CLEAN, REFUSED, NONE = "clean", "refused", "no verdict"
OFFLINE = {
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "NO_ANALYTICS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "PYTHONPATH": f"{ROOT}:{ROOT / 'tests/analysis'}",
}


def picklescan(path: str) -> str:
    """Picklescan by default: refuses dangerous names, and only mentions suspicious ones."""
    return _picklescan(path, strict=False)


def picklescan_strict(path: str) -> str:
    """Picklescan with ``strict``: refuses every name that is not on its short allow-list."""
    return _picklescan(path, strict=True)


def _picklescan(path: str, *, strict: bool) -> str:
    from picklescan.scanner import scan_file_path

    result = scan_file_path(path, strict=strict)
    return REFUSED if result.issues_count else NONE if result.scan_err or not result.scanned_files else CLEAN


def fickling(path: str) -> str:
    """Fickling, with the members of archives scanned one by one, as its command does."""
    import zipfile

    from fickling.loader import scan_file, scan_zip_archive

    is_archive = zipfile.is_zipfile(path)
    results = list(scan_zip_archive(path, graceful=True).values()) if is_archive else [scan_file(path, graceful=True)]
    if any(not result.is_safe and not result.errors for result in results):
        return REFUSED
    return NONE if not results or any(result.errors for result in results) else CLEAN


def modelscan(path: str) -> str:
    """Modelscan: refuses a file with any issue."""
    from modelscan.modelscan import ModelScan

    result = ModelScan().scan(path)
    if result["summary"]["total_issues"]:
        return REFUSED
    return NONE if result["errors"] or not result["summary"]["scanned"]["total_scanned"] else CLEAN


def modelaudit(path: str) -> str:
    """Modelaudit: the verdict is the exit code of its command."""
    from modelaudit.core import determine_exit_code, scan_model_directory_or_file

    result = scan_model_directory_or_file(path, timeout=SECONDS, cache_enabled=False, skip_file_types=False)
    return {0: CLEAN, 1: REFUSED}.get(determine_exit_code(result), NONE)


def modelreg(path: str) -> str:
    """Modelreg: clean is the verdict ``safe``, which requires no trust."""
    from modelreg.analysis.scan import scan
    from modelreg.domain.scans import Verdict
    from modelreg.loading.flavors import recognise

    files = {Path(path).name: Path(path)}
    return CLEAN if scan(files, False, recognise(files, False).format).verdict is Verdict.SAFE else REFUSED


SCANNERS: dict[str, tuple[Callable[[str], str], str]] = {
    "modelreg": (modelreg, "modelreg"),
    "picklescan": (picklescan, "picklescan"),
    "picklescan --strict": (picklescan_strict, "picklescan"),
    "fickling": (fickling, "fickling"),
    "modelscan": (modelscan, "modelscan"),
    "modelaudit": (modelaudit, "modelaudit"),
}
"""Name of a scanner -> its function and distribution."""


def run_worker(scanner: str) -> None:
    """Read paths from stdin, and answer each with a line of JSON. Runs in the environment of the scanner."""
    function, distribution = SCANNERS[scanner]
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    print(json.dumps(importlib.metadata.version(distribution)), file=answers, flush=True)
    for line in sys.stdin:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                answer = function(line.rstrip("\n"))
            except Exception:  # a scanner that raises has no verdict
                answer = NONE
        print(json.dumps(answer), file=answers, flush=True)


class Worker:
    """A scanner in its own process, which is restarted when it ends or takes too long."""

    def __init__(self, scanner: str, python: str) -> None:
        self.command = [python, "-W", "ignore", __file__, "--worker", scanner]
        self.start()

    def start(self) -> None:
        """Start the process, and read the version of the scanner."""
        self.process = subprocess.Popen(
            self.command,
            env={**os.environ, **OFFLINE},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        self.version = self.answer()

    def ask(self, path: Path) -> str:
        """The scanner's verdict on a file."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        answer = self.answer()
        if not answer:
            self.process.kill()
            self.process.wait()
            self.start()
        return answer or NONE

    def answer(self) -> str:
        """Read the next line; empty if the process ends or takes too long."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            line = self.process.stdout.readline() if selector.select(SECONDS + 10) else ""
        return str(json.loads(line)) if line else ""

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


def write_hostile(folder: Path) -> None:
    """Write the files of ``tests/analysis/hostile``."""
    command = [sys.executable, "-W", "ignore", "-m", "hostile", str(folder)]
    subprocess.run(command, env={**os.environ, **OFFLINE}, check=True)


def write_genuine(folder: Path) -> None:
    """Write every fitted estimator of the installed scikit-learn, alternately with pickle and joblib."""
    sys.path.insert(0, str(ROOT / "tests/analysis"))
    import joblib
    from genuine_models import combined_estimators, fitted_estimators

    warnings.simplefilter("ignore")
    folder.mkdir(parents=True)
    for number, model in enumerate([*fitted_estimators(), *combined_estimators()]):
        name = f"{number:03d}_{type(model).__name__}"
        if number % 2:
            joblib.dump(model, folder / f"{name}.joblib")
        else:
            (folder / f"{name}.pkl").write_bytes(pickle.dumps(model))


def list_files(folder: Path) -> list[Path]:
    """List all files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def table_lines(
    hostile: list[Path], genuine: list[Path], scanners: list[str], scanners_python: str, details: Path | None
) -> Iterator[str]:
    """Run all scanners, and yield the lines of the table."""
    details_by_scanner: dict[str, dict[str, list[str]]] = {}
    yield f"{len(hostile)} hostile and {len(genuine)} genuine files, {datetime.date.today()}:\n"
    yield "| scanner | hostile, passed over | hostile, no verdict | genuine, refused | genuine, no verdict |"
    yield "| --- | --- | --- | --- | --- |"
    for scanner in scanners:
        worker = Worker(scanner, sys.executable if scanner == "modelreg" else scanners_python)
        verdicts = {}
        for number, path in enumerate([*hostile, *genuine], 1):
            verdicts[path] = worker.ask(path)
            print(f"\r{scanner}: {number} files", end="", file=sys.stderr)
        print(file=sys.stderr)
        worker.stop()
        lists = [
            [path.name for path in files if verdicts[path] == verdict]
            for files, verdict in ((hostile, CLEAN), (hostile, NONE), (genuine, REFUSED), (genuine, NONE))
        ]
        titles = ("hostile passed over", "hostile no verdict", "genuine refused", "genuine no verdict")
        details_by_scanner[scanner] = dict(zip(titles, lists, strict=True))
        name, _, option = scanner.partition(" ")
        title = " ".join(filter(None, (name, worker.version, f"`{option}`" if option else "")))
        yield f"| {title} | {' | '.join(str(len(names)) for names in lists)} |"
    if details is not None:
        details.write_text(json.dumps(details_by_scanner, indent=1))


def main() -> None:
    """Parse the options, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hostile", type=Path, help="a folder of hostile files; default: generate them")
    parser.add_argument("--genuine", type=Path, help="a folder of genuine files; default: generate them")
    parser.add_argument(
        "--python", default=str(ROOT / ".venv-scanners/bin/python"), help="Python of the other scanners"
    )
    parser.add_argument("--only", choices=SCANNERS, action="append", help="run only this scanner (repeatable)")
    parser.add_argument("--details", type=Path, help="write the names of the counted files to this file, as JSON")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        run_worker(options.worker)
        return
    with tempfile.TemporaryDirectory() as folder:
        hostile, genuine = options.hostile or Path(folder, "hostile"), options.genuine or Path(folder, "genuine")
        if options.hostile is None:
            write_hostile(hostile)
        if options.genuine is None:
            write_genuine(genuine)
        files, scanners = (list_files(hostile), list_files(genuine)), options.only or list(SCANNERS)
        for line in table_lines(*files, scanners, options.python, options.details):
            print(line, flush=True)


if __name__ == "__main__":
    main()
