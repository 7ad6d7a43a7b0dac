"""Recognising formats by content: genuine files of every library, hostile files and unknown content."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from modelreg.domain.registrations import RecognisedModel
from modelreg.domain.signatures import SignatureField
from modelreg.loading.flavors import recognise

FILES = Path(__file__).parent / "files"
LOGISTIC = "sklearn.linear_model._logistic.LogisticRegression"
GENUINE = {
    "logistic.pickle": ("sklearn", "pickle", LOGISTIC),
    "logistic.joblib": ("sklearn", "joblib", LOGISTIC),
    "logistic.joblib.xz": ("sklearn", "joblib", LOGISTIC),
    "logistic.skops": ("sklearn", "skops", LOGISTIC),
    "logistic.onnx": ("onnx", "onnx", None),
    "by_value.cloudpickle": ("python", "cloudpickle", "training.Threshold"),
    "xgboost.json": ("xgboost", "xgboost-json", None),
    "xgboost.ubj": ("xgboost", "xgboost-ubj", None),
    "xgboost.pickle": ("xgboost", "pickle", "xgboost.sklearn.XGBClassifier"),
    "lightgbm.txt": ("lightgbm", "lightgbm-text", None),
    "lightgbm.pickle": ("lightgbm", "pickle", "lightgbm.sklearn.LGBMClassifier"),
    "catboost.cbm": ("catboost", "catboost-cbm", None),
    "catboost.pickle": ("catboost", "pickle", "catboost.core.CatBoostClassifier"),
    "arrays.safetensors": ("safetensors", "safetensors", None),
    "state.pt": ("pytorch", "pytorch-zip", "collections.OrderedDict"),
    "module.pt": ("pytorch", "pytorch-zip", "torch.nn.modules.linear.Linear"),
    "legacy.pt": ("pytorch", "pytorch-legacy", None),
    "dense.keras": ("keras", "keras", "keras.Sequential"),
}
MLFLOW = {path.name: path for path in (FILES / "mlflow").iterdir()}
COMPRESSIONS = ["zlib", "gzip", "bz2", "xz", "lzma", "lz4"]


def recognise_file(path: Path) -> tuple[str, str, str | None]:
    description = recognise({path.name: path}, is_folder=False)
    return description.flavor, description.format, description.model_class


@pytest.fixture
def blob(tmp_path):
    """A path with a neutral name, as in the blob store."""
    return tmp_path / "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"


@pytest.mark.parametrize("name", GENUINE)
def test_recognise_identifies_genuine_files_under_any_name(name, blob):
    blob.write_bytes((FILES / name).read_bytes())
    assert recognise_file(blob) == GENUINE[name]
    assert recognise({"model.onnx": blob}, is_folder=False) == recognise({"data.csv": blob}, is_folder=False)


def test_every_file_in_the_folder_of_samples_is_tested():
    assert {path.name for path in FILES.iterdir() if path.is_file()} - {"versions.json"} == GENUINE.keys()


X = np.random.default_rng(0).random((30, 3))
Y = np.where(X[:, 0] > 0.5, "yes", "no").astype(object)  # an array of objects: joblib writes a nested pickle
ESTIMATORS = [
    make_pipeline(StandardScaler(), SVC()),
    ColumnTransformer([("scale", StandardScaler(), [0])]),
    RandomForestClassifier(3),
    GradientBoostingClassifier(n_estimators=3),
    DecisionTreeClassifier(),
    KNeighborsClassifier(algorithm="kd_tree"),
    IsolationForest(n_estimators=3),
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2),
]


@pytest.fixture(params=ESTIMATORS, ids=lambda it: type(it).__name__, scope="module")
def estimator(request):
    return request.param.fit(X, Y)


def expected(estimator: object, format: str) -> tuple[str, str, str]:
    return "sklearn", format, f"{type(estimator).__module__}.{type(estimator).__qualname__}"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_recognise_reads_the_class_from_every_pickle_protocol(estimator, protocol, blob):
    blob.write_bytes(pickle.dumps(estimator, protocol))
    assert recognise_file(blob) == expected(estimator, "pickle")
    joblib.dump(estimator, blob, protocol=protocol)
    assert recognise_file(blob) == expected(estimator, "joblib")
    blob.write_bytes(cloudpickle.dumps(estimator, protocol))
    assert recognise_file(blob) == expected(estimator, "pickle")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_recognise_reads_the_class_from_every_compression_of_joblib(estimator, compression, blob):
    joblib.dump(estimator, blob, compress=(compression, 3))
    assert recognise_file(blob) == expected(estimator, "joblib")


def test_recognise_reads_the_class_from_skops(estimator, blob):
    skops.io.dump(estimator, blob)
    assert recognise_file(blob) == expected(estimator, "skops")


def test_a_joblib_file_is_recognised_without_lz4_with_a_note_to_install_it(blob, monkeypatch):
    joblib.dump(LinearRegression(), blob, compress=("lz4", 3))
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    description = recognise({"m": blob}, is_folder=False)
    assert (description.format, description.model_class) == ("joblib", None)
    assert "pip install lz4" in description.notes[0]


@pytest.mark.parametrize(
    ("model", "model_class"),
    [
        ({"model": LinearRegression()}, "builtins.dict"),
        ((LinearRegression(), StandardScaler()), "builtins.tuple"),
        ([LinearRegression()], "builtins.list"),
    ],
)
def test_the_class_of_a_container_of_models_is_the_container(model, model_class, blob):
    blob.write_bytes(pickle.dumps(model))
    assert recognise_file(blob) == ("python", "pickle", model_class)


def test_a_class_of_main_is_reported_in_a_note(tmp_path):
    program = "class Mine: pass\nimport pickle, sys\npickle.dump(Mine(), open(sys.argv[1], 'wb'))"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "m")], check=True)
    description = recognise({"m": tmp_path / "m"}, is_folder=False)
    assert (description.flavor, description.model_class) == ("python", "__main__.Mine")
    assert "Mine from __main__" in description.notes[0]


def test_recognise_reads_class_signature_and_libraries_from_mlmodel():
    assert recognise(MLFLOW, is_folder=True) == RecognisedModel(
        "sklearn",
        "mlflow",
        LOGISTIC,
        signature=recognise(MLFLOW, is_folder=True).signature,
        libraries={"scikit-learn": "1.9.1"},
    )
    signature = recognise(MLFLOW, is_folder=True).signature
    assert signature.inputs == (SignatureField(None, "float64", (None, 3)),)
    assert signature.outputs == (SignatureField(None, "int64", (None,)),)


MLMODEL = """
run_id: 8f0c
flavors:
  python_function: {loader_module: mlflow.xgboost}
  xgboost: {model_class: xgboost.sklearn.XGBClassifier}
