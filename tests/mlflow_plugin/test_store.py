"""MLflow's expectations of a model registry store, after MLflow's own tests of its stores."""

from __future__ import annotations

import re
from unittest import mock

import pytest
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from modelreg import Registry
from modelreg.errors import BytesNotStored
from modelreg.mlflow.entities.model_registry.model_version import ELSEWHERE
from modelreg.mlflow_plugin.store import RegistryStore

ADDRESS = "a/b/CD"
only_mlflow = pytest.mark.parametrize("rules", ["mlflow"], indirect=True)


def raises(code, message):
    """Expect an error with a code and the beginning of a message, on which MLflow's callers rely."""
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


def latest(versions):
    return {version.current_stage: version.version for version in versions}


@pytest.fixture
def churn(store):
    """The store with one model."""
    store.create_registered_model("churn")
    return store


@pytest.fixture
def four_versions(churn):
    """The store with four versions of one model."""
    for source in ("A/B", "A/C", "A/D", "A/D"):
        churn.create_model_version("churn", source, f"run{source[-1]}")
    return churn


# Registered models


def test_a_model_has_the_tags_and_description_of_its_creation(store):
    with mock.patch("time.time", return_value=1234):
        created = store.create_registered_model("churn", model_tags(team="growth", kind="tree"), "who leaves us")
    for model in (created, store.get_registered_model("churn")):
        assert (model.name, model.description, model.latest_versions) == ("churn", "who leaves us", [])
        assert model.tags == {"team": "growth", "kind": "tree"}
        assert (model.creation_timestamp, model.last_updated_timestamp) == (1234000, 1234000)
    assert store.create_registered_model("bare").description is None


def test_dict_of_a_model_has_all_fields(churn):
    shown = dict(churn.get_registered_model("churn"))
    assert shown.keys() >= {"name", "aliases", "tags", "description", "latest_versions", "user_id", "latest_version"}
    assert "name='churn'" in str(churn.search_registered_models())


@pytest.mark.parametrize("uri", ["modelreg:here", "modelreg://here", "modelreg:///here?x=1", "Modelreg:///here"])
def test_an_invalid_registry_uri_is_refused_and_creates_nothing(tmp_path, monkeypatch, uri):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(MlflowException, match=re.escape(uri)) as raised:
        RegistryStore(uri)
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"
    assert list((tmp_path / "empty").iterdir()) == []


def test_create_model_refuses_an_existing_name(churn):
    with raises("RESOURCE_ALREADY_EXISTS", "Registered Model (name=churn) already exists"):
        churn.create_registered_model("churn")


@pytest.mark.parametrize("name", [None, "", " "])
def test_a_missing_name_is_refused(churn, name):
    for call in (
        lambda: churn.create_registered_model(name),
        lambda: churn.get_registered_model(name),
        lambda: churn.delete_registered_model(name),
        lambda: churn.set_registered_model_tag(name, RegisteredModelTag("a", "b")),
        lambda: churn.create_model_version(name, ADDRESS),
        lambda: churn.set_model_version_tag(name, 1, ModelVersionTag("a", "b")),
        lambda: churn.delete_model_version_tag(name, 1, "a"),
    ):
        with missing_value("name"):
            call()
    with missing_value("new_name"):
        churn.rename_registered_model("churn", name)


@pytest.mark.parametrize("name", ["a/b", "a:b", "..", "."])
def test_a_name_that_is_a_path_is_refused(store, name):
    with pytest.raises(MlflowException) as raised:
        store.create_registered_model(name)
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"


@only_mlflow
@pytest.mark.parametrize("name", ["original name", "größer", "a,b;'c\"", "churn ", "\u6a21\u578b"])
def test_mlflow_rules_accept_nearly_any_name(store, name):
    store.create_registered_model(name)
    version = store.create_model_version(name, ADDRESS)
    store.set_registered_model_alias(name, "production", 1)
    assert (version.name, version.version) == (name, 1)
    assert store.get_model_version_by_alias(name, "production").aliases == ["production"]
    quoted = name.replace("'", "''")
    assert [
        model.name for model in store.search_registered_models(f'name = "{name}"' if '"' not in name else None)
    ] == [name], quoted


