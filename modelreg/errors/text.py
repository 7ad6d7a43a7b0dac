"""Text of people and libraries in messages: quoted, escaped and shortened."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence

LONGEST_REASON = 300  # characters of what a foreign library says
_LISTED = 20  # findings


def shown(text: str) -> str:
    """``text`` as it may be printed: quoted, with control characters escaped, and cut when long."""
    cut = text if len(text) <= 140 else text[:139] + "…"
    return repr(cut)


def quoted(argument: os.PathLike[str] | str) -> str:
    """``argument`` as a shell reads it, for commands in hints."""
    return shlex.quote(os.fspath(argument))


def path_text(path: os.PathLike[str] | str | bytes | int) -> str:
    """A path as an error has it: a descriptor where that was given to the system."""
    return f"descriptor {path}" if isinstance(path, int) else os.fsdecode(path)


def shortened(text: str) -> str:
    """What a library says, cut where it says a lot."""
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}…"


def listed(findings: Sequence[str]) -> str:
    """Findings in a row; of very many the first."""
    listed = "; ".join(findings[:_LISTED])
    return listed if len(findings) <= _LISTED else f"{listed}; and {len(findings) - _LISTED} more"


def did_you_mean(text: str, known: Iterable[str]) -> str | None:
    """A hint that names what is most alike among ``known``, in any case, or None."""
    import difflib

    by_lower = {name.lower(): name for name in known}
    begun = [lower for lower in by_lower if text and lower.startswith(text.lower())]
    near = begun if len(begun) == 1 else difflib.get_close_matches(text.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[near[0]]}?" if near else None


def escaped(text: str) -> str:
    """``text`` with control characters escaped, newlines and tabs excepted.

    A carriage return, as a progress bar has it, becomes a newline: it would write over what stands there.
    """
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character == "\r":
        return "\n"
    return character if character.isprintable() or character in "\n\t" else repr(character)[1:-1]
