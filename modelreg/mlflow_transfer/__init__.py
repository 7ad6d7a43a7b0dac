"""Import registered models from MLflow into a registry, and export them to MLflow.

MLflow's own client reads and writes MLflow's data, so MLflow must be installed: the extra ``modelreg[mlflow]``.
"""
