"""The four stages of a model version."""

from __future__ import annotations

from enum import StrEnum

from modelreg.errors import UnknownStage


class Stage(StrEnum):
    """Where a model version stands in its life, in MLflow's words."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"

    @classmethod
    def parse(cls, text: str) -> Stage:
        """The stage that ``text`` names, in any case; raises `UnknownStage`."""
        for stage in cls:
            if stage.value.lower() == text.lower():
                return stage
        raise UnknownStage(text, [stage.value for stage in cls])
