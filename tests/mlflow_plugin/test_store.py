"""What MLflow expects of any of its stores, of ours; those of MLflow's own tests are the model for these."""

from __future__ import annotations

import re
from unittest import mock

import pytest
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from modelreg import Registry
from modelreg.errors import BytesElsewhere
from modelreg.mlflow_plugin.store import RegistryStore

AWAY = "a/b/CD"
only_mlflow = pytest.mark.parametrize("rules", ["mlflow"], indirect=True)


def raises(code, message):
    """What MLflow's callers look at: the code, and how the message begins."""
    return pytest.raises(MlflowException, match=f"^{re.escape(message)}", check=lambda error: error.error_code == code)


def model_tags(**tags):
    return [RegisteredModelTag(*pair) for pair in tags.items()]


def version_tags(**tags):
    return [ModelVersionTag(*pair) for pair in tags.items()]


def missing_model(name):
    return raises("RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found")


def missing_version(name, version):
    return raises("RESOURCE_DOES_NOT_EXIST", f"Model Version (name={name}, version={version}) not found")


def missing_value(parameter):
    return raises("INVALID_PARAMETER_VALUE", f"Missing value for required parameter '{parameter}'")


def latest(found):
    return {version.current_stage: version.version for version in found}


@pytest.fixture
def churn(store):
    """The store with one model."""
    store.create_registered_model("churn")
    return store


@pytest.fixture
def four(churn):
    """The store with four versions of one model."""
    for source in ("A/B", "A/C", "A/D", "A/D"):
        churn.create_model_version("churn", source, f"run{source[-1]}")
    return churn


# Registered models


def test_a_model_has_what_it_was_made_with(store):
    with mock.patch("time.time", return_value=1234):
        made = store.create_registered_model("churn", model_tags(team="growth", kind="tree"), "who leaves us")
    for model in (made, store.get_registered_model("churn")):
        assert (model.name, model.description, model.latest_versions) == ("churn", "who leaves us", [])
        assert model.tags == {"team": "growth", "kind": "tree"}
        assert (model.creation_timestamp, model.last_updated_timestamp) == (1234000, 1234000)
    assert store.create_registered_model("bare").description is None


def test_a_model_shows_everything_it_has(churn):
    shown = dict(churn.get_registered_model("churn"))
    assert shown.keys() >= {"name", "aliases", "tags", "description", "latest_versions", "user_id", "latest_version"}
    assert "name='churn'" in str(churn.search_registered_models())


@pytest.mark.parametrize("uri", ["modelreg:here", "modelreg://here", "modelreg:///here?x=1", "Modelreg:///here"])
def test_what_is_no_address_of_a_registry_makes_none(tmp_path, monkeypatch, uri):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(MlflowException, match="names no registry") as refused:
        RegistryStore(uri)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_name_is_given_once(churn):
    with raises("RESOURCE_ALREADY_EXISTS", "Registered Model (name=churn) already exists"):
        churn.create_registered_model("churn")


@pytest.mark.parametrize("name", [None, "", " "])
def test_a_model_needs_a_name(churn, name):
    for refused in (
        lambda: churn.create_registered_model(name),
        lambda: churn.get_registered_model(name),
        lambda: churn.delete_registered_model(name),
        lambda: churn.set_registered_model_tag(name, RegisteredModelTag("a", "b")),
        lambda: churn.create_model_version(name, AWAY),
        lambda: churn.set_model_version_tag(name, 1, ModelVersionTag("a", "b")),
        lambda: churn.delete_model_version_tag(name, 1, "a"),
    ):
        with missing_value("name"):
            refused()
    with missing_value("new_name"):
        churn.rename_registered_model("churn", name)


@pytest.mark.parametrize("name", ["a/b", "a:b", "..", "."])
def test_a_name_is_no_path(store, name):
    with pytest.raises(MlflowException) as refused:
        store.create_registered_model(name)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


