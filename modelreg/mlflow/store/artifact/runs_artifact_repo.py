"""`RunsArtifactRepository`, with which MLflow's documentation registers a version from a run."""

from __future__ import annotations

from modelreg.domain.runs import RunReference
from modelreg.mlflow.exceptions import translate_errors


class RunsArtifactRepository:
    """Parser of ``runs:/`` URIs."""

    @staticmethod
    @translate_errors
    def get_underlying_uri(runs_uri: str, tracking_uri: str | None = None) -> str:
        """Return the URI unchanged: ``create_model_version`` accepts it."""
        RunReference.parse(runs_uri)
        return runs_uri

    @staticmethod
    @translate_errors
    def parse_runs_uri(run_uri: str) -> tuple[str, str]:
        """The run's id, and the path within the run."""
        reference = RunReference.parse(run_uri)
        return reference.run_id, reference.path
