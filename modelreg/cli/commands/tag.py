"""``tag``: set and remove tags."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import build_arguments, registry
from modelreg.cli.changes import print_change
from modelreg.cli.options import AsJson, Message, Quiet, Subject, parse_pairs
from modelreg.errors import InvalidInput, quoted


def tag(
    context: typer.Context,
    subject: Subject,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Tags to set.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="KEY", help="A tag to remove. Repeatable.")
    ] = None,
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Set or remove tags of a model or a version.

    \b
    modelreg tag churn team=growth
    modelreg tag churn/3 reviewed=yes dataset=2026-10
    modelreg tag churn/3 --remove reviewed
    """
    form = output.choose_form(as_json, quiet)
    if not tags and not remove:
        raise InvalidInput("no tag is given", f"modelreg tag {quoted(subject)} NAME=VALUE")
    change = registry(context).tag(subject, parse_pairs(tags, "tag"), remove=remove or (), message=message)
    previous = [f"{key}={value}" for key, value in change.before.items() if value is not None]
    added = [word for key, value in change.before.items() if value is None for word in ("--remove", key)]
    current = ", ".join(key if value is None else f"{key}={value}" for key, value in change.after.items())
    summary = f"{change.subject}: {current}" if tags else f"{change.subject}: removed {current}"
    undo = ["tag", *build_arguments(change.subject, *previous, options=added)]
    print_change(context, change, summary, undo, form)
