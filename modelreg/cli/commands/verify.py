"""``verify``: check the catalog, the journal and every stored byte."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_references
from modelreg.cli.options import AsJson
from modelreg.cli.output import Column
from modelreg.cli.progress import transfer_bar
from modelreg.domain.registries import Finding
from modelreg.errors import Findings

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
