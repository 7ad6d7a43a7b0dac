"""What was changed of a model or version, and the command that undoes it."""

from __future__ import annotations

import shlex

import typer

from modelreg.cli import output
from modelreg.cli.application import tell_undo
from modelreg.domain.metadata import MetadataChange

_LONGEST_UNDO = 300  # characters; the journal has longer texts, and those that cannot be printed as they are


def print_change(context: typer.Context, done: MetadataChange, what: str, undo: list[str], form: output.Form) -> None:
    """Print what was changed as the form wants it, and the command that undoes it."""
    if form is output.Form.JSON:
        output.print_json(done)
        return
    if form is output.Form.QUIET:
        output.print_line(str(done.after) if done.field == "name" else done.subject)
        return
    output.print_line(what)
    if not done.changed:
        output.note("it was so already: nothing was changed")
        return
    line = shlex.join(undo)
    if len(line) > _LONGEST_UNDO or not line.isprintable():
        output.note("'modelreg history --json' has what was there before")
    else:
        tell_undo(context, undo)
