"""Text of strangers, as it may be shown on a terminal."""

from __future__ import annotations


def escaped(text: str) -> str:
    """``text`` with control characters escaped, newlines and tabs excepted.

    A carriage return, as a progress bar has it, becomes a newline: it would write over what stands there.
    """
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if character == "\r":
        return "\n"
    return character if character.isprintable() or character in "\n\t" else repr(character)[1:-1]
