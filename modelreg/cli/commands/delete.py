"""``delete``: a version, or a model that has none, leaves the catalog."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import asking, output
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson, Message, Quiet, Subject
from modelreg.errors import InvalidInput


def delete(
    context: typer.Context,
    subject: Subject,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; scripts need this.")] = False,
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Delete a version, or a model without versions.

    A version in Staging or Production, or with an alias, is refused (exit 4). Its number is never given out again.
    Its bytes stay until 'modelreg prune' frees them.

    \b
    modelreg delete churn/2
    modelreg delete churn/2 --yes --message "trained on leaked data"
    modelreg delete churn --yes
    """
    source = registry(context)
    exact = source.version(subject).reference if "/" in subject or "@" in subject else source.model(subject).name
    if not yes:
        source.delete(exact, dry_run=True)
        if not output.can_ask():
            raise InvalidInput(f"deleting {exact} has to be confirmed; nothing was deleted", "add --yes")
        asking.confirm(f"Delete {exact} from the catalog?", "nothing was deleted")
    source.delete(exact, message=message)
    if as_json:
        output.print_json({"deleted": exact})
    elif quiet:
        output.print_line(exact)
    else:
        output.print_line(f"deleted {exact}")
        output.note("undo: register its file again, which gives it a new number")
