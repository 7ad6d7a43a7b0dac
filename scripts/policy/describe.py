"""Describe the classes of the installed libraries; run this in an environment of each supported release.

``python scripts/policy/describe.py OUT.json`` imports nothing from modelreg. For each class it writes the base classes,
the attributes that the source assigns or reads, the names of methods and properties, and the kinds of values that
scikit-learn's ``_parameter_constraints`` allow.
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
EXCLUDED = frozenset({"datasets", "externals", "tests", "conftest", "_build_utils", "_testing", "_mocking", "setup"})
FUNCTIONS = ["function", "functools.partial", "operator.itemgetter"]


def main(out: str) -> None:
    """Write the descriptions of all classes."""
    warnings.simplefilter("ignore")
    descriptions = {dotted(cls): describe_class(cls) for cls in iter_classes()}
    with open(out, "w") as file:
        json.dump(descriptions, file, indent=1, sort_keys=True)
    print(f"{len(descriptions)} classes")


def iter_classes() -> Iterator[type]:
    """Yield the classes of the libraries and their base classes, each once."""
    seen = set()
    for module in import_modules():
        for cls in list(vars(module).values()):
            if inspect.isclass(cls) and cls.__module__ == module.__name__:
                for base in cls.__mro__:
                    if base not in seen and base is not object:
                        seen.add(base)
                        yield base


def import_modules() -> Iterator[ModuleType]:
    """Import and yield all importable modules of the libraries."""
    for package in PACKAGES:
        try:
            root = import_module(package)
        except Exception:
            continue
        yield root
        for module in pkgutil.walk_packages(getattr(root, "__path__", []), f"{package}.", onerror=lambda name: None):
            if package == "sklearn" and not set(module.name.split(".")) & EXCLUDED:
                try:
                    yield import_module(module.name)
                except Exception:
                    continue


def describe_class(cls: type) -> dict[str, Any]:
    """Describe one class."""
    constraints = getattr(cls, "_parameter_constraints", None)
    return {
        "bases": [dotted(base) for base in cls.__mro__[1:-1]],
        "assigned": sorted(self_attributes(cls, ast.Store)),
        "read": sorted(self_attributes(cls, ast.Load)),
        "methods": sorted(name for name in dir(cls) if is_method(cls, name)),
        "parameters": {name: parse_constraints(constraint) for name, constraint in constraints.items()}
        if isinstance(constraints, dict)
        else {},
        "has_state_of_its_own": "__setstate__" in dir(cls) and not has_default_state(cls),
    }


def has_default_state(cls: type) -> bool:
    """Whether ``__setstate__`` is that of ``BaseEstimator``, which sets the state as attributes."""
    owner = next(base for base in cls.__mro__ if "__setstate__" in vars(base))
    return dotted(owner) == "sklearn.base.BaseEstimator"


def is_method(cls: type, name: str) -> bool:
    """Whether the class defines this name as a method or property."""
    member = inspect.getattr_static(cls, name)
    return callable(member) or hasattr(type(member), "__get__")


def self_attributes(cls: type, usage: type[ast.expr_context]) -> set[str]:
    """The attributes of ``self`` that the source of the class itself assigns or reads."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return set()
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, usage)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def parse_constraints(constraints: Any) -> list[Any]:
    """The kinds that the constraints of a parameter allow, as described in `modelreg.analysis.kinds`."""
    alternatives = constraints if isinstance(constraints, list) else [constraints]
    return [kind for constraint in alternatives for kind in parse_constraint(constraint)]


def parse_constraint(constraint: Any) -> list[Any]:
    """The kinds that one alternative of a constraint allows."""
    name = type(constraint).__name__
    if name == "Hidden":
        return parse_constraint(constraint.constraint)
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
    """The dotted name ``module.Class``."""
    return f"{cls.__module__}.{cls.__qualname__}"


if __name__ == "__main__":
    main(sys.argv[1])
