"""Times as they are stored everywhere: RFC 3339 in UTC, with microseconds and ``Z``."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """The current time, timezone-aware, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


def as_text(moment: datetime) -> str:
    """``2026-10-01T12:00:00.000000Z``: texts of this form sort in chronological order."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    date, time = (utc.year, utc.month, utc.day), (utc.hour, utc.minute, utc.second, utc.microsecond)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ" % (date + time)  # noqa: UP031  # half the time of isoformat


def as_milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, as in MLflow and JavaScript."""
    return int(moment.timestamp() * 1000)


def from_text(text: str) -> datetime:
    """Parse the output of `as_text`; raises ValueError."""
    return datetime.fromisoformat(text)


def span(text: str) -> tuple[datetime, datetime]:
    """The first and the last moment of a date or time: all of the day for ``2026-10-01``, twice the same for a time.

    A time is RFC 3339 or ISO 8601, in UTC unless it has an offset. Raises ValueError.
    """
    is_date = ":" not in text and "T" not in text.upper()
    try:
        start = in_utc(datetime.fromisoformat(text))
        return start, start + timedelta(days=1, microseconds=-1) if is_date else start
    except OverflowError as error:  # before the year 1, or after 9999
        raise ValueError(text) from error


def in_utc(moment: datetime) -> datetime:
    """``moment`` converted to UTC; one without an offset is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
