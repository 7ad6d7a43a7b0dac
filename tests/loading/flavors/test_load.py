"""Loading by flavor: each format is loaded with its own library, or one error names what is missing."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import modelreg.loading.flavors
from modelreg.analysis.containers.content import OpenModel
from modelreg.analysis.scan import scan
from modelreg.domain.registrations import RecognisedModel
from modelreg.errors import UnloadableModel, UntrustedModel
from modelreg.loading import flavors
from modelreg.loading.flavors import recognise
from modelreg.loading.trust import Trust

FILES = Path(__file__).parent / "files"
ROWS = np.array([[0.9, 0.9, 0.5], [0.1, 0.1, 0.5]])


def require_installed(*packages: str) -> None:
    """Skip the test if an optional library is not installed."""
    for package in packages:
        pytest.importorskip(package, reason=f"{package} is not installed")


def load(path: Path, format: str, **trust: object) -> object:
    """Load the model at ``path`` like the registry does."""
    if path.is_dir():
        return flavors.load(OpenModel(None, path), format, Trust("churn/1", **trust))
    with path.open("rb") as file:
        return flavors.load(OpenModel(file, None), format, Trust("churn/1", **trust))


@pytest.fixture
def blob(tmp_path):
    """A copy of a model file under a neutral name, as in the blob store."""

    def copy(name: str) -> Path:
        (tmp_path / "blob").write_bytes((FILES / name).read_bytes())
        return tmp_path / "blob"

    return copy


@pytest.mark.parametrize("name", ["logistic.pickle", "logistic.joblib", "logistic.joblib.xz", "logistic.skops"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.InconsistentVersionWarning")
def test_load_returns_a_scikit_learn_model_that_predicts(name, blob):
    require_installed("skops")
    path = blob(name)
    assert load(path, recognise({"m": path}, is_folder=False).format).predict(ROWS).tolist() == [1, 0]


@pytest.mark.parametrize(
    "model", [RandomForestClassifier(2), KNeighborsClassifier(1, algorithm="ball_tree"), GradientBoostingClassifier()]
)
def test_load_loads_a_safe_skops_file_without_trust(model, tmp_path):
    require_installed("skops")
    from skops.io import dump

    dump(model.fit(ROWS, [0, 1]), tmp_path / "m")
    assert scan({"m": tmp_path / "m"}, False, "skops").verdict == "safe"
    assert type(load(tmp_path / "m", "skops")) is type(model)


def test_a_cloudpickle_with_its_own_class_is_loaded_only_with_full_trust(tmp_path):
    class Threshold:
        def predict(self, rows):
            return [bool(row[0] > 0.5) for row in rows]

    Threshold.__module__ = "of_nowhere"  # cloudpickle writes a class that cannot be imported into the pickle
    (tmp_path / "m").write_bytes(cloudpickle.dumps(Threshold()))
    assert recognise({"m": tmp_path / "m"}, is_folder=False) == RecognisedModel(
        "python", "cloudpickle", "of_nowhere.Threshold"
    )
    with pytest.raises(UntrustedModel, match="_make_skeleton_class"):
        load(tmp_path / "m", "cloudpickle")
    assert load(tmp_path / "m", "cloudpickle", full=True).predict(ROWS) == [True, False]


@pytest.mark.parametrize(("name", "format"), [("xgboost.json", "xgboost-json"), ("xgboost.ubj", "xgboost-ubj")])
def test_load_returns_an_xgboost_booster_that_predicts(name, format, blob):
    require_installed("xgboost")
    import xgboost

    high, low = load(blob(name), format).predict(xgboost.DMatrix(ROWS))
    assert high > 0.5 > low


def test_load_returns_a_lightgbm_booster_that_predicts(blob):
    require_installed("lightgbm")
    high, low = load(blob("lightgbm.txt"), "lightgbm-text").predict(ROWS)
    assert high > low


def test_load_returns_a_catboost_model_that_predicts(blob):
    require_installed("catboost")
    assert load(blob("catboost.cbm"), "catboost-cbm").predict(ROWS, prediction_type="Class").tolist() == [1, 0]


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "catboost"])
@pytest.mark.filterwarnings("ignore")
def test_load_returns_a_pickled_boosting_model_that_predicts(name, blob):
    require_installed(name)
    trusted = frozenset({("catboost.core", "CatBoostClassifier")})  # the others are on the allow-list
    high, low = load(blob(f"{name}.pickle"), "pickle", names=trusted).predict_proba(ROWS)[:, 1]
    assert high > low


def test_load_returns_an_onnx_session_that_predicts(blob):
    require_installed("onnxruntime")
    session = load(blob("logistic.onnx"), "onnx")
    assert session.run(["label"], {"X": ROWS.astype(np.float32)})[0].tolist() == [1, 0]


@pytest.mark.parametrize(("name", "format"), [("state.pt", "pytorch-zip"), ("legacy.pt", "pytorch-legacy")])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_load_returns_pytorch_weights(name, format, blob):
    require_installed("torch")
    assert {key: tuple(value.shape) for key, value in load(blob(name), format).items()} == {
        "weight": (1, 3),
        "bias": (1,),
    }


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_whole_pytorch_module_is_refused_without_full_trust(blob):
    require_installed("torch")
    with pytest.raises(UntrustedModel, match="Linear"):
        load(blob("module.pt"), "pytorch-zip")


def test_load_returns_the_tensors_of_safetensors(blob):
    require_installed("safetensors")
    tensors = load(blob("arrays.safetensors"), "safetensors")
    assert {name: array.shape for name, array in tensors.items()} == {"weight": (2, 3), "bias": (2,)}


@pytest.mark.filterwarnings("ignore")
def test_load_returns_a_keras_model_that_predicts(blob, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    require_installed("torch", "keras")
    assert load(blob("dense.keras"), "keras").predict(ROWS, verbose=0).shape == (2, 1)


@pytest.mark.filterwarnings("ignore")
def test_an_mlflow_folder_is_loaded_only_with_full_trust():
    require_installed("mlflow")
    with pytest.raises(UntrustedModel, match="MLflow"):
        load(FILES / "mlflow", "mlflow")
    assert load(FILES / "mlflow", "mlflow", full=True).predict(ROWS).tolist() == [1, 0]


@pytest.mark.slow
def test_a_folder_with_one_model_beside_code_predicts_in_process_and_confined(registry, tmp_path):
    rows = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
    folder = tmp_path / "churn"
    folder.mkdir()
    (folder / "train.py").write_text("print('training')\n")
    joblib.dump(LogisticRegression().fit(rows, [0, 0, 1, 1]), folder / "model.joblib")
    version = registry.register(folder, "churn")
    assert registry.load("churn/1").predict(rows).tolist() == [0, 0, 1, 1]
    registry.predict("churn/1", rows, tmp_path / "predictions.csv")
    assert pd.read_csv(tmp_path / "predictions.csv")["prediction"].tolist() == [0, 0, 1, 1]
    assert (version.flavor, version.scan) == ("sklearn", "safe")


@pytest.mark.parametrize("others", [["second.joblib"], [f"{number:03d}.txt" for number in range(100)]])
def test_a_folder_with_two_models_or_very_many_files_has_the_flavor_folder(registry, tmp_path, others):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ["model.joblib", *others]:
        if name.endswith(".joblib"):
            joblib.dump(LogisticRegression(), folder / name)
        else:
            (folder / name).write_text("text")
    assert registry.register(folder, "churn").flavor == "folder"


@pytest.mark.parametrize("format", ["file", "folder", "no-such-format"])
def test_load_refuses_an_unknown_format_and_names_it(format, tmp_path):
    with pytest.raises(UnloadableModel, match=f"format '{format}'"):
        load(tmp_path, format)


@pytest.mark.parametrize(
    ("format", "module", "package"),
    [
        ("skops", "skops", "skops"),
        ("onnx", "onnxruntime", "onnxruntime"),
        ("xgboost-json", "xgboost", "xgboost"),
        ("lightgbm-text", "lightgbm", "lightgbm"),
        ("catboost-cbm", "catboost", "catboost"),
        ("safetensors", "safetensors", "safetensors"),
        ("pytorch-zip", "torch", "torch"),
        ("keras", "keras", "keras"),
        ("mlflow", "mlflow", "mlflow"),
    ],
)
def test_a_missing_library_raises_an_error_with_the_package_to_install(format, module, package, tmp_path):
    program = f"""if True:
        import sys
        class Absent:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == {module!r}:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])
        sys.meta_path.insert(0, Absent())
        from pathlib import Path
        from modelreg.analysis.containers.content import OpenModel
        from modelreg.errors import UnloadableModel
        from modelreg.loading.flavors import load
        from modelreg.loading.trust import Trust
        path = Path(sys.argv[1])
        try:
            load(OpenModel(path.open("rb"), path.parent), {format!r}, Trust("churn/1", full=True))
        except UnloadableModel as error:
            print(error.message, "|", error.hint)
    """
    (tmp_path / "x").write_bytes(b"x")
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "x")], capture_output=True, text=True, check=True
    )
    message, hint = result.stdout.rstrip("\n").split(" | ")
    assert repr(module) in message
    assert hint == f"pip install {package}"


def test_a_pickle_of_a_missing_class_raises_unloadable_model_with_its_name(tmp_path):
    (tmp_path / "m").write_bytes(b"\x80\x04\x8c\x0bno_such_lib\x8c\x01C\x93)\x81.")
    with pytest.raises(UnloadableModel, match="'no_such_lib'") as error:
        load(tmp_path / "m", "pickle", full=True)
    assert "pip install" not in error.value.hint  # an attacker may own the package of that name
    (tmp_path / "m").write_bytes(b"\x80\x04\x8c\x08__main__\x8c\x0cNo_such_clas\x93)\x81.")
    with pytest.raises(UnloadableModel, match="No_such_clas"):
        load(tmp_path / "m", "pickle", full=True)


@pytest.mark.parametrize("format", ["pickle", "joblib", "cloudpickle"])
def test_a_truncated_pickle_is_refused(format, tmp_path):
    (tmp_path / "m").write_bytes(pickle.dumps(LogisticRegression())[:-5])
    with pytest.raises(UntrustedModel, match="ends too early"):
        load(tmp_path / "m", format)
    with pytest.raises(UnloadableModel, match="cannot load it"):
        load(tmp_path / "m", format, full=True)


def test_load_does_not_try_the_loader_of_another_format(tmp_path):
    joblib.dump(LogisticRegression().fit(ROWS, [0, 1]), tmp_path / "m")
    with pytest.raises(UnloadableModel):
        load(tmp_path / "m", "skops")


# Recognises files that begin with ``LOUD``, pickles and ONNX.
FLAVOR_OF_ANOTHER_PACKAGE = """
from modelreg.domain.registrations import RecognisedModel
FORMATS = ("loud",)
def recognise(files, is_folder):
    data = next(iter(files.values())).read_bytes()
    return RecognisedModel("loud", "loud") if data.startswith((b"LOUD", b"\\x80", b"\\x08")) else None
