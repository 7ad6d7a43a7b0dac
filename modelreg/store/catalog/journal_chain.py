"""The journal's hash chain, and its replay into the state of the catalog.

Each entry holds the new values of everything that it changed, as JSON::

    {"model": {"id": 1, "name": "churn", "next_version": 4, …}, "version": {"version": 3, "stage": "Staging", …}}

The first entry of a model or version has all its fields, later entries have the changed fields, and null means
deleted. Gates, evaluations, approvals and trusted names are written whole (``gate``, ``evaluation``, ``approval``,
``trusted``), and their removal by key (``removed_gates``, ``withdrawn``, ``distrusted``). A ``run`` has its changed
fields, and the changed ones of its parameters, metrics, tags and models. The first entry of a catalog has the
``settings`` and the applied steps of the schema (``migrations``). Replay applies the entries in order, and the result
is compared with the catalog. Some values only inform, and replay ignores them: ``check`` (results of gates), ``alias``
(the requested change), ``old_name`` and ``removed`` (previous values), ``points`` (steps and times of metrics).
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
"""The previous hash in the first entry."""

Key = TypeVar("Key")
Values = dict[str, Any]


@dataclass(slots=True)
class State:
    """Everything in the catalog that the journal describes."""

    models: dict[int, Values] = field(default_factory=dict)
    """Model id -> its values."""
    versions: MutableMapping[tuple[int, int], Values] = field(default_factory=dict)
    """(model id, version number) -> its values."""
    retired: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Unused former model name in lower case -> the name, and the number of the next version under it."""
    gates: dict[int, Values] = field(default_factory=dict)
    """Gate number -> its values."""
    evaluations: MutableMapping[tuple[int, str, str], Values] = field(default_factory=dict)
    """(model id, digest, data set) -> its values."""
    approvals: MutableMapping[tuple[int, str, str], Values] = field(default_factory=dict)
    """(model id, digest, user) -> its values."""
    trusted: dict[tuple[str, str], Values] = field(default_factory=dict)
    """(module, name) -> its values."""
    settings: dict[str, str] = field(default_factory=dict)
    """Name -> value."""
    migrations: list[Values] = field(default_factory=list)
    """The applied steps of the schema."""
    counters: dict[str, int] = field(default_factory=dict)
    """Table -> the highest row id that it ever had."""
    runs: MutableMapping[str, Values] = field(default_factory=dict)
    """Run id -> its values, among them ``params``, ``metrics``, ``tags`` and ``models`` by name."""


def entry_hash(entry: JournalEntry) -> str:
    """SHA-256 of all values of the entry except ``hash``, so also of the previous hash; hexadecimal."""
    values = [getattr(entry, column.name) for column in fields(entry) if column.name != "hash"]
    text = json.dumps([as_text(value) if isinstance(value, datetime) else value for value in values])
    return hashlib.sha256(text.encode()).hexdigest()


def broken_links(entries: Iterable[JournalEntry]) -> Iterable[tuple[int, str]]:
    """The entries that break the hash chain: sequence number and problem."""
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
    """Apply the entries in order to an empty ``state``; returns the failing ones: sequence number and problem."""
    problems = []
    for entry in entries:
        try:
            _apply(state, entry)
        except (ValueError, TypeError, KeyError) as error:
            problems.append((entry.seq, f"cannot be replayed: {type(error).__name__} {error}"))
    for values in (state.evaluations, state.approvals):  # deleting a model deletes these
        for key in [key for key in values if key[0] not in state.models]:
            del values[key]
    return problems


def stages_at(entries: Iterable[JournalEntry], moment: datetime) -> list[StageAtMoment]:
    """The stage of every version that existed at ``moment``, by model name, newest version first."""
    names: dict[int, ModelName] = {}
    stages: dict[tuple[int, int], StageAtMoment] = {}
    for entry in entries:
        if entry.at > moment:
            break
        after = json.loads(entry.after)
        names[entry.model] = ModelName(entry.name)
        if entry.version is not None and "version" in after:
            key = entry.model, entry.version
            if after["version"] is None:
                stages.pop(key, None)
            elif "stage" in after["version"]:
                stages[key] = StageAtMoment(
                    name=ModelName(entry.name),
                    version=entry.version,
                    stage=Stage(after["version"]["stage"]),
                    since=entry.at,
                    user=entry.user,
                    claimed_user=entry.claimed_user,
                    message=entry.message,
                )
    renamed = (replace(stage, name=names[model]) for (model, _), stage in stages.items())
    return sorted(renamed, key=lambda stage: (stage.name.lower(), -stage.version))


def _apply(state: State, entry: JournalEntry) -> None:
    after = dict(json.loads(entry.after))
    _apply_to_registry(state, after)
    if entry.model:
        _raise_counter(state, "models", entry.model)
    if "version" in after:
        _update(state.versions, (entry.model, int(str(entry.version))), after["version"])
    if "model" in after:
        _apply_to_model(state, entry, after["model"])
    for number in after.get("removed_gates", ()):
        state.gates.pop(number)
    if "gate" in after:
        state.gates[after["gate"]["id"]] = after["gate"]
        _raise_counter(state, "gates", after["gate"]["id"])
    if "evaluation" in after:
        values = after["evaluation"]
        state.evaluations[entry.model, values["digest"], values["dataset"]] = values
    if "approval" in after:
        values = after["approval"]
        state.approvals[entry.model, values["digest"], values["user"]] = values
    if "withdrawn" in after:
        state.approvals.pop((entry.model, after["withdrawn"]["digest"], after["withdrawn"]["user"]))


def _apply_to_registry(state: State, after: Values) -> None:
    """Apply settings, migrations, runs and trusted names."""
    state.settings |= after.get("settings", {})
    state.migrations = after.get("migrations", state.migrations)
    if "run" in after:
        _apply_to_run(state, after["run"])
    if "trusted" in after:
        state.trusted[after["trusted"]["module"], after["trusted"]["name"]] = after["trusted"]
    if "distrusted" in after:
        state.trusted.pop((after["distrusted"]["module"], after["distrusted"]["name"]))


def _apply_to_run(state: State, values: Values) -> None:
    """Merge the changed fields of a run; in mappings such as ``metrics`` null removes an entry."""
    run = state.runs.get(values["run_id"], {})
    for name, value in values.items():
        if not isinstance(value, dict):
            run[name] = value
            continue
        merged = run.pop(name, {}) | value
        if remaining := {key: item for key, item in merged.items() if item is not None}:
            run[name] = remaining
    state.runs[values["run_id"]] = run


def _raise_counter(state: State, table: str, number: int) -> None:
    state.counters[table] = max(number, state.counters.get(table, 0))


def _apply_to_model(state: State, entry: JournalEntry, values: Values | None) -> None:
    model = state.models[entry.model] if values is None else state.models.get(entry.model)
    loses_name = model is not None and (values is None or values.get("name", model["name"]) != model["name"])
    if model is not None and loses_name and RULES not in state.settings:  # only the strict rules retire names
        state.retired[model["name"].lower()] = model["name"], model["next_version"]
    if values is not None and "name" in values:
        state.retired.pop(values["name"].lower(), None)
    _update(state.models, entry.model, values)


def _update(mapping: MutableMapping[Key, Values], key: Key, values: Values | None) -> None:
    """Merge ``values`` into an entry of the mapping; None removes it."""
    if values is None:
        mapping.pop(key, None)
    else:
        mapping[key] = mapping.get(key, {}) | values
