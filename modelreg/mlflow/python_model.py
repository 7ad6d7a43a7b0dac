"""The ``loader_module`` by which MLflow itself loads a Python model that modelreg wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelreg.analysis.containers.content import OpenModel
from modelreg.loading.flavors import load
from modelreg.loading.trust import Trust


def _load_pyfunc(path: str, model_config: object = None) -> Any:
    """Load the model in a folder with full trust: MLflow trusts every model that it loads."""
    return load(OpenModel(None, Path(path)), "mlflow", Trust(path, full=True))
