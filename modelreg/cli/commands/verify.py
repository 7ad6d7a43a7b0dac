"""``verify``: check the catalog, the journal and every stored file."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_references
from modelreg.cli.options import AsJson
from modelreg.cli.progress import transfer_bar
from modelreg.cli.tables import Column
from modelreg.domain.registries import Finding
from modelreg.errors import Damaged
from modelreg.errors.damage import REGISTER_AGAIN

_FINDING_COLUMNS = (
    Column[Finding]("subject", lambda finding: finding.subject, style=lambda _: "bold"),
    Column[Finding]("path", lambda finding: finding.path, foldable=True),
    Column[Finding]("problem", lambda finding: finding.problem, foldable=True),
)


def verify(
    context: typer.Context,
    references: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[REF]...",
            help="Check only the files of these versions.",
            show_default=False,
            autocompletion=complete_references,
        ),
    ] = None,
    expect_head: Annotated[
        str | None,
        typer.Option(
            metavar="SEQ:HASH",
            help="Fail unless the journal contains this head, as printed by 'modelreg history --head'.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the catalog, the journal and every stored file.

    Runs SQLite's integrity checks, verifies the journal's hash chain, replays the journal and compares the result with
    the catalog, and verifies size and digest of all manifests, configs and files. Prints one line for each finding
    (exit 6). A user who can write to the folder could replace the whole journal; compare it with a head that you
    stored elsewhere to detect that.

    \b
    modelreg verify
    modelreg verify churn/Production fraud@champion
    HEAD=$(modelreg history --head)    # store it elsewhere; later:
    modelreg verify --expect-head "$HEAD"
    """
    with transfer_bar("reading") as progress:
        findings = list(registry(context).verify(*references or (), expect_head=expect_head, progress=progress))
    form = output.choose_form(as_json)
    if findings or form is not output.Form.TABLE:
        output.print_records(findings, _FINDING_COLUMNS, form, lambda finding: finding.subject)
    if findings:
        count = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
        raise Damaged(
            f"{count}: the registry is damaged",
            f"{REGISTER_AGAIN}; to repair anything else, restore a backup: modelreg restore DIR --force",
            code="findings",
        )
    output.print_note(f"no damage found in {', '.join(references) if references else 'the registry'}")
