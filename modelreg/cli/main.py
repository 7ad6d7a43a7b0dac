"""The one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

import typer

from modelreg.cli import output
from modelreg.cli.application import Interrupted, app
from modelreg.cli.asking import Declined
from modelreg.errors import AnswerLost, InvalidInput, LockTimeout, ModelregError, WriteFailed
from modelreg.system import interrupts

INTERRUPTED = 130
_TO_BE_COMPLETED = {"prune", "backup", "restore", "import-mlflow", "export-mlflow"}
"""Commands that may end anywhere, and go on from there."""
_PRINTED_BY_TYPER = {"--help", "-h", "--version"}

# Typer has its own copy of click or uses the installed one, and exports of its errors only this one.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
_CommandError: type[Exception] = typer.BadParameter.__mro__[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (without the program's name) and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    as_json = "--json" in words
    warnings.showwarning = output.warn
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(words)
    except Interrupted as error:
        return _interrupted(error.command)
    except Declined as answer:
        output.note(str(answer))
        return INTERRUPTED
    except KeyboardInterrupt:
        return _interrupted(None)
    except output.ReaderGone:
        return 0
    except Exception as error:
        known = _in_our_words(error)
        if known is None and os.environ.get("MODELREG_DEBUG") == "1":
            raise
        return output.report(known or output.unexpected(error), as_json)
    finally:
        output.let_go_of_stdout()


def _run(words: list[str]) -> int:
    try:
        status = app(args=words, prog_name="modelreg", standalone_mode=False)
    except SystemExit:  # Typer's own way out when the reader of its help has gone
        raise output.ReaderGone from None
    except OSError as error:
        if _PRINTED_BY_TYPER.isdisjoint(words):
            raise
        raise AnswerLost(error, done=False) from error
    if status == INTERRUPTED:  # Typer turns Ctrl-C into this
        raise KeyboardInterrupt
    return status if isinstance(status, int) else 0


def _usage_problem(error: Exception) -> ModelregError:
    """Typer's complaint about the command line, as an error of ours."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "modelreg"
    message: str = error.format_message()  # type: ignore[attr-defined]
    text = message.strip().rstrip(".")
    return InvalidInput(text[:1].lower() + text[1:], f"{command} --help")


def _in_our_words(error: Exception) -> ModelregError | None:
    """The error as it is reported; None for one that nobody thought of."""
    if isinstance(error, _CommandError):
        return _usage_problem(error)
    if isinstance(error, OSError):  # of what a command does besides asking the registry
        return WriteFailed(error, is_changed=interrupts.commit_count() > 0)
    if (
        isinstance(error, (WriteFailed, LockTimeout)) and interrupts.commit_count()
    ):  # by an earlier request of this command
        return error.after_a_change()
    return error if isinstance(error, ModelregError) else None


def _interrupted(command: str | None) -> int:
    if command in _TO_BE_COMPLETED:
        output.note("interrupted; the same command again completes it")
    else:
        output.note(f"interrupted; nothing was {'registered' if command == 'register' else 'changed'}")
    return INTERRUPTED
