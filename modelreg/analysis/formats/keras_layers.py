"""Keras's configuration names the classes and functions that it makes (``keras/src/saving/serialization_lib.py``).

Some of Keras's own layers hold code, or read a file that their configuration names.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator
from typing import Any

from modelreg.analysis.containers.json_text import find_objects
from modelreg.analysis.evidence import Evidence
from modelreg.domain.scans import Verdict

_OF_CLASSES = re.compile(
    r"keras(\.src)?(\.(layers|models|engine|activations|constraints|initializers|losses|metrics|optimizers|quantizers"
    r"|random|regularizers|dtype_policies)(\.[\w.]+)?)?"
)
"""Keras's own modules of which models have classes."""
_CLASS = re.compile(r"[A-Z_]\w*")
_FUNCTION = "function"
_OF_FUNCTIONS = frozenset(
    {
        "builtins",  # Keras's name for these modules taken together
        *(f"keras.{part}" for part in ("activations", "constraints", "initializers", "losses", "metrics")),
        *(f"keras.{part}" for part in ("optimizers", "regularizers")),
    }
)
"""Modules all of whose functions do nothing but compute; ``keras.utils.get_file`` downloads."""
_WITH_CODE = {
    "Lambda": "it has a Lambda layer, which holds Python code",
    "__lambda__": "it has a Lambda layer, which holds Python code",
    "TorchModuleWrapper": "it has a TorchModuleWrapper, which holds a pickle",
}
_READING = {"TFSMLayer": "it has a TFSMLayer, which runs a SavedModel from another place"}


def examine(config: dict[str, Any], evidence: Evidence, place: str) -> None:
    """Name the classes that are not Keras's own, and layers that hold code or read other files."""
    for described in _classes(config):
        written, inner = str(described["class_name"]), described.get("config")
        name = written.rpartition(".")[2]  # Keras puts the module before it, and looks up what that names
        if name != written:
            evidence.add_reasons(Verdict.UNKNOWN, place, [f"it names a class {written[:80]!r}, not as Keras does"])
        if name in _WITH_CODE:
            evidence.add_reasons(Verdict.DANGEROUS, place, [_WITH_CODE[name]])
        elif name in _READING:
            evidence.add_reasons(Verdict.UNKNOWN, place, [_READING[name]])
        else:
            _name(described, name, evidence, place)
        if isinstance(inner, dict) and isinstance(inner.get("vocabulary"), str):
            evidence.add_reasons(Verdict.UNKNOWN, place, [f"its {name} reads a vocabulary from another file"])


def _name(described: dict[str, Any], name: str, evidence: Evidence, place: str) -> None:
    module, registered = described.get("module"), described.get("registered_name")
    if name == _FUNCTION:
        function = described.get("config")
        if not (isinstance(module, str) and module in _OF_FUNCTIONS) or function in dir(builtins):
            evidence.imports(str(module or "keras.registered"), function if isinstance(function, str) else name, place)
    elif isinstance(module, str) and not _is_own_class(module, name):
        evidence.imports(module, name, place)
    elif module is None and registered not in (None, name):
        evidence.imports("keras.registered", str(registered), place)


def _is_own_class(module: str, name: str) -> bool:
    return _OF_CLASSES.fullmatch(module) is not None and _CLASS.fullmatch(name) is not None


def _classes(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every object of the configuration that names a class."""
    return (each for each in find_objects(config) if isinstance(each.get("class_name"), str))
