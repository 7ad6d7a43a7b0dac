"""``describe``: replace a description."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import arguments, registry
from modelreg.cli.changes import print_change
from modelreg.cli.options import AsJson, Message, Quiet, Subject


def describe(
    context: typer.Context,
    subject: Subject,
    description: Annotated[str, typer.Argument(metavar="TEXT", help="What it is; '' for nothing.")],
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Replace the description of a model or a version.

    \b
    modelreg describe churn "who leaves within 90 days; owned by growth"
    modelreg describe churn/3 "trained without the leaked column"
    """
    form = output.chosen_form(as_json, quiet)
    done = registry(context).describe(subject, description, message=message)
    print_change(
        context,
        done,
        f"{done.subject}: {done.after}",
        ["describe", *arguments(done.subject, str(done.before))],
        form,
    )
