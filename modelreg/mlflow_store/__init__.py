"""MLflow itself on a registry of modelreg: a store for its registry and one for artifacts, by the scheme ``modelreg``.

The only package that imports MLflow, which is not needed for anything else. MLflow imports its modules by entry points
while it is imported itself, so nothing is imported here.
"""