@only_mlflow
@pytest.mark.parametrize("name", ["original name", "größer", "a,b;'c\"", "churn ", "\u6a21\u578b"])
def test_a_name_may_be_nearly_any_text(store, name):
    store.create_registered_model(name)
    made = store.create_model_version(name, AWAY)
    store.set_registered_model_alias(name, "production", 1)
    assert (made.name, made.version) == (name, 1)
    assert store.get_model_version_by_alias(name, "production").aliases == ["production"]
    quoted = name.replace("'", "''")
    assert [
        model.name for model in store.search_registered_models(f'name = "{name}"' if '"' not in name else None)
    ] == [name], quoted


@only_mlflow
def test_names_that_differ_in_case_are_two_models(churn):
    churn.create_registered_model("Churn")
    assert churn.get_registered_model("Churn").name == "Churn"


@pytest.mark.parametrize("name", ["a@b", "*"])
def test_what_would_mean_something_else_is_no_name(store, name):
    with raises("INVALID_PARAMETER_VALUE", f"'{name}' is not a valid model name"):
        store.create_registered_model(name)


def test_a_description_is_replaced(churn):
    assert churn.update_registered_model("churn", "who leaves us").description == "who leaves us"
    assert churn.get_registered_model("churn").description == "who leaves us"
    assert churn.update_registered_model("churn", None).description is None


def test_a_model_keeps_its_versions_under_another_name(four):
    assert four.rename_registered_model("churn", "leavers").name == "leavers"
    assert [four.get_model_version("leavers", number).name for number in (1, 2)] == ["leavers"] * 2
    with missing_model("churn"):
        four.get_registered_model("churn")
    four.create_registered_model("churn")
    with raises("RESOURCE_ALREADY_EXISTS", "Registered Model (name=churn) already exists"):
        four.rename_registered_model("leavers", "churn")


def test_a_deleted_model_is_gone_with_its_versions(four):
    four.delete_registered_model("churn")
    for refused in (
        lambda: four.get_registered_model("churn"),
        lambda: four.update_registered_model("churn", "deleted"),
        lambda: four.delete_registered_model("churn"),
        lambda: four.create_model_version("churn", AWAY),
        lambda: four.set_registered_model_tag("churn", RegisteredModelTag("a", "b")),
        lambda: four.delete_registered_model_tag("churn", "a"),
        lambda: four.get_latest_versions("churn"),
        lambda: four.get_model_version_by_alias("churn", "champion"),
    ):
        with missing_model("churn"):
            refused()
    with missing_version("churn", 1):
        four.get_model_version("churn", 1)


@only_mlflow
def test_the_numbers_of_a_model_that_is_made_again_begin_with_one(four):
    four.delete_registered_model("churn")
    four.create_registered_model("churn")
    assert four.create_model_version("churn", AWAY).version == 1


def test_tags_of_a_model_are_set_replaced_and_taken_away(churn):
    churn.create_registered_model("other", model_tags(key="value"))
    churn.set_registered_model_tag("churn", RegisteredModelTag("key", "old"))
    churn.set_registered_model_tag("churn", RegisteredModelTag("key", "new"))
    churn.set_registered_model_tag("churn", RegisteredModelTag("long", "a" * 4999))
    churn.delete_registered_model_tag("churn", "long")
    churn.delete_registered_model_tag("churn", "long")
    assert churn.get_registered_model("churn").tags == {"key": "new"}
    assert churn.get_registered_model("other").tags == {"key": "value"}


def test_a_tag_has_a_key_and_a_value_of_some_length(four):
    long = "a" * 100_001
    for refused in (
        lambda: four.set_registered_model_tag("churn", RegisteredModelTag("key", long)),
        lambda: four.set_model_version_tag("churn", 1, ModelVersionTag("key", long)),
    ):
        with raises("INVALID_PARAMETER_VALUE", "'value' exceeds the maximum length of"):
            refused()
    for refused in (
        lambda: four.set_registered_model_tag("churn", RegisteredModelTag(None, "")),
        lambda: four.delete_registered_model_tag("churn", None),
        lambda: four.set_model_version_tag("churn", 1, ModelVersionTag(None, "")),
        lambda: four.delete_model_version_tag("churn", 1, None),
    ):
        with missing_value("key"):
            refused()


