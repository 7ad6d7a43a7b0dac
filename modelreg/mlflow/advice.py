"""What an error advises, in calls of MLflow's client and of Python: its users have no command line at hand."""

from __future__ import annotations

import re
from functools import partial

from modelreg import errors

_COMMANDS: tuple[tuple[str, str], ...] = (
    (r"modelreg trust add ([^;\s]+(?: [^;\s]+)*)", r"modelreg.Registry().trust({texts})"),
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
    (r"load it once with --trust full --message WHY", r"{full}"),
    (r"loading it requires --trust full", r"another process loads it by {full}"),
    (
        r"to register it anyway, say why: --allow-unsafe WHY",
        r"modelreg.Registry().register(..., allow_unsafe='why') keeps it",
    ),
    (r"try again, or wait longer with --lock-timeout SECONDS", r"try again"),
    (r"[^;]*--registry[^;]*", r"name another folder by set_tracking_uri()"),
)
"""What a hint says -> the same for a program; ``{full}`` is how a model is loaded whatever it runs."""
_FULL_TRUST = "modelreg.Registry().load(reference, trust='full', message='why')"
_FLAG = re.compile(r"(?:^|[\s'(])--[a-z]")


def advice_of(error: errors.ModelregError) -> str | None:
    """What to do after ``error``; None where nothing can be said without the command line."""
    match error:
        case errors.ProductionOccupied():
            name, _, occupant = error.reference.rpartition("/")
            move = f"client.transition_model_version_stage({name!r}, {occupant!r}, 'Archived')"
            return f"archive_existing_versions=True archives that one; or move it first: {move}"
        case errors.InvalidMetric():
            return "a metric is a number"
        case errors.UnusableFolder():
            return "name an empty folder or a new one by set_tracking_uri()"
        case _:
            return None if error.hint is None else in_words_of_python(error.hint)


def in_words_of_python(text: str) -> str | None:
    """A hint of the command line for a program; what still names an option is left out."""
    for pattern, words in _COMMANDS:
        text = re.sub(pattern, partial(_filled, words), text)
    kept = [part for part in text.split("; ") if not _FLAG.search(part)]
    return "; ".join(kept) or None


def _filled(words: str, found: re.Match[str]) -> str:
    texts = ", ".join(map(repr, (found[1] if found.re.groups else "").split()))
    for number, value in enumerate(found.groups(), start=1):
        words = words.replace(f"{{{number}}}", value)
    return words.replace("{texts}", texts).replace("{full}", _FULL_TRUST)
