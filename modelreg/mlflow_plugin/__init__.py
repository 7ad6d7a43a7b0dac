"""MLflow itself on a registry of modelreg: a store for its registry and one for artifacts, by the scheme ``modelreg``.

MLflow imports the modules by entry points, while it is imported itself, so nothing is imported here.
"""
