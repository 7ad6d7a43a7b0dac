"""The border to the libraries that made a model: whatever they raise becomes one error of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from modelreg.errors import ModelregError, UnloadableModel, shown

_KNOWN = (
    *("catboost", "cloudpickle", "joblib", "keras", "lightgbm", "lz4", "mlflow", "numpy", "onnxruntime", "pandas"),
    *("safetensors", "scipy", "skops", "tensorflow", "torch", "transformers", "xgboost"),
)
_PACKAGES = {"sklearn": "scikit-learn", "skimage": "scikit-image", "PIL": "pillow", "cv2": "opencv-python"}
"""What is imported -> the package that installs it. A model may name anything, and whoever owns that name in a package
index could wait for it to be installed: of others than these we do not say that they should be.
"""


@contextmanager
def loading() -> Iterator[None]:
    """Around an import and a call of the library that loads a model.

    Raises `UnloadableModel`: for a library that is missing, with the package to install; for anything else that goes
    wrong there, with the library's own words.
    """
    try:
        yield
    except ModelregError:
        raise
    except ModuleNotFoundError as missing:
        module = missing.name or str(missing)
        message = f"the model needs {shown(module)}, which is not installed"
        raise UnloadableModel(message, how_to_get(module)) from missing
    except (Exception, SystemExit) as error:  # libraries raise classes of their own, and a model may exit
        said = f"{type(error).__name__}: {error}"
        raise UnloadableModel(f"the model's library cannot load it: {shown(said)}") from error


def how_to_get(module: str) -> str:
    """What to do about a module that is not there, or does not have what a model needs."""
    top = module.partition(".")[0]
    if top == "__main__":
        return (
            "it was made by a script or notebook: define it in a module, and register a model that was made with that"
        )
    if "." in module or top in sys.modules:
        return f"the model was made with another version of {top}, or by a program that is not here"
    if top in _KNOWN or top in _PACKAGES:
        return f"pip install {_PACKAGES.get(top, top)}"
    return f"install the project that has {top}, or add the folder that contains {top} to PYTHONPATH"
