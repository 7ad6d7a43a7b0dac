"""MLflow itself on a registry of modelreg: a store for its registry, found by the scheme ``modelreg``.

The only package that imports MLflow, which is not needed for anything else. MLflow imports it by an entry point.
"""

from __future__ import annotations

from modelreg.mlflow_store.store import RegistryStore

__all__ = ["RegistryStore"]
