"""``init``, ``info`` and ``verify``: the registry folder itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import Settings, registry
from modelreg.cli.options import AsJson
from modelreg.cli.output import Column
from modelreg.errors import Findings
from modelreg.home import FOLDER_NAME
from modelreg.records.inspection import Finding
from modelreg.registry import Registry

_FINDING_COLUMNS = (
    Column[Finding]("subject", lambda finding: finding.subject, style=lambda _: "bold"),
    Column[Finding]("path", lambda finding: finding.path, foldable=True),
    Column[Finding]("problem", lambda finding: finding.problem, foldable=True),
)


def init(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="The registry folder to make.", show_default=False)
    ] = None,
    shared: Annotated[bool, typer.Option("--shared", help="Let the folder's group write to it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a registry folder.

    It is .modelreg in the current folder, which every command then uses that is run there or below it. A folder that
    is named (DIR, --registry or MODELREG_HOME) becomes the registry itself, and has to be named to every command.
    'register' makes a registry by itself, so this is for projects that keep their own, and for groups.

    \b
    modelreg init
    modelreg init /srv/models --shared
    """
    settings: Settings = context.find_root().obj
    chosen = folder or settings.registry or Path(FOLDER_NAME)
    made = Registry(chosen, lock_timeout=settings.lock_timeout)
    created = made.create(shared=shared)
    path = made.folder.absolute()
    if as_json:
        output.print_json({"path": str(path), "created": created, "shared": shared})
    else:
        output.print_line(str(path))
        output.note("made a registry" if created else "there is a registry already; nothing was changed")


def info(context: typer.Context, as_json: AsJson = False) -> None:
    """Show which registry is used, and what it holds.

    \b
    modelreg info
    modelreg info --json | jq -r .path
    """
    information = registry(context).information()
    values = [(name, value) for name, value in output.fields_of(information).items()]
    output.print_fields(information, values, output.chosen_form(as_json), information.path)


def verify(context: typer.Context, as_json: AsJson = False) -> None:
    """Check the catalog, every stored byte, and the journal.

    The journal is replayed and held against the catalog. Prints one line for each finding; exit 6 when there is one.

    \b
    modelreg verify
    modelreg verify --json
    """
    findings = list(registry(context).verify())
    form = output.chosen_form(as_json)
    if findings or form is not output.Form.TABLE:
        output.print_records(findings, _FINDING_COLUMNS, form, lambda finding: finding.subject)
    if findings:
        raise Findings(len(findings))
    output.note("everything is as it was registered")
