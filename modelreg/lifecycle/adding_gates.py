"""Store a new gate, and warn if no version could pass it (rules/gates.py evaluates gates)."""

from __future__ import annotations

from collections.abc import Iterator

from modelreg.domain.gates import AddedGate, Gate
from modelreg.domain.references import ModelName, Reference
from modelreg.domain.stages import Stage
from modelreg.errors import did_you_mean
from modelreg.expressions.fields import KEYED
from modelreg.expressions.tree import Expression, Field, fields_of
from modelreg.lifecycle.rules.gates import check_gates
from modelreg.store.catalog.writer import CatalogWriter

_NOUNS = {"metrics": "metrics", "params": "parameters", "tags": "tags", "eval": "evaluations", "library": "libraries"}
_MAX_FIELDS_SHOWN = 8


def add_gate(
    writer: CatalogWriter, model: ModelName | None, stage: Stage, expression: Expression, text: str, description: str
) -> AddedGate:
    """Add a gate for one model, or for every model if ``model`` is None; ``text`` is the expression as written.

    The result has warnings if the gate is new, and refers to unknown fields or the version in Production fails it.
    """
    number, is_new, is_described = writer.add_gate(model, stage, text, description)
    gate = next(gate for gate in writer.gates() if gate.id == number)
    if not is_new:
        return AddedGate(gate, is_new, is_described, ())
    warnings = tuple(_warn_unknown_fields(writer, model, expression))
    if not warnings and not any(field.of_production for field in fields_of(expression)):
        warnings = tuple(_warn_production_fails(writer, model, gate))
    return AddedGate(gate, is_new, is_described, warnings)


def _warn_unknown_fields(writer: CatalogWriter, model: ModelName | None, expression: Expression) -> Iterator[str]:
    """A warning for each field that has no value in any version; none while there are no versions."""
    if writer.counts()[1] == 0 or (model is not None and writer.model(model).latest is None):
        return
    existing = {name: [str(field) for field in writer.list_fields(model, name)] for name in KEYED}
    for field in dict.fromkeys(Field(field.name, field.keys) for field in fields_of(expression)):
        if field.name in KEYED and str(field) not in existing[field.name]:
            yield f"no version of {model or 'any model'} has {field}; {_suggest_fields(field, existing)}"


def _suggest_fields(missing: Field, existing: dict[str, list[str]]) -> str:
    """A similar field, preferably of the same kind; else the existing fields of that kind."""
    same_kind = existing[missing.name]
    every_kind = [name for names in existing.values() for name in names]
    if suggestion := did_you_mean(str(missing), same_kind) or did_you_mean(str(missing), every_kind):
        return suggestion
    if not same_kind:
        return f"no {_NOUNS[missing.name]} are recorded"
    return f"available: {', '.join(sorted(same_kind)[:_MAX_FIELDS_SHOWN])}"


def _warn_production_fails(writer: CatalogWriter, model: ModelName | None, gate: Gate) -> Iterator[str]:
    """A warning if the version in Production fails the gate."""
    in_production = [] if model is None else writer.in_stage(model, Stage.PRODUCTION)
    for number in in_production[:1]:
        version = writer.version(Reference(ModelName(gate.name), number))
        (result,) = check_gates([gate], version, gate.stage, version).gates
        if not result.passed:
            reason = result.reason or ", ".join(f"{name} is {value}" for name, value in result.found.items())
            yield f"{version.reference}, in Production, fails this gate: {reason}"
