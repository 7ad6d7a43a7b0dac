"""Questions on a terminal: what was typed before one was there is no answer to it."""

from __future__ import annotations

import sys

import typer


class Declined(Exception):
    """A question was answered with no, which ends the command as Ctrl-C would; it says what did not happen."""


def confirm(question: str, outcome: str) -> None:
    """Ask; raises `Declined` with ``outcome`` unless the answer is yes."""
    _forget_what_was_typed()
    if not typer.confirm(question, err=True):
        raise Declined(outcome)


def ask(question: str, default: str) -> str:
    """Ask for an answer."""
    _forget_what_was_typed()
    return str(typer.prompt(question, default=default, err=True)).strip()


def _forget_what_was_typed() -> None:
    """Drop the rest of a pasted session, which nobody meant as an answer."""
    import termios

    termios.tcflush(sys.stdin, termios.TCIFLUSH)
