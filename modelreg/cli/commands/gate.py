"""``gate``: conditions that a version must meet to enter a stage."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import CONTEXT, build_arguments, print_undo, registry
from modelreg.cli.completion import complete_names, complete_stages
from modelreg.cli.options import AsJson, Message, ReferenceArgument
from modelreg.cli.tables import Column
from modelreg.domain.gates import Gate, GateCheck, GateResult
from modelreg.errors import quoted
from modelreg.system.clock import as_text

gate = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
    help="""Manage gates: conditions for entering a stage.

    A gate is an expression over the fields of a version; the prefix 'production.' refers to the version that is in
    Production now. Gates are evaluated in the transaction of the transition. If one is not true, or its values are
    missing, the transition is refused (exit 5).

    \b
    modelreg gate add churn Production "eval.holdout.roc_auc >= 0.9"
    modelreg gate add churn Production "eval.holdout.roc_auc >= production.eval.holdout.roc_auc - 0.005"
    modelreg gate check churn/3 Production
    """,
)

_Model = Annotated[
    str, typer.Argument(metavar="NAME", help="The model, or '*' for all models.", autocompletion=complete_names)
]
_Numbers = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the numbers of the gates, one per line.")]
_Stage = Annotated[
    str, typer.Argument(metavar="STAGE", help="Staging, Production or Archived.", autocompletion=complete_stages)
]

_GATE_COLUMNS = (
    Column[Gate]("id", lambda gate: gate.id, right=True),
    Column[Gate]("name", lambda gate: gate.name, style=lambda _: "bold"),
    Column[Gate]("stage", lambda gate: gate.stage),
    Column[Gate]("expression", lambda gate: gate.expression, foldable=True),
    Column[Gate]("description", lambda gate: gate.description, foldable=True),
    Column[Gate]("created_by", lambda gate: gate.created_by, optional=True),
    Column[Gate](
        "created_at",
        lambda gate: as_text(gate.created_at),
        lambda gate: text.format_age(gate.created_at),
        optional=True,
    ),
)
_RESULT_COLUMNS = (
    Column[GateResult]("id", lambda result: result.id, right=True),
    Column[GateResult]("wanted", lambda result: result.expression, foldable=True),
    Column[GateResult](
        "found", lambda result: _format_values(result, exact=True), lambda result: _format_values(result), foldable=True
    ),
    Column[GateResult](
        "passed",
        lambda result: "yes" if result.passed else "no",
        style=lambda result: "green" if result.passed else "bold red",
    ),
    Column[GateResult]("reason", lambda result: result.reason, foldable=True),
    Column[GateResult]("description", lambda result: result.description, in_table=False),
)


@gate.command("add")
def add(
    context: typer.Context,
    name: _Model,
    stage: _Stage,
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help="The condition.")],
    description: Annotated[str, typer.Option(metavar="TEXT", help="Description of the gate.")] = "",
    message: Message = None,
    as_json: AsJson = False,
    quiet: _Numbers = False,
) -> None:
    """Add a gate to a stage of a model, or of all models.

    \b
    modelreg gate add churn Production "eval.holdout.roc_auc >= 0.9" --description "better than the old rules"
    modelreg gate add churn Production "eval.holdout.roc_auc >= production.eval.holdout.roc_auc - 0.005"
    modelreg gate add '*' Production "approvals >= 1 AND signature IS NOT NULL"
    """
    added = registry(context).add_gate(name, stage, expression, description=description, message=message)
    new = added.gate
    if as_json:
        output.print_json(output.get_fields(new) | {"is_new": added.is_new, "warnings": added.warnings})
    elif quiet:
        output.print_line(str(new.id))
    elif added.is_new:
        output.print_line(f"added gate {new.id}: {new.name} -> {new.stage} requires {new.expression}")
        print_undo(context, ["gate", "remove", str(new.id)])
    else:
        described = "; its description was replaced" if added.is_described else ""
        output.print_line(f"gate {new.id} has this expression already{described}")
    for warning in added.warnings:
        output.print_note(f"warning: {warning}")


@gate.command("list")
def list_gates(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Only gates that apply to this model.", autocompletion=complete_names),
    ] = None,
    as_json: AsJson = False,
    quiet: _Numbers = False,
) -> None:
    """List gates with their numbers.

    \b
    modelreg gate list
    modelreg gate list churn --json | jq -r '.[].expression'
    """
    form = output.choose_form(as_json, quiet)
    gates = registry(context).gates(name)
    if not gates and form is output.Form.TABLE:
        command = f"modelreg gate add {quoted(name or '*')} Production 'metrics.auc > 0.9'"
        output.print_note(f"there are no gates; add one with: {command}")
        return
    output.print_records(gates, _GATE_COLUMNS, form, lambda gate: str(gate.id))


@gate.command("remove")
def remove(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="The gate's number; see 'gate list'.")],
    message: Message = None,
    as_json: AsJson = False,
) -> None:
    """Remove a gate.

    \b
    modelreg gate remove 3 --message "the holdout was leaked"
    """
    removed = registry(context).remove_gate(number, message=message)
    if as_json:
        output.print_json(removed)
        return
    output.print_line(f"removed gate {removed.id}: {removed.name} -> {removed.stage} required {removed.expression}")
    options = ["--description", removed.description] if removed.description else []
    words = build_arguments(removed.name, removed.stage.value, removed.expression, options=options)
    print_undo(context, ["gate", "add", *words])


@gate.command("check")
def check(context: typer.Context, reference: ReferenceArgument, stage: _Stage, as_json: AsJson = False) -> None:
    """Check a version against the gates of a stage.

    Exits with 5 if a gate fails. Nothing is changed, so that CI can run the check as a separate step.

    \b
    modelreg gate check churn/3 Production && modelreg transition churn/3 Production --archive-existing
    modelreg gate check churn/latest Production --json | jq '.gates[] | select(.passed | not)'
    """
    result = registry(context).check_gates(reference, stage)
    _print_check(result, as_json)
    if not result.passed:
        from modelreg.lifecycle.rules.gates import comparable_scores_hint, gate_refusal

        refusal = gate_refusal(result)
        refusal.hint = comparable_scores_hint(result)  # instead of 'modelreg gate check', which this command is
        raise refusal


def _print_check(result: GateCheck, as_json: bool) -> None:
    form = output.choose_form(as_json)
    if form is output.Form.JSON:
        output.print_json(result)
    elif result.gates or form is output.Form.LINES:
        output.print_records(result.gates, _RESULT_COLUMNS, form, lambda gate: str(gate.id))
    if not result.gates:
        output.print_note(f"{result.stage} has no gates for {result.name}: every version passes")


def _format_values(result: GateResult, exact: bool = False) -> str:
    return ", ".join(f"{name} = {text.format_value(value, exact)}" for name, value in result.found.items())