# Versions


@only_mlflow
def test_a_version_has_what_it_was_made_with(churn):
    with mock.patch("time.time", return_value=456778):
        made = churn.create_model_version(
            "churn", AWAY, "run1", version_tags(a="b"), run_link="http://host/run", description="the best"
        )
    for version in (made, churn.get_model_version("churn", 1)):
        assert (version.name, version.version, version.current_stage) == ("churn", 1, "None")
        assert (version.creation_timestamp, version.last_updated_timestamp) == (456778000, 456778000)
        assert (version.source, version.run_id, version.run_link) == (AWAY, "run1", "http://host/run")
        assert (version.status, version.status_message, version.tags) == ("READY", None, {"a": "b"})
        assert version.description == "the best"
    bare = churn.create_model_version("churn", AWAY)
    assert (bare.version, bare.run_id, bare.description, bare.tags) == (2, None, None, {})


@pytest.mark.parametrize("rules", ["strict"], indirect=True)
def test_a_version_whose_bytes_are_elsewhere_says_so_by_strict_rules(churn, registry):
    made = churn.create_model_version("churn", AWAY)
    assert (made.status, made.status_message) == (
        "READY",
        "The bytes are not in the registry, which has their address alone.",
    )
    assert registry.version("churn/1").status == "REFERENCE"


def test_the_newest_version_in_each_stage_is_told(churn):
    assert churn.get_latest_versions("churn") == []
    for stage in ("None", "Staging", "None", "Production"):
        number = churn.create_model_version("churn", AWAY).version
        churn.transition_model_version_stage("churn", number, stage, False)
    expected = {"None": 3, "Staging": 2, "Production": 4}
    assert latest(churn.get_registered_model("churn").latest_versions) == expected
    assert latest(churn.get_latest_versions("churn")) == expected
    assert latest(churn.get_latest_versions("churn", [])) == expected
    assert latest(churn.get_latest_versions("churn", ["pROduction"])) == {"Production": 4}
    assert latest(churn.get_latest_versions("churn", ["None", "Production"])) == {"None": 3, "Production": 4}


@only_mlflow
def test_when_the_newest_in_production_is_deleted_the_one_before_is_meant(four):
    for number in (2, 3):
        four.transition_model_version_stage("churn", number, "Production", False)
    assert latest(four.get_latest_versions("churn", ["Production"])) == {"Production": 3}
    four.delete_model_version("churn", 3)
    assert latest(four.get_latest_versions("churn", ["Production"])) == {"Production": 2}


@pytest.mark.parametrize("written", ["STAGING", "staging", "StAgInG"])
def test_a_stage_may_be_written_in_any_case(four, written):
    assert four.transition_model_version_stage("churn", 1, written, False).current_stage == "Staging"


def test_there_are_four_stages(four):
    message = "Invalid Model Version stage: unknown. Value must be one of None, Staging, Production, Archived."
    with raises("INVALID_PARAMETER_VALUE", message):
        four.transition_model_version_stage("churn", 1, "unknown", False)


@only_mlflow
def test_a_promotion_leaves_the_others_alone_unless_it_is_to_archive_them(four):
    for number, stage in ((1, "Staging"), (2, "Production"), (3, "Staging"), (3, "Production")):
        four.transition_model_version_stage("churn", number, stage, False)
    stages = [four.get_model_version("churn", number).current_stage for number in (1, 2, 3)]
    assert stages == ["Staging", "Production", "Production"]
    four.transition_model_version_stage("churn", 3, "Production", True)
    found = [four.get_model_version("churn", number) for number in (1, 2, 3)]
    assert [version.current_stage for version in found] == ["Staging", "Archived", "Production"]
    four.transition_model_version_stage("churn", 4, "staging", True)
    found = [four.get_model_version("churn", number) for number in (1, 4)]
    assert [version.current_stage for version in found] == ["Archived", "Staging"]
    assert found[0].last_updated_timestamp == found[1].last_updated_timestamp


