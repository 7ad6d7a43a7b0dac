"""Genuine models work confined: threads, OpenMP, joblib, the user's own modules, and printed output."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from workspace import MODELREG, TRUSTED

MODULE = """
import os
from pathlib import Path
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, RegressorMixin

class Doubling(BaseEstimator, RegressorMixin):
    def fit(self, X, y=None):
        return self
    def predict(self, X):
        print("doubling", flush=True)
        factor = float((Path(__file__).parent / "factor.txt").read_text())
        jobs = Parallel(n_jobs=2, prefer=PREFER)(delayed(float)(value) for value in X["a"])
        return [factor * value for value in jobs]
"""


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(300, 4)), columns=list("abcd"))
    return frame, (frame["a"] + frame["b"] > 0).astype(int)


MODELS = {
    "HistGradientBoosting": lambda frame, target: HistGradientBoostingClassifier(max_iter=5).fit(frame, target),
    "RandomForest": lambda frame, target: RandomForestClassifier(5, n_jobs=2).fit(frame, target),
    "KMeans": lambda frame, target: KMeans(3, n_init=1).fit(frame),
    "KNeighbors": lambda frame, target: KNeighborsClassifier(n_jobs=2).fit(frame, target),
    "MultiOutput": lambda frame, target: MultiOutputClassifier(RandomForestClassifier(3, n_jobs=2), n_jobs=2).fit(
        frame, np.column_stack([target, target])
    ),
    "ClassifierChain": lambda frame, target: ClassifierChain(RandomForestClassifier(3)).fit(
        frame, np.column_stack([target, target])
    ),
}


COMMON = ("RandomForest",)


@pytest.mark.parametrize(
    "fit",
    [pytest.param(fit, id=name, marks=() if name in COMMON else pytest.mark.slow) for name, fit in MODELS.items()],
)
def test_a_model_with_threads_predicts_the_same_as_unconfined(workspace, rows, fit):
    frame, target = rows
    model = fit(frame, target)
    joblib.dump(model, workspace.folder / "model.joblib")
    frame.to_csv(workspace.data, index=False)
    reference = workspace.registry.register(workspace.folder / "model.joblib", "model").reference
    result = workspace.run("predict", reference, "-i", workspace.data, "-o", workspace.output)
    assert (result.returncode, result.stderr) == (0, f"wrote 300 predictions to {workspace.output}\n")
    predictions = pd.read_csv(workspace.output).to_numpy()
    assert np.array_equal(predictions.squeeze(), np.asarray(model.predict(frame)).squeeze())


def make_project(workspace, prefer: str) -> str:
    """Make a project with its own module, and register a model of it; returns the model's reference."""
    folder = workspace.folder / "project"
    (folder / "mypackage").mkdir(parents=True)
    (folder / "mypackage" / "__init__.py").write_text("")
    (folder / "mypackage" / "factor.txt").write_text("2")
    (folder / "mypackage" / "models.py").write_text(MODULE.replace("PREFER", repr(prefer)))
    (folder / ".env").write_text("PASSWORD=secret")
    (folder / "notes.txt").write_text("private")
    code = "import joblib; from mypackage.models import Doubling; joblib.dump(Doubling(), 'model.joblib')"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    workspace.registry.register(folder / "model.joblib", "own")
    workspace.registry.trust("mypackage.models.Doubling")
    return "own/1"


@pytest.mark.slow
@pytest.mark.parametrize("prefer", ["threads", "processes"])
def test_a_module_on_pythonpath_reads_its_files_and_uses_threads(workspace, prefer):
    reference = make_project(workspace, prefer)
    environment = {"PYTHONPATH": str(workspace.folder / "project")}
    result = workspace.run("predict", reference, "-i", workspace.data, "-o", workspace.output, environment=environment)
    assert result.returncode == 0, result.stderr
    assert workspace.output.read_text() == "prediction\n2.0\n4.0\n"
    assert result.stderr == f"doubling\nwrote 2 predictions to {workspace.output}\n"


FINDER = """
import sys
from importlib.util import spec_from_file_location
MAPPING = {"mypackage": FOLDER}
class EditableFinder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in MAPPING:
            return spec_from_file_location(name, MAPPING[name] + "/__init__.py")
sys.meta_path.append(EditableFinder)
sys.path.append("__editable__.mypackage-1.0.finder.__path_hook__")
"""


