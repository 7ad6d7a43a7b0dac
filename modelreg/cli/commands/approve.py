"""``approve``: approve a version, or withdraw an approval."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.changes import print_change
from modelreg.cli.options import AsJson, Message, Quiet, ReferenceArgument


def approve(
    context: typer.Context,
    reference: ReferenceArgument,
    message: Message = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take your approval back.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Vouch for a version, as the user that the system knows.

    An approval belongs to the version's digest. A gate "approvals >= 2" asks for two people other than the one who
    registered it.

    \b
    modelreg approve churn/3 --message "read the evaluation, fine"
    modelreg gate add churn Production "approvals >= 1"
    """
    form = output.chosen_form(as_json, quiet)
    source = registry(context)
    done = source.approve(reference, message=message or "", withdraw=withdraw)
    if withdraw:
        words = ["approve", done.subject, *(["--message", str(done.before)] if done.before else [])]
        print_change(context, done, f"{done.key} does not approve {done.subject} any more", words, form)
    else:
        print_change(
            context, done, f"{done.key} approves {done.subject}", ["approve", done.subject, "--withdraw"], form
        )
        given = {each.user: each.counts for each in source.version(done.subject).approvals}
        if not given.get(str(done.key), True):
            output.note("note: you registered it, and gates count the approvals of others")
