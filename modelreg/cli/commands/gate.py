"""``gate``: what must hold of a version before it goes into a stage."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import CONTEXT, arguments, registry, tell_undo
from modelreg.cli.completion import complete_names, complete_stages
from modelreg.cli.options import AsJson, Message, ReferenceArgument
from modelreg.cli.output import Column
from modelreg.domain.gates import Gate, GateCheck, GateResult
from modelreg.system.clock import as_text

gate = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
    help="""Say what must hold of a version before it goes into a stage, and ask whether it does.

    A gate is an expression over what is known of a version; 'production.' in front of a field means the version
    now in Production. Gates are evaluated in the transaction that makes the transition; one that is not true, or
    whose values are missing, refuses it (exit 5).

    \b
    modelreg gate add churn Production "eval.holdout.roc_auc >= 0.9"
    modelreg gate add churn Production "eval.holdout.roc_auc >= production.eval.holdout.roc_auc - 0.005"
    modelreg gate check churn/3 Production
    """,
)

_Model = Annotated[
    str, typer.Argument(metavar="NAME", help="The model; '*' for every model.", autocompletion=complete_names)
]
_Numbers = Annotated[bool, typer.Option("--quiet", "-q", help="Print the numbers of gates alone, one a line.")]
_Stage = Annotated[
    str, typer.Argument(metavar="STAGE", help="Staging, Production or Archived.", autocompletion=complete_stages)
]

_GATE_COLUMNS = (
    Column[Gate]("id", lambda gate: gate.id, right=True),
    Column[Gate]("name", lambda gate: gate.name, style=lambda _: "bold"),
    Column[Gate]("stage", lambda gate: gate.stage),
    Column[Gate]("expression", lambda gate: gate.expression, foldable=True),
    Column[Gate]("description", lambda gate: gate.description, foldable=True),
    Column[Gate]("created_by", lambda gate: gate.created_by, wide=True),
    Column[Gate](
        "created_at", lambda gate: as_text(gate.created_at), lambda gate: text.ago(gate.created_at), wide=True
    ),
)
_RESULT_COLUMNS = (
    Column[GateResult]("id", lambda result: result.id, right=True),
    Column[GateResult]("wanted", lambda result: result.expression, foldable=True),
    Column[GateResult](
        "found", lambda result: _found(result, exact=True), lambda result: _found(result), foldable=True
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
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help="What must be true of the version.")],
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    message: Message = None,
    as_json: AsJson = False,
    quiet: _Numbers = False,
) -> None:
    """Let no version into a stage unless an expression is true of it.

    \b
    modelreg gate add churn Production "eval.holdout.roc_auc >= 0.9" --description "better than the old rules"
    modelreg gate add churn Production "eval.holdout.roc_auc >= production.eval.holdout.roc_auc - 0.005"
    modelreg gate add '*' Production "approvals >= 1 AND signature IS NOT NULL"
    """
    added = registry(context).add_gate(name, stage, expression, description=description, message=message)
    made = added.gate
    if as_json:
        output.print_json(output.fields_of(made) | {"is_new": added.is_new, "warnings": added.warnings})
    elif quiet:
        output.print_line(str(made.id))
    elif added.is_new:
        output.print_line(f"gate {made.id}: {made.name} -> {made.stage} needs {made.expression}")
        tell_undo(context, ["gate", "remove", str(made.id)])
    else:
        changed = ", and has the new description" if added.is_described else ""
        output.print_line(f"gate {made.id} says that already{changed}")
    for warning in added.warnings:
        output.note(f"warning: {warning}")


@gate.command("list")
def list_gates(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Only those that this model has to pass.", autocompletion=complete_names),
    ] = None,
    as_json: AsJson = False,
    quiet: _Numbers = False,
) -> None:
    """List the gates, with the numbers by which they are removed.

    \b
    modelreg gate list
    modelreg gate list churn --json | jq -r '.[].expression'
    """
    form = output.chosen_form(as_json, quiet)
    gates = registry(context).gates(name)
    if not gates and form is output.Form.TABLE:
        output.note("there are no gates; modelreg gate add NAME Production EXPRESSION")
        return
    output.print_records(gates, _GATE_COLUMNS, form, lambda gate: str(gate.id))


@gate.command("remove")
def remove(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="The gate's number, as 'gate list' shows it.")],
    message: Message = None,
    as_json: AsJson = False,
) -> None:
    """Take a gate away.

    \b
    modelreg gate remove 3 --message "the holdout was leaked"
    """
    gone = registry(context).remove_gate(number, message=message)
    if as_json:
        output.print_json(gone)
        return
    output.print_line(f"removed gate {gone.id}: {gone.name} -> {gone.stage} needed {gone.expression}")
    described = ["--description", gone.description] if gone.description else []
    tell_undo(context, ["gate", "add", *arguments(gone.name, gone.stage.value, gone.expression, options=described)])


@gate.command("check")
def check(context: typer.Context, reference: ReferenceArgument, stage: _Stage, as_json: AsJson = False) -> None:
    """Ask whether a version would pass the gates of a stage; exit 5 when it would not.

    Nothing is changed: a step of its own for CI.

    \b
    modelreg gate check churn/3 Production && modelreg transition churn/3 Production --archive-existing
    modelreg gate check churn/latest Production --json | jq '.gates[] | select(.passed | not)'
    """
    checked = registry(context).check_gates(reference, stage)
    print_check(checked, as_json)
    if not checked.passed:
        from modelreg.lifecycle.rules.gates import comparable_scores_hint, gate_refusal

        refused = gate_refusal(checked)
        refused.hint = comparable_scores_hint(checked)  # the table shows already what each gate said
        raise refused


def print_check(checked: GateCheck, as_json: bool) -> None:
    """Show what each gate said."""
    form = output.chosen_form(as_json)
    if form is output.Form.JSON:
        output.print_json(checked)
    elif checked.gates or form is output.Form.LINES:
        output.print_records(checked.gates, _RESULT_COLUMNS, form, lambda result: str(result.id))
    if not checked.gates:
        output.note(f"no gate stands before {checked.stage}, so every version of {checked.name} passes")


def _found(result: GateResult, exact: bool = False) -> str:
    return ", ".join(f"{name} = {text.value(value, exact)}" for name, value in result.found.items())
