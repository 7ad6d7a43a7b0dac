"""``describe``: set a description."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import build_arguments, registry
from modelreg.cli.changes import print_change
from modelreg.cli.options import AsJson, Message, Quiet, Subject


def describe(
    context: typer.Context,
    subject: Subject,
    description: Annotated[str, typer.Argument(metavar="TEXT", help="The new description; '' removes it.")],
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Set the description of a model or a version.

    \b
    modelreg describe churn "who leaves within 90 days; owned by growth"
    modelreg describe churn/3 "trained without the leaked column"
    """
    form = output.choose_form(as_json, quiet)
    change = registry(context).describe(subject, description, message=message)
    undo = ["describe", *build_arguments(change.subject, str(change.before))]
    print_change(context, change, f"{change.subject}: {change.after}", undo, form)
