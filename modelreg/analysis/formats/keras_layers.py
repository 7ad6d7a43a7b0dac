"""Finds code in a Keras configuration: foreign classes, and Keras layers that contain code or read other files.

The configuration names all classes and functions that loading creates (``keras/src/saving/serialization_lib.py``).
"""

from __future__ import annotations

import builtins
import re
from typing import Any

from modelreg.analysis.containers.json_text import find_objects
from modelreg.analysis.evidence import Evidence
from modelreg.domain.scans import Verdict

_CLASS_MODULES = re.compile(
    r"keras(\.src)?(\.(layers|models|engine|activations|constraints|initializers|losses|metrics|optimizers|quantizers"
    r"|random|regularizers|dtype_policies)(\.[\w.]+)?)?"
)
"""Keras modules whose classes are allowed in models."""
_CLASS_NAME = re.compile(r"[A-Z_]\w*")
_FUNCTION = "function"
_FUNCTION_MODULES = frozenset(
    {
        "builtins",  # in Keras: any of the following modules
        *(f"keras.{part}" for part in ("activations", "constraints", "initializers", "losses", "metrics")),
        *(f"keras.{part}" for part in ("optimizers", "regularizers")),
    }
)
"""Modules whose functions only compute. Others are excluded: ``keras.utils.get_file`` downloads files."""
_CODE_LAYERS = {
    "Lambda": "it has a Lambda layer, which contains Python code",
    "__lambda__": "it has a Lambda layer, which contains Python code",
    "TorchModuleWrapper": "it has a TorchModuleWrapper, which contains a pickle",
}
_FILE_LAYERS = {"TFSMLayer": "it has a TFSMLayer, which runs a SavedModel from another folder"}


def examine(config: dict[str, Any], evidence: Evidence, place: str) -> None:
    """Report classes that are not from Keras, and layers that contain code or read other files."""
    for entry in find_objects(config):
        if not isinstance(entry.get("class_name"), str):
            continue
        class_name, settings = str(entry["class_name"]), entry.get("config")
        name = class_name.rpartition(".")[2]  # Keras also accepts a module before the name, and looks it up
        if name != class_name:
            reason = f"it has the class name {class_name[:80]!r}, which Keras does not write"
            evidence.add_reasons(Verdict.UNKNOWN, place, [reason])
        if name in _CODE_LAYERS:
            evidence.add_reasons(Verdict.DANGEROUS, place, [_CODE_LAYERS[name]])
        elif name in _FILE_LAYERS:
            evidence.add_reasons(Verdict.UNKNOWN, place, [_FILE_LAYERS[name]])
        else:
            _report_import(entry, name, evidence, place)
        if isinstance(settings, dict) and isinstance(settings.get("vocabulary"), str):
            evidence.add_reasons(Verdict.UNKNOWN, place, [f"its {name} reads a vocabulary from another file"])


def _report_import(entry: dict[str, Any], name: str, evidence: Evidence, place: str) -> None:
    module, registered = entry.get("module"), entry.get("registered_name")
    if name == _FUNCTION:
        function = entry.get("config")
        if not (isinstance(module, str) and module in _FUNCTION_MODULES) or function in dir(builtins):
            evidence.add_import(
                str(module or "keras.registered"), function if isinstance(function, str) else name, place
            )
    elif isinstance(module, str) and not _is_keras_class(module, name):
        evidence.add_import(module, name, place)
    elif module is None and registered not in (None, name):
        evidence.add_import("keras.registered", str(registered), place)


def _is_keras_class(module: str, name: str) -> bool:
    return _CLASS_MODULES.fullmatch(module) is not None and _CLASS_NAME.fullmatch(name) is not None
