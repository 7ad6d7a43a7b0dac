"""``export-mlflow``: bring registered models to MLflow."""

from __future__ import annotations

import typer

from modelreg.cli.application import registry
from modelreg.cli.commands.import_mlflow import Names, TrackingUri, print_transfer
from modelreg.cli.options import AsJson, DryRun
from modelreg.cli.progress import version_bar


def export_mlflow(
    context: typer.Context,
    tracking_uri: TrackingUri,
    names: Names = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Bring registered models to MLflow.

    To a server, a SQLite file or an mlruns folder, made if need be. Each version becomes a version there, its bytes the
    artifacts of a run with its metrics and parameters; stages, aliases, tags and descriptions are set as they are here.
    The same command again brings what is new or changed here; nothing is taken away there. What cannot be brought over
    is reported, and the rest is exported (exit 8). It needs 'modelreg[mlflow]'.

    \b
    modelreg export-mlflow http://localhost:5000 churn --dry-run
    modelreg export-mlflow sqlite:///mlflow.db
    """
    with version_bar("exporting") as progress:
        done = registry(context).export_mlflow(tracking_uri, *names or (), dry_run=dry_run, progress=progress)
    print_transfer(done, as_json, "exported")
