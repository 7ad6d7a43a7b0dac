"""What an import changes: decided from what MLflow says now, and what it said when it was asked last.

What changed there since is changed here; whatever else was changed here stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from modelreg.domain.references import parse_alias, require_plain_alias
from modelreg.domain.stages import Stage, StageRules
from modelreg.domain.statements import checked_metrics, checked_params, checked_tags, checked_text
from modelreg.errors import InvalidInput, shown
from modelreg.mlflow_transfer.marks import CREATED_AT, CREATED_BY, OURS, PARAM_LENGTH
from modelreg.mlflow_transfer.source import MLflowModel, MLflowRun, MLflowVersion


@dataclass(frozen=True, slots=True)
class UpstreamState:
    """What MLflow says of a model or version that may change, as far as it can be kept here."""

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    stage: Stage = Stage.NONE
    aliases: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> UpstreamState:
        """What `as_json` wrote."""
        return cls(values["description"], values["tags"], Stage(values["stage"]), tuple(values["aliases"]))


@dataclass(frozen=True, slots=True)
class UpstreamChanges:
    """What has to be changed of a model or version."""

    description: str | None
    """None leaves it."""
    tags: Mapping[str, str]
    removed_tags: tuple[str, ...]
    stage: Stage | None
    """None leaves it."""
    aliases: tuple[str, ...]
    removed_aliases: tuple[str, ...]

    @classmethod
    def between(cls, before: UpstreamState, now: UpstreamState) -> UpstreamChanges:
        """From what MLflow said to what it says."""
        return cls(
            description=None if now.description == before.description else now.description,
            tags={key: value for key, value in now.tags.items() if before.tags.get(key) != value},
            removed_tags=tuple(key for key in before.tags if key not in now.tags),
            stage=None if now.stage is before.stage else now.stage,
            aliases=tuple(alias for alias in now.aliases if alias not in before.aliases),
            removed_aliases=tuple(alias for alias in before.aliases if alias not in now.aliases),
        )

    def __bool__(self) -> bool:
        """Whether anything has to be changed."""
        changes = self.tags, self.removed_tags, self.aliases, self.removed_aliases
        return any(changes) or self.description is not None or self.stage is not None


def build_model_state(model: MLflowModel) -> tuple[UpstreamState, list[str]]:
    """What MLflow says of a model, and sentences about what of it cannot be kept."""
    notes: list[str] = []
    return UpstreamState(_description(model.description, notes), _tags(model.tags, notes)), notes


def build_version_state(
    version: MLflowVersion, model: MLflowModel, stage: Stage, rules: StageRules
) -> tuple[UpstreamState, list[str]]:
    """What MLflow says of a version of ``model`` that goes into ``stage``, and sentences about what cannot be kept."""
    notes: list[str] = []
    tags = _tags(version.tags, notes)
    own = _without_other_case(version, model, notes)
    aliases = _keep_valid(own, "alias", partial(_alias, rules), notes)
    return UpstreamState(_description(version.description, notes), tags, stage, tuple(aliases)), notes


def filter_run_facts(run: MLflowRun) -> tuple[dict[str, float], dict[str, str], list[str]]:
    """The metrics and parameters that can be kept, and sentences about the others."""
    notes = ["its run is gone from MLflow, and with it metrics and parameters"] if run.is_gone else []
    metrics = _keep_valid_pairs(run.metrics, "metric", checked_metrics, notes)
    params = _keep_valid_pairs(run.params, "parameter", checked_params, notes)
    notes += [
        f"parameter {shown(key)} has {PARAM_LENGTH:,} characters, MLflow's limit: it may have been cut there"
        for key, value in params.items()
        if len(value) == PARAM_LENGTH
    ]
    return metrics, params, notes


def build_creation_tags(version: MLflowVersion, run: MLflowRun, notes: list[str]) -> dict[str, str]:
    """When and by whom the version was made in MLflow; what cannot be kept of that goes to ``notes``."""
    tags = {CREATED_AT: version.created_at, CREATED_BY: version.created_by or run.user}
    return _tags({key: value for key, value in tags.items() if value}, notes)


def plan_stages(versions: Sequence[MLflowVersion], rules: StageRules) -> dict[int, tuple[Stage, str | None]]:
    """The stage in which each version goes here, and a sentence where it is not that of MLflow.

    MLflow lets any number of versions be in Production, and a registry one, the newest, unless it has MLflow's rules.
    """
    stages = {version.number: Stage.parse(version.stage) for version in versions}
    in_production = [number for number, stage in stages.items() if stage is Stage.PRODUCTION]
    chosen = max(in_production, default=None)
    return {
        number: (stage, None)
        if rules is StageRules.MLFLOW or stage is not Stage.PRODUCTION or number == chosen
        else (Stage.ARCHIVED, f"is in Production in MLflow, as is version {chosen}, which is newer: archived here")
        for number, stage in stages.items()
    }


def _description(text: str, notes: list[str]) -> str:
    try:
        return checked_text(text, "the description")
    except InvalidInput as error:
        notes.append(f"left out: {error.message}")
        return ""


def _tags(tags: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    theirs = {key: value for key, value in tags.items() if not key.startswith(OURS)}
    return _keep_valid_pairs(theirs, "tag", checked_tags, notes)


def _keep_valid_pairs(pairs: Mapping[str, Any], kind: str, check: Any, notes: list[str]) -> dict[str, Any]:
    """Those of the pairs that can be kept here."""
    found: dict[str, Any] = {}
    for key, value in pairs.items():
        try:
            found |= check({key: value})
        except InvalidInput as error:
            notes.append(f"{kind} {shown(key)} is left out: {error.message}")
    return found


def _without_other_case(version: MLflowVersion, model: MLflowModel, notes: list[str]) -> list[str]:
    """The aliases that mean this version whatever their case: of several that differ in case, the highest version's."""
    holders: dict[str, tuple[int, str]] = {}
    for each in model.versions:
        for alias in each.aliases:
            holders[alias.lower()] = max(holders.get(alias.lower(), (0, "")), (each.number, alias))
    kept = []
    for alias in version.aliases:
        number, chosen = holders[alias.lower()]
        if alias == chosen:
            kept.append(alias)
        else:
            notes.append(
                f"alias {shown(alias)} is left out: it differs in case only from {shown(chosen)} of version {number}"
            )
    return kept


def _alias(rules: StageRules, text: str) -> str:
    if rules is StageRules.STRICT:
        require_plain_alias(text)
    return parse_alias(text)


def _keep_valid(texts: Iterable[str], kind: str, check: Any, notes: list[str]) -> list[str]:
    found = []
    for text in texts:
        try:
            found.append(check(text))
        except InvalidInput as error:
            notes.append(f"{kind} {shown(text)} is left out: {error.message}")
    return found
