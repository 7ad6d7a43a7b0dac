"""``rollback``: bring back the version that was in Production before."""

from __future__ import annotations

import typer

from modelreg.cli import output
from modelreg.cli.application import registry, tell_undo
from modelreg.cli.commands.transition import print_notes, summary
from modelreg.cli.options import AsJson, DryRun, Message, Name, Quiet
from modelreg.domain.stages import Stage
from modelreg.lifecycle.rules.transitions import undo_rollback_command


def rollback(
    context: typer.Context,
    name: Name,
    message: Message = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Bring back the version that was in Production before.

    It is found in the journal, its bytes are checked, and the version that it displaces returns to the stage that
    it came from. Gates are not checked. A second rollback goes one step further back.

    \b
    modelreg rollback churn --dry-run
    modelreg rollback churn --message "complaints since Tuesday"
    """
    source = registry(context)
    done = source.rollback(name, message=message, dry_run=dry_run)
    if as_json:
        output.print_json(done)
    elif quiet:
        output.print_line(f"{done.name}/{done.version}")
    else:
        output.print_line(summary(done))
        if dry_run:
            output.note("dry run: nothing was changed")
        else:
            has_gates = any(each.stage is Stage.PRODUCTION for each in source.gates(done.name))
            output.note("no gate was asked" + (", and undoing it asks them" if has_gates else ""))
            tell_undo(context, undo_rollback_command(done))
    print_notes(done)
