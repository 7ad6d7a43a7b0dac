"""The files on disk: an OCI image layout with ModelPack manifests in canonical JSON, read-only."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import jsonschema
import pytest
import rfc8785

from modelreg.domain.signatures import Signature, SignatureField

SCHEMA = json.loads((Path(__file__).parent / "modelpack-config-schema.json").read_text())
DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
DESCRIPTOR = {
    "type": "object",
    "required": ["mediaType", "digest", "size"],
    "properties": {
        "mediaType": {"type": "string", "pattern": "^[a-z]+/[a-z0-9.+-]+$"},
        "digest": DIGEST,
        "size": {"type": "integer", "minimum": 0},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
# image-spec 1.1, manifest.md, the parts about artifacts
MANIFEST = {
    "type": "object",
    "required": ["schemaVersion", "mediaType", "artifactType", "config", "layers"],
    "properties": {
        "schemaVersion": {"const": 2},
        "mediaType": {"const": "application/vnd.oci.image.manifest.v1+json"},
        "artifactType": {"const": "application/vnd.cncf.model.manifest.v1+json"},
        "config": DESCRIPTOR,
        "layers": {"type": "array", "minItems": 1, "items": DESCRIPTOR},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "additionalProperties": False,
}
ROLES = {
    "model.safetensors": "weight",
    "model.pkl": "weight",
    "data.bin": "weight",
    "config.json": "weight.config",
    "tokenizer.json": "weight.config",
    "MLmodel": "weight.config",
    "conda.yaml": "weight.config",
    "README.md": "doc",
    "docs/card.pdf": "doc",
    "LICENSE": "doc",
    "code/train.py": "code",
    "notebook.ipynb": "code",
    "index.json": "weight",
}


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.fixture
def stored(registry, model_folder, blob_path):
    """A registered folder with a file of every role: (version, manifest content, config content)."""
    folder = model_folder({name: name.encode() for name in ROLES})
    signature = Signature((SignatureField("age", "int64"),))
    version = registry.register(
        folder, "churn", metrics={"ß": 1e21, "a": 0.1}, params={"p": "\x7f<"}, signature=signature
    )
    manifest = blob_path(version.digest).read_bytes()
    return version, manifest, blob_path(json.loads(manifest)["config"]["digest"]).read_bytes()


def test_artifacts_folder_is_an_oci_layout_with_an_empty_index(stored, registry):
    artifacts = registry.folder / "artifacts"
    assert json.loads((artifacts / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((artifacts / "index.json").read_bytes())
    assert (index["schemaVersion"], index["manifests"]) == (2, [])
    assert sorted(os.listdir(artifacts)) == ["blobs", "index.json", "ingest", "oci-layout"]
    assert os.listdir(artifacts / "blobs") == ["sha256"]


def test_blob_names_are_digests_of_their_content(stored, registry):
    for blob in (registry.folder / "artifacts" / "blobs" / "sha256").iterdir():
        assert digest_of(blob.read_bytes()) == f"sha256:{blob.name}"


def test_manifest_follows_the_oci_specification(stored):
    version, manifest, config = stored
    jsonschema.validate(json.loads(manifest), MANIFEST)
    assert digest_of(manifest) == version.digest
    descriptor = json.loads(manifest)["config"]
    assert (descriptor["mediaType"], descriptor["size"]) == ("application/vnd.cncf.model.config.v1+json", len(config))


def test_config_follows_the_modelpack_schema(stored):
    version, _, config = stored
    jsonschema.validate(json.loads(config), SCHEMA, format_checker=jsonschema.FormatChecker())
    assert json.loads(config)["modelfs"]["diffIds"] == [file.digest for file in version.files]


def test_manifest_and_config_are_canonical_json(stored):
    for content in stored[1:]:
        assert rfc8785.dumps(json.loads(content)) == content


def test_each_file_is_a_layer_sorted_by_path(stored):
    layers = json.loads(stored[1])["layers"]
    paths = [layer["annotations"]["org.cncf.model.filepath"] for layer in layers]
    assert paths == sorted(ROLES)
    assert [(layer["digest"], layer["size"]) for layer in layers] == [(digest_of(p.encode()), len(p)) for p in paths]


def test_media_type_of_a_layer_depends_on_the_file_name(stored):
    layers = json.loads(stored[1])["layers"]
    media_types = {layer["annotations"]["org.cncf.model.filepath"]: layer["mediaType"] for layer in layers}
    assert media_types == {name: f"application/vnd.cncf.model.{role}.v1.raw" for name, role in ROLES.items()}


def test_facts_are_one_annotation_of_the_manifest(stored):
    ((name, text),) = json.loads(stored[1])["annotations"].items()
    assert name.startswith("org.modelreg.")
    assert json.loads(text) == {
        "kind": "folder",
        "metrics": {"a": 0.1, "ß": 1e21},
        "params": {"p": "\x7f<"},
        "signature": {"inputs": [{"name": "age", "type": "int64", "shape": [], "nullable": False}], "outputs": []},
    }


def test_manifest_and_config_contain_no_name_user_host_or_time(stored):
    version, manifest, config = stored
    for text in (version.name, version.created_by, version.source, os.uname().nodename, str(version.created_at.year)):
        assert text.encode() not in manifest + config


def test_digest_of_known_content_never_changes(registry, model_file):
    """Existing registries contain this digest."""
    version = registry.register(model_file(b"abc", "model.pkl"), "churn", metrics={"auc": 0.5}, params={"depth": 3})
    assert version.digest == "sha256:f8b0dceeb05aafb34f71744f2bda98fa7364c8d883f5fa1b928d92f4b9484cff"


@pytest.mark.parametrize(
    "umask", [0, *(pytest.param(mask, marks=pytest.mark.slow) for mask in (0o077, 0o777))], ids=oct
)
def test_stored_files_are_read_only_with_any_umask(registry, model_folder, run, umask):
    script = """
