"""MLflow's import path of its artifact repositories."""