@only_mlflow
def test_mlflow_rules_accept_names_that_differ_in_case(churn):
    churn.create_registered_model("Churn")
    assert churn.get_registered_model("Churn").name == "Churn"


@pytest.mark.parametrize("name", ["a@b", "*"])
def test_an_ambiguous_name_is_refused(store, name):
    with raises("INVALID_PARAMETER_VALUE", f"'{name}' is not a valid model name"):
        store.create_registered_model(name)


def test_update_model_replaces_the_description(churn):
    assert churn.update_registered_model("churn", "who leaves us").description == "who leaves us"
    assert churn.get_registered_model("churn").description == "who leaves us"
    assert churn.update_registered_model("churn", None).description is None


def test_rename_keeps_the_versions(four_versions):
    assert four_versions.rename_registered_model("churn", "leavers").name == "leavers"
    assert [four_versions.get_model_version("leavers", number).name for number in (1, 2)] == ["leavers"] * 2
    with missing_model("churn"):
        four_versions.get_registered_model("churn")
    four_versions.create_registered_model("churn")
    with raises("RESOURCE_ALREADY_EXISTS", "Registered Model (name=churn) already exists"):
        four_versions.rename_registered_model("leavers", "churn")


def test_delete_model_deletes_its_versions(four_versions):
    four_versions.delete_registered_model("churn")
    for call in (
        lambda: four_versions.get_registered_model("churn"),
        lambda: four_versions.update_registered_model("churn", "deleted"),
        lambda: four_versions.delete_registered_model("churn"),
        lambda: four_versions.create_model_version("churn", ADDRESS),
        lambda: four_versions.set_registered_model_tag("churn", RegisteredModelTag("a", "b")),
        lambda: four_versions.delete_registered_model_tag("churn", "a"),
        lambda: four_versions.get_latest_versions("churn"),
        lambda: four_versions.get_model_version_by_alias("churn", "champion"),
    ):
        with missing_model("churn"):
            call()
    with missing_version("churn", 1):
        four_versions.get_model_version("churn", 1)


@only_mlflow
def test_numbers_of_a_recreated_model_start_at_one(four_versions):
    four_versions.delete_registered_model("churn")
    four_versions.create_registered_model("churn")
    assert four_versions.create_model_version("churn", ADDRESS).version == 1


def test_set_replace_and_delete_a_model_tag(churn):
    churn.create_registered_model("other", model_tags(key="value"))
    churn.set_registered_model_tag("churn", RegisteredModelTag("key", "old"))
    churn.set_registered_model_tag("churn", RegisteredModelTag("key", "new"))
    churn.set_registered_model_tag("churn", RegisteredModelTag("long", "a" * 4999))
    churn.delete_registered_model_tag("churn", "long")
    churn.delete_registered_model_tag("churn", "long")
    assert churn.get_registered_model("churn").tags == {"key": "new"}
    assert churn.get_registered_model("other").tags == {"key": "value"}


def test_tags_that_are_too_long_are_refused(four_versions):
    long = "a" * 100_001
    for call in (
        lambda: four_versions.set_registered_model_tag("churn", RegisteredModelTag("key", long)),
        lambda: four_versions.set_model_version_tag("churn", 1, ModelVersionTag("key", long)),
    ):
        with raises("INVALID_PARAMETER_VALUE", "'value' exceeds the maximum length of"):
            call()
    for call in (
        lambda: four_versions.set_registered_model_tag("churn", RegisteredModelTag(None, "")),
        lambda: four_versions.delete_registered_model_tag("churn", None),
        lambda: four_versions.set_model_version_tag("churn", 1, ModelVersionTag(None, "")),
        lambda: four_versions.delete_model_version_tag("churn", 1, None),
    ):
        with missing_value("key"):
            call()


# Versions


