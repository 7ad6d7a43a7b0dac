"""Calls into the library of a model: every exception becomes `UnloadableModel`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from modelreg.errors import ModelregError, UnloadableModel, shown

_INSTALLABLE = (
    *("catboost", "cloudpickle", "joblib", "keras", "lightgbm", "lz4", "mlflow", "numpy", "onnxruntime", "pandas"),
    *("safetensors", "scipy", "skops", "tensorflow", "torch", "transformers", "xgboost"),
)
_PACKAGE_NAMES = {"sklearn": "scikit-learn", "skimage": "scikit-image", "PIL": "pillow", "cv2": "opencv-python"}
"""Module -> the package that installs it, if the names differ.

Only these and `_INSTALLABLE` are suggested for installation. A model can name any module, and an attacker may own the
package of that name.
"""


@contextmanager
def library_errors() -> Iterator[None]:
    """Translate errors of an import of, and a call to, the library that loads a model.

    Raises `UnloadableModel`: for a missing library with the package to install, otherwise with the library's message.
    """
    try:
        yield
    except ModelregError:
        raise
    except ModuleNotFoundError as missing:
        module = missing.name or str(missing)
        message = f"the model needs {shown(module)}, which is not installed"
        raise UnloadableModel(message, hint_for_module(module)) from missing
    except (Exception, SystemExit) as error:  # any library error, and a model that exits
        message = shown(f"{type(error).__name__}: {error}")
        raise UnloadableModel(f"the model's library cannot load it: {message}") from error


def hint_for_module(module: str) -> str:
    """The hint for a module that is missing, or that lacks a name that a model needs."""
    top = module.partition(".")[0]
    if top == "__main__":
        return "a script or notebook defined it: define it in an importable module, and register the model again"
    if "." in module or top in sys.modules:
        return f"the model was created with another version of {top}, or by a program that is not installed"
    if top in _INSTALLABLE or top in _PACKAGE_NAMES:
        return f"pip install {_PACKAGE_NAMES.get(top, top)}"
    return f"install the project that contains {top}, or add the folder that contains {top} to PYTHONPATH"
