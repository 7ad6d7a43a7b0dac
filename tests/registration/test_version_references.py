"""References: versions whose files are stored at another address. Only operations that need the files are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelreg import Registry
from modelreg.errors import BytesNotStored, GateRefused, InvalidInput

ADDRESS = "s3://bucket/models/churn"


@pytest.fixture
def reference_registry(registry):
    """A registry whose only version, churn/1, is a reference."""
    registry.register_reference(ADDRESS, "churn", metrics={"auc": 0.9}, tags={"team": "growth"}, run_id="r1")
    return registry


def test_a_reference_has_its_address_as_source_and_no_files(reference_registry):
    version = reference_registry.version("churn/1")
    assert (version.status, version.has_bytes, version.size, version.files) == ("REFERENCE", False, 0, ())
    assert (version.source, version.flavor, version.scan, version.run_id) == (ADDRESS, "reference", None, "r1")
    assert version.metrics == {"auc": 0.9}


def test_the_manifest_of_a_reference_contains_the_address_and_no_layers(reference_registry, blob_path):
    manifest = json.loads(blob_path(reference_registry.version("churn/1").digest).read_bytes())
    assert manifest["layers"] == []
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert json.loads(manifest["annotations"]["org.modelreg.facts.v1"])["location"] == ADDRESS


def test_registering_the_same_address_again_returns_the_existing_version(reference_registry):
    assert reference_registry.register_reference(ADDRESS, "churn", metrics={"auc": 0.9}).created is False
    assert reference_registry.register_reference(f"{ADDRESS}2", "churn", metrics={"auc": 0.9}).version == 2
    assert reference_registry.register_reference(ADDRESS, "churn", metrics={"auc": 0.9}, new_version=True).version == 3


@pytest.mark.parametrize("method", ["path", "load", "copy", "export", "stream", "predict", "evaluate"])
def test_methods_that_need_the_files_are_refused_with_the_address(reference_registry, method):
    arguments = {
        "copy": ["x"],
        "export": ["x"],
        "stream": [1],
        "predict": ["in.csv", "out.csv"],
        "evaluate": ["in.csv", "y"],
    }
    with pytest.raises(BytesNotStored, match=f"churn/1 is a reference: .* at '{ADDRESS}'") as refused:
        getattr(reference_registry, method)("churn/1", *arguments.get(method, ()))
    assert refused.value.exit == 3
    assert not Path("x").exists()


def test_stages_aliases_diff_verify_prune_and_backup_work_with_references(reference_registry, model_file, tmp_path):
    reference_registry.register(model_file(), "churn")
    reference_registry.transition("churn/1", "Production")
    reference_registry.transition("churn/2", "Production", archive_existing=True)
    assert reference_registry.rollback("churn").version == 1
    reference_registry.alias("churn/1", "champion")
    reference_registry.approve("churn/1")
    assert {file.path for file in reference_registry.diff("churn/1", "churn/2").files} == {"model.bin"}
    assert list(reference_registry.verify()) == []
    assert reference_registry.prune(grace="0").freed == 0
    reference_registry.backup(tmp_path / "backup")
    backup = Registry(tmp_path / "backup")
    assert list(backup.verify()) == []
    assert backup.version("churn@champion").status == "REFERENCE"


def test_copying_a_reference_to_another_model_keeps_the_address(reference_registry):
    copy = reference_registry.register_stored("churn/1", "fraud")
    assert (copy.status, copy.source, copy.digest) == (
        "REFERENCE",
        "models:/churn/1",
        reference_registry.version("churn/1").digest,
    )
    with pytest.raises(BytesNotStored, match=ADDRESS):
        reference_registry.load("fraud/1")


def test_a_gate_on_the_status_refuses_references(reference_registry):
    reference_registry.add_gate("*", "Production", "status = 'READY'")
    with pytest.raises(GateRefused):
        reference_registry.transition("churn/1", "Production")


def test_an_empty_address_is_refused(registry):
    with pytest.raises(InvalidInput):
        registry.register_reference(" ", "churn")
    assert not registry.exists()