@only_mlflow
def test_a_version_has_the_fields_of_its_creation(churn):
    with mock.patch("time.time", return_value=456778):
        created = churn.create_model_version(
            "churn", ADDRESS, "run1", version_tags(a="b"), run_link="http://host/run", description="the best"
        )
    for version in (created, churn.get_model_version("churn", 1)):
        assert (version.name, version.version, version.current_stage) == ("churn", 1, "None")
        assert (version.creation_timestamp, version.last_updated_timestamp) == (456778000, 456778000)
        assert (version.source, version.run_id, version.run_link) == (ADDRESS, "run1", "http://host/run")
        assert (version.status, version.status_message, version.tags) == ("READY", None, {"a": "b"})
        assert version.description == "the best"
    bare = churn.create_model_version("churn", ADDRESS)
    assert (bare.version, bare.run_id, bare.description, bare.tags) == (2, None, None, {})


@pytest.mark.parametrize("rules", ["strict"], indirect=True)
def test_the_status_message_of_a_reference_is_set_with_strict_rules(churn, registry):
    created = churn.create_model_version("churn", ADDRESS)
    assert (created.status, created.status_message) == ("READY", ELSEWHERE)
    assert registry.version("churn/1").status == "REFERENCE"


def test_latest_versions_are_the_newest_version_of_each_stage(churn):
    assert churn.get_latest_versions("churn") == []
    for stage in ("None", "Staging", "None", "Production"):
        number = churn.create_model_version("churn", ADDRESS).version
        churn.transition_model_version_stage("churn", number, stage, False)
    expected = {"None": 3, "Staging": 2, "Production": 4}
    assert latest(churn.get_registered_model("churn").latest_versions) == expected
    assert latest(churn.get_latest_versions("churn")) == expected
    assert latest(churn.get_latest_versions("churn", [])) == expected
    assert latest(churn.get_latest_versions("churn", ["pROduction"])) == {"Production": 4}
    assert latest(churn.get_latest_versions("churn", ["None", "Production"])) == {"None": 3, "Production": 4}


@only_mlflow
def test_after_deletion_of_the_newest_the_previous_version_is_the_latest(four_versions):
    for number in (2, 3):
        four_versions.transition_model_version_stage("churn", number, "Production", False)
    assert latest(four_versions.get_latest_versions("churn", ["Production"])) == {"Production": 3}
    four_versions.delete_model_version("churn", 3)
    assert latest(four_versions.get_latest_versions("churn", ["Production"])) == {"Production": 2}


@pytest.mark.parametrize("written", ["STAGING", "staging", "StAgInG"])
def test_stage_names_ignore_case(four_versions, written):
    assert four_versions.transition_model_version_stage("churn", 1, written, False).current_stage == "Staging"


def test_an_unknown_stage_is_refused(four_versions):
    message = "Invalid Model Version stage: unknown. Value must be one of None, Staging, Production, Archived."
    with raises("INVALID_PARAMETER_VALUE", message):
        four_versions.transition_model_version_stage("churn", 1, "unknown", False)


@only_mlflow
def test_promotion_archives_other_versions_only_on_request(four_versions):
    for number, stage in ((1, "Staging"), (2, "Production"), (3, "Staging"), (3, "Production")):
        four_versions.transition_model_version_stage("churn", number, stage, False)
    stages = [four_versions.get_model_version("churn", number).current_stage for number in (1, 2, 3)]
    assert stages == ["Staging", "Production", "Production"]
    four_versions.transition_model_version_stage("churn", 3, "Production", True)
    versions = [four_versions.get_model_version("churn", number) for number in (1, 2, 3)]
    assert [version.current_stage for version in versions] == ["Staging", "Archived", "Production"]
    four_versions.transition_model_version_stage("churn", 4, "staging", True)
    versions = [four_versions.get_model_version("churn", number) for number in (1, 4)]
    assert [version.current_stage for version in versions] == ["Archived", "Staging"]
    assert versions[0].last_updated_timestamp == versions[1].last_updated_timestamp


@pytest.mark.parametrize("stage", ["Archived", "None"])
def test_archiving_existing_versions_is_refused_for_inactive_stages(four_versions, stage):
    with pytest.raises(
        MlflowException, match=r"cannot archive existing model versions because .+ is not an Active stage"
    ):
        four_versions.transition_model_version_stage("churn", 1, stage, True)
    assert four_versions.transition_model_version_stage("churn", 1, stage, False).current_stage == stage


