"""`MlflowClient`: effects, results and error codes of its methods."""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError

import pytest

import modelreg.mlflow as mlflow
from modelreg import Registry
from modelreg.errors import ModelNotFound, ModelregError, ProductionOccupied
from modelreg.mlflow.entities.model_registry.model_version import ELSEWHERE
from modelreg.mlflow.exceptions import MlflowException

PROMOTE = """
import modelreg.mlflow as mlflow, modelreg.lifecycle.rules.transitions, modelreg.store.catalog.writer
client = mlflow.MlflowClient(sys.argv[1])
ready()
try:
    client.transition_model_version_stage("churn", sys.argv[2], "Production", archive_existing_versions=sys.argv[3] == "archive")
    print("promoted")
except mlflow.MlflowException as error:
    print(error.error_code)
"""  # noqa: E501


def code_of(call):
    with pytest.raises(MlflowException) as raised:
        call()
    return raised.value.error_code


def stages(client):
    return {version.version: version.current_stage for version in client.search_model_versions("name = 'churn'")}


# Registered models


def test_create_get_and_describe_a_model(client):
    model = client.create_registered_model("churn", tags={"team": "growth"}, description="who leaves")
    assert model == client.get_registered_model("churn")
    assert (model.name, model.description, model.tags) == ("churn", "who leaves", {"team": "growth"})
    assert (model.latest_versions, model.latest_version, model.aliases) == ([], None, {})
    assert model.creation_timestamp == model.last_updated_timestamp > 1.7e12
    assert client.update_registered_model("churn", "another").description == "another"
    assert client.update_registered_model("churn").description is None
    assert code_of(lambda: client.create_registered_model("churn")) == "RESOURCE_ALREADY_EXISTS"
    assert code_of(lambda: client.create_registered_model("Churn")) == "RESOURCE_ALREADY_EXISTS"
    assert code_of(lambda: client.create_registered_model("")) == "INVALID_PARAMETER_VALUE"


def test_rename_refuses_a_name_that_is_taken(churn):
    churn.create_registered_model("fraud")
    assert code_of(lambda: churn.rename_registered_model("churn", "fraud")) == "RESOURCE_ALREADY_EXISTS"
    assert churn.rename_registered_model("churn", "leavers").latest_version == "3"
    assert code_of(lambda: churn.get_registered_model("churn")) == "RESOURCE_DOES_NOT_EXIST"


def test_latest_versions_are_the_newest_version_of_each_stage(churn):
    churn.transition_model_version_stage("churn", 1, "Production")
    churn.set_registered_model_alias("churn", "champion", "1")
    model = churn.get_registered_model("churn")
    assert [(version.version, version.current_stage) for version in model.latest_versions] == [
        ("3", "None"),
        ("1", "Production"),
    ]
    assert model.latest_versions == churn.get_latest_versions("churn")
    assert model.aliases == {"champion": "1"}
    assert [version.version for version in churn.get_latest_versions("churn", ["production", "Staging"])] == ["1"]
    assert code_of(lambda: churn.get_latest_versions("churn", ["Prod"])) == "INVALID_PARAMETER_VALUE"
    assert code_of(lambda: churn.get_latest_versions("nothing")) == "RESOURCE_DOES_NOT_EXIST"


def test_delete_model_deletes_its_versions_unless_one_is_in_use(churn):
    churn.transition_model_version_stage("churn", 1, "Production")
    assert code_of(lambda: churn.delete_registered_model("churn")) == "INVALID_STATE"
    assert len(stages(churn)) == 3
    churn.transition_model_version_stage("churn", 1, "Archived")
    churn.delete_registered_model("churn")
    assert code_of(lambda: churn.delete_registered_model("churn")) == "RESOURCE_DOES_NOT_EXIST"


# Versions


def test_create_version_from_a_file_a_folder_and_a_run(client, registry, model_file, model_folder, model):
    client.create_registered_model("churn")
    path = str(model_file())
    version = client.create_model_version("churn", path, "r1", {"a": 1}, "https://ci/1", "good")
    assert version == client.get_model_version("churn", "1") == client.get_model_version("churn", 1)
    assert (version.name, version.version, version.source, version.run_id) == ("churn", "1", path, "r1")
    assert (version.run_link, version.tags, version.description) == ("https://ci/1", {"a": "1"}, "good")
    assert (version.status, version.status_message, version.current_stage, version.aliases) == (
        "READY",
        None,
        "None",
        [],
    )
    assert (version.model_id, version.user_id) == (None, registry.version("churn/1").created_by)
    assert client.create_model_version("churn", f"file://{model_folder({'a.bin': b'a'})}").version == "2"
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(model, "model")
    version = client.create_model_version("churn", f"{run.info.artifact_uri}/model", run_id=run.info.run_id)
    assert (version.version, version.run_id) == ("3", run.info.run_id)
    with pytest.raises(FrozenInstanceError):
        version.version = "4"
    assert list(registry.verify()) == []


