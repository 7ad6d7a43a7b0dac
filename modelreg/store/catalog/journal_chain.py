"""The journal's logic: how entries are chained by hashes, and what state they add up to.

Every entry holds the new values of all that it changed, as JSON::

    {"model": {"id": 1, "name": "churn", "next_version": 4, …}, "version": {"version": 3, "stage": "Staging", …}}

The first entry of a model or version has all its values, later ones those that changed, and null means that it was
deleted. Gates, evaluations and approvals are whole values each (``gate``, ``evaluation``, ``approval``), or named as
gone (``removed_gates``, ``withdrawn``); so are trusted names. A ``run`` has what changed of it, and of its parameters,
metrics, tags and models those that did; ``points`` are the steps and times of its metrics. The first entry of all has
the ``settings`` and the steps of the schema (``migrations``). So replaying is no more than applying entry after entry,
and the outcome can be held against the catalog. ``check`` holds what gates said, ``alias`` what was asked for,
``old_name`` and ``removed`` what was there before: like ``points``, none of them changes anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, TypeVar

from modelreg.domain.journal import JournalEntry, StageAtMoment
from modelreg.domain.references import ModelName
from modelreg.domain.stages import RULES, Stage
from modelreg.system.clock import as_text

GENESIS = "0" * 64
"""What stands as the previous hash in the first entry."""

Key = TypeVar("Key")
Values = dict[str, Any]


@dataclass(slots=True)
class State:
    """Everything in the catalog that only the journal can confirm."""

    models: dict[int, Values] = field(default_factory=dict)
    """Model id -> its values."""
    versions: MutableMapping[tuple[int, int], Values] = field(default_factory=dict)
    """(model id, version number) -> its values."""
    retired: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Name that no model has any more, in lower case -> the name, and the number that its next version would get."""
    gates: dict[int, Values] = field(default_factory=dict)
    """Number -> its values."""
    evaluations: MutableMapping[tuple[int, str, str], Values] = field(default_factory=dict)
    """(model id, digest, data set) -> its values."""
    approvals: MutableMapping[tuple[int, str, str], Values] = field(default_factory=dict)
    """(model id, digest, user) -> its values."""
    trusted: dict[tuple[str, str], Values] = field(default_factory=dict)
    """(module, name) -> its values."""
    settings: dict[str, str] = field(default_factory=dict)
    """What was chosen when the registry was made."""
    migrations: list[Values] = field(default_factory=list)
    """The steps that the schema has seen."""
    counters: dict[str, int] = field(default_factory=dict)
    """Table -> the highest number that one of its rows ever had."""
    runs: MutableMapping[str, Values] = field(default_factory=dict)
    """Run id -> its values, and its ``params``, ``metrics``, ``tags`` and ``models`` by name."""


def entry_hash(entry: JournalEntry) -> str:
    """SHA-256, as hexadecimal digits, over the previous hash and every other value of the entry."""
    values = [getattr(entry, column.name) for column in fields(entry) if column.name != "hash"]
    text = json.dumps([as_text(value) if isinstance(value, datetime) else value for value in values])
    return hashlib.sha256(text.encode()).hexdigest()


def broken_links(entries: Iterable[JournalEntry]) -> Iterable[tuple[int, str]]:
    """The entries that do not follow from the one before, each with what is wrong with it."""
    previous_hash, expected = GENESIS, 1
    for entry in entries:
        if entry.seq != expected:
            yield entry.seq, f"follows entry {expected - 1}: entries are missing between them"
        elif entry.previous_hash != previous_hash:
            yield entry.seq, "does not name the hash of the entry before it"
        elif entry.hash != entry_hash(entry):
            yield entry.seq, "was changed after it was written"
        previous_hash, expected = entry.hash, entry.seq + 1


def replay(entries: Iterable[JournalEntry], state: State) -> list[tuple[int, str]]:
    """Change an empty state to what the entries, applied in order, lead to; those that cannot be applied, and why."""
    problems = []
    for entry in entries:
        try:
            _apply(state, entry)
        except (ValueError, TypeError, KeyError) as error:
            problems.append((entry.seq, f"cannot be replayed: {type(error).__name__} {error}"))
    for bound in (state.evaluations, state.approvals):  # they go with their model, all at once
        for key in [key for key in bound if key[0] not in state.models]:
            del bound[key]
    return problems


