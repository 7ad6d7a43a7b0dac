"""Times as they are written everywhere: RFC 3339, in UTC, with microseconds and ``Z``."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def as_text(moment: datetime) -> str:
    """``2026-10-01T12:00:00.000000Z``: texts of this form sort as the moments do."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    date, time = (utc.year, utc.month, utc.day), (utc.hour, utc.minute, utc.second, utc.microsecond)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ" % (date + time)  # noqa: UP031  # half the time of isoformat


def from_text(text: str) -> datetime:
    """The moment that `as_text` wrote."""
    return datetime.fromisoformat(text)
