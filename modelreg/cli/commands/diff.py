"""``diff``: the differences between two versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_references
from modelreg.cli.options import AsJson, join_reference
from modelreg.cli.tables import Column
from modelreg.domain.comparison import Difference, FileDifference, ValueDifference
from modelreg.domain.references import short_digest
from modelreg.domain.versions import ModelFile

DIFFERENT = 1
"""Exit status of ``diff --exit-code`` if there is a difference, as in git."""

_Reference = Annotated[
    str, typer.Argument(metavar="REF", help="A version.", autocompletion=complete_references, show_default=False)
]


@dataclass(frozen=True, slots=True)
class _Row:
    """One difference, with the section that it belongs to."""

    section: str
    value: ValueDifference


_COLUMNS = (
    Column[_Row]("section", lambda row: row.section, style=lambda _: "dim"),
    Column[_Row]("name", lambda row: row.value.name, style=lambda _: "bold", foldable=True),
    Column[_Row](
        "before", lambda row: row.value.before, lambda row: text.format_value(row.value.before, none=""), foldable=True
    ),
    Column[_Row](
        "after", lambda row: row.value.after, lambda row: text.format_value(row.value.after, none=""), foldable=True
    ),
    Column[_Row]("delta", lambda row: row.value.delta, lambda row: text.format_delta(row.value.delta), right=True),
    Column[_Row]("better", lambda row: row.value.better),
)


def diff(
    context: typer.Context,
    before: _Reference,
    after: _Reference,
    other: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="The other version, after a NAME and a VERSION.")
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if there is a difference.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the differences between two versions.

    Compares files, metrics, evaluations, parameters, signature and environment.

    \b
    modelreg diff churn/Production churn/latest
    modelreg diff churn 2 3
    modelreg diff churn/2 churn/3 --json | jq .evaluations
    modelreg diff churn/2 churn/3 --exit-code >/dev/null && echo "the same model"
    """
    if other is not None:
        before, after = join_reference(before, after), join_reference(before, other)
    difference = registry(context).diff(before, after)
    form = output.choose_form(as_json)
    if form is output.Form.JSON:
        output.print_json(difference)
    elif difference.is_empty and form is output.Form.TABLE:
        output.print_note(f"{difference.before} and {difference.after} do not differ")
    else:
        output.print_records(list(_build_rows(difference)), _COLUMNS, form, lambda row: row.value.name)
        for reason in dict.fromkeys(value.reason for value in difference.evaluations if value.reason):
            output.print_note(f"note: {reason}")
    if exit_code and not difference.is_empty:
        raise typer.Exit(DIFFERENT)


def _build_rows(difference: Difference) -> Iterator[_Row]:
    for file in difference.files:
        yield _Row("file", _compare_files(file))
    sections = {
        "metric": difference.metrics,
        "evaluation": difference.evaluations,
        "param": difference.params,
        "signature": difference.signature,
        "environment": difference.environment,
        "model": difference.model,
    }
    for section, values in sections.items():
        for value in values:
            yield _Row(section, value)


def _compare_files(file: FileDifference) -> ValueDifference:
    """Digest and size of a file before and after; the delta is in bytes."""
    delta = file.after.size - file.before.size if file.before and file.after else None
    return ValueDifference(file.path, _format_file(file.before), _format_file(file.after), delta)


def _format_file(file: ModelFile | None) -> str | None:
    return None if file is None else f"{short_digest(file.digest)} {file.size}"
