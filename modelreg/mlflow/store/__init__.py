"""Where MLflow has what reads artifacts."""
