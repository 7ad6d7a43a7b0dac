"""Hints of errors in the calls of MLflow's client, whose users do not work on the command line."""

from __future__ import annotations

import re

from modelreg import errors

_REGISTRY = "modelreg.Registry()"
_CALLS = (
    (r"registry\.transition\('(.+)/(\d+)', '(\w+)'\)", r"client.transition_model_version_stage('\1', '\2', '\3')"),
    (r"registry\.remove_alias\(", r"client.delete_registered_model_alias("),
    (r"registry\.models\(\) lists", r"search_registered_models() lists"),
    (r"allow it once with trust=", rf"allow it once with {_REGISTRY}.load(reference, trust="),
    (r"message='why'$", r"message='why')"),
    (r"\bregistry\.", rf"{_REGISTRY}."),
)
"""Pattern of a Python hint -> the call of MLflow's client or of `Registry`."""


def translate_hint(error: errors.ModelregError) -> str | None:
    """The hint of ``error`` in calls; None if it has none."""
    match error:
        case errors.ProductionOccupied():
            name, _, occupant = error.reference.rpartition("/")
            move = f"client.transition_model_version_stage({name!r}, {occupant!r}, 'Archived')"
            return f"archive_existing_versions=True archives version {occupant}; or move it first: {move}"
        case errors.InvalidInput(code="invalid_metric"):
            return "a metric is a number"
        case errors.UnusableFolder():
            return "pass an empty or new folder to set_tracking_uri()"
        case errors.RegistryNotFound():
            return "choose another folder with set_tracking_uri()"
        case errors.LockTimeout():
            return "try again"
        case errors.ModelregError(code="stage_empty" | "stage_changed" | "model_exists" | "model_in_use"):
            return "search_model_versions() lists the versions"
    hint = error.python_hint
    if hint is not None:
        for pattern, replacement in _CALLS:
            hint = re.sub(pattern, replacement, hint)
    return hint


def translate_note(text: str) -> str:
    """A note of a registration with a call instead of the command that allows loading."""
    text = re.sub(r"loading it requires --trust full", f"loading it requires {_REGISTRY}.load(…, trust='full')", text)
    return re.sub(
        r"modelreg trust add (\S+(?: \S+)*)",
        lambda match: f"{_REGISTRY}.trust({', '.join(map(repr, match[1].split()))})",
        text,
    )
