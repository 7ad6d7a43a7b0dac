"""``restore``: bring a registry back from a backup."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.commands.backup import print_backup
from modelreg.cli.options import AsJson
from modelreg.cli.progress import transfer_bar


def restore(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The backup.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the catalog that is there, which is kept beside the new one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a registry back from a backup.

    It goes into the registry folder that the other commands use, which is made if need be. A folder with a catalog is
    refused (exit 4) without --force. Stored files that are there already stay; versions that were registered after
    the backup are not in its catalog: their numbers are given again, and 'prune' takes their bytes one day.

    \b
    modelreg restore /mnt/backup/models
    modelreg restore /mnt/backup/models --registry ./copy
    """
    with transfer_bar("copying") as progress:
        done = registry(context).restore(folder, force=force, progress=progress)
    print_backup(done, as_json)
    if done.replaced is not None:
        output.note(f"the catalog that was there is kept: {done.replaced}")
