"""Versions whose bytes are elsewhere: everything holds of them but what needs the bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modelreg import Registry
from modelreg.errors import BytesNotStored, GateRefused, InvalidInput

AWAY = "s3://bucket/models/churn"


@pytest.fixture
def away(registry):
    """A registry with one version, which is a reference."""
    registry.register_reference(AWAY, "churn", metrics={"auc": 0.9}, tags={"team": "growth"}, run_id="r1")
    return registry


def test_a_reference_says_where_the_bytes_are_and_has_none(away):
    version = away.version("churn/1")
    assert (version.status, version.has_bytes, version.size, version.files) == ("REFERENCE", False, 0, ())
    assert (version.source, version.flavor, version.scan, version.run_id) == (AWAY, "reference", None, "r1")
    assert version.metrics == {"auc": 0.9}


def test_its_manifest_is_its_digest_and_names_the_address(away, blob_path):
    manifest = json.loads(blob_path(away.version("churn/1").digest).read_bytes())
    assert manifest["layers"] == []
    assert manifest["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert json.loads(manifest["annotations"]["org.modelreg.facts.v1"])["location"] == AWAY


def test_the_same_address_is_the_same_version_and_another_one_is_not(away):
    assert away.register_reference(AWAY, "churn", metrics={"auc": 0.9}).created is False
    assert away.register_reference(f"{AWAY}2", "churn", metrics={"auc": 0.9}).version == 2
    assert away.register_reference(AWAY, "churn", metrics={"auc": 0.9}, new_version=True).version == 3


@pytest.mark.parametrize("call", ["path", "load", "copy", "export", "stream", "predict", "evaluate"])
def test_what_needs_the_bytes_says_in_one_sentence_where_they_are(away, call):
    more = {
        "copy": ["x"],
        "export": ["x"],
        "stream": [1],
        "predict": ["in.csv", "out.csv"],
        "evaluate": ["in.csv", "y"],
    }
    with pytest.raises(BytesNotStored, match=f"churn/1 is a reference: .* at '{AWAY}'") as refused:
        getattr(away, call)("churn/1", *more.get(call, ()))
    assert refused.value.exit == 3
    assert not Path("x").exists()


def test_everything_else_is_as_for_any_version(away, model_file, tmp_path):
    away.register(model_file(), "churn")
    away.transition("churn/1", "Production")
    away.transition("churn/2", "Production", archive_existing=True)
    assert away.rollback("churn").version == 1
    away.alias("churn/1", "champion")
    away.approve("churn/1")
    assert {each.path for each in away.diff("churn/1", "churn/2").files} == {"model.bin"}
    assert list(away.verify()) == []
    assert away.prune(grace="0").freed == 0
    away.backup(tmp_path / "backup")
    copy = Registry(tmp_path / "backup")
    assert list(copy.verify()) == []
    assert copy.version("churn@champion").status == "REFERENCE"


def test_a_copy_of_a_reference_leads_to_the_same_address(away):
    copied = away.register_stored("churn/1", "fraud")
    assert (copied.status, copied.source, copied.digest) == (
        "REFERENCE",
        "models:/churn/1",
        away.version("churn/1").digest,
    )
    with pytest.raises(BytesNotStored, match=AWAY):
        away.load("fraud/1")


def test_a_gate_keeps_references_out_of_production(away):
    away.add_gate("*", "Production", "status = 'READY'")
    with pytest.raises(GateRefused):
        away.transition("churn/1", "Production")


def test_a_reference_to_nowhere_is_refused(registry):
    with pytest.raises(InvalidInput):
        registry.register_reference(" ", "churn")
    assert not registry.exists()