@pytest.mark.parametrize("rules", ["strict"], indirect=True)
def test_strict_rules_refuse_a_second_version_in_production(four_versions):
    four_versions.transition_model_version_stage("churn", 1, "Production", False)
    with raises("INVALID_STATE", "churn/1 is in Production") as raised:
        four_versions.transition_model_version_stage("churn", 2, "Production", False)
    assert "archive_existing_versions=True" in str(raised.value)
    four_versions.transition_model_version_stage("churn", 2, "Production", True)
    assert [four_versions.get_model_version("churn", number).current_stage for number in (1, 2)] == [
        "Archived",
        "Production",
    ]


@pytest.mark.parametrize("rules", ["strict"], indirect=True)
def test_transition_checks_gates(four_versions, registry):
    registry.add_gate("churn", "Production", "status = 'READY'")
    with pytest.raises(
        MlflowException, match="status = 'READY'", check=lambda error: error.error_code == "INVALID_STATE"
    ):
        four_versions.transition_model_version_stage("churn", 1, "Production", False)


def test_delete_version(four_versions):
    four_versions.delete_model_version("churn", 2)
    for call in (
        lambda: four_versions.get_model_version("churn", 2),
        lambda: four_versions.update_model_version("churn", 2, "deleted"),
        lambda: four_versions.delete_model_version("churn", 2),
        lambda: four_versions.transition_model_version_stage("churn", 2, "Staging", False),
        lambda: four_versions.get_model_version_download_uri("churn", 2),
        lambda: four_versions.set_model_version_tag("churn", 2, ModelVersionTag("a", "b")),
        lambda: four_versions.delete_model_version_tag("churn", 2, "a"),
        lambda: four_versions.set_registered_model_alias("churn", "champion", 2),
    ):
        with missing_version("churn", 2):
            call()
    assert four_versions.create_model_version("churn", ADDRESS).version == 5


@only_mlflow
def test_mlflow_rules_delete_versions_in_use_with_their_aliases(four_versions):
    four_versions.transition_model_version_stage("churn", 1, "Production", False)
    four_versions.set_registered_model_alias("churn", "champion", 1)
    four_versions.delete_model_version("churn", 1)
    assert four_versions.get_registered_model("churn").aliases == {}
    with raises("INVALID_PARAMETER_VALUE", "Registered model alias champion not found."):
        four_versions.get_model_version_by_alias("churn", "champion")
    four_versions.set_registered_model_alias("churn", "champion", 2)
    four_versions.delete_registered_model("churn")
    with missing_model("churn"):
        four_versions.get_model_version_by_alias("churn", "champion")


@pytest.mark.parametrize("rules", ["strict"], indirect=True)
def test_strict_rules_refuse_to_delete_a_version_in_use(four_versions):
    four_versions.set_registered_model_alias("churn", "champion", 1)
    for call in (
        lambda: four_versions.delete_model_version("churn", 1),
        lambda: four_versions.delete_registered_model("churn"),
    ):
        with raises("INVALID_STATE", "churn/1 has the alias champion"):
            call()
    assert four_versions.get_model_version("churn", 4).version == 4


@pytest.mark.parametrize("version", ["I am not a version", "1.5"])
def test_a_version_that_is_not_a_whole_number_is_refused(four_versions, version):
    with raises("INVALID_PARAMETER_VALUE", f"Parameter 'version' must be an integer, got '{version}'"):
        four_versions.get_model_version("churn", version)


def test_update_version_replaces_the_description(four_versions):
    assert four_versions.update_model_version("churn", 1, "Online!").description == "Online!"
    assert four_versions.get_model_version("churn", "1").description == "Online!"


def test_tags_of_versions_are_independent(four_versions):
    four_versions.set_model_version_tag("churn", 1, ModelVersionTag("key", "old"))
    four_versions.set_model_version_tag("churn", 1, ModelVersionTag("key", "new"))
    four_versions.set_model_version_tag("churn", 2, ModelVersionTag("key", "other"))
    four_versions.delete_model_version_tag("churn", 2, "key")
    four_versions.delete_model_version_tag("churn", 2, "key")
    assert [four_versions.get_model_version("churn", number).tags for number in (1, 2)] == [{"key": "new"}, {}]


