"""Read a model's or version's history from the journal, also after it was deleted."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from modelreg.domain.journal import ACTIONS, JournalEntry, StageAtMoment
from modelreg.domain.references import Reference, is_utf8, parse_name
from modelreg.domain.validation import parse_count, parse_time
from modelreg.errors import InvalidInput, VersionNotFound, did_you_mean, shown
from modelreg.store.catalog.journal_chain import stages_at
from modelreg.store.catalog.reader import CatalogReader
from modelreg.system.clock import as_text


class HistoryFilter(TypedDict):
    """Conditions on journal entries; None means no condition."""

    since: datetime | None
    user: str | None
    action: str | None
    limit: int | None


def parse_filter(
    *, since: datetime | str | None, user: str | None, action: str | None, limit: int | None
) -> HistoryFilter:
    """Parse the conditions that a user gave; raises `InvalidInput`."""
    if action is not None and action not in ACTIONS:
        hint = did_you_mean(action, ACTIONS) or f"actions are {', '.join(ACTIONS)}"
        raise InvalidInput(f"unknown action {shown(action)}", hint)
    if user is not None and not is_utf8(user):
        raise InvalidInput(f"the user name {shown(user)} is not UTF-8", "modelreg history shows the user names")
    moment = None if since is None else parse_time(since, begins=True)
    return HistoryFilter(since=moment, user=user, action=action, limit=parse_count(limit, "the number of entries"))


def find_entries(catalog: CatalogReader, subject: str | None, conditions: HistoryFilter) -> list[JournalEntry]:
    """The entries about a model or version, or all entries; raises `ModelNotFound` and `VersionNotFound`."""
    if subject is None:
        return list(catalog.journal.entries(**conditions))
    if "/" in subject or "@" in subject:
        reference = Reference.parse(subject)
        number = reference.selector
        if not isinstance(number, int) or not _has_entries(catalog, name=reference.name, version=number):
            number = catalog.number(reference)
        return list(catalog.journal.entries(name=reference.name, version=number, **conditions))
    entries = list(catalog.journal.entries(name=parse_name(subject), **conditions))
    if not entries and not _has_entries(catalog, name=subject):
        catalog.model(parse_name(subject))  # raises ModelNotFound
    return entries


def find_stages_at(catalog: CatalogReader, subject: str | None, moment: datetime) -> list[StageAtMoment]:
    """The stage of each version at ``moment``; `Registry.history_as_of` lists the errors."""
    name, _, number = (subject or "").partition("/")
    if number and not number.isdecimal():
        raise InvalidInput(f"{shown(str(subject))} is not NAME or NAME/NUMBER", "write NAME or NAME/3")
    entries = list(catalog.journal.entries(name=parse_name(name) if subject else None))
    if subject and not entries:
        catalog.model(parse_name(name))  # raises ModelNotFound
    stages = [stage for stage in stages_at(entries, moment) if not number or stage.version == int(number)]
    if number and not stages:
        raise VersionNotFound(f"{subject} at {as_text(moment)}", None)
    return stages


def _has_entries(catalog: CatalogReader, name: str, version: int | None = None) -> bool:
    return next(catalog.journal.entries(name, version, limit=1), None) is not None
