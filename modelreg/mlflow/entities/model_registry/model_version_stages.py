"""The stages of versions."""

from __future__ import annotations

from modelreg.domain.stages import Stage
from modelreg.mlflow.exceptions import speaks_mlflow

STAGE_NONE = "None"
STAGE_STAGING = "Staging"
STAGE_PRODUCTION = "Production"
STAGE_ARCHIVED = "Archived"
ALL_STAGES = [STAGE_NONE, STAGE_STAGING, STAGE_PRODUCTION, STAGE_ARCHIVED]
DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS = [STAGE_STAGING, STAGE_PRODUCTION]


@speaks_mlflow
def get_canonical_stage(stage: str) -> str:
    """The stage of this name in any case, as it is written; raises `MlflowException`."""
    return Stage.parse(stage).value
