"""``transition``: move a version to a stage."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from modelreg.cli import asking, output
from modelreg.cli.application import registry, tell_undo
from modelreg.cli.completion import complete_stages, complete_subjects, complete_versions_or_stages
from modelreg.cli.options import AsJson, DryRun, Message, Quiet
from modelreg.domain.stages import Stage
from modelreg.domain.transitions import Transition
from modelreg.errors import ProductionOccupied
from modelreg.lifecycle.rules.transitions import undo_commands

_Target = Annotated[
    str, typer.Argument(metavar="NAME|REF", help="The model, or the version.", autocompletion=complete_subjects)
]
_ArchiveExisting = Annotated[bool, typer.Option("--archive-existing", help="Archive the versions that are there now.")]
_MoveExisting = Annotated[
    str | None,
    typer.Option(metavar="STAGE", help="Move the versions that are there now.", autocompletion=complete_stages),
]
_IfCurrent = Annotated[
    str | None,
    typer.Option(metavar="STAGE", help="Only if the version is in this stage now.", autocompletion=complete_stages),
]


def transition(
    context: typer.Context,
    target: _Target,
    version: Annotated[
        str,
        typer.Argument(
            metavar="VERSION|STAGE",
            help="The version's number; after a REF, the stage.",
            autocompletion=complete_versions_or_stages,
        ),
    ],
    stage: Annotated[
        str | None,
        typer.Argument(
            metavar="STAGE",
            help="None, Staging, Production or Archived, after a NAME and VERSION.",
            autocompletion=complete_stages,
        ),
    ] = None,
    archive_existing: _ArchiveExisting = False,
    move_existing: _MoveExisting = None,
    if_current: _IfCurrent = None,
    force: Annotated[bool, typer.Option("--force", help="Override gates; needs --message.")] = False,
    message: Message = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Put a version into a stage, such as Production.

    Only one version of a model is in Production. While another one is there, a terminal is asked what to do with
    it, and a script is refused (exit 4) unless it says --archive-existing or --move-existing. A version that does
    not pass the gates of the stage is refused (exit 5).

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
    planned = _carried_out(request, archive_existing, move_existing)
    if as_json:
        output.print_json(planned)
    elif quiet:
        output.print_line(f"{planned.name}/{planned.version}")
    else:
        _tell(context, planned, dry_run)
    print_notes(planned)


def _carried_out(request: Callable[..., Transition], archive_existing: bool, move_existing: str | None) -> Transition:
    """Make the request; on a terminal, ask what to do with the version in Production when that was not said."""
    terms: dict[str, object] = {"archive_existing": archive_existing, "move_existing": move_existing}
    while True:
        try:
            return request(**terms)
        except ProductionOccupied as occupied:
            if not output.can_ask():
                raise
            # the answer is about this version alone: should another have come into Production, ask again
            terms = {"move_existing": _ask(occupied), "existing": occupied.occupant}


def _ask(occupied: ProductionOccupied) -> Stage:
    output.note(f"{occupied.reference} is in Production, and {occupied.wanted} is to take its place.")
    choices = {"a": Stage.ARCHIVED, "s": Stage.STAGING, "n": Stage.NONE}
    choices |= {"archive": Stage.ARCHIVED, "staging": Stage.STAGING, "none": Stage.NONE}
    question = "(a)rchive it, move it to (s)taging, to (n)one, or (q)uit"
    while True:
        answer = asking.ask(question, default="q").lower()
        if answer in choices:
            return choices[answer]
        if answer in ("q", "quit"):
            output.note("nothing was changed")
            raise typer.Exit(occupied.exit)
        output.note("answer a, s, n or q")


def _tell(context: typer.Context, planned: Transition, dry_run: bool) -> None:
    reference = f"{planned.name}/{planned.version}"
    if not planned.changes:
        output.print_line(f"{reference} is in {planned.stage} already")
        return
    output.print_line(summary(planned))
    for gate in (gate for check in planned.checks for gate in check.gates):
        if not gate.passed:
            output.note(f"forced, against the gate {gate.expression}")
        elif gate.reason:
            output.note(f"passed the gate {gate.expression}: {gate.reason}")
    if dry_run:
        output.note("dry run: nothing was changed")
    else:
        tell_undo(context, *undo_commands(planned))


def print_notes(planned: Transition) -> None:
    """Print the notes of a transition on stderr."""
    for sentence in planned.notes:
        output.note(f"note: {sentence}")


def summary(done: Transition) -> str:
    """The transition in one line, with the versions that it displaced."""
    displaced = (change for change in done.changes if change.version != done.version)
    room = ", ".join(f"{done.name}/{change.version} -> {change.to_stage}" for change in displaced)
    return f"{done.name}/{done.version} -> {done.stage}{f' ({room})' if room else ''}"
