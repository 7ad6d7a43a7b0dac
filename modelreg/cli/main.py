"""Runs one command line. The only place where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

import typer

from modelreg.cli import output
from modelreg.cli.application import Interrupted, app
from modelreg.cli.prompts import Declined
from modelreg.errors import InvalidInput, LockTimeout, ModelregError, WriteFailed
from modelreg.system import interrupts

INTERRUPTED = 130
_RESUMABLE = {"prune", "backup", "restore", "import-mlflow", "export-mlflow"}
"""Commands that can be interrupted anywhere; running them again completes the work."""
_PRINTED_BY_TYPER = {"--help", "-h", "--version"}

# Typer bundles click or imports it, and exports only this error of click's hierarchy.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
_CommandError: type[Exception] = typer.BadParameter.__mro__[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (without the program's name) and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    as_json = "--json" in words
    warnings.showwarning = output.print_warning
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(words)
    except Interrupted as error:
        return _report_interrupt(error.command)
    except Declined as answer:
        output.print_note(str(answer))
        return INTERRUPTED
    except KeyboardInterrupt:
        return _report_interrupt(None)
    except output.StdoutClosed:
        return 0
    except Exception as error:
        expected = _convert_error(error)
        if expected is None and os.environ.get("MODELREG_DEBUG") == "1":
            raise
        return output.report_error(expected or output.wrap_unexpected(error), as_json)
    finally:
        output.flush_stdout()


def _run(words: list[str]) -> int:
    try:
        status = app(args=words, prog_name="modelreg", standalone_mode=False)
    except SystemExit:  # Typer raises it when the pipe is closed while it prints help
        raise output.StdoutClosed from None
    except OSError as error:
        if _PRINTED_BY_TYPER.isdisjoint(words):
            raise
        raise output.build_stdout_error(error, done=False) from error
    if status == INTERRUPTED:  # Typer turns Ctrl-C into this
        raise KeyboardInterrupt
    return status if isinstance(status, int) else 0


def _convert_usage_error(error: Exception) -> ModelregError:
    """Typer's error about the command line as `InvalidInput`."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "modelreg"
    message: str = error.format_message()  # type: ignore[attr-defined]
    text = message.strip().rstrip(".")
    return InvalidInput(text[:1].lower() + text[1:], f"{command} --help")


def _convert_error(error: Exception) -> ModelregError | None:
    """The error to report; None for an unexpected one."""
    if isinstance(error, _CommandError):
        return _convert_usage_error(error)
    if isinstance(error, OSError):  # raised outside the registry, by the command itself
        return WriteFailed(error, is_changed=interrupts.commit_count() > 0)
    if isinstance(error, (WriteFailed, LockTimeout)) and interrupts.commit_count():  # of an earlier step
        return error.after_a_change()
    return error if isinstance(error, ModelregError) else None


def _report_interrupt(command: str | None) -> int:
    if command in _RESUMABLE:
        output.print_note("interrupted; run the same command again to complete it")
    else:
        output.print_note(f"interrupted; nothing was {'registered' if command == 'register' else 'changed'}")
    return INTERRUPTED
