"""``transition``: move a version to a stage."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from modelreg.cli import output, prompts
from modelreg.cli.application import print_undo, registry
from modelreg.cli.completion import complete_stages, complete_subjects, complete_versions_or_stages
from modelreg.cli.options import AsJson, DryRun, Message, Quiet
from modelreg.domain.stages import Stage
from modelreg.domain.transitions import Transition
from modelreg.errors import ProductionOccupied
from modelreg.lifecycle.rules.transitions import undo_commands

_Target = Annotated[
    str, typer.Argument(metavar="NAME|REF", help="The model, or the version.", autocompletion=complete_subjects)
]
_ArchiveExisting = Annotated[
    bool, typer.Option("--archive-existing", help="Archive the versions that are in the stage now.")
]
_MoveExisting = Annotated[
    str | None,
    typer.Option(
        metavar="STAGE",
        help="Move the versions that are in the stage now to this stage.",
        autocompletion=complete_stages,
    ),
]
_IfCurrent = Annotated[
    str | None,
    typer.Option(metavar="STAGE", help="Fail unless the version is in this stage now.", autocompletion=complete_stages),
]


def transition(
    context: typer.Context,
    target: _Target,
    version: Annotated[
        str,
        typer.Argument(
            metavar="VERSION|STAGE",
            help="Version number after a NAME; stage after a REF.",
            autocompletion=complete_versions_or_stages,
        ),
    ],
    stage: Annotated[
        str | None,
        typer.Argument(
            metavar="STAGE",
            help="None, Staging, Production or Archived; only after a NAME and a VERSION.",
            autocompletion=complete_stages,
        ),
    ] = None,
    archive_existing: _ArchiveExisting = False,
    move_existing: _MoveExisting = None,
    if_current: _IfCurrent = None,
    force: Annotated[bool, typer.Option("--force", help="Override failed gates. Requires --message.")] = False,
    message: Message = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Move a version to a stage, such as Production.

    Only one version of a model is in Production. If it is occupied, a terminal is asked what to do with the current
    version; a script must give --archive-existing or --move-existing (exit 4 without them). A version that fails a
    gate of the stage is refused (exit 5).

    \b
    modelreg transition churn 3 Staging
    modelreg transition churn/3 Production --archive-existing --message "passed the shadow test"
    modelreg transition churn/latest Production --move-existing Staging --dry-run
    modelreg transition churn 3 Production --if-current Staging
    """
    request = partial(
        registry(context).transition,
        target,
        version,
        stage,
        if_current=if_current,
        force=force,
        message=message,
        dry_run=dry_run,
    )
    result = _request_transition(request, archive_existing, move_existing)
    if as_json:
        output.print_json(result)
    elif quiet:
        output.print_line(f"{result.name}/{result.version}")
    else:
        _print_transition(context, result, dry_run)
    print_notes(result)


def _request_transition(
    request: Callable[..., Transition], archive_existing: bool, move_existing: str | None
) -> Transition:
    """Make the request; if Production is occupied and stdin is a terminal, ask what to do with the current version."""
    options: dict[str, object] = {"archive_existing": archive_existing, "move_existing": move_existing}
    while True:
        try:
            return request(**options)
        except ProductionOccupied as occupied:
            if not output.can_prompt():
                raise
            # the answer applies to this version only: if another one enters Production meanwhile, ask again
            options = {"move_existing": _ask_for_stage(occupied), "existing": occupied.occupant}


def _ask_for_stage(occupied: ProductionOccupied) -> Stage:
    """Ask where to move the current version; exits with the status of `ProductionOccupied` on "quit"."""
    output.print_note(f"{occupied.reference} is in Production; {occupied.wanted} will replace it")
    choices = {"a": Stage.ARCHIVED, "s": Stage.STAGING, "n": Stage.NONE}
    choices |= {"archive": Stage.ARCHIVED, "staging": Stage.STAGING, "none": Stage.NONE}
    question = f"{occupied.reference}: (a)rchive it, move it to (s)taging, to (n)one, or (q)uit"
    while True:
        answer = prompts.prompt(question, default="q").lower()
        if answer in choices:
            return choices[answer]
        if answer in ("q", "quit"):
            output.print_note("nothing was changed")
            raise typer.Exit(occupied.exit)
        output.print_note("answer a, s, n or q")


def _print_transition(context: typer.Context, result: Transition, dry_run: bool) -> None:
    if not result.changes:
        output.print_line(f"{result.name}/{result.version} is already in {result.stage}")
        return
    output.print_line(summarize(result))
    for gate in (gate for check in result.checks for gate in check.gates):
        if not gate.passed:
            output.print_note(f"overrode the failed gate {gate.expression}")
        elif gate.reason:
            output.print_note(f"passed the gate {gate.expression}: {gate.reason}")
    if dry_run:
        output.print_note("dry run: nothing was changed")
    else:
        print_undo(context, *undo_commands(result))


def print_notes(result: Transition) -> None:
    """Print the notes of a transition on stderr."""
    for sentence in result.notes:
        output.print_note(f"note: {sentence}")


def summarize(result: Transition) -> str:
    """The transition in one line, with the versions that it displaced."""
    displaced = (change for change in result.changes if change.version != result.version)
    moves = ", ".join(f"{result.name}/{change.version} -> {change.to_stage}" for change in displaced)
    return f"{result.name}/{result.version} -> {result.stage}{f' ({moves})' if moves else ''}"
