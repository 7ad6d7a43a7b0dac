"""``diff``: what differs between two versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_references
from modelreg.cli.options import AsJson, joined
from modelreg.cli.output import Column
from modelreg.domain.comparison import Difference, FileDifference, ValueDifference
from modelreg.domain.references import short_digest
from modelreg.domain.versions import ModelFile

DIFFERENT = 1
"""The exit status of ``diff --exit-code`` when there is a difference, as git's."""

_Reference = Annotated[
    str, typer.Argument(metavar="REF", help="A version.", autocompletion=complete_references, show_default=False)
]


@dataclass(frozen=True, slots=True)
class _Line:
    """One difference, whatever it is of."""

    section: str
    value: ValueDifference


_COLUMNS = (
    Column[_Line]("section", lambda line: line.section, style=lambda _: "dim"),
    Column[_Line]("name", lambda line: line.value.name, style=lambda _: "bold", foldable=True),
    Column[_Line](
        "before", lambda line: line.value.before, lambda line: text.value(line.value.before, none=""), foldable=True
    ),
    Column[_Line](
        "after", lambda line: line.value.after, lambda line: text.value(line.value.after, none=""), foldable=True
    ),
    Column[_Line]("delta", lambda line: line.value.delta, lambda line: text.delta(line.value.delta), right=True),
    Column[_Line]("better", lambda line: line.value.better),
)


def diff(
    context: typer.Context,
    before: _Reference,
    after: _Reference,
    other: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="After a NAME and a VERSION: the other version.")
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 when there is a difference.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two versions: files, metrics, evaluations, parameters, signature, environment.

    \b
    modelreg diff churn/Production churn/latest
    modelreg diff churn 2 3
    modelreg diff churn/2 churn/3 --json | jq .evaluations
    modelreg diff churn/2 churn/3 --exit-code >/dev/null && echo "the same model"
    """
    if other is not None:
        before, after = joined(before, after), joined(before, other)
    found = registry(context).diff(before, after)
    form = output.chosen_form(as_json)
    if form is output.Form.JSON:
        output.print_json(found)
    elif found.nothing and form is output.Form.TABLE:
        output.note(f"{found.before} and {found.after} do not differ")
    else:
        output.print_records(list(_lines(found)), _COLUMNS, form, lambda line: line.value.name)
        for reason in dict.fromkeys(each.reason for each in found.evaluations if each.reason):
            output.note(f"note: {reason}")
    if exit_code and not found.nothing:
        raise typer.Exit(DIFFERENT)


def _lines(found: Difference) -> Iterator[_Line]:
    for file in found.files:
        yield _Line("file", _of_file(file))
    sections = {
        "metric": found.metrics,
        "evaluation": found.evaluations,
        "param": found.params,
        "signature": found.signature,
        "environment": found.environment,
        "model": found.model,
    }
    for section, values in sections.items():
        for value in values:
            yield _Line(section, value)


def _of_file(file: FileDifference) -> ValueDifference:
    grown = file.after.size - file.before.size if file.before and file.after else None
    return ValueDifference(file.path, _file(file.before), _file(file.after), grown)


def _file(file: ModelFile | None) -> str | None:
    return None if file is None else f"{short_digest(file.digest)} {file.size}"
