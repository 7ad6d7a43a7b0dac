"""A model registry in one folder: versions, stages and the exact bytes, from the shell and from Python.

>>> from modelreg import Registry
>>> registry = Registry()
>>> registry.register("model.pkl", name="churn", metrics={"auc": 0.93})  # doctest: +SKIP
>>> registry.load("churn/Production").predict(rows)  # doctest: +SKIP
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False  # as type checkers read it; importing typing would double the time that this import takes

if TYPE_CHECKING:
    from modelreg.data.signatures import infer_signature as infer_signature
    from modelreg.data.signatures import read_signature as read_signature
    from modelreg.domain.models import Model as Model
    from modelreg.domain.signatures import Signature as Signature
    from modelreg.domain.stages import Stage as Stage
    from modelreg.domain.versions import ModelVersion as ModelVersion
    from modelreg.errors import ModelregError as ModelregError
    from modelreg.registry import Registry as Registry
    from modelreg.registry import load_model as load_model

_MODULE_OF_NAME = {
    "Model": "modelreg.domain.models",
    "ModelVersion": "modelreg.domain.versions",
    "ModelregError": "modelreg.errors",
    "Registry": "modelreg.registry",
    "Signature": "modelreg.domain.signatures",
    "Stage": "modelreg.domain.stages",
    "infer_signature": "modelreg.data.signatures",
    "load_model": "modelreg.registry",
    "read_signature": "modelreg.data.signatures",
}
__all__ = sorted(_MODULE_OF_NAME)


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: a command pays for nothing that it does not need."""
    if name not in _MODULE_OF_NAME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_MODULE_OF_NAME[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_MODULE_OF_NAME]
