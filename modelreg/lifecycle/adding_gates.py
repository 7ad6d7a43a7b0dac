"""How gates are added: what speaks against a new one is said at once, and not when it refuses a version."""

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

_CALLED = {"metrics": "metrics", "params": "parameters", "tags": "tags", "eval": "evaluations", "library": "libraries"}
_MOST_SHOWN = 8  # of the fields that there are, where none has a name like that which is missing


def add_gate(
    change: CatalogWriter, model: ModelName | None, stage: Stage, expression: Expression, text: str, description: str
) -> AddedGate:
    """Add the gate, written as ``text``, for one model or for every one; returns it with what speaks against it."""
    number, is_new, is_described = change.add_gate(model, stage, text, description)
    gate = next(gate for gate in change.gates() if gate.id == number)
    unknown = tuple(_unknown_fields(change, model, expression))
    compares = any(field.of_production for field in fields_of(expression))
    warnings = unknown or (() if compares else tuple(_refused_in_production(change, model, gate)))
    return AddedGate(gate, is_new, is_described, warnings if is_new else ())


def _unknown_fields(change: CatalogWriter, model: ModelName | None, expression: Expression) -> Iterator[str]:
    """A sentence for each field of which no version has a value; none where there are no versions yet."""
    if change.counts()[1] == 0 or (model is not None and change.model(model).latest is None):
        return
    known = {name: [str(field) for field in change.known_fields(model, name)] for name in KEYED}
    for field in dict.fromkeys(Field(each.name, each.keys) for each in fields_of(expression)):
        if field.name in KEYED and str(field) not in known[field.name]:
            of = "any model" if model is None else model
            yield f"no version of {of} has {field}; {_near(field, known)}"


def _near(field: Field, known: dict[str, list[str]]) -> str:
    """What may have been meant by a field that nothing has."""
    everything = [each for names in known.values() for each in names]
    if near := did_you_mean(str(field), known[field.name]) or did_you_mean(str(field), everything):
        return near
    some = sorted(known[field.name])[:_MOST_SHOWN]
    return f"there are {', '.join(some)}" if some else f"there are no {_CALLED[field.name]} at all"


def _refused_in_production(change: CatalogWriter, model: ModelName | None, gate: Gate) -> Iterator[str]:
    """A sentence where the version that is in Production would not pass the gate itself."""
    in_production = [] if model is None else change.in_stage(model, Stage.PRODUCTION)
    for number in in_production[:1]:
        version = change.version(Reference(ModelName(gate.name), number))
        (result,) = check_gates([gate], version, gate.stage, version).gates
        if not result.passed:
            found = result.reason or ", ".join(f"{name} is {value}" for name, value in result.found.items())
            yield f"{version.reference}, in Production, does not pass it: {found}"
