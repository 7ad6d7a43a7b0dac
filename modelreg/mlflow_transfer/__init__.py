"""Models on their way from MLflow into a registry, and from a registry to MLflow.

MLflow's own client reads and writes there, so MLflow has to be installed: the extra ``modelreg[mlflow]``.
"""
