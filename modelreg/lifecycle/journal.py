"""The journal's logic: how entries are chained by hashes, and what state they add up to.

Every entry holds the new values of all that it changed, as JSON::

    {"model": {"id": 1, "name": "churn", "next_version": 4, …}, "version": {"version": 3, "stage": "Staging", …}}

The first entry of a model or version has all its values, later ones those that changed, and null means that it was
deleted. So replaying is no more than applying entry after entry, and the outcome can be held against the catalog.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, TypeVar

from modelreg.clock import as_text
from modelreg.records.journal import JournalEntry

GENESIS = "0" * 64
"""What stands as the previous hash in the first entry."""

Key = TypeVar("Key")
Values = dict[str, Any]


@dataclass(slots=True)
class State:
    """Everything in the catalog that only the journal can vouch for."""

    models: dict[int, Values] = field(default_factory=dict)
    """Model id -> its values."""
    versions: dict[tuple[int, int], Values] = field(default_factory=dict)
    """(model id, version number) -> its values."""
    retired: dict[str, int] = field(default_factory=dict)
    """Name of a deleted model, in lower case -> the number that its next version would get."""


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


def replay(entries: Iterable[JournalEntry]) -> tuple[State, list[tuple[int, str]]]:
    """The state that the entries, applied in order, lead to, and those that cannot be applied, with the reason."""
    state, problems = State(), []
    for entry in entries:
        try:
            _apply(state, entry)
        except (ValueError, TypeError, KeyError) as error:
            problems.append((entry.seq, f"cannot be replayed: {type(error).__name__} {error}"))
    return state, problems


def _apply(state: State, entry: JournalEntry) -> None:
    after = dict(json.loads(entry.after))
    if "version" in after:
        _change(state.versions, (entry.model, int(str(entry.version))), after["version"])
    if "model" in after:
        if after["model"] is None:
            state.retired[entry.name.lower()] = state.models[entry.model]["next_version"]
        else:
            state.retired.pop(entry.name.lower(), None)
        _change(state.models, entry.model, after["model"])


def _change(known: dict[Key, Values], key: Key, values: Values | None) -> None:
    if values is None:
        known.pop(key, None)
    else:
        known.setdefault(key, {}).update(values)
