"""MLflow's import path of its error codes."""
