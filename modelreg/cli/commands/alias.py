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
        str | None, typer.Argument(metavar="ALIAS", help="The alias, such as 'champion'; omit it with --remove.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the alias NAME@ALIAS.")] = False,
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Point an alias at a version.

    An alias that exists is moved.

    \b
    modelreg alias churn/3 champion
    modelreg alias churn/Production champion
    modelreg alias churn@champion --remove
    """
    form = output.choose_form(as_json, quiet)
    source = registry(context)
    if remove:
        parsed = Reference.parse(reference)
        if alias is not None or not isinstance(parsed.selector, Alias):
            example = parsed.selector.name if isinstance(parsed.selector, Alias) else alias or "ALIAS"
            hint = f"modelreg alias {quoted(f'{parsed.name}@{example}')} --remove"
            raise InvalidInput("--remove takes NAME@ALIAS and no other argument", hint)
        change = source.remove_alias(parsed.name, parsed.selector.name, message=message)
        undo = ["alias", f"{change.subject}/{change.before}", str(change.key)]
        print_change(context, change, f"removed alias {change.subject}@{change.key}", undo, form)
        return
    if alias is None:
        raise InvalidInput("the alias is missing", f"modelreg alias {quoted(reference)} ALIAS")
    change = source.alias(reference, alias, message=message)
    previous = (
        [f"{change.subject}/{change.before}", alias] if change.before else [f"{change.subject}@{alias}", "--remove"]
    )
    summary = f"{change.subject}@{alias} -> {change.subject}/{change.after}"
    print_change(context, change, summary, ["alias", *previous], form)
