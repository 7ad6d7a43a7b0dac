"""A version that was exported as an OCI image layout, and is registered from there."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import BlobDamaged, UnusableSource
from modelreg.store.artifacts.manifest import FACTS, FILEPATH


@pytest.fixture
def exported(registry, model_file, tmp_path):
    """A version with facts, and the folder that holds it."""
    signature = Signature((SignatureField("age", "float64"),), ())
    path = model_file(b"the bytes")
    version = registry.register(path, "churn", metrics={"auc": 0.9}, params={"depth": 3}, signature=signature)
    return version, registry.export("churn/1", tmp_path / "oci")


def test_what_was_exported_is_registered_as_the_version_that_it_was(registry, exported):
    version, folder = exported
    again = registry.register(folder, "elsewhere")
    assert (again.digest, again.files, again.signature) == (version.digest, version.files, version.signature)
    assert (dict(again.metrics), dict(again.params)) == ({"auc": 0.9}, {"depth": "3"})
    assert registry.path("elsewhere/1").read_bytes() == b"the bytes"
    assert registry.register(folder, "churn").created is False


def test_what_is_stated_goes_before_what_was_exported(registry, exported):
    again = registry.register(exported[1], "elsewhere", metrics={"auc": 0.8, "loss": 1})
    assert dict(again.metrics) == {"auc": 0.8, "loss": 1}


def test_a_folder_comes_back_as_a_folder(registry, tmp_path):
    for name in ("config.json", "weights/1.bin"):
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    version = registry.register(tmp_path / "model", "churn")
    again = registry.register(registry.export("churn/1", tmp_path / "oci"), "elsewhere")
    assert (again.digest, again.files) == (version.digest, version.files)


def test_other_bytes_than_were_exported_are_refused(registry, exported):
    version, folder = exported
    blob = folder / "blobs/sha256" / version.files[0].digest.removeprefix("sha256:")
    blob.chmod(0o600)
    blob.write_bytes(b"THE BYTES")
    with pytest.raises(BlobDamaged, match="nothing was registered"):
        registry.register(folder, "elsewhere")
    blob.unlink()
    with pytest.raises(UnusableSource, match=r"does not have all bytes of 'model\.bin'"):
        registry.register(folder, "elsewhere")
    assert [model.name for model in registry.models()] == ["churn"]


def test_a_layout_of_several_versions_is_refused(registry, exported, model_file, tmp_path):
    registry.register(model_file(b"other"), "churn")
    second = registry.export("churn/2", tmp_path / "second")
    index = json.loads((exported[1] / "index.json").read_text())
    index["manifests"] += json.loads((second / "index.json").read_text())["manifests"]
    shutil.copytree(second / "blobs", exported[1] / "blobs", dirs_exist_ok=True)
    (exported[1] / "index.json").write_text(json.dumps(index))
    with pytest.raises(UnusableSource, match="holds 2 versions"):
        registry.register(exported[1], "elsewhere")


def rewritten(folder, change):
    """Change the manifest in a layout, and name it by its new digest."""
    index = json.loads((folder / "index.json").read_text())
    blobs = folder / "blobs" / "sha256"
    manifest = json.loads((blobs / index["manifests"][0]["digest"].removeprefix("sha256:")).read_text())
    change(manifest)
    content = json.dumps(manifest).encode()
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    index["manifests"][0] |= {"digest": f"sha256:{digest}", "size": len(content)}
    (folder / "index.json").write_text(json.dumps(index))


def of_facts(name, value):
    def change(manifest):
        facts = json.loads(manifest["annotations"][FACTS]) | {name: value}
        manifest["annotations"][FACTS] = json.dumps(facts)

    return change


def below_itself(manifest):
    (layer,) = manifest["layers"]
    below = {**layer, "annotations": {FILEPATH: layer["annotations"][FILEPATH] + "/more"}}
    manifest["layers"].append(below)
    of_facts("kind", "folder")(manifest)


COLUMN = {"name": "age", "type": "zzz", "shape": [], "nullable": False}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda manifest: manifest["layers"].clear(), "it has 0 files"),
        (lambda manifest: manifest["layers"].extend(manifest["layers"]), "it has 2 files"),
        (below_itself, "two files have one place"),
        (of_facts("kind", "zoo"), "neither file nor folder"),
        (of_facts("signature", {"inputs": [COLUMN], "outputs": []}), "no field of a signature"),
        (lambda manifest: manifest["annotations"].update({FACTS: "[" * 100_000}), "its manifest is damaged"),
        (lambda manifest: manifest["layers"][0]["annotations"].update({FILEPATH: "\ud800"}), "not UTF-8"),
    ],
)
def test_a_manifest_that_no_registration_writes_is_refused(registry, exported, change, words):
    rewritten(exported[1], change)
    with pytest.raises(UnusableSource, match=words) as refused:
        registry.register(exported[1], "elsewhere")
    assert refused.value.hint == "export the version again"
    assert [model.name for model in registry.models()] == ["churn"]


@pytest.mark.parametrize(
    "damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes() + b" ")]
)
def test_a_damaged_export_is_no_folder_like_any_other(registry, exported, damage):
    version, folder = exported
    manifest = folder / "blobs" / "sha256" / version.digest.removeprefix("sha256:")
    manifest.chmod(0o600)
    damage(manifest)
    with pytest.raises(UnusableSource, match="its manifest is damaged"):
        registry.register(folder, "elsewhere")


@pytest.mark.parametrize(
    "index", ["[" * 100_000, "", "[]", "{}", '{"manifests": [{}]}', '{"manifests": [{"digest": "sha256:00"}]}']
)
def test_a_layout_of_something_else_is_a_folder_like_any_other(registry, tmp_path, index):
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    Path(tmp_path, "image", "index.json").write_text(index or " ")
    version = registry.register(tmp_path / "image", "image")
    assert sorted(file.path for file in version.files) == ["index.json", "oci-layout"]
