"""What the installed libraries say of their classes: run in an environment of each supported release.

``python scripts/policy/describe.py OUT.json`` imports nothing of modelreg. For each class it writes the classes that it
is derived from, the attributes that its source assigns, the names that it has as methods and properties, and the kinds
that scikit-learn's ``_parameter_constraints`` admit for its parameters.
"""

from __future__ import annotations

import ast
import inspect
import json
import pkgutil
import sys
import textwrap
import warnings
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

PACKAGES = (
    "sklearn",
    "xgboost.sklearn",
    "xgboost.core",
    "lightgbm.sklearn",
    "lightgbm.basic",
    "catboost.core",
    "catboost",
)
WITHOUT = frozenset({"datasets", "externals", "tests", "conftest", "_build_utils", "_testing", "_mocking", "setup"})
FUNCTIONS = ["function", "functools.partial", "operator.itemgetter"]


def main(out: str) -> None:
    """Write the descriptions of all classes."""
    warnings.simplefilter("ignore")
    found = {dotted(cls): described(cls) for cls in classes()}
    with open(out, "w") as file:
        json.dump(found, file, indent=1, sort_keys=True)
    print(f"{len(found)} classes")


def classes() -> Iterator[type]:
    """The classes of the libraries, and those that they are derived from."""
    seen = set()
    for module in modules():
        for cls in list(vars(module).values()):
            if inspect.isclass(cls) and cls.__module__ == module.__name__:
                for each in cls.__mro__:
                    if each not in seen and each is not object:
                        seen.add(each)
                        yield each


def modules() -> Iterator[ModuleType]:
    """All modules of the libraries that can be imported."""
    for package in PACKAGES:
        try:
            root = import_module(package)
        except Exception:
            continue
        yield root
        for found in pkgutil.walk_packages(getattr(root, "__path__", []), f"{package}.", onerror=lambda name: None):
            if package == "sklearn" and not set(found.name.split(".")) & WITHOUT:
                try:
                    yield import_module(found.name)
                except Exception:
                    continue


def described(cls: type) -> dict[str, Any]:
    """One class."""
    constraints = getattr(cls, "_parameter_constraints", None)
    return {
        "bases": [dotted(each) for each in cls.__mro__[1:-1]],
        "assigned": sorted(used_of_self(cls, ast.Store)),
        "read": sorted(used_of_self(cls, ast.Load)),
        "methods": sorted(name for name in dir(cls) if is_method(cls, name)),
        "parameters": {name: admitted(each) for name, each in constraints.items()}
        if isinstance(constraints, dict)
        else {},
        "has_state_of_its_own": "__setstate__" in dir(cls) and not is_base_estimators(cls),
    }


def is_base_estimators(cls: type) -> bool:
    """Whether the state of an object becomes its attributes."""
    owner = next(each for each in cls.__mro__ if "__setstate__" in vars(each))
    return dotted(owner) == "sklearn.base.BaseEstimator"


def is_method(cls: type, name: str) -> bool:
    """Whether an instance has this name from its class, as a function or a property."""
    found = inspect.getattr_static(cls, name)
    return callable(found) or hasattr(type(found), "__get__")


def used_of_self(cls: type, how: type[ast.expr_context]) -> set[str]:
    """The attributes of ``self`` that the class's own source assigns or reads."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return set()
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, how)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def admitted(constraints: Any) -> list[Any]:
    """The kinds of a parameter's values, as `modelreg.analysis.kinds` writes them."""
    found: list[Any] = []
    for constraint in constraints if isinstance(constraints, list) else [constraints]:
        found += one(constraint)
    return found


def one(constraint: Any) -> list[Any]:
    """The kinds of one alternative."""
    name = type(constraint).__name__
    if name == "Hidden":
        return one(constraint.constraint)
    if name in ("StrOptions", "Options"):
        return [f"'{option}'" for option in constraint.options if isinstance(option, str)]
    if name == "HasMethods":
        return ["estimator"]
    if constraint is callable:
        return FUNCTIONS
    if isinstance(constraint, str):
        return BY_NAME.get(constraint, [])
    if inspect.isclass(constraint):
        return BY_CLASS.get(constraint.__name__, [] if constraint.__module__ == "builtins" else [dotted(constraint)])
    return []


BY_NAME = {
    "array-like": ["numbers", "labels"],
    "sparse matrix": ["sparse"],
    "random_state": ["random"],
    "cv_object": ["splitter", "numbers"],
    "missing_values": ["text"],
    "nan": [],
}
BY_CLASS = {
    "str": ["text"],
    "list": ["numbers", "labels"],
    "tuple": ["numbers", "labels"],
    "ndarray": ["numbers", "labels"],
    "dict": [{"keys": ["text", "labels"], "values": ["numbers", "labels"]}],
    "set": ["numbers", "labels"],
    "frozenset": ["numbers", "labels"],
    "BaseEstimator": ["estimator"],
    "Kernel": ["kernel"],
    "BaseCrossValidator": ["splitter"],
    "BaseLoss": ["loss"],
    "Integral": [],
    "Real": [],
}


def dotted(cls: type) -> str:
    """``module.Class``."""
    return f"{cls.__module__}.{cls.__qualname__}"


if __name__ == "__main__":
    main(sys.argv[1])
