"""Evaluate gates: check a version against the gate expressions of a stage.

`modelreg.lifecycle.adding_gates` stores new gates.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from modelreg.domain.comparison import find_incomparability
from modelreg.domain.gates import Gate, GateCheck, GateResult, Value
from modelreg.domain.signatures import signature_as_json
from modelreg.domain.stages import Stage
from modelreg.domain.versions import ModelVersion
from modelreg.errors import GateRefused, InvalidExpression, quoted
from modelreg.expressions.evaluation import evaluate
from modelreg.expressions.parsing import parse_gate
from modelreg.expressions.tree import Expression, Field, fields_of, predicates_of
from modelreg.system.clock import as_text


def check_gates(
    gates: Sequence[Gate], candidate: ModelVersion, stage: Stage, incumbent: ModelVersion | None
) -> GateCheck:
    """Evaluate ``gates`` for ``candidate`` entering ``stage``; ``incumbent`` is the version in Production."""
    results = tuple(_check_gate(gate, candidate, incumbent) for gate in gates)
    return GateCheck(
        name=candidate.name,
        version=candidate.version,
        stage=stage,
        production=None if incumbent is None else incumbent.version,
        passed=all(result.passed for result in results),
        gates=results,
    )


def gate_refusal(check: GateCheck) -> GateRefused:
    """The error for a failed check. If a single gate failed, the message has its expression and values."""
    reference = f"{check.name}/{check.version}"
    if len(check.failures) == 1:
        (failure,) = check.failures
        reason = failure.reason or ", ".join(
            f"{name} is {_format_value(value)}" for name, value in failure.found.items()
        )
        message = f"{reference} failed the gate {failure.expression} for {check.stage}"
        message += f": {reason}" if reason else ""
    else:
        message = f"{reference} failed {len(check.failures)} of {len(check.gates)} gates for {check.stage}"
    hint = f"modelreg gate check {quoted(reference)} {check.stage}; --force --message WHY overrides gates"
    python_hint = f"registry.check_gates({reference!r}, '{check.stage}') lists them"
    if not_comparable := comparable_scores_hint(check):
        hint = not_comparable
        python_hint = (
            f"measure both on the same data: registry.evaluate({reference!r}, data, target, "
            f"dataset={_find_incomparable_dataset(check)!r}, production=True)"
        )
    return GateRefused(message, hint, python_hint, check)


def comparable_scores_hint(check: GateCheck) -> str | None:
    """The command that scores both versions on the same data; None unless a gate failed for lack of that."""
    dataset = _find_incomparable_dataset(check)
    if dataset is None:
        return None
    command = f"modelreg evaluate {quoted(f'{check.name}/{check.version}')} --data FILE --target COLUMN"
    return f"measure both on the same data: {command} --as {quoted(dataset)} --production"


def _find_incomparable_dataset(check: GateCheck) -> str | None:
    return next((dataset for gate in check.failures for dataset in gate.incomparable), None)


def _format_value(value: Value) -> str:
    return "missing" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def encode_check(check: GateCheck, *, forced: bool) -> dict[str, Any]:
    """A check in the form in which the journal stores it."""
    return {
        "passed": check.passed,
        "forced": forced,
        "production": check.production,
        "gates": [
            {
                "id": result.id,
                "name": result.name,
                "expression": result.expression,
                "passed": result.passed,
                "found": dict(result.found),
                "reason": result.reason,
            }
            for result in check.gates
        ],
    }


def _check_gate(gate: Gate, candidate: ModelVersion, incumbent: ModelVersion | None) -> GateResult:
    build_result = partial(GateResult, gate.id, gate.name, gate.expression, gate.description)
    try:
        expression = parse_gate(gate.expression)
    except InvalidExpression as error:  # written by a newer program, or by hand
        return build_result(False, {}, f"invalid expression: {error.message}")

    def get_value(field: Field) -> Value:
        version = incumbent if field.of_production else candidate
        return None if version is None else value_of(version, field)

    values = {str(field): get_value(field) for field in fields_of(expression)}
    if incumbent is None:
        if any(field.of_production for field in fields_of(expression)):
            return build_result(True, values, "no version is in Production to compare with")
        incomparable = {}
    else:
        incomparable = _find_incomparable(expression, candidate, incumbent)
    if evaluate(expression, get_value, unknown=incomparable) is True:
        return build_result(True, values, None)
    datasets = tuple(dict.fromkeys(dataset for names in incomparable.values() for dataset in names))
    missing = [name for name, value in values.items() if value is None]
    reasons = [f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"] if missing else []
    if incumbent is not None:
        reasons += [str(find_incomparability(dataset, candidate, incumbent)) for dataset in datasets]
    return build_result(False, values, "; ".join(reasons) or None, datasets)


def _find_incomparable(
    expression: Expression, candidate: ModelVersion, incumbent: ModelVersion
) -> dict[Expression, list[str]]:
    """The predicates that compare scores of both versions, but measured on different data; with the data sets.

    Scores are comparable only if they were measured on the same bytes.
    """
    incomparable: dict[Expression, list[str]] = {}
    for predicate in predicates_of(expression):
        production_datasets = _get_datasets(predicate, of_production=True)
        shared = [name for name in _get_datasets(predicate, of_production=False) if name in production_datasets]
        if different := [dataset for dataset in shared if find_incomparability(dataset, candidate, incumbent)]:
            incomparable[predicate] = different
    return incomparable


def _get_datasets(predicate: Expression, of_production: bool) -> list[str]:
    """The data sets in ``eval.DATASET.METRIC`` fields, of the candidate or of the version in Production."""
    fields = (field for field in fields_of(predicate) if field.of_production is of_production)
    return [field.keys[0] for field in fields if field.name == "eval"]


def value_of(version: ModelVersion, field: Field) -> Value:
    """The value of a field for a version; None if it is missing."""
    match field.name, field.keys:
        case "metrics", (name,):
            return version.metrics.get(name)
        case "params", (name,):
            return version.params.get(name)
        case "tags", (name,):
            return version.tags.get(name)
        case "library", (name,):
            return version.environment.libraries.get(name)
        case "eval", (dataset, metric):
            return version.evaluations.get(dataset, {}).get(metric)
        case name, _:
            return _get_column_value(version, name)


def _get_column_value(version: ModelVersion, name: str) -> Value:
    """The value of a field without keys, such as ``stage`` or ``size``, in the form that filters compare."""
    match name:
        case "stage":
            return version.stage.value
        case "alias":
            return tuple(alias.lower() for alias in version.aliases)
        case "signature":
            if version.signature is None:
                return None
            signature = signature_as_json(version.signature)  # in the JSON form of the catalog
            return json.dumps(signature, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        case "approvals":
            return sum(approval.counts for approval in version.approvals)
        case "created_at" | "updated_at":
            return as_text(getattr(version, name))
        case _:
            value: Value = getattr(version, name)
            return value
