"""Decide what an import changes, by comparing MLflow's current state with its state at the last import.

Changes in MLflow since then are applied; all other changes in the registry are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from modelreg.domain.references import check_plain_alias, parse_alias
from modelreg.domain.stages import Stage, StageRules
from modelreg.domain.validation import parse_metrics, parse_params, parse_tags, parse_text
from modelreg.errors import InvalidInput, shown
from modelreg.mlflow_transfer.mlflow_reader import MLflowModel, MLflowRun, MLflowVersion
from modelreg.mlflow_transfer.reserved_names import CREATED_AT, CREATED_BY, OWN_PREFIX, PARAM_LENGTH


@dataclass(frozen=True, slots=True)
class UpstreamState:
    """The mutable data of a model or version in MLflow, as far as the registry can store it."""

    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    stage: Stage = Stage.NONE
    aliases: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The state as the journal stores it."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> UpstreamState:
        """Parse the output of `as_json`."""
        return cls(values["description"], values["tags"], Stage(values["stage"]), tuple(values["aliases"]))


@dataclass(frozen=True, slots=True)
class UpstreamChanges:
    """The changes to apply to a model or version in the registry."""

    description: str | None
    """None: unchanged."""
    tags: Mapping[str, str]
    removed_tags: tuple[str, ...]
    stage: Stage | None
    """None: unchanged."""
    aliases: tuple[str, ...]
    removed_aliases: tuple[str, ...]

    @classmethod
    def between(cls, before: UpstreamState, now: UpstreamState) -> UpstreamChanges:
        """The changes from one state in MLflow to a later one."""
        return cls(
            description=None if now.description == before.description else now.description,
            tags={key: value for key, value in now.tags.items() if before.tags.get(key) != value},
            removed_tags=tuple(key for key in before.tags if key not in now.tags),
            stage=None if now.stage is before.stage else now.stage,
            aliases=tuple(alias for alias in now.aliases if alias not in before.aliases),
            removed_aliases=tuple(alias for alias in before.aliases if alias not in now.aliases),
        )

    def __bool__(self) -> bool:
        """Whether there is any change."""
        changes = self.tags, self.removed_tags, self.aliases, self.removed_aliases
        return any(changes) or self.description is not None or self.stage is not None


def build_model_state(model: MLflowModel) -> tuple[UpstreamState, list[str]]:
    """The state of a model in MLflow, and notes about what cannot be stored."""
    notes: list[str] = []
    return UpstreamState(_parse_description(model.description, notes), _parse_tags(model.tags, notes)), notes


def build_version_state(
    version: MLflowVersion, model: MLflowModel, stage: Stage, rules: StageRules
) -> tuple[UpstreamState, list[str]]:
    """The state of a version of ``model`` that gets ``stage``, and notes about what cannot be stored."""
    notes: list[str] = []
    tags = _parse_tags(version.tags, notes)
    candidates = _select_aliases(version, model, notes)
    aliases = _select_valid(candidates, "alias", partial(_parse_alias, rules), notes)
    return UpstreamState(_parse_description(version.description, notes), tags, stage, tuple(aliases)), notes


def filter_run_facts(run: MLflowRun) -> tuple[dict[str, float], dict[str, str], list[str]]:
    """The metrics and parameters that the registry can store, and notes about the others."""
    notes = ["its run was deleted in MLflow, including metrics and parameters"] if run.is_gone else []
    metrics = _select_valid_pairs(run.metrics, "metric", parse_metrics, notes)
    params = _select_valid_pairs(run.params, "parameter", parse_params, notes)
    notes += [
        f"parameter {shown(key)} has {PARAM_LENGTH:,} characters, MLflow's limit: MLflow may have cut it"
        for key, value in params.items()
        if len(value) == PARAM_LENGTH
    ]
    return metrics, params, notes


def build_creation_tags(version: MLflowVersion, run: MLflowRun, notes: list[str]) -> dict[str, str]:
    """Tags with the time and user of the version's creation in MLflow; adds a note for what cannot be stored."""
    tags = {CREATED_AT: version.created_at, CREATED_BY: version.created_by or run.user}
    return _parse_tags({key: value for key, value in tags.items() if value}, notes)


def plan_stages(versions: Sequence[MLflowVersion], rules: StageRules) -> dict[int, tuple[Stage, str | None]]:
    """Choose the stage of each version in the registry, with a note if it differs from MLflow's stage.

    MLflow allows any number of versions in Production. With strict rules only the newest of them gets Production.
    """
    stages = {version.number: Stage.parse(version.stage) for version in versions}
    in_production = [number for number, stage in stages.items() if stage is Stage.PRODUCTION]
    newest = max(in_production, default=None)
    return {
        number: (stage, None)
        if rules is StageRules.MLFLOW or stage is not Stage.PRODUCTION or number == newest
        else (Stage.ARCHIVED, f"archived: MLflow has it in Production together with the newer version {newest}")
        for number, stage in stages.items()
    }


def _parse_description(text: str, notes: list[str]) -> str:
    try:
        return parse_text(text, "the description")
    except InvalidInput as error:
        notes.append(f"left out: {error.message}")
        return ""


def _parse_tags(tags: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    foreign_tags = {key: value for key, value in tags.items() if not key.startswith(OWN_PREFIX)}
    return _select_valid_pairs(foreign_tags, "tag", parse_tags, notes)


def _select_valid_pairs(pairs: Mapping[str, Any], kind: str, check: Any, notes: list[str]) -> dict[str, Any]:
    """The pairs that pass ``check``; adds a note for each of the others."""
    valid: dict[str, Any] = {}
    for key, value in pairs.items():
        try:
            valid |= check({key: value})
        except InvalidInput as error:
            notes.append(f"{kind} {shown(key)} is left out: {error.message}")
    return valid


def _select_aliases(version: MLflowVersion, model: MLflowModel, notes: list[str]) -> list[str]:
    """The aliases of this version; of aliases that differ in case only, the highest version keeps one."""
    holders: dict[str, tuple[int, str]] = {}
    for other in model.versions:
        for alias in other.aliases:
            holders[alias.lower()] = max(holders.get(alias.lower(), (0, "")), (other.number, alias))
    selected = []
    for alias in version.aliases:
        number, winner = holders[alias.lower()]
        if alias == winner:
            selected.append(alias)
        else:
            notes.append(
                f"alias {shown(alias)} is left out: it differs only in case from {shown(winner)} of version {number}"
            )
    return selected


def _parse_alias(rules: StageRules, text: str) -> str:
    if rules is StageRules.STRICT:
        check_plain_alias(text)
    return parse_alias(text)


def _select_valid(texts: Iterable[str], kind: str, check: Any, notes: list[str]) -> list[str]:
    valid = []
    for text in texts:
        try:
            valid.append(check(text))
        except InvalidInput as error:
            notes.append(f"{kind} {shown(text)} is left out: {error.message}")
    return valid
