"""Hostile files that evade other scanners: the scan reports every one, and no command runs one."""

from __future__ import annotations

import pickle
import subprocess

import pytest
from hostile.assembler import name, pickled, text
from hostile.opcodes import computed_name_files, named_files, plain, wrapped

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict
from modelreg.loading.flavors import recognise

LOOKUP = name("builtins", "getattr")
PLAIN = plain("touch ran")
NAMED = {
    **named_files("touch ran"),
    "NEWOBJ": pickled(name("posix", "system"), b"(", text("touch ran"), b"t\x81"),
}

REPORTED = {
    "a dotted name": (pickled(name("sklearn.datasets._base", "os.getpid"), b")R"), "os.getpid"),
    "attributes of a class": (pickled(name("sklearn.svm._classes", "SVC"), b"}", text("predict"), b"NsbN"), "SVC"),
    "items of a dictionary of a module": (pickled(name("joblib.parallel", "BACKENDS"), text("a"), b"Ns"), "BACKENDS"),
    "globals of a class": (
        pickled(LOOKUP, name("sklearn.svm._classes", "SVC"), text("__init__"), b"\x86R"),
        "sklearn.svm._classes:SVC.__init__, which can run any code",
    ),
    "a looked up attribute is called": (
        pickled(LOOKUP, name("sklearn.svm._classes", "SVC"), b")\x81", text("fit"), b"\x86R)R"),
        "created by calling a value in the file",
    ),
    "joblib's old wrapper": (pickled(name("joblib.numpy_pickle", "NDArrayWrapper"), b")\x81}b"), "NDArrayWrapper"),
    "joblib's wrapper by another name": (
        pickled(name("joblib", "numpy_pickle.NumpyArrayWrapper"), b")\x81}b"),
        "Wrapper",
    ),
    "a distribution that executes its state": (
        pickled(
            *(name("scipy.stats._continuous_distns", "norm_gen"), b")\x81}"),
            *(text("_parse_arg_template"), text("import os"), b"sb"),
        ),
        "norm_gen._parse_arg_template is 'import os'",
    ),
}

UNREADABLE_FILES = {
    "an extension code": b"\x80\x02\x82\x01)R.",
    "a computed name": computed_name_files("touch ran")["a computed name"],
    "an array of another type": wrapped(dtype=(b"f8", b"f4")),
    "a second pickle that is none": pickle.dumps([1]) + b"\xff\xff\xff",
    "a persistent id": b"\x80\x02U\x01xQ.",
    "more marks than are followed": b"(" * 3_000_001 + PLAIN,
    "a line longer than is read": b"V" + b"a" * (65 << 20) + b"\n0" + PLAIN,
    "a place in the memo with thousands of digits": pickled(
        *(text("posix"), b"q\x050p", b"0" * 4096, b"5\n0"), *(b"h\x05", text("system"), b"\x93")
    ),
    "more pickles than are followed": b"N." * 1000 + PLAIN,
    "an import of Python's own, and nothing else": b"cthis\nx\n\n",
}


@pytest.fixture
def scanned(tmp_path):
    def scan_bytes(content: bytes):
        path = tmp_path / "model.pkl"
        path.write_bytes(content)
        return scan({"model.pkl": path}, False, recognise({"model.pkl": path}, False).format)

    return scan_bytes


@pytest.mark.parametrize("label", NAMED)
def test_files_that_run_a_command_are_dangerous(scanned, label):
    result = scanned(NAMED[label])
    assert result.verdict is Verdict.DANGEROUS
    assert {"posix.system", "builtins.eval"} & {
        imported.dotted for imported in result.imports if imported.verdict is Verdict.DANGEROUS
    }


@pytest.mark.parametrize("label", REPORTED)
def test_files_that_can_reach_code_are_reported_and_not_safe(scanned, label):
    content, expected = REPORTED[label]
    result = scanned(content)
    assert result.verdict is not Verdict.SAFE
    assert expected in " ".join([*result.findings, *result.reasons])


SLOW = "more marks than are followed"


@pytest.mark.parametrize(
    "label", [pytest.param(label, marks=pytest.mark.slow) if label == SLOW else label for label in UNREADABLE_FILES]
)
def test_files_that_cannot_be_analysed_are_not_safe(scanned, label):
    assert scanned(UNREADABLE_FILES[label]).verdict in (Verdict.UNREADABLE, Verdict.DANGEROUS)


FAST = "behind joblib's arrays"


@pytest.mark.parametrize("label", [FAST, *(pytest.param(label, marks=pytest.mark.slow) for label in list(NAMED)[::6])])
def test_no_command_runs_a_hostile_file(tmp_path, label, modelreg):
    (tmp_path / "model.pkl").write_bytes(NAMED[label])
    (tmp_path / "x.csv").write_text("a\n1\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [modelreg, "--registry", "registry", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    process = run("register", "model.pkl", "--name", "bad")
    assert (process.returncode, "system" in process.stderr or "eval" in process.stderr) == (7, True), process.stderr
    assert run("register", "model.pkl", "--name", "bad", "--allow-unsafe", "to test").returncode == 0
    read_commands = (["list"], ["versions", "bad"], ["show", "bad/1"], ["verify"]) if label == FAST else ()
    for arguments in (*read_commands, ["load", "bad/1", "-o", "copy"]):
        assert run(*arguments).returncode == 0
    assert run("predict", "bad/1", "-i", "x.csv", "-o", "y.csv").returncode in (2, 7)
    assert not (tmp_path / "ran").exists()
