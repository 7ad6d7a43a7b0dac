"""How MLflow itself loads a folder of a Python model that modelreg wrote, by its ``loader_module``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelreg.analysis.containers.content import OpenModel
from modelreg.loading.flavors import load
from modelreg.loading.trust import Trust


def _load_pyfunc(path: str, model_config: object = None) -> Any:
    """The model in a folder, fully trusted, as MLflow trusts whatever it loads."""
    return load(OpenModel(None, Path(path)), "mlflow", Trust(path, full=True))
