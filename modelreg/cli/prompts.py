"""Prompts on a terminal. Input that was typed before a prompt appeared is discarded."""

from __future__ import annotations

import sys

import typer


class Declined(Exception):
    """The user answered no. The message says what was not done; the exit status is that of Ctrl-C."""


def confirm(question: str, outcome: str) -> None:
    """Ask a yes-or-no question; raises `Declined` with ``outcome`` unless the answer is yes."""
    _discard_pending_input()
    if not typer.confirm(question, err=True):
        raise Declined(outcome)


def prompt(question: str, default: str) -> str:
    """Ask a question and return the answer."""
    _discard_pending_input()
    return str(typer.prompt(question, default=default, err=True)).strip()


def _discard_pending_input() -> None:
    """Discard buffered input, such as the rest of a pasted session: it is not an answer."""
    import termios

    termios.tcflush(sys.stdin, termios.TCIFLUSH)
