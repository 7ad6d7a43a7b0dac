"""MLflow's names for the stages of versions."""

from __future__ import annotations

from modelreg.domain.stages import Stage
from modelreg.mlflow.exceptions import translate_errors

STAGE_NONE = "None"
STAGE_STAGING = "Staging"
STAGE_PRODUCTION = "Production"
STAGE_ARCHIVED = "Archived"
ALL_STAGES = [STAGE_NONE, STAGE_STAGING, STAGE_PRODUCTION, STAGE_ARCHIVED]
DEFAULT_STAGES_FOR_GET_LATEST_VERSIONS = [STAGE_STAGING, STAGE_PRODUCTION]


@translate_errors
def get_canonical_stage(stage: str) -> str:
    """Normalise the case of a stage name; raises `MlflowException` for an unknown stage."""
    return Stage.parse(stage).value
