"""The one place where files that can hold code are turned into an object."""

from __future__ import annotations

from pathlib import Path

from modelreg.security.libraries import loading


def load_trusted(path: Path, format: str) -> object:
    """The object in a ``pickle``, ``joblib`` or ``cloudpickle`` file, or the model in an ``mlflow`` folder.

    It unpickles what this registry holds, whatever that imports and calls. Raises `UnloadableModel` when a library is
    missing or the file can't be read.
    """
    with loading():
        match format:
            case "mlflow":
                return _load_mlflow(path)
            case "joblib":
                return _load_joblib(path)
            case _:
                return _load_pickle(path)


def _load_joblib(path: Path) -> object:
    import joblib  # imports NumPy: about 100 ms

    model: object = joblib.load(path)
    return model


def _load_pickle(path: Path) -> object:
    import pickle

    with path.open("rb") as file:
        model: object = pickle.load(file)
    return model


def _load_mlflow(path: Path) -> object:
    from mlflow import pyfunc  # about 1 s

    model: object = pyfunc.load_model(str(path))
    return model
