"""Validation of values that users state: metrics, parameters, tags, texts, times, durations."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from modelreg.domain.references import is_utf8, parse_key
from modelreg.errors import InvalidInput, shown
from modelreg.errors.input import build_metric_error
from modelreg.system.clock import in_utc, now, span

_LONGEST_TEXT = 64 * 1024  # characters of a description, a message or a value

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_metrics(metrics: Mapping[str, float] | None) -> dict[str, float]:
    """Parse metrics as finite float64 by name; raises `InvalidName` or `InvalidInput`."""
    return {parse_key(name, "metric"): parse_metric(name, value) for name, value in (metrics or {}).items()}


def parse_metric(name: str, value: object) -> float:
    """Parse a metric as a finite float64; raises `InvalidInput`, also for text and booleans."""
    number = parse_float(name, value)
    if not math.isfinite(number):
        raise build_metric_error(name, value)
    return number


def parse_float(name: str, value: object) -> float:
    """Parse a number as a float64, which may be NaN or infinite; raises `InvalidInput` for text and booleans."""
    if isinstance(value, (str, bytes, bool)):
        raise build_metric_error(name, value)
    try:
        return float(value)  # type: ignore[arg-type]  # NumPy's numbers as well, without importing NumPy
    except (TypeError, ValueError, OverflowError) as error:
        raise build_metric_error(name, value) from error


def parse_text(text: str, what: str) -> str:
    """Return ``text`` if it is UTF-8 without NUL, at most 65,536 characters; raises `InvalidInput`."""
    if len(text) > _LONGEST_TEXT:
        raise InvalidInput(
            f"{what} has {len(text)} characters; at most {_LONGEST_TEXT} are allowed", "put it into a file"
        )
    if not is_utf8(text):
        raise InvalidInput(f"{what} is not valid UTF-8, or contains NUL: {shown(text)}", "write it in UTF-8")
    return text


def parse_message(message: str | None) -> str | None:
    """Parse the message of a change; raises `InvalidInput`."""
    return None if message is None else parse_text(message, "the message")


def parse_reason(
    reason: str | None, what: str = "allowing what is dangerous", option: str = "--allow-unsafe WHY"
) -> str | None:
    """Parse the reason for overriding a safeguard; raises `InvalidInput` for a blank one."""
    if reason is not None and not reason.strip():
        raise InvalidInput(f"{what} needs a reason", f"give the reason with {option}")
    return parse_message(reason)


def parse_journal_head(text: str) -> tuple[int, str]:
    """Parse the number and hash of a journal entry from ``SEQ:HASH``; raises `InvalidInput`."""
    match = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", text.strip())
    if match is None:
        raise InvalidInput(f"{shown(text)} is not a journal head", "'modelreg history --head' prints one")
    return int(match[1]), match[2]


def parse_dataset_name(name: str | None, data: str | os.PathLike[str] | None = None) -> str:
    """Parse the name of a data set; without one, it is the name of the file ``data`` up to its first dot.

    Raises `InvalidName`, and `InvalidInput` for data from stdin without a name.
    """
    if name is None and (data is None or os.fspath(data) == "-"):
        raise InvalidInput("data from stdin has no name", "name the data set with --as")
    return parse_key(Path(data or "").name.split(".")[0] if name is None else name, "data set")


def parse_time(moment: datetime | str, *, begins: bool = False) -> datetime:
    """Parse a point in time; a day means its last moment, or its first if ``begins``.

    Besides times there are ``now``, ``today``, ``yesterday``, and lengths of time (``3d``, ``3d ago``) for so long ago.
    Raises `InvalidInput`.
    """
    if not isinstance(moment, str):
        return in_utc(moment)
    word = moment.lower()
    try:
        if word == "now":
            return now()
        if (ago := _parse_length(word.removesuffix(" ago"))) is not None:
            return now() - ago
        day = {"today": now(), "yesterday": now() - timedelta(days=1)}.get(word)
        return span(moment if day is None else day.date().isoformat())[0 if begins else 1]
    except (ValueError, OverflowError):
        hint = "write 2026-10-01, 2026-10-01T12:00:00Z, now, today, yesterday, or 3d for three days ago"
        raise InvalidInput(f"{shown(moment)} is not a time", hint) from None


def parse_duration(duration: timedelta | str, what: str) -> timedelta:
    """Parse a duration: ``24h``, ``90d``, ``30m``, ``2w``, ``45s`` or ``0``; raises `InvalidInput`."""
    try:
        if isinstance(duration, str):
            length = timedelta() if duration == "0" else _parse_length(duration)
            if length is None:
                raise ValueError(duration)
            duration = length
        if duration < timedelta():
            raise ValueError(duration)
    except (ValueError, OverflowError):
        hint = "write a whole number and a unit: 30m, 24h, 90d, 2w; or 0"
        raise InvalidInput(f"{what} {shown(str(duration))} is not a duration", hint) from None
    return duration


def _parse_length(text: str) -> timedelta | None:
    """Parse ``24h``; None for other text."""
    match = re.fullmatch(r"(\d{1,9})([smhdw])", text, re.ASCII)
    return None if match is None else timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_count(count: int | None, what: str) -> int | None:
    """Return a number of at least 1, or None; raises `InvalidInput`."""
    if count is not None and count < 1:
        raise InvalidInput(f"{what} must be at least 1, not {count}")
    return count


def parse_sequence(texts: Sequence[str], what: str) -> Sequence[str]:
    """Return a sequence of texts; raises `InvalidInput` for one text, since Python would iterate over its letters."""
    if isinstance(texts, str):
        raise InvalidInput(f"{what} must be a list of texts, not the text {shown(texts)}", f"write [{shown(texts)}]")
    return texts


def parse_tags(tags: Mapping[str, object] | None) -> dict[str, str]:
    """Parse tags as texts; raises `InvalidName` or `InvalidInput`."""
    return _parse_texts(tags, "tag")


def parse_params(params: Mapping[str, object] | None) -> dict[str, str]:
    """Parse parameters as texts; raises `InvalidName` or `InvalidInput`."""
    return _parse_texts(params, "parameter")


def _parse_texts(values: Mapping[str, object] | None, kind: str) -> dict[str, str]:
    return {
        parse_key(name, kind): parse_text(str(value), f"{kind} {shown(name)}") for name, value in (values or {}).items()
    }