def test_create_version_refuses_a_missing_source_or_model(client, model_file):
    assert code_of(lambda: client.create_model_version("churn", str(model_file()))) == "RESOURCE_DOES_NOT_EXIST"
    client.create_registered_model("churn")
    assert code_of(lambda: client.create_model_version("churn", "s3://bucket/model")) == "INVALID_PARAMETER_VALUE"
    assert code_of(lambda: client.create_model_version("churn", "runs:/nothing/model")) == "RESOURCE_DOES_NOT_EXIST"
    assert client.get_registered_model("churn").latest_version is None


def test_copy_version_keeps_tags_and_description(churn, registry):
    churn.set_model_version_tag("churn", "2", "a", "b")
    churn.update_model_version("churn", "2", "good")
    copied = churn.copy_model_version("models:/churn/2", "other")
    assert (copied.name, copied.version, copied.source) == ("other", "1", "models:/churn/2")
    assert (copied.tags, copied.description) == ({"a": "b"}, "good")
    assert registry.version("other/1").digest == registry.version("churn/2").digest
    assert code_of(lambda: churn.copy_model_version("models:/churn/9", "other")) == "RESOURCE_DOES_NOT_EXIST"
    assert code_of(lambda: churn.copy_model_version("runs:/churn/9", "other")) == "INVALID_PARAMETER_VALUE"


def test_update_tag_and_alias_a_version(churn):
    assert churn.update_model_version("churn", "1", "good").description == "good"
    churn.set_model_version_tag("churn", "1", "a", 1)
    churn.transition_model_version_stage("churn", "1", "Staging")
    churn.set_model_version_tag("churn", key="b", value="2", stage="Staging")
    churn.set_registered_model_alias("churn", "champion", "1")
    version = churn.get_model_version_by_alias("churn", "champion")
    assert (version.version, version.tags, version.aliases) == ("1", {"a": "1", "b": "2"}, ["champion"])
    churn.delete_model_version_tag("churn", "1", "a")
    churn.delete_model_version_tag("churn", stage="Staging", key="b")
    churn.delete_model_version_tag("churn", "1", "never there")
    churn.delete_registered_model_alias("churn", "champion")
    churn.delete_registered_model_alias("churn", "never-there")
    version = churn.get_model_version("churn", "1")
    assert (version.tags, version.aliases) == ({}, [])


