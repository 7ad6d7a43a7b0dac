"""Architecture: import layers, error codes and exit statuses, import cost."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import modelreg
from modelreg import errors

ROOT = Path(__file__).parent.parent
DOCUMENTED = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130}
ERRORS = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.ModelregError)]


def test_imports_run_downward():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_a_code_of_its_own_a_documented_exit_status_and_says_what_it_is(error):
    assert error.exit in DOCUMENTED
    assert [other for other in ERRORS if other.code == error.code] == [error]
    assert error.code.replace("_", "").isalpha()
    assert error.code == error.code.lower()
    assert error.__doc__.rstrip().endswith(".")
    assert vars(error).get("code"), "its code is its own, not that of its base"


def test_the_tree_of_errors_shows_every_class_below_its_family():
    family, shown = None, []
    for line in errors.__doc__.splitlines():
        if match := re.match(r"    (│   |    )?(?:[├└]── )?(\w+) {2,}", line):
            parent = family if match[1] else errors.ModelregError
            error = getattr(errors, match[2])
            assert error is errors.ModelregError or error.__base__ is parent
            family = family if match[1] else error
            shown.append(error)
    assert sorted(shown, key=str) == sorted(ERRORS, key=str)


def test_no_error_is_defined_elsewhere():
    for path in (ROOT / "modelreg").rglob("*.py"):
        if path.parent.name != "errors":
            assert "(ModelregError):" not in path.read_text()


def modules_after(statement):
    found = "found = [*sys.modules.keys() - before]\nimport json\nprint(json.dumps(found))"
    script = f"import sys\nbefore = set(sys.modules)\n{statement}\n{found}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_importing_modelreg_imports_nothing_else():
    assert modules_after("import modelreg") <= {"modelreg", "__future__"}


HEAVY = {
    "pandas",
    "numpy",
    "sklearn",
    "joblib",
    "sqlite_utils",
    "pydantic",
    "rich",
    "typer",
    "yaml",
    "rfc8785",
    "scipy",
}


def test_asking_a_registry_imports_no_library(registry, model_file):
    registry.register(model_file(), "churn")
    asked = f"""
from modelreg import Registry
registry = Registry({str(registry.folder)!r})
registry.models(), registry.versions("churn"), registry.version("churn/1"), registry.path("churn/1"), registry.history()
registry.transition("churn", 1, "Staging")
"""
    assert modules_after(asked) & HEAVY == set()


def test_every_public_name_is_there_and_named_by_dir():
    for name in modelreg.__all__:
        assert getattr(modelreg, name).__doc__
        assert name in dir(modelreg)
    with pytest.raises(AttributeError, match="nothing"):
        _ = modelreg.nothing


def test_the_package_says_that_it_is_typed():
    assert (Path(modelreg.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("command", [[sys.executable, "-m", "modelreg"], [Path(sys.executable).with_name("modelreg")]])
def test_the_program_tells_its_version(command):
    done = subprocess.run([*command, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"modelreg {modelreg.__version__}\n", "")