def load(model, format, trust):
    return model.read().lower()
"""


@pytest.fixture
def another_package(tmp_path_factory, monkeypatch):
    """Another installed package with an entry point for a flavor."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "shouting.py").write_text(FLAVOR_OF_ANOTHER_PACKAGE)
    (folder / "shouting-1.0.dist-info").mkdir()
    (folder / "shouting-1.0.dist-info" / "METADATA").write_text("Name: shouting\nVersion: 1.0\n")
    (folder / "shouting-1.0.dist-info" / "entry_points.txt").write_text("[modelreg.flavors]\naaa = shouting\n")
    monkeypatch.syspath_prepend(folder)


@pytest.mark.usefixtures("another_package")
def test_an_entry_point_of_another_package_adds_a_format(tmp_path):
    (tmp_path / "m").write_bytes(b"LOUD")
    assert recognise({"m": tmp_path / "m"}, is_folder=False) == RecognisedModel("loud", "loud")
    assert load(tmp_path / "m", "loud") == b"loud"


@pytest.mark.usefixtures("another_package")
def test_our_flavors_come_before_others_and_pickles_come_last():
    assert recognise({"m": FILES / "logistic.pickle"}, is_folder=False).format == "loud"
    assert recognise({"m": FILES / "logistic.onnx"}, is_folder=False).format == "onnx"


def test_every_flavor_module_is_declared_and_every_format_has_one_loader():
    modules = {path.stem for path in Path(modelreg.loading.flavors.__file__).parent.glob("*.py")}
    machinery = {"__init__"}
    points = entry_points(group=modelreg.loading.flavors.GROUP)
    assert {point.value.rpartition(".")[2] for point in points if point.value.startswith("modelreg.")} == (
        modules - machinery
    )
    formats = [name for point in points for name in point.load().FORMATS]
    assert len(formats) == len(set(formats))


def test_recognise_imports_no_heavy_modules():
    program = f"""if True:
        import sys
        import modelreg.loading.flavors
        heavy = "numpy pandas sklearn joblib zipfile importlib.metadata yaml json lzma bz2 pickle".split()
        print([name for name in heavy if name in sys.modules])
        from pathlib import Path
        modelreg.loading.flavors.recognise({{"m": Path({str(FILES / "logistic.joblib")!r})}}, False)
        print([name for name in "numpy pandas sklearn joblib yaml lz4 pickletools".split() if name in sys.modules])
    """
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["[]", "[]"]
