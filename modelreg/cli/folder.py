"""``init``, ``info`` and ``verify``: the registry folder itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import Settings, registry
from modelreg.cli.completion import complete_references
from modelreg.cli.options import AsJson, Message
from modelreg.cli.output import Column
from modelreg.cli.progress import transfer_bar
from modelreg.domain.registries import Finding
from modelreg.errors import Findings
from modelreg.registry import Registry
from modelreg.store.folder import FOLDER_NAME

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


def info(
    context: typer.Context,
    size: Annotated[bool, typer.Option("--size", help="Add up how many bytes are stored, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show which registry is used, and what it holds.

    \b
    modelreg info
    modelreg info --size
    modelreg info --json | jq -r .path
    """
    information = registry(context).information(size=size)
    form = output.chosen_form(as_json)
    values = output.fields_of(information)
    if form is output.Form.TABLE and information.size is not None:
        values = values | {"size": text.size(information.size)}
    output.print_fields(information, list(values.items()), form, information.path)


def verify(
    context: typer.Context,
    references: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REF]...",
            help="Read the bytes of these versions alone.",
            show_default=False,
            autocompletion=complete_references,
        ),
    ] = None,
    expect_head: Annotated[
        str | None,
        typer.Option(metavar="SEQ:HASH", help="A head of the journal kept elsewhere, which it must lead through."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the catalog, the journal and every stored byte.

    SQLite's own checks; the journal's chain of hashes, and its replay against everything in the catalog; manifests,
    configs and files by size and hash. Prints one line for each finding; exit 6 when there is one. Whoever may write
    to the folder could write a whole new journal: a head that is kept elsewhere shows that.

    \b
    modelreg verify
    modelreg verify churn/Production fraud@champion
    HEAD=$(modelreg history --head)    # kept elsewhere, and later:
    modelreg verify --expect-head "$HEAD"
    """
    with transfer_bar("reading") as progress:
        findings = list(registry(context).verify(*references or (), expect_head=expect_head, progress=progress))
    form = output.chosen_form(as_json)
    if findings or form is not output.Form.TABLE:
        output.print_records(findings, _FINDING_COLUMNS, form, lambda finding: finding.subject)
    if findings:
        raise Findings(len(findings))
    output.note(f"{', '.join(references) if references else 'everything'} is as it was registered")