@pytest.mark.slow
def test_an_editable_install_of_setuptools_is_importable(workspace):
    reference = make_project(workspace, "threads")
    site = workspace.folder / "site"
    site.mkdir()
    package = repr(str(workspace.folder / "project" / "mypackage"))
    (site / "__editable___mypackage_1_0_finder.py").write_text(FINDER.replace("FOLDER", package))
    (site / "sitecustomize.py").write_text("import __editable___mypackage_1_0_finder")
    environment = {"PYTHONPATH": str(site)}
    result = workspace.run("predict", reference, "-i", workspace.data, "-o", workspace.output, environment=environment)
    assert result.returncode == 0, result.stderr
    assert workspace.output.read_text() == "prediction\n2.0\n4.0\n"


@pytest.mark.parametrize("name", [".env", pytest.param("notes.txt", marks=pytest.mark.slow)])
@pytest.mark.slow  # the test of namespace packages covers more
def test_other_files_of_a_folder_on_pythonpath_are_not_readable(workspace, name):
    make_project(workspace, "threads")
    reference = workspace.register(f"open({str(workspace.folder / 'project' / name)!r}).read()")
    result = workspace.predict(reference, environment={"PYTHONPATH": str(workspace.folder / "project")})
    assert result.returncode == 2
    assert "PermissionError" in result.stderr


NAMESPACES = """
import json
from work.proj.main import NUMBER
from work.proj.real import NAME
import work.top
results = {}
for path in PATHS:
    try:
        results[path] = open(path).read()
    except OSError as error:
        results[path] = type(error).__name__
print(json.dumps(results))
"""


@pytest.mark.slow
def test_other_files_of_namespace_packages_are_not_readable(workspace):
    folder = workspace.folder / "projects"
    files = {
        "work/top.py": "",
        "work/proj/main.py": "NUMBER = 1",
        "work/proj/real/__init__.py": "NAME = 'real'",
        "work/proj/real/words.txt": "words of the package",
    }
    private = ["work/notes.txt", "work/proj/.env", "work/taxes/2025.pdf"]
    for name, text in (files | dict.fromkeys(private, "private")).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    paths = [str(folder / name) for name in ("work/proj/real/words.txt", *private)]
    reference = workspace.register(NAMESPACES.replace("PATHS", repr(paths)))
    result = workspace.predict(reference, environment={"PYTHONPATH": str(folder)})
    assert result.returncode == 0, result.stderr
    results = list(json.loads(result.stderr.splitlines()[0]).values())
    assert results == ["words of the package", "PermissionError", "PermissionError", "PermissionError"]


FLAVOR = """
from pathlib import Path
from sklearn.dummy import DummyRegressor
from modelreg.domain.registrations import RecognisedModel
FORMATS = ("boxed",)
def recognise(files, is_folder):
    return RecognisedModel("boxed", "boxed") if is_folder and "weights/value.txt" in files else None
def load(model, format, trust):
    value = float((model.folder / "weights" / "value.txt").read_text())
    try:
        list(model.folder.parent.iterdir())
    except PermissionError:
        return DummyRegressor(strategy="constant", constant=value).fit([[0]], [1])
"""


@pytest.mark.slow
def test_a_folder_model_reads_its_own_checkout_and_no_other(workspace, model_folder):
    plugin = workspace.folder / "plugin"
    (plugin / "boxed-1.0.dist-info").mkdir(parents=True)
    (plugin / "boxed-1.0.dist-info" / "METADATA").write_text("Name: boxed\nVersion: 1.0\n")
    (plugin / "boxed-1.0.dist-info" / "entry_points.txt").write_text("[modelreg.flavors]\nboxed = boxed\n")
    (plugin / "boxed.py").write_text(FLAVOR)
    environment = {"PYTHONPATH": str(plugin)}
    folder = model_folder({"weights/value.txt": b"7", "config.json": b"{}"})
    assert workspace.run("register", folder, "--name", "boxed", environment=environment).returncode == 0
    result = workspace.run("predict", "boxed/1", "-i", workspace.data, "-o", workspace.output, environment=environment)
    assert result.returncode == 0, result.stderr
    assert workspace.output.read_text() == "prediction\n7.0\n7.0\n"


