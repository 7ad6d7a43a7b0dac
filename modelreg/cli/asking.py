"""Questions on a terminal: what was typed before one was there is no answer to it."""

from __future__ import annotations

import sys

import typer

from modelreg.cli import output

DECLINED = 130
"""The exit status of a command whose question was answered with no: as if it had been interrupted."""


def confirm(question: str, outcome: str) -> None:
    """Ask, and end the command unless the answer is yes; ``outcome`` says what then did not happen."""
    _forget_what_was_typed()
    if not typer.confirm(question, err=True):
        output.note(outcome)
        raise typer.Exit(DECLINED)


def ask(question: str, default: str) -> str:
    """Ask for an answer."""
    _forget_what_was_typed()
    return str(typer.prompt(question, default=default, err=True)).strip()


def _forget_what_was_typed() -> None:
    """Drop the rest of a pasted session, which nobody meant as an answer."""
    import termios

    termios.tcflush(sys.stdin, termios.TCIFLUSH)
