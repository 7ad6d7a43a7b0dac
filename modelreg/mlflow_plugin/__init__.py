"""Plugin for MLflow: its model registry store and artifact repository for ``modelreg://`` URIs.

MLflow loads the modules through entry points while it is itself being imported, so this module imports nothing.
"""
