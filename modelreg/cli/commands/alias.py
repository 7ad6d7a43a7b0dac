"""``alias``: point an alias at a version, or remove it."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.changes import print_change
from modelreg.cli.options import AsJson, Message, Quiet, ReferenceArgument
from modelreg.domain.references import Alias, Reference
from modelreg.errors import InvalidInput, quoted


def alias(
    context: typer.Context,
    reference: ReferenceArgument,
    alias: Annotated[
        str | None, typer.Argument(metavar="ALIAS", help="A movable name, as 'champion'; none with --remove.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias NAME@ALIAS away.")] = False,
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Let an alias mean a version, whatever it meant before.

    \b
    modelreg alias churn/3 champion
    modelreg alias churn/Production champion
    modelreg alias churn@champion --remove
    """
    form = output.chosen_form(as_json, quiet)
    source = registry(context)
    if remove:
        selected = Reference.parse(reference)
        if alias is not None or not isinstance(selected.selector, Alias):
            raise InvalidInput("--remove goes with NAME@ALIAS alone", "modelreg alias churn@champion --remove")
        done = source.remove_alias(selected.name, selected.selector.name, message=message)
        words = ["alias", f"{done.subject}/{done.before}", str(done.key)]
        print_change(context, done, f"{done.subject}@{done.key} means nothing any more", words, form)
        return
    if alias is None:
        raise InvalidInput("an alias is missing", f"modelreg alias {quoted(reference)} ALIAS")
    done = source.alias(reference, alias, message=message)
    back = [f"{done.subject}/{done.before}", alias] if done.before else [f"{done.subject}@{alias}", "--remove"]
    print_change(context, done, f"{done.subject}@{alias} -> {done.subject}/{done.after}", ["alias", *back], form)
