"""XGBoost and CatBoost take a text for the name of a file, also where one of their estimators is given a text as data.

What stands before an estimator in a pipeline may hand it any text: a function that ignores its data gives a constant of
the file's choice. No place of the model tells of that, so the estimators themselves refuse texts once a model with one
is loaded. Whoever makes a ``DMatrix`` or a ``Pool`` from a file does so as before.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

_ESTIMATORS = {"xgboost": ("xgboost.sklearn", "XGBModel"), "catboost": ("catboost.core", "CatBoost")}
"""Library -> the module of its estimators, and the class that they are derived from."""
_TAKE_DATA = ("predict", "predict_proba", "apply", "score", "fit")
_MARK = "_modelreg_refuses_texts"


def refuse_texts(modules: Iterable[str]) -> None:
    """Let the estimators of the libraries among ``modules`` refuse a text or path as data, in this process.

    Imports those libraries.
    """
    for library in _ESTIMATORS.keys() & {module.partition(".")[0] for module in modules}:
        module, base = _ESTIMATORS[library]
        estimators = import_module(module)
        for cls in vars(estimators).values():
            if isinstance(cls, type) and issubclass(cls, getattr(estimators, base)):
                _let_refuse(cls)


def _let_refuse(cls: type) -> None:
    for name in _TAKE_DATA:
        method = vars(cls).get(name)
        if method is not None and not hasattr(method, _MARK):
            setattr(cls, name, _refusing(method))


def _refusing(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def checked(self: object, *arguments: Any, **named: Any) -> Any:
        data = arguments[0] if arguments else named.get("X")
        if isinstance(data, str | os.PathLike):
            raise TypeError(f"a text is given to {type(self).__name__} as data, and would be the name of a file for it")
        return method(self, *arguments, **named)

    setattr(checked, _MARK, True)
    return checked