@pytest.mark.parametrize("stage", ["Archived", "None"])
def test_nothing_is_archived_for_a_stage_that_is_not_active(four, stage):
    with pytest.raises(
        MlflowException, match=r"cannot archive existing model versions because .+ is not an Active stage"
    ):
        four.transition_model_version_stage("churn", 1, stage, True)
    assert four.transition_model_version_stage("churn", 1, stage, False).current_stage == stage


@pytest.mark.parametrize("rules", ["strict"], indirect=True)
def test_a_second_version_in_production_is_refused_by_strict_rules(four):
    four.transition_model_version_stage("churn", 1, "Production", False)
    with raises("INVALID_STATE", "churn/1 is in Production") as refused:
        four.transition_model_version_stage("churn", 2, "Production", False)
    assert "archive_existing_versions=True" in str(refused.value)
    four.transition_model_version_stage("churn", 2, "Production", True)
    assert [four.get_model_version("churn", each).current_stage for each in (1, 2)] == ["Archived", "Production"]


@pytest.mark.parametrize("rules", ["strict"], indirect=True)
def test_a_gate_is_asked(four, registry):
    registry.add_gate("churn", "Production", "status = 'READY'")
    with pytest.raises(
        MlflowException, match="status = 'READY'", check=lambda error: error.error_code == "INVALID_STATE"
    ):
        four.transition_model_version_stage("churn", 1, "Production", False)


def test_a_deleted_version_is_gone(four):
    four.delete_model_version("churn", 2)
    for refused in (
        lambda: four.get_model_version("churn", 2),
        lambda: four.update_model_version("churn", 2, "deleted"),
        lambda: four.delete_model_version("churn", 2),
        lambda: four.transition_model_version_stage("churn", 2, "Staging", False),
        lambda: four.get_model_version_download_uri("churn", 2),
        lambda: four.set_model_version_tag("churn", 2, ModelVersionTag("a", "b")),
        lambda: four.delete_model_version_tag("churn", 2, "a"),
        lambda: four.set_registered_model_alias("churn", "champion", 2),
    ):
        with missing_version("churn", 2):
            refused()
    assert four.create_model_version("churn", AWAY).version == 5


@only_mlflow
def test_whatever_there_is_may_be_deleted_with_its_aliases(four):
    four.transition_model_version_stage("churn", 1, "Production", False)
    four.set_registered_model_alias("churn", "champion", 1)
    four.delete_model_version("churn", 1)
    assert four.get_registered_model("churn").aliases == {}
    with raises("INVALID_PARAMETER_VALUE", "Registered model alias champion not found."):
        four.get_model_version_by_alias("churn", "champion")
    four.set_registered_model_alias("churn", "champion", 2)
    four.delete_registered_model("churn")
    with missing_model("churn"):
        four.get_model_version_by_alias("churn", "champion")


@pytest.mark.parametrize("rules", ["strict"], indirect=True)
def test_what_somebody_relies_on_is_not_deleted_by_strict_rules(four):
    four.set_registered_model_alias("churn", "champion", 1)
    for refused in (lambda: four.delete_model_version("churn", 1), lambda: four.delete_registered_model("churn")):
        with raises("INVALID_STATE", "churn/1 has the alias champion"):
            refused()
    assert four.get_model_version("churn", 4).version == 4


@pytest.mark.parametrize("version", ["I am not a version", "1.5"])
def test_a_version_is_a_whole_number(four, version):
    with raises("INVALID_PARAMETER_VALUE", f"Parameter 'version' must be an integer, got '{version}'"):
        four.get_model_version("churn", version)


def test_the_description_of_a_version_is_replaced(four):
    assert four.update_model_version("churn", 1, "Online!").description == "Online!"
    assert four.get_model_version("churn", "1").description == "Online!"


def test_tags_of_a_version_are_its_own(four):
    four.set_model_version_tag("churn", 1, ModelVersionTag("key", "old"))
    four.set_model_version_tag("churn", 1, ModelVersionTag("key", "new"))
    four.set_model_version_tag("churn", 2, ModelVersionTag("key", "other"))
    four.delete_model_version_tag("churn", 2, "key")
    four.delete_model_version_tag("churn", 2, "key")
    assert [four.get_model_version("churn", number).tags for number in (1, 2)] == [{"key": "new"}, {}]


