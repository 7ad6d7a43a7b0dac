"""What gates say of a version: expressions, evaluated on what is known of it and of the version in Production."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from modelreg.clock import as_text
from modelreg.errors import InvalidExpression
from modelreg.expressions.evaluation import evaluate
from modelreg.expressions.parsing import parse_gate
from modelreg.expressions.tree import Expression, Field, fields_of
from modelreg.records.gate import Gate, GateCheck, GateResult, Value
from modelreg.records.version import ModelVersion
from modelreg.signatures import signature_as_json
from modelreg.stages import Stage


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
    passed, found, reason = _judged(gate.expression, candidate, incumbent)
    return GateResult(gate.id, gate.name, gate.expression, gate.description, passed, found, reason)


def _judged(
    text: str, candidate: ModelVersion, incumbent: ModelVersion | None
) -> tuple[bool, dict[str, Value], str | None]:
    try:
        expression = parse_gate(text)
    except InvalidExpression as error:  # written by a newer program, or by hand
        return False, {}, f"it cannot be understood: {error.message}"
    value_of = partial(_value, candidate, incumbent)
    found = {str(field): value_of(field) for field in fields_of(expression)}
    if incumbent is None and any(field.of_production for field in fields_of(expression)):
        return True, found, "nobody is in Production to compare with"
    return _decided(expression, value_of, found)


def _decided(
    expression: Expression, value_of: Callable[[Field], Value], found: dict[str, Value]
) -> tuple[bool, dict[str, Value], str | None]:
    truth = evaluate(expression, value_of)
    missing = [name for name, value in found.items() if value is None]
    reason = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing" if missing and not truth else None
    return truth is True, found, reason


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
