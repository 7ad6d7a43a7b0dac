"""XGBoost takes a text for the name of a file, also where one of its estimators is given a text as data.

What stands before an estimator in a pipeline may hand it any text: a function that ignores its data gives a constant of
the file's choice. No place of the model tells of that, so the estimators themselves refuse texts once a model with one
is loaded. Whoever makes a ``DMatrix`` from a file does so as before.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

_TAKE_DATA = ("predict", "predict_proba", "apply", "score", "fit")
_MARK = "_modelreg_refuses_texts"


def refuse_texts() -> None:
    """Let XGBoost's estimators refuse a text or path as data, in this process; imports XGBoost."""
    estimators = import_module("xgboost.sklearn")
    for cls in vars(estimators).values():
        if isinstance(cls, type) and issubclass(cls, estimators.XGBModel):
            for name in _TAKE_DATA:
                method = vars(cls).get(name)
                if method is not None and not hasattr(method, _MARK):
                    setattr(cls, name, _refusing(method))


def _refusing(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def checked(self: object, *arguments: Any, **named: Any) -> Any:
        data = arguments[0] if arguments else named.get("X")
        if isinstance(data, str | os.PathLike):
            raise TypeError("a text is given to XGBoost as data, and it would take that for the name of a file")
        return method(self, *arguments, **named)

    setattr(checked, _MARK, True)
    return checked
