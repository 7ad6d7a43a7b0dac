"""``tag``: set and remove tags."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import arguments, registry
from modelreg.cli.changes import print_change
from modelreg.cli.options import AsJson, Message, Quiet, Subject, pairs
from modelreg.errors import InvalidInput, quoted


def tag(
    context: typer.Context,
    subject: Subject,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Tags to set.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="KEY", help="A tag to take away; may be given many times.")
    ] = None,
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Set tags of a model or a version, or take them away.

    \b
    modelreg tag churn team=growth
    modelreg tag churn/3 reviewed=yes dataset=2026-10
    modelreg tag churn/3 --remove reviewed
    """
    form = output.chosen_form(as_json, quiet)
    if not tags and not remove:
        raise InvalidInput("no tag is given", f"modelreg tag {quoted(subject)} NAME=VALUE")
    done = registry(context).tag(subject, pairs(tags, "tag"), remove=remove or (), message=message)
    set_again = [f"{key}={value}" for key, value in done.before.items() if value is not None]
    taken = [word for key, value in done.before.items() if value is None for word in ("--remove", key)]
    now = ", ".join(key if value is None else f"{key}={value}" for key, value in done.after.items())
    what = f"{done.subject}: {now}" if tags else f"{done.subject}: removed {now}"
    print_change(context, done, what, ["tag", *arguments(done.subject, *set_again, options=taken)], form)
