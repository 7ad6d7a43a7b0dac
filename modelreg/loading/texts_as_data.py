"""Make the estimators of XGBoost and CatBoost refuse a string as data, because they would open it as a file.

An earlier step of a pipeline can pass any string to an estimator: a function that ignores its input returns a constant
that the model file chose. The scan cannot see that, so the estimators refuse strings once a model with one is loaded.
Creating a ``DMatrix`` or ``Pool`` from a file works as before.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

_ESTIMATORS = {"xgboost": ("xgboost.sklearn", "XGBModel"), "catboost": ("catboost.core", "CatBoost")}
"""Library -> the module of its estimators, and their base class."""
_METHODS = ("predict", "predict_proba", "apply", "score", "fit")
_WRAPPED = "_modelreg_refuses_texts"


def disallow_paths_as_data(modules: Iterable[str]) -> None:
    """Make estimators of the libraries in ``modules`` refuse a string or path as data, in this process.

    Imports these libraries.
    """
    for library in _ESTIMATORS.keys() & {module.partition(".")[0] for module in modules}:
        module, base = _ESTIMATORS[library]
        estimators = import_module(module)
        for cls in vars(estimators).values():
            if isinstance(cls, type) and issubclass(cls, getattr(estimators, base)):
                _wrap_methods(cls)


def _wrap_methods(cls: type) -> None:
    for name in _METHODS:
        method = vars(cls).get(name)
        if method is not None and not hasattr(method, _WRAPPED):
            setattr(cls, name, _disallow_path(method))


def _disallow_path(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def wrapper(self: object, *arguments: Any, **named: Any) -> Any:
        data = arguments[0] if arguments else named.get("X")
        if isinstance(data, str | os.PathLike):
            raise TypeError(f"{type(self).__name__} got a string as data, and would open it as a file")
        return method(self, *arguments, **named)

    setattr(wrapper, _WRAPPED, True)
    return wrapper
