"""Shell completion of model names, versions, stages and aliases, from the catalog."""

from __future__ import annotations

import typer

from modelreg.cli.application import registry
from modelreg.domain.references import LATEST
from modelreg.domain.stages import Stage
from modelreg.errors import ModelregError
from modelreg.registry import Registry


def complete_names(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a model."""
    try:
        return [model.name for model in _open_registry(context).models(f"{incomplete}*")]
    except ModelregError:  # completion prints no errors
        return []


def complete_references(context: typer.Context, incomplete: str) -> list[str]:
    """Complete a reference: the name, then a version, stage or ``latest`` after ``/``, or an alias after ``@``."""
    for separator in "/@":
        if separator in incomplete:
            name = incomplete.partition(separator)[0]
            return [f"{name}{separator}{selector}" for selector in _list_selectors(context, name, separator)]
    return [f"{name}/" for name in complete_names(context, incomplete)]


def complete_subjects(context: typer.Context, incomplete: str) -> list[str]:
    """Complete a model name, or a reference if the text has ``/`` or ``@``."""
    if "/" in incomplete or "@" in incomplete:
        return complete_references(context, incomplete)
    return complete_names(context, incomplete)


def complete_versions_or_stages(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the second argument of ``transition``: a stage after a reference, a version after a name."""
    target = str(context.params.get("target", ""))
    if "/" in target or "@" in target:
        return complete_stages(context, incomplete)
    return _list_selectors(context, target, "/")


def complete_stages(context: typer.Context, incomplete: str) -> list[str]:
    """Complete a stage."""
    return [stage.value for stage in Stage if stage.value.lower().startswith(incomplete.lower())]


def _list_selectors(context: typer.Context, name: str, separator: str) -> list[str]:
    """The texts that can follow ``name`` and ``separator`` in a reference."""
    try:
        if separator == "@":
            return list(_open_registry(context).model(name).aliases)
        versions = _open_registry(context).versions(name)
    except ModelregError:
        return []
    stages = [stage for stage in Stage if any(version.stage is stage for version in versions)]
    return [*(str(version.version) for version in versions), *stages, LATEST]


def _open_registry(context: typer.Context) -> Registry:
    return Registry() if context.find_root().obj is None else registry(context)
