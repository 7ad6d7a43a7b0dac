"""``restore``: restore a registry from a backup."""

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
        bool, typer.Option("--force", help="Replace the existing catalog; the old one is kept beside the new one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Restore a registry from a backup.

    The backup is copied into the selected registry folder, which is created if needed. If it has a catalog, --force is
    required (exit 4 without it). Stored files that exist stay. Versions registered after the backup are not in the
    restored catalog: the next versions get the same numbers again, and 'modelreg prune' removes the files.

    \b
    modelreg restore /mnt/backup/models
    modelreg restore /mnt/backup/models --registry ./copy
    """
    with transfer_bar("copying") as progress:
        result = registry(context).restore(folder, force=force, progress=progress)
    print_backup(result, as_json)
    if result.replaced is not None:
        output.print_note(f"the previous catalog was kept as {result.replaced}")
