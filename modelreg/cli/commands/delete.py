"""``delete``: delete a version, or a model without versions, from the catalog."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, prompts
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson, Message, Quiet, Subject
from modelreg.errors import InvalidInput


def delete(
    context: typer.Context,
    subject: Subject,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation; required in scripts.")] = False,
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Delete a version, or a model without versions.

    A version that is in Staging or Production or has an alias is not deleted (exit 4). The numbers of deleted versions
    are not reused, except after 'modelreg restore', and with MLflow's rules after the deletion of the model. The files
    stay until 'modelreg prune' removes them.

    \b
    modelreg delete churn/2
    modelreg delete churn/2 --yes --message "trained on leaked data"
    modelreg delete churn --yes
    """
    source = registry(context)
    exact = source.version(subject).reference if "/" in subject or "@" in subject else source.model(subject).name
    if not yes:
        source.delete(exact, dry_run=True)
        if not output.can_prompt():
            raise InvalidInput(f"deleting {exact} requires confirmation; nothing was deleted", "add --yes")
        prompts.confirm(f"Delete {exact} from the catalog?", "nothing was deleted")
    source.delete(exact, message=message)
    if as_json:
        output.print_json({"deleted": exact})
    elif quiet:
        output.print_line(exact)
    else:
        output.print_line(f"deleted {exact}")
        output.print_note("undo: register the file again; it gets a new version number")
