"""`ModelInfo`: the result of logging a model."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelreg.mlflow.models.signature import ModelSignature


@dataclass(frozen=True)
class ModelInfo:
    """A logged model, and the version that it was registered as, if it was."""

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
    """``m-…``, for `modelreg.mlflow.get_logged_model` and ``models:/m-…``."""
    metadata: dict[str, object] | None = None
    flavors: dict[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the model within its run."""
        return self.artifact_path

    @property
    def signature_dict(self) -> dict[str, object] | None:
        """The signature as JSON texts."""
        return None if self.signature is None else self.signature.to_dict()

    @property
    def params(self) -> dict[str, str]:
        """The parameters of the model's run."""
        from modelreg.mlflow.fluent import get_run

        return get_run(self.run_id).data.params

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of the model's run."""
        from modelreg.mlflow.fluent import get_run

        return get_run(self.run_id).data.metrics
