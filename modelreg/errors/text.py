"""Text in messages: quoted, escaped and shortened."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Sequence

LONGEST_REASON = 300  # characters
_LISTED = 20  # findings


def shown(text: str) -> str:
    """Quote ``text`` for a message: control characters are escaped, and long text is cut."""
    cut = text if len(text) <= 140 else text[:139] + "…"
    return repr(cut)


def quoted(argument: os.PathLike[str] | str) -> str:
    """Quote ``argument`` for a shell command in a hint."""
    return shlex.quote(os.fspath(argument))


def path_text(path: os.PathLike[str] | str | bytes | int) -> str:
    """A path of an OSError as text; a number is an open descriptor."""
    return f"descriptor {path}" if isinstance(path, int) else os.fsdecode(path)


def shortened(text: str) -> str:
    """Cut a long message of a library."""
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"


def listed(findings: Sequence[str]) -> str:
    """Join findings; only the first of very many."""
    listed = "; ".join(findings[:_LISTED])
    return listed if len(findings) <= _LISTED else f"{listed}; and {len(findings) - _LISTED} more"


def did_you_mean(text: str, names: Iterable[str]) -> str | None:
    """A hint with the most similar of ``names``, ignoring case, or None."""
    import difflib

    by_lower = {name.lower(): name for name in names}
    begun = [lower for lower in by_lower if text and lower.startswith(text.lower())]
    near = begun if len(begun) == 1 else difflib.get_close_matches(text.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[near[0]]}?" if near else None


_PARAMETERS = {
    "as": "dataset",
    "output": "the output",
    "no-header": "layout",
    "delimiter": "layout",
    "encoding": "layout",
}


def with_parameters(hint: str) -> str:
    """Name the options in a hint as parameters of Python: ``--move-existing`` as ``move_existing``."""
    return re.sub(r"--([a-z][a-z-]*)", lambda match: _PARAMETERS.get(match[1], match[1].replace("-", "_")), hint)


def escaped(text: str) -> str:
    """Escape control characters in ``text``, except newlines and tabs.

    A carriage return, as in progress bars, becomes a newline: it would overwrite the line.
    """
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character == "\r":
        return "\n"
    return character if character.isprintable() or character in "\n\t" else repr(character)[1:-1]