def test_an_alias_means_one_version_at_a_time(four):
    four.set_registered_model_alias("churn", "champion", "1")
    four.set_registered_model_alias("churn", "champion", 2)
    assert four.get_registered_model("churn").aliases == {"champion": 2}
    assert [four.get_model_version("churn", number).aliases for number in (1, 2)] == [[], ["champion"]]
    assert four.get_model_version_by_alias("churn", "champion").version == 2
    assert four.get_model_version_by_alias("churn", "latest").version == 4
    four.delete_registered_model_alias("churn", "champion")
    four.delete_registered_model_alias("churn", "champion")
    assert four.get_registered_model("churn").aliases == {}


@pytest.mark.parametrize("alias", ["latest", "v3", "a b", ""])
def test_an_alias_is_no_version(four, alias):
    with pytest.raises(MlflowException) as refused:
        four.set_registered_model_alias("churn", alias, 1)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("target", ["churn", "fraud"])
def test_a_copy_is_a_version_of_its_own(churn, registry, target):
    source = churn.create_model_version("churn", AWAY, "run1", version_tags(a="b"), "http://link", "the best")
    churn.transition_model_version_stage("churn", 1, "Production", False)
    copied = churn.copy_model_version(source, target)
    assert copied.version == (2 if target == "churn" else 1)
    found = churn.get_model_version(target, copied.version)
    assert (found.source, found.current_stage, found.status) == ("models:/churn/1", "None", "READY")
    assert (found.tags, found.run_id, found.run_link, found.description) == (
        {"a": "b"},
        "run1",
        "http://link",
        "the best",
    )
    assert registry.version(f"{target}/{copied.version}").status == "REFERENCE"
    again = churn.copy_model_version(found, "third")
    assert again.source == f"models:/{target}/{copied.version}"
    with pytest.raises(BytesElsewhere, match=AWAY):
        registry.load("third/1")


@only_mlflow
def test_an_address_that_cannot_be_read_is_where_the_bytes_are(churn):
    churn.create_model_version("churn", AWAY)
    churn.transition_model_version_stage("churn", 1, "Production", False)
    churn.update_model_version("churn", 1, "changed")
    assert churn.get_model_version_download_uri("churn", 1) == AWAY
    churn.copy_model_version(churn.get_model_version("churn", 1), "fraud")
    assert churn.get_model_version_download_uri("fraud", 1) == AWAY


@pytest.mark.parametrize("rules", ["strict"], indirect=True)
def test_bytes_that_nobody_can_vouch_for_are_not_handed_out_by_strict_rules(churn):
    churn.create_model_version("churn", AWAY)
    with raises(
        "RESOURCE_DOES_NOT_EXIST", f"churn/1 is a reference: its bytes are not stored in the registry, but at '{AWAY}'"
    ):
        churn.get_model_version_download_uri("churn", 1)


@only_mlflow
def test_a_server_reads_no_version_by_an_address_that_a_client_gave(store, registry, tmp_path, monkeypatch):
    (tmp_path / "model.bin").write_bytes(b"of a registry that is not the server's")
    other = Registry(tmp_path / "other")
    other.register(tmp_path / "model.bin", "secret")
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", f"sqlite:///{tmp_path}/runs.db")
    store.create_registered_model("churn")
    store.create_model_version("churn", f"modelreg://{other.folder}/secret/1")
    kept = store.get_model_version_download_uri("churn", 1)
    with pytest.raises(MlflowException, match="addresses of clients"):
        get_artifact_repository(kept)


def test_an_empty_source_is_not_the_current_folder(store, registry, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "notes.txt").write_text("that nobody wants to register")
    monkeypatch.chdir(tmp_path / "here")
    store.create_registered_model("churn")
    with raises("INVALID_PARAMETER_VALUE", "the bytes have to be somewhere"):
        store.create_model_version("churn", "")
    assert not registry.version(f"churn/{store.create_model_version('churn', 'file:').version}").has_bytes