@pytest.mark.slow
def test_modules_in_the_current_folder_are_not_imported(workspace):
    work = workspace.folder / "somewhere"
    work.mkdir()
    for name in ("json", "pandas", "joblib", "sklearn"):
        (work / f"{name}.py").write_text("raise SystemExit('imported from the current folder')")
    result = workspace.predict(workspace.register("pass"), cwd=work)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("options", [("-o", "-"), pytest.param(("-o", "out.csv"), marks=pytest.mark.slow)])
def test_printed_output_goes_to_stderr_with_control_characters_escaped(workspace, options):
    code = "import os, sys; print('1/1 =====\\x1b[31m'); os.write(1, b'two\\n'); sys.stderr.write('three\\r\\n')"
    result = workspace.run(
        "predict", workspace.register(code), "-i", workspace.data, *options, *TRUSTED, cwd=workspace.folder
    )
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stderr
    for line in ("1/1 =====\\x1b[31m", "two", "three"):
        assert line in result.stderr.splitlines()
    assert result.stdout == ("prediction\n1.0\n1.0\n" if "-" in options else "")


@pytest.mark.slow
def test_a_models_warning_is_issued_in_the_parent(workspace):
    reference = workspace.register("import warnings; warnings.warn('old and new', FutureWarning)")
    with pytest.warns(FutureWarning, match="old and new"):
        workspace.registry.predict(reference, workspace.data, workspace.output, trust="full", message="a test")


WARNS = "import warnings\nfor number in range(150): warnings.warn(f'warning {number}', UserWarning)"


@pytest.mark.slow
def test_only_the_first_100_warnings_are_shown_and_none_is_kept(workspace):
    reference = workspace.register(WARNS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        workspace.registry.predict(reference, workspace.data, workspace.output, trust="full", message="a test")
    texts = [str(warning.message) for warning in caught]
    assert texts == [*(f"warning {number}" for number in range(100)), "further warnings of model/1 are not shown"]
    for module in list(sys.modules.values()):
        registry = getattr(module, "__warningregistry__", {})
        assert not [key for key in registry if isinstance(key, tuple) and key[0] in texts]


@pytest.mark.slow
def test_several_threads_predict_at_once_without_changing_this_process(workspace, rows):
    frame, target = rows
    joblib.dump(RandomForestClassifier(3).fit(frame, target), workspace.folder / "model.joblib")
    frame.to_csv(workspace.data, index=False)
    reference = workspace.registry.register(workspace.folder / "model.joblib", "model").reference
    stdout, failures, counts = sys.stdout, [], []

    def predict(number: int) -> None:
        try:
            counts.append(
                workspace.registry.predict(reference, workspace.data, workspace.folder / f"{number}.csv").rows
            )
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=predict, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    assert sys.stdout is stdout
    for thread in threads:
        thread.join()
    assert (failures, counts) == ([], [300] * 2)
    assert len({(workspace.folder / f"{number}.csv").read_text() for number in range(2)}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_prediction_works_with_closed_standard_streams(workspace, closed):
    arguments = [
        "predict",
        workspace.register("pass"),
        "-i",
        str(workspace.data),
        "-o",
        str(workspace.output),
        *TRUSTED,
    ]
    environment = os.environ | {"MODELREG_HOME": str(workspace.registry.folder)}
    line = f"exec {shlex.join([str(MODELREG), *arguments])} {closed}"
    assert subprocess.run(["sh", "-c", line], env=environment, check=False).returncode == 0
    assert workspace.output.read_text() == "prediction\n1.0\n1.0\n"


@pytest.mark.slow
def test_progress_is_reported(workspace):
    steps = []
    reference = workspace.register("pass")
    workspace.registry.predict(
        reference,
        workspace.data,
        workspace.output,
        trust="full",
        message="a test",
        progress=lambda *step: steps.append(step),
    )
    assert steps == [(2, 2)]


def test_the_parent_imports_no_model_library(workspace, run):
    script = """
import sys
from modelreg import Registry
Registry(sys.argv[1]).predict("model/1", sys.argv[2], sys.argv[3], trust="full", message="a test")
print(sorted({"pandas", "numpy", "sklearn", "joblib", "typer", "rich"} & set(sys.modules)))
"""
    workspace.register("pass")
    status, out, err = run(script, workspace.registry.folder, workspace.data, workspace.output)
    assert (status, out) == (0, "[]\n"), err
