"""Where MLflow has the codes of its errors."""
