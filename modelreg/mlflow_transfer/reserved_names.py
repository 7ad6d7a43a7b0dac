"""The tags and files by which exported and imported versions are recognised."""

from __future__ import annotations

OWN_PREFIX = "modelreg."
"""Prefix of the tags that modelreg sets in MLflow; they are not imported."""
DIGEST = "modelreg.digest"
"""The tag with the version's digest in the registry."""
NUMBER = "modelreg.version"
"""The tag with the version's number in the registry."""
PLACEHOLDER = "modelreg.placeholder"
"""The tag of a version that is created and deleted at once, to skip a number that was deleted in the registry."""
MANIFEST = "modelreg-manifest.json"
"""The artifact with the version's manifest, beside the model."""
PROMPT = "mlflow.prompt.is_prompt"
"""MLflow's tag for models that are prompts."""
MODEL = "model"
"""The artifact folder with the model's files."""

CREATED_AT = "mlflow.created_at"
CREATED_BY = "mlflow.created_by"
"""Tags of an imported version: when and by whom it was created in MLflow."""

PARAM_LENGTH = 6000
"""MLflow's maximum number of characters in a parameter; its client cuts longer ones (``mlflow.utils.validation``)."""
