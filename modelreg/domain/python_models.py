"""Python models: objects of users with a ``predict`` method, as MLflow's ``PythonModel``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LOADER = "modelreg.mlflow.python_model"
"""The loader module in the ``MLmodel`` file of such a model."""
OBJECT = "python_model"
"""The ``MLmodel`` key of the pickled object's file."""
ARTIFACTS = "artifacts"
"""The ``MLmodel`` key of the artifacts: name -> path within the folder."""
CONFIG = "model_config"


@dataclass(frozen=True)
class PythonModelContext:
    """The context of a prediction: files by name, and settings."""

    artifacts: Mapping[str, str] = field(default_factory=dict)
    """Name -> path of the file or folder."""
    model_config: Mapping[str, Any] = field(default_factory=dict)


class PythonFunction:
    """A loaded Python model; its ``load_context`` was called."""

    def __init__(self, python_model: Any, context: PythonModelContext) -> None:
        self.python_model = python_model
        self._context = context
        self._ask = python_model.predict if hasattr(python_model, "predict") else python_model
        self._names = [name for name in inspect.signature(self._ask).parameters if name != "self"]
        if hasattr(python_model, "load_context"):
            python_model.load_context(context)

    @property
    def takes_params(self) -> bool:
        """Whether ``predict`` has a parameter named ``params``."""
        return "params" in self._names

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Predict for ``data``."""
        takes_context = "context" in self._names or len([name for name in self._names if name != "params"]) == 2
        arguments = (self._context, data) if takes_context else (data,)
        return self._ask(*arguments, **({"params": params} if self.takes_params else {}))
