"""``load``: the verified files of a version, as a path, a copy or on stdout."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson, ReferenceArgument, Version, join_reference
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
        typer.Option(
            "--output", "-o", metavar="DEST", help="Copy the files to this path; '-' writes a single file to stdout."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file at DEST.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the path of a verified copy of a version's files.

    The copy is read-only and has the file's original name. The digest is verified on every call. The model is not
    loaded or run.

    \b
    MODEL=$(modelreg load churn/Production)
    modelreg load churn@champion -o ./deploy/
    modelreg load churn/3 -o - | sha256sum
    """
    if destination == _STDOUT:
        _check_stdout(sys.stdout, as_json)
    source = registry(context)
    version = source.version(join_reference(reference, number))
    exact = version.reference  # the stage or alias in the argument may move meanwhile
    if not as_json and destination != _STDOUT and not output.is_terminal(sys.stdout):
        _check_one_line(reference, str(source.folder), destination or "", *(file.path for file in version.files[:1]))
    if destination == _STDOUT:
        with output.closed_pipe_ends_output():
            source.stream(exact, sys.stdout.fileno())
    else:
        with transfer_bar("reading") as progress:
            if destination is None:
                path = source.path(exact, progress=progress)
            else:
                path = source.copy(exact, destination, overwrite=force, progress=progress)
        print_files_path(version, path, as_json)
    print_danger(version)


def _check_stdout(stream: TextIO | None, as_json: bool) -> None:
    """Raise `InvalidInput` if the model's bytes cannot be written to stdout."""
    if as_json or output.is_terminal(stream):
        raise InvalidInput("a model cannot be written to a terminal or with --json", "redirect stdout to a file")
    if stream is None:
        raise InvalidInput("stdout is closed", "name a file with -o")


def _check_one_line(reference: str, *parts: str) -> None:
    """Raise `InvalidInput` if the path has a newline, which would break ``$(modelreg load …)``."""
    if any("\n" in part for part in parts):
        raise InvalidInput(
            f"the path of {shown(reference)} contains a newline and cannot be printed on one line",
            f"modelreg load {shlex.quote(reference)} --json",
        )


def print_danger(version: ModelVersion) -> None:
    """Print what the scan found on stderr, unless it is safe."""
    if version.danger:
        output.print_note(f"note: {version.danger}")


def print_files_path(version: ModelVersion, path: Path, as_json: bool) -> None:
    """Print the path to which a version's files were written."""
    if as_json:
        output.print_json(
            {"name": version.name, "version": version.version, "digest": version.digest, "path": str(path)}
        )
    else:
        output.print_path(str(path))
