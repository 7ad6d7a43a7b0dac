"""What the journal tells of a model or a version, also of one that is gone."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from modelreg.domain.journal import ACTIONS, JournalEntry, StageAtMoment
from modelreg.domain.references import Reference, is_utf8, parse_name
from modelreg.domain.statements import checked_count, checked_moment
from modelreg.errors import InvalidInput, VersionNotFound, did_you_mean, shown
from modelreg.store.catalog.journal_chain import stages_at
from modelreg.store.catalog.reader import CatalogReader
from modelreg.system.clock import as_text


class HistoryFilter(TypedDict):
    """What must be true of an entry, where it is not None."""

    since: datetime | None
    user: str | None
    action: str | None
    limit: int | None


def checked(*, since: datetime | str | None, user: str | None, action: str | None, limit: int | None) -> HistoryFilter:
    """What is wanted of the journal; raises `InvalidInput`."""
    if action is not None and action not in ACTIONS:
        near = did_you_mean(action, ACTIONS) or f"actions are {', '.join(ACTIONS)}"
        raise InvalidInput(f"the journal knows no action {shown(action)}", near)
    if user is not None and not is_utf8(user):
        raise InvalidInput(
            f"{shown(user)} is no user: it is not UTF-8", "write the name as 'modelreg history' shows it"
        )
    moment = None if since is None else checked_moment(since, begins=True)
    return HistoryFilter(since=moment, user=user, action=action, limit=checked_count(limit, "the number of entries"))


def entries_of(catalog: CatalogReader, subject: str | None, wanted: HistoryFilter) -> list[JournalEntry]:
    """The entries about a subject that are wanted; raises `ModelNotFound` and `VersionNotFound`."""
    if subject is None:
        return list(catalog.journal.entries(**wanted))
    if "/" in subject or "@" in subject:
        reference = Reference.parse(subject)
        chosen = reference.selector
        is_journalled = isinstance(chosen, int) and _is_told_of(catalog, reference.name, chosen)
        number = chosen if isinstance(chosen, int) and is_journalled else catalog.number(reference)
        return list(catalog.journal.entries(name=reference.name, version=number, **wanted))
    found = list(catalog.journal.entries(name=parse_name(subject), **wanted))
    if not found and not _is_told_of(catalog, subject):
        catalog.model(parse_name(subject))  # raises: nothing was ever named so
    return found


def held_at(catalog: CatalogReader, subject: str | None, moment: datetime) -> list[StageAtMoment]:
    """Which version was in which stage at ``moment``; `Registry.history_as_of` says what is raised."""
    name, _, number = (subject or "").partition("/")
    if number and not number.isdecimal():
        raise InvalidInput(f"{shown(str(subject))} does not name a version by its number", "write NAME or NAME/3")
    entries = list(catalog.journal.entries(name=parse_name(name) if subject else None))
    if subject and not entries:
        catalog.model(parse_name(name))
    found = [each for each in stages_at(entries, moment) if not number or each.version == int(number)]
    if number and not found:
        raise VersionNotFound(f"{subject} at {as_text(moment)}", None)
    return found


def _is_told_of(catalog: CatalogReader, name: str, version: int | None = None) -> bool:
    return next(catalog.journal.entries(name, version, limit=1), None) is not None
