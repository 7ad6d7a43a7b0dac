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
    """Copy the whole registry to another folder.

    The copy is a consistent snapshot; other processes may keep writing meanwhile. Every file is verified. The copy is
    itself a registry: read it with --registry DIR. An earlier backup of this registry is updated, and an interrupted
    one is completed. Any other folder is refused (exit 4). If a file is damaged (exit 6), an earlier backup is not
    changed.

    \b
    modelreg backup /mnt/backup/models
    modelreg verify --registry /mnt/backup/models
    """
    with transfer_bar("copying") as progress:
        result = registry(context).backup(folder, progress=progress)
    print_backup(result, as_json)


def print_backup(result: Backup, as_json: bool) -> None:
    """Print the folder on stdout, and how much was copied on stderr."""
    if as_json:
        output.print_json(result)
        return
    output.print_path(result.path)
    output.print_note(
        f"{result.versions} {'version' if result.versions == 1 else 'versions'}: copied {result.copied} of "
        f"{result.blobs} stored files, {text.format_size(result.bytes)}; journal head {result.journal_head or 'none'}"
    )
