"""``export-mlflow``: export registered models to MLflow."""

from __future__ import annotations

import typer

from modelreg.cli.application import registry
from modelreg.cli.commands.import_mlflow import Names, TrackingUri, print_transfer
from modelreg.cli.options import AsJson, DryRun
from modelreg.cli.progress import count_bar


def export_mlflow(
    context: typer.Context,
    tracking_uri: TrackingUri,
    names: Names = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Export registered models to MLflow.

    Writes to a tracking server, a SQLite file or an mlruns folder, which is created if needed. Each version becomes a
    version in MLflow, with its files as the artifacts of a run that has its metrics and parameters. Stages, aliases,
    tags and descriptions are set. Repeating the command exports only what is new or changed; nothing is deleted in
    MLflow. Items that cannot be exported are reported and the rest is exported (exit 8). Requires 'modelreg[mlflow]'.

    \b
    modelreg export-mlflow http://localhost:5000 churn --dry-run
    modelreg export-mlflow sqlite:///mlflow.db
    """
    with count_bar("exporting", "versions") as progress:
        result = registry(context).export_mlflow(tracking_uri, *names or (), dry_run=dry_run, progress=progress)
    print_transfer(result, as_json, "exported")
