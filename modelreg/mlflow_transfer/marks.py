"""What modelreg writes beside a version that it brings to MLflow, so that it is known again."""

from __future__ import annotations

OURS = "modelreg."
"""What the keys of tags of ours begin with; they are not imported."""
DIGEST = "modelreg.digest"
"""The tag with the version's digest here."""
NUMBER = "modelreg.version"
"""The tag with the version's number here."""
PLACEHOLDER = "modelreg.placeholder"
"""The tag of a version that is deleted at once: it stands for a number that was deleted here."""
MANIFEST = "modelreg-manifest.json"
"""The artifact beside the model that is the version's manifest."""
PROMPT = "mlflow.prompt.is_prompt"
"""MLflow's tag of a model that is a prompt."""
MODEL = "model"
"""The folder of artifacts that has the model's files."""

CREATED_AT = "mlflow.created_at"
CREATED_BY = "mlflow.created_by"
"""Tags of an imported version: when and by whom it was made in MLflow."""

PARAM_LENGTH = 6000
"""Characters of a parameter that MLflow keeps; its client cuts a longer one (``mlflow.utils.validation``)."""