import os, sys
os.umask(int(sys.argv[3]))
from modelreg import Registry
registry = Registry(sys.argv[1])
registry.register(sys.argv[2], "churn", stage="Production")
registry.register(sys.argv[2], "churn", new_version=True)
print(registry.path("churn/1"))
"""
    status, out, err = run(script, registry.folder, model_folder({"a": b"a", "b/c": b"c"}), umask)
    assert status == 0, err
    paths = [registry.folder, *registry.folder.rglob("*")]
    writable = [path for path in paths if path.stat().st_mode & 0o022]
    assert writable == []
    blobs = list((registry.folder / "artifacts" / "blobs" / "sha256").iterdir())
    assert len(blobs) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in blobs} == {0o444}
    assert os.listdir(registry.folder / "artifacts" / "ingest") == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in Path(out.strip()).rglob("*")} == {0o444, 0o755}


def test_no_temporary_files_remain_after_success_or_refusal(registry, model_file, model_folder):
    registry.register(model_folder({"a": b"same", "b": b"same", "c": b"x" * 2_000_000}), "churn")
    registry.register(model_folder({"a": b"same", "b": b"same", "c": b"x" * 2_000_000}), "churn")
    with pytest.raises(Exception, match="case"):
        registry.register(model_file(b"other"), "CHURN")
    assert os.listdir(registry.folder / "artifacts" / "ingest") == []


def test_manifest_above_4_mib_is_stored_with_a_note(registry, tmp_path, blob_path):
    folder = tmp_path / "long"
    deep = folder.joinpath(*(letter * 250 for letter in "abcdefghijklmn"))
    deep.mkdir(parents=True)
    for number in range(1300):
        (deep / str(number)).write_bytes(b"the same")
    registered = registry.register(folder, "churn")
    assert blob_path(registered.digest).stat().st_size > 4 * 1024 * 1024
    assert ["4 MiB" in note for note in registered.notes] == [True]
    assert list(registry.verify()) == []
