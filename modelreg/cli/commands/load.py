"""``load``: the checked bytes of a version, as a path, a copy or on stdout."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson, ReferenceArgument, Version, joined
from modelreg.cli.progress import transfer_bar
from modelreg.domain.versions import ModelVersion
from modelreg.errors import InvalidInput, shown

_STDOUT = "-"


def load(
    context: typer.Context,
    reference: ReferenceArgument,
    number: Version = None,
    destination: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="DEST", help="Copy it there; '-' writes a single file to stdout."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file at DEST.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the path of a version's checked bytes.

    It is a read-only copy under the file's real name. Every byte is checked against the digest each time, and nothing
    of the model is run.

    \b
    MODEL=$(modelreg load churn/Production)
    modelreg load churn@champion -o ./deploy/
    modelreg load churn/3 -o - | sha256sum
    """
    if destination == _STDOUT:
        _refuse_as_place_for_bytes(sys.stdout, as_json)
    source = registry(context)
    version = source.version(joined(reference, number))
    exact = version.reference  # whatever happens to a stage meanwhile
    if not as_json and destination != _STDOUT and not output.is_terminal(sys.stdout):
        _refuse_as_line(reference, str(source.folder), destination or "", *(file.path for file in version.files[:1]))
    if destination == _STDOUT:
        with output.reader_may_go():
            source.stream(exact, sys.stdout.fileno())
    else:
        with transfer_bar("reading") as progress:
            if destination is None:
                path = source.path(exact, progress=progress)
            else:
                path = source.copy(exact, destination, overwrite=force, progress=progress)
        print_place(version, path, as_json)
    warn_of_danger(version)


def _refuse_as_place_for_bytes(stream: TextIO | None, as_json: bool) -> None:
    if as_json or output.is_terminal(stream):
        raise InvalidInput("a model's bytes are not for a terminal or for --json", "redirect stdout to a file")
    if stream is None:
        raise InvalidInput("stdout is closed, so there is nowhere to write to", "name a file with -o")


def _refuse_as_line(reference: str, *parts: str) -> None:
    """Raise for a path that a line cannot hold: ``$(modelreg load …)`` would be another one."""
    if any("\n" in part for part in parts):
        raise InvalidInput(
            f"the path of {shown(reference)} holds a newline, so it cannot be printed as a line",
            f"modelreg load {shlex.quote(reference)} --json",
        )


def warn_of_danger(version: ModelVersion) -> None:
    """Say on stderr what the scan found, if it is not safe."""
    if version.danger:
        output.note(f"note: {version.danger}")


def print_place(version: ModelVersion, path: Path, as_json: bool) -> None:
    """Print the path to which the bytes were written."""
    if as_json:
        output.print_json(
            {"name": version.name, "version": version.version, "digest": version.digest, "path": str(path)}
        )
    else:
        output.print_path(str(path))
