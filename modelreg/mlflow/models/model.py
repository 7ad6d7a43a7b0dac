"""What became of a model that was logged."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    """``m-…``, by which `modelreg.mlflow.get_logged_model` and ``models:/m-…`` find it."""
    metadata: dict[str, object] | None = None
    flavors: dict[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the run calls it."""
        return self.artifact_path

    @property
    def signature_dict(self) -> dict[str, object] | None:
        """The signature as plain values."""
        return None if self.signature is None else self.signature.to_dict()

    @property
    def params(self) -> dict[str, str]:
        """The parameters of its run."""
        from modelreg.mlflow.fluent import get_run

        return get_run(self.run_id).data.params

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of its run."""
        from modelreg.mlflow.fluent import get_run

        return get_run(self.run_id).data.metrics
