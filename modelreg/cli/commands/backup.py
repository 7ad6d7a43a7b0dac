"""``backup``: copy the whole registry to another folder."""

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
    print_backup(done, as_json)


def print_backup(done: Backup, as_json: bool) -> None:
    """Print the folder, and how much was copied."""
    if as_json:
        output.print_json(done)
        return
    output.print_path(done.path)
    output.note(
        f"{done.versions} {'version' if done.versions == 1 else 'versions'}: copied {done.copied} of {done.blobs} "
        f"stored files, {text.size(done.bytes)}; journal {done.journal_head or 'empty'}"
    )
