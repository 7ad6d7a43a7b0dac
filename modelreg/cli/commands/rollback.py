"""``rollback``: return the previous version to Production."""

from __future__ import annotations

import typer

from modelreg.cli import output
from modelreg.cli.application import print_undo, registry
from modelreg.cli.commands.transition import print_notes, summarize
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
    """Return the previous version to Production.

    The previous version is found in the journal and its files are verified. The version that it displaces returns to
    the stage that it had before. Gates are not checked. A second rollback goes one step further back.

    \b
    modelreg rollback churn --dry-run
    modelreg rollback churn --message "complaints since Tuesday"
    """
    source = registry(context)
    result = source.rollback(name, message=message, dry_run=dry_run)
    if as_json:
        output.print_json(result)
    elif quiet:
        output.print_line(f"{result.name}/{result.version}")
    else:
        output.print_line(summarize(result))
        if dry_run:
            output.print_note("dry run: nothing was changed")
        else:
            has_gates = any(gate.stage is Stage.PRODUCTION for gate in source.gates(result.name))
            output.print_note("gates were not checked" + ("; undoing the rollback checks them" if has_gates else ""))
            print_undo(context, undo_rollback_command(result))
    print_notes(result)
