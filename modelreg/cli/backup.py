"""``backup`` and ``restore``: the whole registry in another folder, and back."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson
from modelreg.cli.progress import transfer_bar
from modelreg.domain.registries import Backup


def backup(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A new or empty folder, or an earlier backup.")],
    as_json: AsJson = False,
) -> None:
    """Copy the whole registry to another folder, while others work.

    The copy is the registry at one moment, every byte checked. It is a registry folder itself: --registry DIR reads
    it. An earlier backup of this registry is brought up to date, and one that was interrupted is completed. Any other
    folder is refused (exit 4). When something is damaged (exit 6), an earlier backup stays as it was.

    \b
    modelreg backup /mnt/backup/models
    modelreg verify --registry /mnt/backup/models
    """
    with transfer_bar("copying") as progress:
        done = registry(context).backup(folder, progress=progress)
    _show(done, as_json)


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
    _show(done, as_json)
    if done.replaced is not None:
        output.note(f"the catalog that was there is kept: {done.replaced}")


def _show(done: Backup, as_json: bool) -> None:
    if as_json:
        output.print_json(done)
        return
    output.print_path(done.path)
    output.note(
        f"{done.versions} {'version' if done.versions == 1 else 'versions'}: copied {done.copied} of {done.blobs} "
        f"stored files, {text.size(done.bytes)}; journal {done.journal_head or 'empty'}"
    )
