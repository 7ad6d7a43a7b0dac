"""Addresses of runs, as MLflow's documentation makes a version of one."""

from __future__ import annotations

from modelreg.domain.runs import RunReference
from modelreg.mlflow.exceptions import speaks_mlflow


class RunsArtifactRepository:
    """The files of runs."""

    @staticmethod
    @speaks_mlflow
    def get_underlying_uri(runs_uri: str, tracking_uri: str | None = None) -> str:
        """The address itself: ``create_model_version`` takes it as it is."""
        RunReference.parse(runs_uri)
        return runs_uri

    @staticmethod
    @speaks_mlflow
    def parse_runs_uri(run_uri: str) -> tuple[str, str]:
        """The run's id, and the path of what it names."""
        named = RunReference.parse(run_uri)
        return named.run_id, named.path