def test_an_alias_points_at_one_version_at_a_time(four_versions):
    four_versions.set_registered_model_alias("churn", "champion", "1")
    four_versions.set_registered_model_alias("churn", "champion", 2)
    assert four_versions.get_registered_model("churn").aliases == {"champion": 2}
    assert [four_versions.get_model_version("churn", number).aliases for number in (1, 2)] == [[], ["champion"]]
    assert four_versions.get_model_version_by_alias("churn", "champion").version == 2
    assert four_versions.get_model_version_by_alias("churn", "latest").version == 4
    four_versions.delete_registered_model_alias("churn", "champion")
    four_versions.delete_registered_model_alias("churn", "champion")
    assert four_versions.get_registered_model("churn").aliases == {}


@pytest.mark.parametrize("alias", ["latest", "v3", "a b", ""])
def test_an_alias_that_looks_like_a_version_is_refused(four_versions, alias):
    with pytest.raises(MlflowException) as raised:
        four_versions.set_registered_model_alias("churn", alias, 1)
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize("target", ["churn", "fraud"])
def test_copy_version_creates_an_independent_version(churn, registry, target):
    source = churn.create_model_version("churn", ADDRESS, "run1", version_tags(a="b"), "http://link", "the best")
    churn.transition_model_version_stage("churn", 1, "Production", False)
    copied = churn.copy_model_version(source, target)
    assert copied.version == (2 if target == "churn" else 1)
    version = churn.get_model_version(target, copied.version)
    assert (version.source, version.current_stage, version.status) == ("models:/churn/1", "None", "READY")
    assert (version.tags, version.run_id, version.run_link, version.description) == (
        {"a": "b"},
        "run1",
        "http://link",
        "the best",
    )
    assert registry.version(f"{target}/{copied.version}").status == "REFERENCE"
    second_copy = churn.copy_model_version(version, "third")
    assert second_copy.source == f"models:/{target}/{copied.version}"
    with pytest.raises(BytesNotStored, match=ADDRESS):
        registry.load("third/1")


@only_mlflow
def test_the_download_uri_of_a_reference_is_its_address_with_mlflow_rules(churn):
    churn.create_model_version("churn", ADDRESS)
    churn.transition_model_version_stage("churn", 1, "Production", False)
    churn.update_model_version("churn", 1, "changed")
    assert churn.get_model_version_download_uri("churn", 1) == ADDRESS
    churn.copy_model_version(churn.get_model_version("churn", 1), "fraud")
    assert churn.get_model_version_download_uri("fraud", 1) == ADDRESS


@pytest.mark.parametrize("rules", ["strict"], indirect=True)
def test_strict_rules_refuse_the_download_uri_of_a_reference(churn):
    churn.create_model_version("churn", ADDRESS)
    with raises(
        "RESOURCE_DOES_NOT_EXIST",
        f"churn/1 is a reference: its bytes are not stored in the registry, but at '{ADDRESS}'",
    ):
        churn.get_model_version_download_uri("churn", 1)


@only_mlflow
def test_a_server_reads_no_version_from_a_uri_of_a_client(store, registry, tmp_path, monkeypatch):
    (tmp_path / "model.bin").write_bytes(b"of a registry that is not the server's")
    other = Registry(tmp_path / "other")
    other.register(tmp_path / "model.bin", "secret")
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", f"sqlite:///{tmp_path}/runs.db")
    store.create_registered_model("churn")
    store.create_model_version("churn", f"modelreg://{other.folder}/secret/1")
    source = store.get_model_version_download_uri("churn", 1)
    with pytest.raises(MlflowException, match="clients"):
        get_artifact_repository(source)


def test_an_empty_source_is_not_the_current_folder(store, registry, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "notes.txt").write_text("that nobody wants to register")
    monkeypatch.chdir(tmp_path / "here")
    store.create_registered_model("churn")
    with raises("INVALID_PARAMETER_VALUE", "the location of the bytes is empty"):
        store.create_model_version("churn", "")
    assert not registry.version(f"churn/{store.create_model_version('churn', 'file:').version}").has_bytes
