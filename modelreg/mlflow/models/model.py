"""What became of a model that was logged."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.mlflow.models.signature import ModelSignature


@dataclass(frozen=True)
class ModelInfo:
    """A model of a run, and the version that it became, if it did."""

    artifact_path: str
    run_id: str
    model_uri: str
    """``runs:/RUN/PATH``."""
    model_uuid: str
    """The digest of its manifest."""
    utc_time_created: str
    signature: ModelSignature | None
    registered_model_version: int | None = None
    model_id: str | None = None
    """None: a model is named by its run and its path."""

    @property
    def name(self) -> str:
        """What the run calls it."""
        return self.artifact_path
