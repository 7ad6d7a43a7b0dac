"""Write the small genuine model files in ``files/`` with the libraries of their formats.

Run ``python tests/loading/flavors/make_files.py`` with all of the libraries installed. ``files/versions.json`` records
their versions.
"""

from __future__ import annotations

import json
import pickle
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np

FILES = Path(__file__).parent / "files"
PACKAGES = [
    "numpy",
    "scikit-learn",
    "joblib",
    "cloudpickle",
    "skops",
    "xgboost-cpu",
    "lightgbm",
    "catboost",
    "onnx",
    "skl2onnx",
    "safetensors",
    "torch",
    "keras",
    "mlflow-skinny",
]

RANDOM = np.random.default_rng(0)
X = RANDOM.random((60, 3)).round(3)
Y = (X[:, 0] + X[:, 1] > 1).astype(int)


def write_pickles() -> None:
    """Write a scikit-learn classifier with pickle, joblib and skops."""
    import joblib
    import skops.io
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(X, Y)
    (FILES / "logistic.pickle").write_bytes(pickle.dumps(model))
    joblib.dump(model, FILES / "logistic.joblib")
    joblib.dump(model, FILES / "logistic.joblib.xz", compress=("xz", 3))
    skops.io.dump(model, FILES / "logistic.skops")


def write_by_value() -> None:
    """Write an object whose class is in the pickle, too."""
    import cloudpickle

    class Threshold:
        def predict(self, rows):
            return [row[0] > 0.5 for row in rows]

    Threshold.__module__ = "training"
    (FILES / "by_value.cloudpickle").write_bytes(cloudpickle.dumps(Threshold()))


def write_xgboost() -> None:
    """Write XGBoost's two formats and a pickle of its scikit-learn class."""
    from xgboost import XGBClassifier

    model = XGBClassifier(n_estimators=2, max_depth=2).fit(X, Y)
    model.save_model(FILES / "xgboost.json")
    model.save_model(FILES / "xgboost.ubj")
    (FILES / "xgboost.pickle").write_bytes(pickle.dumps(model))


def write_lightgbm() -> None:
    """Write LightGBM's text format and a pickle of its scikit-learn class."""
    from lightgbm import LGBMClassifier

    model = LGBMClassifier(n_estimators=2, num_leaves=3, min_child_samples=2, verbose=-1).fit(X, Y)
    model.booster_.save_model(FILES / "lightgbm.txt")
    (FILES / "lightgbm.pickle").write_bytes(pickle.dumps(model))


def write_catboost() -> None:
    """Write CatBoost's format and a pickle of its class."""
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(iterations=2, depth=2, verbose=False, allow_writing_files=False).fit(X, Y)
    model.save_model(str(FILES / "catboost.cbm"))
    (FILES / "catboost.pickle").write_bytes(pickle.dumps(model))


def write_onnx() -> None:
    """Write a scikit-learn classifier as ONNX."""
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    model = to_onnx(LogisticRegression().fit(X, Y), X[:1].astype(np.float32), options={"zipmap": False})
    (FILES / "logistic.onnx").write_bytes(model.SerializeToString())


def write_torch() -> None:
    """Write a state dictionary, a whole module, and the format before PyTorch 1.6."""
    import torch

    layer = torch.nn.Linear(3, 1)
    torch.save(layer.state_dict(), FILES / "state.pt")
    torch.save(layer, FILES / "module.pt")
    torch.save(layer.state_dict(), FILES / "legacy.pt", _use_new_zipfile_serialization=False)


def write_safetensors() -> None:
    """Write two arrays as safetensors."""
    from safetensors.numpy import save_file

    save_file({"weight": X[:2].astype(np.float32), "bias": Y[:2]}, FILES / "arrays.safetensors", {"format": "np"})


def write_keras() -> None:
    """Write an archive of Keras 3."""
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]).save(FILES / "dense.keras")


def write_mlflow() -> None:
    """Write a folder of MLflow: a scikit-learn model with a signature."""
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(X, Y)
    folder = FILES / "mlflow"
    shutil.rmtree(folder, ignore_errors=True)
    mlflow.sklearn.save_model(
        model, folder, signature=infer_signature(X, model.predict(X)), serialization_format="cloudpickle"
    )


def main() -> None:
    """Write all files."""
    FILES.mkdir(exist_ok=True)
    for write in (
        *(write_pickles, write_by_value, write_xgboost, write_lightgbm, write_catboost, write_onnx, write_torch),
        *(write_safetensors, write_keras, write_mlflow),
    ):
        write()
    versions = {package: version(package) for package in PACKAGES}
    (FILES / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
