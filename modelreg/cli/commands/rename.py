"""``rename``: give a model another name."""

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
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.", autocompletion=complete_names)],
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Give a model another name.

    Versions, stages, aliases, gates and history go with it. The old name finds nothing from then on; a new model of
    that name would go on counting where this one stands, so no old reference comes to mean another version.

    \b
    modelreg rename churn churn-2026
    """
    form = output.chosen_form(as_json, quiet)
    done = registry(context).rename(name, new, message=message)
    print_change(context, done, f"{done.before} -> {done.after}", ["rename", str(done.after), str(done.before)], form)
