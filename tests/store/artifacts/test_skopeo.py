"""Copying an exported version to an OCI registry and back with skopeo."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not (shutil.which("skopeo") and shutil.which("docker-registry")),
    reason="skopeo or docker-registry is not installed (apt-get install skopeo docker-registry)",
)

CONFIG = """
version: 0.1
log: {{level: info}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def skopeo(*arguments):
    command = ["skopeo", "--insecure-policy", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def oci_registry(tmp_path):
    """The address of an OCI registry on a loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "registry.yml"
    config.write_text(CONFIG.format(root=tmp_path / "oci-registry", port=port))
    with subprocess.Popen(["docker-registry", "serve", config], stderr=subprocess.PIPE, text=True) as server:
        for line in server.stderr:
            if "listening on" in line:
                break
        else:
            pytest.fail("docker-registry did not start")
        yield f"127.0.0.1:{port}"
        server.terminate()
        server.stderr.read()


def blobs(layout):
    return {blob.name: blob.read_bytes() for blob in (Path(layout) / "blobs" / "sha256").iterdir()}


@pytest.fixture
def version(registry, model_folder):
    folder = model_folder({"model.bin": b"x" * 300_000, "README.md": b"read me", "empty": b"", "code/a.py": b"pass"})
    return registry.register(folder, "churn", metrics={"auc": 0.9}, params={"depth": 3})


def test_exported_version_survives_a_copy_to_an_oci_registry_and_back(registry, version, oci_registry, tmp_path):
    exported = registry.export("churn/1", tmp_path / "exported")
    address = f"docker://{oci_registry}/churn:1"
    skopeo("copy", f"oci:{exported}:1", address, "--dest-tls-verify=false")
    raw = skopeo("inspect", "--raw", address, "--tls-verify=false")
    assert raw.encode() == blobs(exported)[version.digest.removeprefix("sha256:")]
    skopeo("copy", address, f"oci:{tmp_path / 'back'}:1", "--src-tls-verify=false")
    assert blobs(tmp_path / "back") == blobs(exported)


def test_artifacts_folder_is_a_layout_that_skopeo_copies(registry, version, oci_registry, tmp_path):
    layout = tmp_path / "layout"
    shutil.copytree(registry.folder / "artifacts", layout)
    own = blobs(layout)
    manifest = own[version.digest.removeprefix("sha256:")]
    descriptor = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": version.digest,
        "size": len(manifest),
        "annotations": {"org.opencontainers.image.ref.name": "mine"},
    }
    index = json.loads((layout / "index.json").read_bytes()) | {"manifests": [descriptor]}
    (layout / "index.json").unlink()
    (layout / "index.json").write_text(json.dumps(index))
    address = f"docker://{oci_registry}/own:1"
    skopeo("copy", f"oci:{layout}:mine", address, "--dest-tls-verify=false")
    skopeo("copy", address, f"oci:{tmp_path / 'back'}:1", "--src-tls-verify=false")
    assert blobs(tmp_path / "back") == own


def test_export_contains_only_the_version(registry, version, model_file, tmp_path):
    registry.register(model_file(b"something else"), "other")
    exported = registry.export("churn/1", tmp_path / "exported")
    expected = {file.digest for file in version.files} | {version.digest}
    manifest = json.loads(blobs(exported)[version.digest.removeprefix("sha256:")])
    assert {f"sha256:{name}" for name in blobs(exported)} == expected | {manifest["config"]["digest"]}
    (listed,) = json.loads((exported / "index.json").read_bytes())["manifests"]
    assert listed["digest"] == version.digest
    assert listed["annotations"] == {"org.opencontainers.image.ref.name": "1"}
