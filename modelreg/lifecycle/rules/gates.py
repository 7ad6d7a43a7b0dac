"""What gates say of a version: expressions, evaluated on what is known of it and of the version in Production."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from modelreg.domain.comparison import why_incomparable
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
    """What ``gates`` say of ``candidate`` on its way to ``stage``, with ``incumbent`` in Production."""
    results = tuple(_result(gate, candidate, incumbent) for gate in gates)
    return GateCheck(
        name=candidate.name,
        version=candidate.version,
        stage=stage,
        production=None if incumbent is None else incumbent.version,
        passed=all(result.passed for result in results),
        gates=results,
    )


def gate_refusal(check: GateCheck) -> GateRefused:
    """The error for a version that did not pass, naming the gate that failed and the values that it found."""
    failed, version = check.failures, f"{check.name}/{check.version}"
    which = failed[0].expression if len(failed) == 1 else f"{len(failed)} of {len(check.gates)} gates"
    found = failed[0].reason or ", ".join(f"{name} is {_in_words(value)}" for name, value in failed[0].found.items())
    return GateRefused(
        f"{version} is kept out of {check.stage} by {which}"
        + (f", where {found}" if len(failed) == 1 and found else ""),
        comparable_scores_hint(check)
        or f"modelreg gate check {quoted(version)} {check.stage}; --force --message WHY overrides gates",
        check,
    )


def comparable_scores_hint(check: GateCheck) -> str | None:
    """The command that makes scores comparable that are not, where that alone may be in the way; else None."""
    datasets = [dataset for gate in check.failures for dataset in gate.incomparable]
    if not datasets:
        return None
    command = f"modelreg evaluate {quoted(f'{check.name}/{check.version}')} --data FILE --target COLUMN"
    return f"measure both on the same data: {command} --as {quoted(datasets[0])} --production"


def _in_words(value: Value) -> str:
    return "missing" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def check_as_json(check: GateCheck, *, forced: bool) -> dict[str, Any]:
    """A check as the journal keeps it: what was asked, what was found, and who was in Production."""
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


def _result(gate: Gate, candidate: ModelVersion, incumbent: ModelVersion | None) -> GateResult:
    """What one gate says; `GateResult` tells what each part means."""
    try:
        expression = parse_gate(gate.expression)
    except InvalidExpression as error:  # written by a newer program, or by hand
        return _judged(gate, False, {}, f"it cannot be understood: {error.message}")
    value_of = partial(_value, candidate, incumbent)
    found = {str(field): value_of(field) for field in fields_of(expression)}
    if incumbent is None and any(field.of_production for field in fields_of(expression)):
        return _judged(gate, True, found, "nobody is in Production to compare with")
    refused = {} if incumbent is None else _incomparable(expression, candidate, incumbent)
    passed = evaluate(expression, value_of, unknown=refused) is True
    if passed:
        return _judged(gate, True, found, None)
    datasets = tuple(dict.fromkeys(dataset for each in refused.values() for dataset in each))
    return _judged(gate, False, found, _why_not(found, datasets, candidate, incumbent), datasets)


def _judged(
    gate: Gate, passed: bool, found: dict[str, Value], reason: str | None, incomparable: tuple[str, ...] = ()
) -> GateResult:
    return GateResult(gate.id, gate.name, gate.expression, gate.description, passed, found, reason, incomparable)


def _incomparable(
    expression: Expression, candidate: ModelVersion, incumbent: ModelVersion
) -> dict[Expression, list[str]]:
    """The predicates that hold scores of both versions on one data set against each other, of different data.

    With each the data sets. Scores compare only where they were measured on the same bytes.
    """
    found: dict[Expression, list[str]] = {}
    for predicate in predicates_of(expression):
        datasets = [_datasets(predicate, of_production) for of_production in (False, True)]
        shared = [dataset for dataset in datasets[0] if dataset in datasets[1]]
        if other := [dataset for dataset in shared if why_incomparable(dataset, candidate, incumbent)]:
            found[predicate] = other
    return found


def _datasets(predicate: Expression, of_production: bool) -> list[str]:
    """The data sets whose scores a predicate mentions, of the candidate or of the version in Production."""
    fields = (field for field in fields_of(predicate) if field.of_production is of_production)
    return [field.keys[0] for field in fields if field.name == "eval"]


def _why_not(
    found: dict[str, Value], datasets: Sequence[str], candidate: ModelVersion, incumbent: ModelVersion | None
) -> str | None:
    missing = [name for name, value in found.items() if value is None]
    reasons = [f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"] if missing else []
    if incumbent is not None:
        reasons += [str(why_incomparable(dataset, candidate, incumbent)) for dataset in datasets]
    return "; ".join(reasons) or None


def _value(candidate: ModelVersion, incumbent: ModelVersion | None, field: Field) -> Value:
    version = incumbent if field.of_production else candidate
    return None if version is None else value_of(version, field)


def value_of(version: ModelVersion, field: Field) -> Value:
    """What ``field`` is of ``version``; None where it is missing."""
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
            return _plain_value(version, name)


def _plain_value(version: ModelVersion, name: str) -> Value:
    match name:
        case "stage":
            return version.stage.value
        case "alias":
            return tuple(alias.lower() for alias in version.aliases)
        case "signature":
            return None if version.signature is None else _as_text(signature_as_json(version.signature))
        case "approvals":
            return sum(approval.counts for approval in version.approvals)
        case "created_at" | "updated_at":
            return as_text(getattr(version, name))
        case _:
            value: Value = getattr(version, name)
            return value


def _as_text(value: object) -> str:
    """JSON as the catalog writes it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
