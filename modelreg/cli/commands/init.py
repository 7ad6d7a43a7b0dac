"""``init``: make a registry folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import Settings
from modelreg.cli.options import AsJson, Message
from modelreg.registry import Registry
from modelreg.store.folder import FOLDER_NAME


def init(
    context: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="The registry folder to make.", show_default=False)
    ] = None,
    shared: Annotated[bool, typer.Option("--shared", help="Let the folder's group write to it.")] = False,
    stages: Annotated[
        str | None,
        typer.Option(
            metavar="RULES",
            help="strict: one version in Production. mlflow: as MLflow has it, for good.",
            autocompletion=lambda: ["strict", "mlflow"],
        ),
    ] = None,
    require_sandbox: Annotated[
        bool | None,
        typer.Option(
            help="Run models only where the system can confine them; may be changed at any time.", show_default=False
        ),
    ] = None,
    message: Message = None,
    as_json: AsJson = False,
) -> None:
    """Make a registry folder.

    It is .modelreg in the current folder, which every command then uses that is run there or below it. A folder that
    is named (DIR, --registry or MODELREG_HOME) becomes the registry itself, and has to be named to every command.
    'register' makes a registry by itself, so this is for projects that keep their own, and for groups.

    With --stages mlflow any number of versions may be in Production, a name may be nearly any text, and anything may
    be deleted: for people who come from MLflow and rely on that. It cannot be changed later.

    With --require-sandbox, 'predict' and 'evaluate' run models of this registry only where the system confines them
    completely (exit 7 elsewhere). It can be said of a registry that is there, and taken back with
    --no-require-sandbox; the journal tells of both.

    \b
    modelreg init
    modelreg init /srv/models --shared
    modelreg init /srv/models --stages mlflow
    modelreg init /srv/models --require-sandbox --message "models of other teams"
    """
    settings: Settings = context.find_root().obj
    chosen = folder or settings.registry or Path(FOLDER_NAME)
    made = Registry(chosen, lock_timeout=settings.lock_timeout)
    created = made.create(shared=shared, stages=stages)
    changed = require_sandbox is not None and made.require_sandbox(require_sandbox, message=message)
    path = made.folder.absolute()
    if as_json:
        information = made.information()
        required = {"sandbox_required": information.sandbox_required}
        output.print_json(
            {"path": str(path), "created": created, "shared": shared, "stages": information.stages} | required
        )
        return
    output.print_path(str(path))
    if not changed:
        output.note("made a registry" if created else "there is a registry already; nothing was changed")
    else:
        where = "only where they can be confined" if require_sandbox else "also where they cannot be confined"
        output.note(f"{'made a registry; ' if created else ''}its models run {where}")