def test_set_and_delete_a_model_tag(churn):
    churn.set_registered_model_tag("churn", "team", "growth")
    assert churn.get_registered_model("churn").tags == {"team": "growth"}
    churn.delete_registered_model_tag("churn", "team")
    churn.delete_registered_model_tag("churn", "team")
    assert churn.get_registered_model("churn").tags == {}


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda client: client.get_model_version("churn", "9"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda client: client.get_model_version("churn", "abc"), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.get_model_version("churn", "Production"), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.get_model_version("churn", None), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.get_model_version("nothing", "1"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda client: client.get_model_version_by_alias("churn", "nobody"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda client: client.set_registered_model_alias("churn", "v1", "1"), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.set_registered_model_alias("churn", "new", "9"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda client: client.set_model_version_tag("churn", "1", "k", "v", "Staging"), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.set_model_version_tag("churn", None, "k", "v"), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.set_model_version_tag("churn", "1"), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.set_model_version_tag("churn", None, "k", "v", "Staging"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda client: client.set_registered_model_tag("nothing", "k", "v"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda client: client.transition_model_version_stage("churn", "1", "Prod"), "INVALID_PARAMETER_VALUE"),
        (
            lambda client: client.transition_model_version_stage("churn", "1", "Archived", True),
            "INVALID_PARAMETER_VALUE",
        ),
        (lambda client: client.transition_model_version_stage("churn", "1", None), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.update_model_version("churn", "1"), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.get_registered_model(None), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.set_registered_model_alias("churn", None, "1"), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.set_registered_model_tag("churn", 5, "v"), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.update_registered_model("churn/1", "x"), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.delete_registered_model("churn/1"), "INVALID_PARAMETER_VALUE"),
        (lambda client: client.get_run("nothing"), "RESOURCE_DOES_NOT_EXIST"),
    ],
)
def test_a_refused_call_has_the_right_code_and_changes_nothing(churn, call, code):
    before = churn.search_model_versions()
    assert code_of(lambda: call(churn)) == code
    assert churn.search_model_versions() == before


def test_download_uri_is_a_path_with_the_version_bytes(churn):
    with open(churn.get_model_version_download_uri("churn", "2"), "rb") as file:
        assert file.read() == b"bytes 2"
    assert churn.get_model_version_stages("churn", "2") == ["None", "Staging", "Production", "Archived"]


def test_a_reference_is_ready_and_its_status_message_says_that_the_files_are_elsewhere(churn, registry):
    registry.register_reference("s3://bucket/model", "away")
    version = churn.get_model_version("away", 1)
    assert (version.status, version.source) == ("READY", "s3://bucket/model")
    assert version.status_message == ELSEWHERE
    assert code_of(lambda: churn.get_model_version_download_uri("away", 1)) == "RESOURCE_DOES_NOT_EXIST"


def test_delete_version_refuses_a_version_in_use(churn):
    churn.transition_model_version_stage("churn", 1, "Staging")
    assert code_of(lambda: churn.delete_model_version("churn", "1")) == "INVALID_STATE"
    churn.delete_model_version("churn", "2")
    assert stages(churn) == {"1": "Staging", "3": "None"}


def test_dict_returns_the_fields_of_models_and_versions(churn):
    version = churn.get_model_version("churn", "2")
    model = churn.get_registered_model("churn")
    assert dict(version)["version"] == "2"
    assert dict(version) == vars(version)
    assert dict(model)["latest_versions"] == [churn.get_model_version("churn", "3")]


def test_a_new_version_has_the_status_ready(churn):
    from modelreg.mlflow.entities.model_registry.model_version_status import ModelVersionStatus

    status = churn.get_model_version("churn", "1").status
    assert ModelVersionStatus.from_string(status) == ModelVersionStatus.READY
    assert ModelVersionStatus.to_string(ModelVersionStatus.READY) == status


# Transitions


def test_a_second_version_in_production_is_refused_with_a_hint(churn):
    churn.transition_model_version_stage("churn", "1", "Production")
    with pytest.raises(MlflowException) as raised:
        churn.transition_model_version_stage("churn", "2", "Production")
    assert (raised.value.error_code, raised.value.get_http_status_code()) == ("INVALID_STATE", 500)
    assert "archive_existing_versions=True" in raised.value.message
    assert "client.transition_model_version_stage('churn', '1', 'Archived')" in raised.value.message
    assert isinstance(raised.value.__cause__, ProductionOccupied)
    assert stages(churn) == {"1": "Production", "2": "None", "3": "None"}
    promoted = churn.transition_model_version_stage("churn", "2", "Production", archive_existing_versions=True)
    assert promoted.current_stage == "Production"
    assert stages(churn) == {"1": "Archived", "2": "Production", "3": "None"}


def test_transition_checks_gates(churn, registry):
    registry.add_gate("churn", "Production", "metrics.auc > 0.9")
    with pytest.raises(MlflowException, match=r"metrics\.auc > 0\.9") as raised:
        churn.transition_model_version_stage("churn", "1", "Production")
    assert raised.value.error_code == "INVALID_STATE"
    assert registry.history()[-1].action == "refuse"


@pytest.mark.slow
@pytest.mark.parametrize("on_conflict", ["archive", "refuse"])
def test_eight_concurrent_promotions_leave_one_version_in_production(
    client, registry, model_file, run_concurrently, on_conflict
):
    client.create_registered_model("churn")
    for number in range(8):
        client.create_model_version("churn", str(model_file(str(number).encode())))
    outputs = run_concurrently(PROMOTE, [(registry.folder, number, on_conflict) for number in range(1, 9)])
    promoted = [output for output in outputs if output == "promoted\n"]
    assert len(promoted) == (8 if on_conflict == "archive" else 1)
    assert {output for output in outputs if output not in promoted} <= {"INVALID_STATE\n"}
    assert list(stages(client).values()).count("Production") == 1
    assert list(registry.verify()) == []


# Errors


def test_every_modelreg_error_has_an_mlflow_code_and_is_the_cause():
    from modelreg import errors
    from modelreg.mlflow.exceptions import to_mlflow_exception

    codes = {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "INVALID_STATE"}
    codes |= {"DATA_LOSS", "PERMISSION_DENIED", "TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR"}
    classes = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, ModelregError)]
    for cls in classes:
        error = cls.__new__(cls)
        error.message, error.hint, error.reference = "message", "hint", "churn/1"
        assert to_mlflow_exception(error).error_code in codes
    with pytest.raises(MlflowException) as raised:
        mlflow.MlflowClient().get_registered_model("nothing")
    assert isinstance(raised.value.__cause__, ModelNotFound)
    assert '"error_code": "RESOURCE_DOES_NOT_EXIST"' in raised.value.serialize_as_json()


def test_an_unsafe_registry_folder_is_an_invalid_state(registry, client):
    client.create_registered_model("churn")
    registry.folder.chmod(0o777)
    assert code_of(client.search_registered_models) == "INVALID_STATE"


def test_all_changes_are_journalled_and_verify_finds_nothing(churn, registry):
    churn.transition_model_version_stage("churn", "1", "Production")
    churn.set_registered_model_alias("churn", "champion", "1")
    churn.delete_model_version("churn", "3")
    actions = [entry.action for entry in Registry(registry.folder).history("churn")]
    assert actions == ["create", "register", "register", "register", "transition", "alias", "delete"]
    assert list(registry.verify()) == []
