"""The four stages of a model version, and the rules by which versions are in them."""

from __future__ import annotations

from enum import StrEnum

from modelreg.errors import UnknownStage, UnknownStageRules


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


RULES = "stages"
"""The setting that says by which rules a registry was made, where those are not the strict ones."""


class StageRules(StrEnum):
    """What a registry keeps of stages, names and deletion; chosen for good when it is made."""

    STRICT = "strict"
    """One version of a model in Production; plain names; nothing is deleted on which somebody relies."""
    MLFLOW = "mlflow"
    """As MLflow has it: any number in Production, nearly any name, and anything may be deleted."""

    @classmethod
    def parse(cls, text: str) -> StageRules:
        """The rules that ``text`` names; raises `UnknownStageRules`."""
        for rules in cls:
            if rules.value == text.lower():
                return rules
        raise UnknownStageRules(text, [rules.value for rules in cls])
