"""``import-mlflow``: bring in registered models from MLflow."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson, DryRun
from modelreg.cli.output import Column
from modelreg.cli.progress import version_bar
from modelreg.domain.transfers import Transfer, TransferItem, TransferOutcome
from modelreg.errors import TransferIncomplete

_STYLES = {TransferOutcome.ADDED: "green", TransferOutcome.CHANGED: "yellow", TransferOutcome.FAILED: "red"}
_COLUMNS = (
    Column[TransferItem]("model", lambda item: item.name, style=lambda _: "bold"),
    Column[TransferItem]("version", lambda item: item.version, right=True),
    Column[TransferItem]("outcome", lambda item: item.outcome, style=lambda item: _STYLES.get(item.outcome, "dim")),
    Column[TransferItem]("notes", lambda item: "; ".join(item.notes), foldable=True),
)
TrackingUri = Annotated[
    str, typer.Argument(metavar="URI", help="http://HOST:PORT, sqlite:///mlflow.db, or the path of a file or folder.")
]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="These models alone.", show_default=False)]


def import_mlflow(
    context: typer.Context,
    tracking_uri: TrackingUri,
    names: Names = None,
    allow_unsafe: Annotated[
        str | None,
        typer.Option(metavar="WHY", help="Import what runs code when it is loaded, too; the reason is kept."),
    ] = None,
    local_paths: Annotated[
        bool, typer.Option("--local-paths", help="The server runs on this machine: read the paths that it names.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Bring in registered models from MLflow.

    From a server, a SQLite file or an mlruns folder; nothing is changed there. Versions keep their numbers, and come
    with bytes, stages, aliases, tags, descriptions, and with the metrics and parameters of their runs. The same command
    again brings what is new or changed in MLflow. Of several versions in Production the newest stays there, and the
    others are archived. No gate is asked. What cannot be read is reported, and the rest is imported (exit 8). It needs
    'modelreg[mlflow]'.

    \b
    modelreg import-mlflow http://localhost:5000 --dry-run
    modelreg import-mlflow sqlite:///mlflow.db
    modelreg import-mlflow ./mlruns churn fraud
    """
    target = registry(context)
    is_new = not target.exists()
    with version_bar("importing") as progress:
        done = target.import_mlflow(
            tracking_uri,
            *names or (),
            allow_unsafe=allow_unsafe,
            local_paths=local_paths,
            dry_run=dry_run,
            progress=progress,
        )
    if is_new and target.exists():
        output.note(f"made a registry in {target.folder}")
    print_transfer(done, as_json, "imported")


def print_transfer(done: Transfer, as_json: bool, verb: str) -> None:
    """Print every item and the sums; raises `TransferIncomplete` when something failed."""
    if as_json:
        output.print_json(done)
    else:
        output.print_records(done.items, _COLUMNS, output.chosen_form(False), lambda item: item.reference)
    added = "1 new version" if done.added == 1 else f"{done.added} new versions"
    sums = f"{added}, {done.changed} changed, {done.failed} failed"
    output.note(f"would be {verb}: {sums}; dry run: nothing was changed" if done.dry_run else f"{verb} {sums}")
    if done.failed:
        raise TransferIncomplete(done.failed)
