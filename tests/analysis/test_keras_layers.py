"""Keras's own layers and functions that hold code, or read a file that their configuration names."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from modelreg.analysis.scan import scan


@pytest.fixture
def scanned(tmp_path):
    def scan_layers(*layers: dict):
        config = {"class_name": "Sequential", "module": "keras", "config": {"layers": list(layers)}}
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("config.json", json.dumps(config))
        (tmp_path / "m").write_bytes(file.getvalue())
        return scan({"m": tmp_path / "m"}, False, "keras")

    return scan_layers


def layer(name: str, **config: object) -> dict:
    return {"class_name": name, "module": "keras.layers", "config": config}


def function(module: str | None, name: str) -> dict:
    return {"class_name": "function", "module": module, "config": name, "registered_name": "function"}


@pytest.mark.parametrize(
    ("described", "verdict", "expected"),
    [
        (layer("Dense", activation=function("keras.activations", "relu")), "safe", ""),
        (layer("Dense", activation=function("builtins", "gelu")), "safe", ""),
        (layer("StringLookup", vocabulary=["a", "b"]), "safe", ""),
        (layer("StringLookup", vocabulary="/etc/passwd"), "unknown", "StringLookup"),
        (layer("TextVectorization", vocabulary="words.txt"), "unknown", "TextVectorization"),
        (layer("TFSMLayer", filepath="/tmp/saved"), "unknown", "TFSMLayer"),
        (layer("TorchModuleWrapper", module="gASV"), "dangerous", "TorchModuleWrapper"),
        (layer("layers.TorchModuleWrapper", module="gASV"), "dangerous", "TorchModuleWrapper"),
        (layer("src.layers.core.lambda_layer.Lambda"), "dangerous", "Lambda"),
        (layer("layers.TFSMLayer", filepath="/tmp/saved"), "unknown", "TFSMLayer"),
        (layer("layers.Dense"), "unknown", "which Keras does not write"),
        (layer("Dense", activation=function("keras.utils", "get_file")), "unknown", "keras.utils.get_file"),
        (layer("Dense", activation=function("mypackage.functions", "swish")), "unknown", "mypackage.functions.swish"),
        (layer("Dense", activation=function("subprocess", "run")), "dangerous", "subprocess.run"),
        (layer("Dense", activation=function(None, "swish")), "unknown", "swish"),
        (layer("Dense", activation=function("builtins", "exec")), "dangerous", "builtins.exec"),
        (layer("Dense", activation={"class_name": "get_file", "module": "keras.utils"}), "unknown", "get_file"),
        (layer("Dense", activation={"class_name": "exec", "module": "builtins"}), "dangerous", "builtins.exec"),
        (layer("Dense", scheme={"class_name": "Zeros", "module": "keras.src.initializers"}), "safe", ""),
    ],
)
def test_layers_that_only_compute_are_safe_and_all_others_are_reported(scanned, described, verdict, expected):
    result = scanned(described)
    assert result.verdict == verdict
    assert expected in " ".join([*result.findings, *result.reasons])