signature:
  inputs: '[{"type": "double", "name": "a", "required": true}, {"type": "long", "name": "b", "required": false}]'
  outputs: '[{"type": "string"}]'
"""


def test_recognise_reads_flavor_class_signature_and_run_from_mlmodel(tmp_path):
    (tmp_path / "MLmodel").write_text(MLMODEL)
    description = recognise({"MLmodel": tmp_path / "MLmodel"}, is_folder=True)
    assert (description.flavor, description.model_class, description.run_id) == (
        "xgboost",
        "xgboost.sklearn.XGBClassifier",
        "8f0c",
    )
    assert description.signature.inputs == (SignatureField("a", "float64"), SignatureField("b", "int64", nullable=True))
    assert description.signature.outputs == (SignatureField(None, "string"),)


def test_an_mlmodel_with_python_function_alone_is_recognised(tmp_path):
    (tmp_path / "MLmodel").write_text("flavors:\n  python_function: {}\nrun_id: null\n")
    description = recognise({"MLmodel": tmp_path / "MLmodel"}, is_folder=True)
    assert description == RecognisedModel("python_function", "mlflow")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "flavors",
        "flavors: {}",
        "- 1",
        "\t",
        "flavors: {[a]: b}",
        "[" * 900_000,
        "{a: " * 200_000,
        "".join(f"{' ' * depth}a:\n" for depth in range(1200)),
        "\n".join(f"k{number}: [a, b, c, d]" for number in range(45_000)),
        "a: &a {x: y}\n" + "".join(f"a{n}: &a {{<<: [{', '.join(['*a'] * 9)}]}}\n" for n in range(9)),
        "x" * (2 << 20),
    ],
    ids=range(12),
)
def test_an_invalid_mlmodel_makes_a_plain_folder_within_seconds(text, tmp_path):
    (tmp_path / "MLmodel").write_text(text)
    start_time = time.process_time()
    assert recognise({"MLmodel": tmp_path / "MLmodel"}, is_folder=True) == RecognisedModel("folder", "folder")
    assert time.process_time() - start_time < 30


def test_a_model_path_outside_the_folder_is_not_followed(tmp_path):
    (tmp_path / "MLmodel").write_text(f"flavors: {{sklearn: {{pickled_model: {FILES / 'logistic.pickle'}}}}}")
    assert recognise({"MLmodel": tmp_path / "MLmodel"}, is_folder=True).model_class is None


def test_a_folder_with_one_model_is_recognised_as_that_model():
    code = FILES.parent / "make_files.py"
    model = {"logistic.pickle": FILES / "logistic.pickle"}
    alone = recognise(model, is_folder=False)
    description = recognise(model | {"predict.py": code, "code/predict.py": code}, is_folder=True)
    assert (description.flavor, description.format, description.model_class) == (
        alone.flavor,
        alone.format,
        alone.model_class,
    )
    (note,) = description.notes
    assert "logistic.pickle" in note


def test_a_folder_with_several_models_or_a_nested_one_is_a_plain_folder():
    path = FILES / "logistic.pickle"
    for files in ({"a.pickle": path, "b.pickle": path}, {"below/a.pickle": path}):
        assert recognise(files, is_folder=True) == RecognisedModel("folder", "folder")


def test_an_empty_folder_is_a_folder_and_a_single_mlmodel_is_a_file():
    assert recognise({"MLmodel": FILES / "mlflow/MLmodel"}, is_folder=False) == RecognisedModel("file", "file")
    assert recognise({}, is_folder=True) == RecognisedModel("folder", "folder")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"hello",
        b"a,b\n1,2\n",
        b"{}",
        b'{"learner": {"a": 1}}',
        b"tree\nversion=v4\n",
        b"CBM1",
        b"CBM1\xff\xff\xff\x7f....",
        b"\x02\x00\x00\x00\x00\x00\x00\x00{]",
        b"\xff" * 100,
        b"PK\x03\x04",
        b"PK\x05\x06" + bytes(18),
        b"\x80",
        b"\x80\x04",
        b"\x80\x09N.",
        b"\x1f\x8b",
        b"x\x9c",
        b"BZh9",
        b"\xfd7zXZ\x00",
        b"]\x00\x00",
        b"\x04\x22\x4d\x18",
        bytes(1000),
        pickle.dumps([1])[:-1],
    ],
)
def test_unknown_content_is_a_plain_file(data, blob):
    blob.write_bytes(data)
    assert recognise_file(blob) == ("file", "file", None)


def test_a_truncated_pickle_is_a_plain_file_with_a_note(blob):
    blob.write_bytes(pickle.dumps(LinearRegression())[:-1])
    assert "cut off" in recognise({"m": blob}, is_folder=False).notes[0]


def test_a_zip_archive_of_other_content_is_a_plain_file(blob):
    with zipfile.ZipFile(blob, "w") as archive:
        archive.writestr("schema.json", "[]")
        archive.writestr("config.json", "{}")
        archive.writestr("data.pkl", "x")
    assert recognise_file(blob) == ("file", "file", None)


def test_a_pickle_before_a_zip_archive_is_recognised_as_the_pickle(blob):
    blob.write_bytes(pickle.dumps({1: 2}) + (FILES / "logistic.skops").read_bytes())
    assert recognise_file(blob) == ("python", "pickle", "builtins.dict")


def test_recognise_executes_nothing_from_the_model(blob, tmp_path):
    marker = tmp_path / "marker"

    class Hostile:
        def __reduce__(self):
            return (os.mkdir, (str(marker),))

    for write in (
        lambda: blob.write_bytes(pickle.dumps(Hostile())),
        lambda: joblib.dump([Hostile(), np.array([Hostile()])], blob, compress=("gzip", 1)),
    ):
        write()
        assert recognise_file(blob)[0] == "python"
    with zipfile.ZipFile(blob, "w") as archive:
        archive.writestr("m/data.pkl", pickle.dumps(Hostile()))
        archive.writestr("m/version", "3")
    assert recognise_file(blob)[0] == "pytorch"
    assert not marker.exists()


@settings(max_examples=300, deadline=2000)
@given(
    st.sampled_from(
        [
            b"",
            b"\x80\x04",
            b"PK\x03\x04",
            b"x\x9c",
            b"\x1f\x8b\x08",
            b"BZh9",
            b"\x5d\x00\x00",
            b"\x08\x0a",
            b'{"learner":{',
            b"CBM1",
        ]
    ),
    st.binary(max_size=400),
)
def test_recognise_never_raises_for_any_bytes(tmp_path_factory, start, rest):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(start + rest)
    recognise({"any": path}, is_folder=False)
    recognise({"MLmodel": path}, is_folder=True)


@pytest.mark.parametrize("positions", [15, pytest.param(150, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", GENUINE)
def test_recognise_never_raises_for_truncated_or_corrupted_files(name, positions, blob):
    data = (FILES / name).read_bytes()
    for offset in range(0, len(data), max(1, len(data) // positions)):
        blob.write_bytes(data[:offset])
        recognise({"any": blob}, is_folder=False)
        blob.write_bytes(data[:offset] + bytes([data[offset] ^ 0xFF]) + data[offset + 1 :])
        recognise({"any": blob}, is_folder=False)


def measure(path: Path) -> tuple[float, int]:
    """The CPU seconds and megabytes that recognising the file takes, measured in a new process."""
    program = """if True:
        import resource, sys, time
        from pathlib import Path
        from modelreg.loading.flavors import recognise
        recognise({"x": Path(sys.executable)}, False)
        used, start_time = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        recognise({"x": Path(sys.argv[1])}, False)
        print(time.process_time() - start_time, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) // 1024)
    """
    result = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    seconds, megabytes = result.stdout.split()
    return float(seconds), int(megabytes)


def is_within(limits: tuple[float, int], path: Path) -> bool:
    """Whether recognising a file stays within CPU seconds and megabytes."""
    measured = measure(path)
    return all(used <= limit for used, limit in zip(measured, limits, strict=True))


@pytest.mark.parametrize(
    "start",
    [
        b"\x80\x04\x8e" + (90 << 30).to_bytes(8, "little"),
        b"",
        b"PK\x03\x04",
        b'{"learner":{"',
        b"x\x9c",
        b"CBM1\xff\xff\xff\xff",
    ],
)
def test_a_file_of_100_gib_is_recognised_within_limits(start, blob):
    with blob.open("wb") as file:
        file.write(start)
        file.truncate(100 << 30)  # a sparse file
    assert is_within((2, 100), blob)


@pytest.mark.slow
@pytest.mark.parametrize(
    "compression", ["gzip", *(pytest.param(slower, marks=pytest.mark.slow) for slower in ("bz2", "lzma"))]
)
def test_a_decompression_bomb_is_recognised_within_limits(compression, blob):
    joblib.dump(np.zeros(20 << 20), blob, compress=(compression, 1))  # 160 MiB in some hundred KiB
    assert blob.stat().st_size < 10 << 20
    assert is_within((10, 100), blob)


@pytest.mark.slow
def test_a_zip_bomb_is_recognised_within_limits(blob):
    with zipfile.ZipFile(blob, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("schema.json", "config.json", "metadata.json", "m/data.pkl", "m/version"):
            with archive.open(name, "w") as member:
                for _ in range(200):
                    member.write(b"(" * (1 << 20))
    assert is_within((10, 250), blob)


@pytest.mark.slow
def test_an_archive_of_very_many_members_is_recognised_within_limits(blob):
    with zipfile.ZipFile(blob, "w") as archive:
        for number in range(150_000):
            archive.writestr(zipfile.ZipInfo(f"{number:070}"), b"")
    assert is_within((2, 100), blob)
    assert recognise_file(blob) == ("file", "file", None)


@pytest.mark.parametrize("text", ["[" * 1_000_000, '{"__class__":' * 100_000, "9" * 1_000_000])
def test_very_long_json_is_a_plain_file(text, blob):
    with zipfile.ZipFile(blob, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("schema.json", "config.json", "metadata.json"):
            archive.writestr(name, text)
    assert recognise_file(blob) == ("file", "file", None)
    blob.write_bytes(len(text).to_bytes(8, "little") + text.encode())
    assert recognise_file(blob) == ("file", "file", None)


@pytest.mark.parametrize("how", ["pickle", "joblib", "compressed", "skops"])
def test_register_stores_the_scikit_learn_version_from_the_file(registry, tmp_path, monkeypatch, how):
    model, path = make_pipeline(StandardScaler()).fit([[0.0], [1.0]]), tmp_path / "model"
    monkeypatch.setattr("sklearn.base.__version__", "1.2.3")
    if how == "skops":
        skops.io.dump({"model": model}, path)
    elif how == "pickle":
        path.write_bytes(pickle.dumps({"model": [model], "threshold": 0.5}))
    else:
        joblib.dump(model, path, compress=3 if how == "compressed" else 0)
    assert registry.register(path, "churn").environment.libraries["scikit-learn"] == "1.2.3"
