"""The output of commands that change metadata: the change, and the command that undoes it."""

from __future__ import annotations

import shlex

import typer

from modelreg.cli import output
from modelreg.cli.application import print_undo
from modelreg.domain.metadata import MetadataChange

_LONGEST_UNDO = 300  # characters


def print_change(
    context: typer.Context, change: MetadataChange, summary: str, undo: list[str], form: output.Form
) -> None:
    """Print a change in the given form; for people, ``summary`` and the command ``undo``.

    An undo command that is long or not printable is not shown: the journal has the previous value.
    """
    if form is output.Form.JSON:
        output.print_json(change)
        return
    if form is output.Form.QUIET:
        output.print_line(str(change.after) if change.field == "name" else change.subject)
        return
    output.print_line(summary)
    if not change.changed:
        output.print_note("nothing was changed: the value is the same")
        return
    line = shlex.join(undo)
    if len(line) > _LONGEST_UNDO or not line.isprintable():
        output.print_note("'modelreg history --json' shows the previous value")
    else:
        print_undo(context, undo)
