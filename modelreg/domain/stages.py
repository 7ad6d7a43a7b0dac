"""The four stages of a model version, and the two sets of stage rules."""

from __future__ import annotations

from enum import StrEnum

from modelreg.errors import InvalidInput, UnknownStage, shown


class Stage(StrEnum):
    """The stage of a model version, named as in MLflow."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"

    @classmethod
    def parse(cls, text: str, is_not: str = "not a stage") -> Stage:
        """Parse a stage, ignoring case; raises `UnknownStage`, which says that other text is ``is_not``."""
        for stage in cls:
            if stage.value.lower() == text.lower():
                return stage
        raise UnknownStage(text, [stage.value for stage in cls], is_not)


RULES = "stages"
"""The setting that holds the rules of a registry, if they are not the strict ones."""


class StageRules(StrEnum):
    """The rules of a registry for stages, names and deletion; fixed when it is created."""

    STRICT = "strict"
    """One version in Production; plain names; versions in Staging, in Production or with an alias cannot be deleted."""
    MLFLOW = "mlflow"
    """As in MLflow: any number of versions in Production, nearly any name, anything may be deleted."""

    @classmethod
    def parse(cls, text: str) -> StageRules:
        """Parse the name of stage rules; raises `InvalidInput`."""
        for rules in cls:
            if rules.value == text.lower():
                return rules
        choices = " or ".join(rules.value for rules in cls)
        raise InvalidInput(
            f"{shown(text)} is not a set of stage rules", f"choose {choices}", code="unknown_stage_rules"
        )
