"""``rename``: rename a model."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.changes import print_change
from modelreg.cli.completion import complete_names
from modelreg.cli.options import AsJson, Message, Name, Quiet


def rename(
    context: typer.Context,
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new name.", autocompletion=complete_names)],
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Rename a model.

    Versions, stages, aliases, gates and history are kept. The old name no longer resolves. If a new model takes it,
    its version numbers continue after those of this model, so an old reference never selects a different version.

    \b
    modelreg rename churn churn-2026
    """
    form = output.choose_form(as_json, quiet)
    change = registry(context).rename(name, new, message=message)
    undo = ["rename", str(change.after), str(change.before)]
    print_change(context, change, f"{change.before} -> {change.after}", undo, form)
