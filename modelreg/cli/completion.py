"""What the shell completes: names, versions, stages and aliases, from the catalog."""

from __future__ import annotations

import typer

from modelreg.cli.application import registry
from modelreg.domain.references import LATEST
from modelreg.domain.stages import Stage
from modelreg.errors import ModelregError
from modelreg.registry import Registry


def complete_names(context: typer.Context, incomplete: str) -> list[str]:
    """The names of models."""
    try:
        return [model.name for model in _registry(context).models(f"{incomplete}*")]
    except ModelregError:  # whoever presses TAB without a registry wants no message
        return []


def complete_references(context: typer.Context, incomplete: str) -> list[str]:
    """Names up to the slash, and after it versions, stages and ``latest``; after ``@`` the aliases."""
    for separator in "/@":
        name, found, _ = incomplete.partition(separator)
        if found:
            return [f"{name}{separator}{choice}" for choice in _choices(context, name, separator)]
    return [f"{name}/" for name in complete_names(context, incomplete)]


def complete_subjects(context: typer.Context, incomplete: str) -> list[str]:
    """Names of models, and references once there is a slash or ``@``."""
    if "/" in incomplete or "@" in incomplete:
        return complete_references(context, incomplete)
    return complete_names(context, incomplete)


def complete_versions_or_stages(context: typer.Context, incomplete: str) -> list[str]:
    """The second word of ``transition``: a stage after a reference, a version after a name."""
    target = str(context.params.get("target", ""))
    if "/" in target or "@" in target:
        return complete_stages(context, incomplete)
    return _choices(context, target, "/")


def complete_stages(context: typer.Context, incomplete: str) -> list[str]:
    """The four stages."""
    return [stage.value for stage in Stage if stage.value.lower().startswith(incomplete.lower())]


def _choices(context: typer.Context, name: str, separator: str) -> list[str]:
    try:
        if separator == "@":
            return list(_registry(context).model(name).aliases)
        versions = _registry(context).versions(name)
    except ModelregError:
        return []
    stages = [stage for stage in Stage if any(version.stage is stage for version in versions)]
    return [*(str(version.version) for version in versions), *stages, LATEST]


def _registry(context: typer.Context) -> Registry:
    return Registry() if context.find_root().obj is None else registry(context)
