"""``init``: create a registry folder."""

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
        Path | None, typer.Argument(metavar="[DIR]", help="The registry folder to create.", show_default=False)
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Make the registry writable for the folder's group.")
    ] = False,
    stages: Annotated[
        str | None,
        typer.Option(
            metavar="RULES",
            help="strict: one version in Production. mlflow: MLflow's rules; permanent.",
            autocompletion=lambda: ["strict", "mlflow"],
        ),
    ] = None,
    require_sandbox: Annotated[
        bool | None,
        typer.Option(
            help="Run models only on systems that can confine them. Can be changed at any time.", show_default=False
        ),
    ] = None,
    message: Message = None,
    as_json: AsJson = False,
) -> None:
    """Create a registry folder.

    The default is .modelreg in the current folder; commands that run in this folder or below use it. A folder that is
    given as DIR, --registry or MODELREG_HOME becomes the registry itself and must be given to every command.
    'modelreg register' creates a registry automatically; use 'init' for a registry of a project or of a group.

    With --stages mlflow, any number of versions may be in Production, names may be almost any text, and everything may
    be deleted, as in MLflow. This cannot be changed later.

    With --require-sandbox, 'predict' and 'evaluate' run models of this registry only if the system can confine them
    completely (exit 7 otherwise). It can be set on an existing registry and removed with --no-require-sandbox; both
    are recorded in the journal.

    \b
    modelreg init
    modelreg init /srv/models --shared
    modelreg init /srv/models --stages mlflow
    modelreg init /srv/models --require-sandbox --message "models of other teams"
    """
    settings: Settings = context.find_root().obj
    registry_folder = folder or settings.registry or Path(FOLDER_NAME)
    target = Registry(registry_folder, lock_timeout=settings.lock_timeout)
    is_new = target.create(shared=shared, stages=stages)
    is_changed = require_sandbox is not None and target.require_sandbox(require_sandbox, message=message)
    path = str(target.folder.absolute())
    if as_json:
        information = target.information(size=False)
        output.print_json(
            {
                "path": path,
                "created": is_new,
                "shared": shared,
                "stages": information.stages,
                "sandbox_required": information.sandbox_required,
            }
        )
        return
    output.print_path(path)
    if is_changed:
        where = (
            "only on systems that can confine them" if require_sandbox else "also on systems that cannot confine them"
        )
        output.print_note(f"{'created a registry; ' if is_new else ''}its models run {where}")
    else:
        output.print_note("created a registry" if is_new else "the registry exists already; nothing was changed")
