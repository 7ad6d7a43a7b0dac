"""Models with names that cannot be stored or are far too long can be registered."""

from __future__ import annotations

import io
import json
import pickle
import zipfile

import pytest

LONE = "\ud800"
LONG = "b" * 1_000_000


def skops_file(name: str) -> bytes:
    inner = {"__class__": name, "__module__": "a", "__loader__": "TypeNode"}
    schema = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": [inner]}
    return zipped("schema.json", json.dumps(schema | {"protocol": 2}))


def skops_attribute(name: str) -> bytes:
    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": "1"}
    types = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": [TEXT_TYPE]}
    table = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode"}
    content = table | {"content": {name: text}, "key_types": types}
    node = {"__class__": "SVC", "__module__": "sklearn.svm._classes", "__loader__": "ObjectNode", "content": content}
    return zipped("schema.json", json.dumps(node | {"protocol": 2}))


TEXT_TYPE = {"__class__": "str", "__module__": "builtins", "__loader__": "TypeNode"}


def keras_file(name: str) -> bytes:
    config = {"class_name": name, "module": f"x{name}", "config": {"layers": [{"class_name": name, "module": name}]}}
    return zipped("config.json", json.dumps(config), "metadata.json", "{}")


def pickle_of(name: str) -> bytes:
    data_ = pickle.dumps({f"mypackage.{name}": name})
    return data_[:-2] + b"\x8c\x01a" + frame_text(name) + b"\x930" + data_[-2:]


def frame_text(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return b"X" + len(data).to_bytes(4, "little") + data


def member_of(name: str) -> bytes:
    return zipped("a" * 60_000, b"\x80\x04N.x")


def zipped(*members: str | bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in zip(members[::2], members[1::2], strict=True):
            archive.writestr(str(name), content)
    return file.getvalue()


@pytest.mark.parametrize("name", [LONE, LONG, "nul\0"], ids=["a lone surrogate", "very long", "NUL"])
@pytest.mark.parametrize("make", [skops_file, skops_attribute, keras_file, pickle_of, member_of])
def test_a_file_with_odd_names_is_registered_with_short_texts(registry, tmp_path, make, name):
    (tmp_path / "model").write_bytes(make(name))
    version = registry.register(tmp_path / "model", "odd", allow_unsafe="to see")
    assert version.scan != "safe"
    assert len(json.dumps([*version.notes, *version.scan_reasons, version.model_class])) < 10_000
    assert registry.version("odd/1").scan == version.scan


def test_an_mlflow_folder_with_odd_names_is_registered(registry, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "x").write_bytes(b"\x80\x04N.")
    (tmp_path / "m" / "MLmodel").write_text(
        "flavors:\n  sklearn:\n    pickled_model: x\n  python_function:\n    loader_module: mlflow.sklearn\n"
        'run_id: "\\ud800"\nsignature:\n  inputs: \'[{"type": "double", "name": "\\ud800"}]\'\n'
    )
    version = registry.register(tmp_path / "m", "odd")
    assert (version.run_id, version.signature) == (None, None)
