"""Registering a version from its export, an OCI image layout."""

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
    """A version with metrics, parameters and signature, and the folder of its export."""
    signature = Signature((SignatureField("age", "float64"),), ())
    path = model_file(b"the bytes")
    version = registry.register(path, "churn", metrics={"auc": 0.9}, params={"depth": 3}, signature=signature)
    return version, registry.export("churn/1", tmp_path / "oci")


def test_registering_an_export_gives_the_same_version(registry, exported):
    version, folder = exported
    registered = registry.register(folder, "second")
    assert (registered.digest, registered.files, registered.signature) == (
        version.digest,
        version.files,
        version.signature,
    )
    assert (dict(registered.metrics), dict(registered.params)) == ({"auc": 0.9}, {"depth": "3"})
    assert registry.path("second/1").read_bytes() == b"the bytes"
    assert registry.register(folder, "churn").created is False


def test_given_metrics_override_those_of_the_export(registry, exported):
    registered = registry.register(exported[1], "second", metrics={"auc": 0.8, "loss": 1})
    assert dict(registered.metrics) == {"auc": 0.8, "loss": 1}


def test_exported_folder_is_registered_as_a_folder(registry, tmp_path):
    for name in ("config.json", "weights/1.bin"):
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    version = registry.register(tmp_path / "model", "churn")
    registered = registry.register(registry.export("churn/1", tmp_path / "oci"), "second")
    assert (registered.digest, registered.files) == (version.digest, version.files)


def test_export_with_changed_or_missing_bytes_is_refused(registry, exported):
    version, folder = exported
    blob = folder / "blobs/sha256" / version.files[0].digest.removeprefix("sha256:")
    blob.chmod(0o600)
    blob.write_bytes(b"THE BYTES")
    with pytest.raises(BlobDamaged, match="nothing was registered"):
        registry.register(folder, "second")
    blob.unlink()
    with pytest.raises(UnusableSource, match=r"does not have all bytes of 'model\.bin'"):
        registry.register(folder, "second")
    assert [model.name for model in registry.models()] == ["churn"]


def test_layout_with_several_versions_is_refused(registry, exported, model_file, tmp_path):
    registry.register(model_file(b"other"), "churn")
    second = registry.export("churn/2", tmp_path / "second")
    index = json.loads((exported[1] / "index.json").read_text())
    index["manifests"] += json.loads((second / "index.json").read_text())["manifests"]
    shutil.copytree(second / "blobs", exported[1] / "blobs", dirs_exist_ok=True)
    (exported[1] / "index.json").write_text(json.dumps(index))
    with pytest.raises(UnusableSource, match="contains 2 versions"):
        registry.register(exported[1], "second")


def rewrite_manifest(folder, change):
    """Change the manifest in a layout, and update its digest in the index."""
    index = json.loads((folder / "index.json").read_text())
    blobs = folder / "blobs" / "sha256"
    manifest = json.loads((blobs / index["manifests"][0]["digest"].removeprefix("sha256:")).read_text())
    change(manifest)
    content = json.dumps(manifest).encode()
    digest = hashlib.sha256(content).hexdigest()
    (blobs / digest).write_bytes(content)
    index["manifests"][0] |= {"digest": f"sha256:{digest}", "size": len(content)}
    (folder / "index.json").write_text(json.dumps(index))


def set_fact(name, value):
    def change(manifest):
        facts = json.loads(manifest["annotations"][FACTS]) | {name: value}
        manifest["annotations"][FACTS] = json.dumps(facts)

    return change


def add_file_below_a_file(manifest):
    (layer,) = manifest["layers"]
    nested = {**layer, "annotations": {FILEPATH: layer["annotations"][FILEPATH] + "/more"}}
    manifest["layers"].append(nested)
    set_fact("kind", "folder")(manifest)


COLUMN = {"name": "age", "type": "zzz", "shape": [], "nullable": False}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda manifest: manifest["layers"].clear(), "it has 0 files"),
        (lambda manifest: manifest["layers"].extend(manifest["layers"]), "it has 2 files"),
        (add_file_below_a_file, "two files have the same path"),
        (set_fact("kind", "zoo"), "neither file nor folder"),
        (set_fact("signature", {"inputs": [COLUMN], "outputs": []}), "not a valid field of a signature"),
        (lambda manifest: manifest["annotations"].update({FACTS: "[" * 100_000}), "its manifest is damaged"),
        (lambda manifest: manifest["layers"][0]["annotations"].update({FILEPATH: "\ud800"}), "not UTF-8"),
    ],
)
def test_invalid_manifest_is_refused(registry, exported, change, message):
    rewrite_manifest(exported[1], change)
    with pytest.raises(UnusableSource, match=message) as error_info:
        registry.register(exported[1], "second")
    assert error_info.value.hint == "export the version again"
    assert [model.name for model in registry.models()] == ["churn"]


@pytest.mark.parametrize(
    "damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes() + b" ")]
)
def test_export_with_a_damaged_manifest_is_refused(registry, exported, damage):
    version, folder = exported
    manifest = folder / "blobs" / "sha256" / version.digest.removeprefix("sha256:")
    manifest.chmod(0o600)
    damage(manifest)
    with pytest.raises(UnusableSource, match="its manifest is damaged"):
        registry.register(folder, "second")


@pytest.mark.parametrize(
    "index", ["[" * 100_000, "", "[]", "{}", '{"manifests": [{}]}', '{"manifests": [{"digest": "sha256:00"}]}']
)
def test_other_oci_layout_is_registered_as_a_plain_folder(registry, tmp_path, index):
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    Path(tmp_path, "image", "index.json").write_text(index or " ")
    version = registry.register(tmp_path / "image", "image")
    assert sorted(file.path for file in version.files) == ["index.json", "oci-layout"]
