"""``transition``: a version goes from one stage to another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_stages, complete_subjects, complete_versions_or_stages
from modelreg.cli.options import AsJson, Message, Quiet
from modelreg.errors import ProductionOccupied
from modelreg.lifecycle.transitions import undo_command
from modelreg.records.transition import Transition
from modelreg.stages import Stage

_Target = Annotated[
    str, typer.Argument(metavar="NAME|REF", help="The model, or the version.", autocompletion=complete_subjects)
]
_ArchiveExisting = Annotated[bool, typer.Option("--archive-existing", help="Archive the version that is there now.")]
_MoveExisting = Annotated[
    str | None,
    typer.Option(metavar="STAGE", help="Move the version that is there now.", autocompletion=complete_stages),
]
_IfCurrent = Annotated[
    str | None,
    typer.Option(metavar="STAGE", help="Only if the version is in this stage now.", autocompletion=complete_stages),
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


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
    message: Message = None,
    dry_run: _DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Put a version into a stage, such as Production.

    Only one version of a model is in Production. While another one is there, a terminal is asked what becomes of
    it, and a script is refused (exit 4) unless it says --archive-existing or --move-existing.

    \b
    modelreg transition churn 3 Staging
    modelreg transition churn/3 Production --archive-existing --message "passed the shadow test"
    modelreg transition churn/latest Production --move-existing Staging --dry-run
    modelreg transition churn 3 Production --if-current Staging
    """
    request = partial(
        registry(context).transition, target, version, stage, if_current=if_current, message=message, dry_run=dry_run
    )
    planned = _carried_out(request, archive_existing, move_existing)
    if as_json:
        output.print_json(planned)
    elif quiet:
        output.print_line(f"{planned.name}/{planned.version}")
    else:
        _tell(planned, dry_run)


def _carried_out(request: Callable[..., Transition], archive_existing: bool, move_existing: str | None) -> Transition:
    """Make the request; on a terminal, ask what becomes of the version in Production when that was not said."""
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
    output.note(f"{occupied.reference} is in Production, and only one version may be.")
    choices = {"a": Stage.ARCHIVED, "s": Stage.STAGING, "n": Stage.NONE}
    question = "(a)rchive it, move it to (s)taging, to (n)one, or (q)uit"
    while True:
        answer = str(typer.prompt(question, default="q", err=True)).strip().lower()[:1]
        if answer in choices:
            return choices[answer]
        if answer == "q":
            raise occupied


def _tell(planned: Transition, dry_run: bool) -> None:
    reference = f"{planned.name}/{planned.version}"
    if not planned.changes:
        output.print_line(f"{reference} is in {planned.stage} already")
        return
    *displaced, _ = planned.changes
    room = ", ".join(f"{planned.name}/{change.version} -> {change.to_stage}" for change in displaced)
    output.print_line(f"{reference} -> {planned.stage}{f' ({room})' if room else ''}")
    output.note("dry run: nothing was changed" if dry_run else f"undo: {undo_command(planned)}")