def stages_at(entries: Iterable[JournalEntry], moment: datetime) -> list[StageAtMoment]:
    """The stage of every version that there was at ``moment``, by name, newest version first."""
    names: dict[int, ModelName] = {}
    held: dict[tuple[int, int], StageAtMoment] = {}
    for entry in entries:
        if entry.at > moment:
            break
        after = json.loads(entry.after)
        names[entry.model] = ModelName(entry.name)
        if entry.version is not None and "version" in after:
            key = entry.model, entry.version
            if after["version"] is None:
                held.pop(key, None)
            elif "stage" in after["version"]:
                held[key] = _held(entry, entry.version, Stage(after["version"]["stage"]))
    found = (replace(each, name=names[model]) for (model, _), each in held.items())  # it may have been renamed since
    return sorted(found, key=lambda each: (each.name.lower(), -each.version))


def _held(entry: JournalEntry, version: int, stage: Stage) -> StageAtMoment:
    return StageAtMoment(
        name=ModelName(entry.name),
        version=version,
        stage=stage,
        since=entry.at,
        user=entry.user,
        claimed_user=entry.claimed_user,
        message=entry.message,
    )


def _apply(state: State, entry: JournalEntry) -> None:
    after = dict(json.loads(entry.after))
    _apply_to_registry(state, after)
    if entry.model:
        _count(state, "models", entry.model)
    if "version" in after:
        _change(state.versions, (entry.model, int(str(entry.version))), after["version"])
    if "model" in after:
        _apply_to_model(state, entry, after["model"])
    for number in after.get("removed_gates", ()):
        state.gates.pop(number)
    if "gate" in after:
        state.gates[after["gate"]["id"]] = after["gate"]
        _count(state, "gates", after["gate"]["id"])
    if "evaluation" in after:
        values = after["evaluation"]
        state.evaluations[entry.model, values["digest"], values["dataset"]] = values
    if "approval" in after:
        values = after["approval"]
        state.approvals[entry.model, values["digest"], values["user"]] = values
    if "withdrawn" in after:
        state.approvals.pop((entry.model, after["withdrawn"]["digest"], after["withdrawn"]["user"]))


def _apply_to_registry(state: State, after: Values) -> None:
    """What is about no model."""
    state.settings |= after.get("settings", {})
    state.migrations = after.get("migrations", state.migrations)
    if "run" in after:
        _apply_to_run(state, after["run"])
    if "trusted" in after:
        state.trusted[after["trusted"]["module"], after["trusted"]["name"]] = after["trusted"]
    if "distrusted" in after:
        state.trusted.pop((after["distrusted"]["module"], after["distrusted"]["name"]))


def _apply_to_run(state: State, values: Values) -> None:
    """Of what a run has many of, such as metrics, an entry has those that changed; null means that one was removed."""
    known = state.runs.get(values["run_id"], {})
    for name, value in values.items():
        if not isinstance(value, dict):
            known[name] = value
            continue
        merged = known.pop(name, {}) | value
        if present := {key: each for key, each in merged.items() if each is not None}:
            known[name] = present
    state.runs[values["run_id"]] = known


def _count(state: State, table: str, number: int) -> None:
    state.counters[table] = max(number, state.counters.get(table, 0))


def _apply_to_model(state: State, entry: JournalEntry, values: Values | None) -> None:
    known = state.models[entry.model] if values is None else state.models.get(entry.model)
    leaves = known is not None and (values is None or values.get("name", known["name"]) != known["name"])
    if known is not None and leaves and RULES not in state.settings:  # the strict ones, by which names are retired
        state.retired[known["name"].lower()] = known["name"], known["next_version"]
    if values is not None and "name" in values:
        state.retired.pop(values["name"].lower(), None)
    _change(state.models, entry.model, values)


def _change(known: MutableMapping[Key, Values], key: Key, values: Values | None) -> None:
    if values is None:
        known.pop(key, None)
    else:
        known[key] = known.get(key, {}) | values
