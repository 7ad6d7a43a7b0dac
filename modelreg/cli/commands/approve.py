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
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Withdraw your approval.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Approve a version.

    The approval is recorded for your system user and the version's digest. A gate "approvals >= 2" requires two
    approvals by users other than the one who registered the version.

    \b
    modelreg approve churn/3 --message "read the evaluation, fine"
    modelreg gate add churn Production "approvals >= 1"
    """
    form = output.choose_form(as_json, quiet)
    source = registry(context)
    change = source.approve(reference, message=message or "", withdraw=withdraw)
    if withdraw:
        undo = ["approve", change.subject, *(["--message", str(change.before)] if change.before else [])]
        print_change(context, change, f"{change.key} withdrew the approval of {change.subject}", undo, form)
        return
    undo = ["approve", change.subject, "--withdraw"]
    print_change(context, change, f"{change.key} approved {change.subject}", undo, form)
    counts = {approval.user: approval.counts for approval in source.version(change.subject).approvals}
    if not counts.get(str(change.key), True):
        output.print_note("note: you registered this version; gates count only approvals by other users")
