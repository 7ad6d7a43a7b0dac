"""Hints of errors as Python calls: users of MLflow's client do not work on the command line."""

from __future__ import annotations

import re
from functools import partial

from modelreg import errors

_TRANSLATIONS: tuple[tuple[str, str], ...] = (
    (r"modelreg trust add ([^;\s]+(?: [^;\s]+)*)", r"modelreg.Registry().trust({names})"),
    (r"modelreg transition '?(.+?)/(\d+)'? (\w+)", r"client.transition_model_version_stage('{1}', '{2}', '{3}')"),
    (r"modelreg alias '?([^'@]+)@([^'\s]+)'? --remove", r"client.delete_registered_model_alias('{1}', '{2}')"),
    (r"modelreg gate check '?(.+?/\d+)'? (\w+)", r"modelreg.Registry().check_gates('{1}', '{2}') lists them"),
    (
        r"modelreg evaluate '?(.+?/\d+)'? --data .*",
        r"modelreg.Registry().evaluate('{1}', data, target, production=True)",
    ),
    (r"'modelreg list' shows the models", r"search_registered_models() lists the models"),
    (r"(?:delete them first: )?modelreg versions .*", r"search_model_versions() lists the versions"),
    (r"modelreg show .*", r"search_model_versions() lists the versions"),
    (r"use --name '?([^']+)'?", r"use the name '{1}'"),
    (r"allow it once with --trust full --message WHY", r"{full}"),
    (r"loading it requires --trust full", r"another process loads it with {full}"),
    (
        r"to register it anyway, say why: --allow-unsafe WHY",
        r"modelreg.Registry().register(..., allow_unsafe='why') keeps it",
    ),
    (r"try again, or wait longer with --lock-timeout SECONDS", r"try again"),
    (r"[^;]*--registry[^;]*", r"choose another folder with set_tracking_uri()"),
)
"""Pattern of a command-line hint -> the Python equivalent; ``{full}`` is `_FULL_TRUST`."""
_FULL_TRUST = "modelreg.Registry().load(reference, trust='full', message='why')"
_FLAG = re.compile(r"(?:^|[\s'(])--[a-z]")


def get_advice(error: errors.ModelregError) -> str | None:
    """The hint of ``error`` as a Python call; None if there is no hint that works without the command line."""
    match error:
        case errors.ProductionOccupied():
            name, _, occupant = error.reference.rpartition("/")
            move = f"client.transition_model_version_stage({name!r}, {occupant!r}, 'Archived')"
            return f"archive_existing_versions=True archives version {occupant}; or move it first: {move}"
        case errors.InvalidMetric():
            return "a metric is a number"
        case errors.UnusableFolder():
            return "pass an empty or new folder to set_tracking_uri()"
        case _:
            return None if error.hint is None else translate_hint(error.hint)


def translate_hint(text: str) -> str | None:
    """Replace commands in a hint by Python calls; parts that still contain a command-line option are dropped."""
    for pattern, replacement in _TRANSLATIONS:
        text = re.sub(pattern, partial(_fill, replacement), text)
    kept = [part for part in text.split("; ") if not _FLAG.search(part)]
    return "; ".join(kept) or None


def _fill(template: str, match: re.Match[str]) -> str:
    names = ", ".join(map(repr, (match[1] if match.re.groups else "").split()))
    for number, value in enumerate(match.groups(), start=1):
        template = template.replace(f"{{{number}}}", value)
    return template.replace("{names}", names).replace("{full}", _FULL_TRUST)
