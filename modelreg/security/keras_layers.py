"""Keras's configuration names the classes that it makes; a ``Lambda`` layer holds code (``keras/src/saving``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelreg.records.scan import Verdict
from modelreg.security.evidence import Evidence

_OWN = ("keras", "builtins")
_LAMBDA = ("Lambda", "__lambda__")


def examine(config: dict[str, Any], evidence: Evidence, place: str) -> None:
    """Name the classes that are not Keras's own, and layers that hold code."""
    for described in _classes(config):
        name, module = described.get("class_name"), described.get("module")
        if name in _LAMBDA:
            evidence.speaks(Verdict.DANGEROUS, place, ["it has a Lambda layer, which holds Python code"])
        elif isinstance(module, str) and module.partition(".")[0] not in _OWN:
            evidence.imports(module, str(name), place)
        elif module is None and described.get("registered_name") not in (None, name):
            evidence.imports("keras.registered", str(described["registered_name"]), place)


def _classes(value: object) -> Iterator[dict[str, Any]]:
    """Every object of the configuration that names a class; a list, since it may be nested as deeply as JSON allows."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if isinstance(each.get("class_name"), str):
                yield each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
