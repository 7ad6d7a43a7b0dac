"""``import-mlflow``: import registered models from MLflow."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson, DryRun
from modelreg.cli.progress import count_bar
from modelreg.cli.tables import Column
from modelreg.domain.transfers import Transfer, TransferItem, TransferOutcome
from modelreg.errors import StorageFailure

_STYLES = {TransferOutcome.ADDED: "green", TransferOutcome.CHANGED: "yellow", TransferOutcome.FAILED: "red"}
_COLUMNS = (
    Column[TransferItem]("model", lambda item: item.name, style=lambda _: "bold"),
    Column[TransferItem]("version", lambda item: item.version, right=True),
    Column[TransferItem]("outcome", lambda item: item.outcome, style=lambda item: _STYLES.get(item.outcome, "dim")),
    Column[TransferItem]("notes", lambda item: "; ".join(item.notes), foldable=True),
)
TrackingUri = Annotated[
    str,
    typer.Argument(
        metavar="URI", help="http://HOST:PORT, sqlite:///mlflow.db, or the path of a database file or an mlruns folder."
    ),
]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these models.", show_default=False)]


def import_mlflow(
    context: typer.Context,
    tracking_uri: TrackingUri,
    names: Names = None,
    allow_unsafe: Annotated[
        str | None,
        typer.Option(metavar="WHY", help="Also import models that run code when loaded; the reason is stored."),
    ] = None,
    local_paths: Annotated[
        bool, typer.Option("--local-paths", help="Read artifact paths that a local server reports.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Import registered models from MLflow.

    Reads a tracking server, a SQLite file or an mlruns folder, without changing it. Versions keep their numbers, files,
    stages, aliases, tags and descriptions, and the metrics and parameters of their runs. Repeating the command imports
    only what is new or changed. If several versions are in Production, the newest stays there and the others are
    archived. Gates are not checked. Items that cannot be read are reported and the rest is imported (exit 8). Requires
    'modelreg[mlflow]'.

    \b
    modelreg import-mlflow http://localhost:5000 --dry-run
    modelreg import-mlflow sqlite:///mlflow.db
    modelreg import-mlflow ./mlruns churn fraud
    """
    target = registry(context)
    is_new = not target.exists()
    with count_bar("importing", "versions") as progress:
        result = target.import_mlflow(
            tracking_uri,
            *names or (),
            allow_unsafe=allow_unsafe,
            local_paths=local_paths,
            dry_run=dry_run,
            progress=progress,
        )
    if is_new and target.exists():
        output.print_note(f"created a registry in {target.folder}")
    print_transfer(result, as_json, "imported")


def print_transfer(result: Transfer, as_json: bool, verb: str) -> None:
    """Print the items and the totals; raises `StorageFailure` if an item failed."""
    if as_json:
        output.print_json(result)
    else:
        output.print_records(result.items, _COLUMNS, output.choose_form(False), lambda item: item.reference)
    added = "1 new version" if result.added == 1 else f"{result.added} new versions"
    totals = f"{added}, {result.changed} changed, {result.failed} failed"
    if result.dry_run:
        output.print_note(f"would be {verb}: {totals}; dry run: nothing was changed")
    else:
        output.print_note(f"{verb} {totals}")
    if result.failed:
        raise build_incomplete_error(result.failed)


def build_incomplete_error(count: int) -> StorageFailure:
    """The error for models or versions that could not be transferred."""
    failed = "1 model or version" if count == 1 else f"{count} models or versions"
    return StorageFailure(
        f"{failed} could not be transferred; the report says why",
        "everything else was transferred; run the same command again for the rest",
        code="transfer_incomplete",
    )
