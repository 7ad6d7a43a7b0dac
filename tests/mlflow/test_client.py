"""Each method of the client: what it does, what it hands out, and with which code it refuses."""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError

import pytest

import modelreg.mlflow as mlflow
from modelreg import Registry
from modelreg.errors import ModelNotFound, ModelregError, ProductionOccupied
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


def code_of(ask):
    with pytest.raises(MlflowException) as refused:
        ask()
    return refused.value.error_code


def stages(client):
    return {version.version: version.current_stage for version in client.search_model_versions("name = 'churn'")}


# Registered models


def test_a_model_is_made_read_and_described(client):
    made = client.create_registered_model("churn", tags={"team": "growth"}, description="who leaves")
    assert made == client.get_registered_model("churn")
    assert (made.name, made.description, made.tags) == ("churn", "who leaves", {"team": "growth"})
    assert (made.latest_versions, made.latest_version, made.aliases) == ([], None, {})
    assert made.creation_timestamp == made.last_updated_timestamp > 1.7e12
    assert client.update_registered_model("churn", "another").description == "another"
    assert client.update_registered_model("churn").description is None
    assert code_of(lambda: client.create_registered_model("churn")) == "RESOURCE_ALREADY_EXISTS"
    assert code_of(lambda: client.create_registered_model("Churn")) == "RESOURCE_ALREADY_EXISTS"
    assert code_of(lambda: client.create_registered_model("")) == "INVALID_PARAMETER_VALUE"


def test_a_model_is_renamed_unless_another_has_the_name(churn):
    churn.create_registered_model("fraud")
    assert code_of(lambda: churn.rename_registered_model("churn", "fraud")) == "RESOURCE_ALREADY_EXISTS"
    assert churn.rename_registered_model("churn", "leavers").latest_version == "3"
    assert code_of(lambda: churn.get_registered_model("churn")) == "RESOURCE_DOES_NOT_EXIST"


def test_a_model_has_its_newest_version_in_each_stage(churn):
    churn.transition_model_version_stage("churn", 1, "Production")
    churn.set_registered_model_alias("churn", "champion", "1")
    found = churn.get_registered_model("churn")
    assert [(version.version, version.current_stage) for version in found.latest_versions] == [
        ("3", "None"),
        ("1", "Production"),
    ]
    assert found.latest_versions == churn.get_latest_versions("churn")
    assert found.aliases == {"champion": "1"}
    assert [each.version for each in churn.get_latest_versions("churn", ["production", "Staging"])] == ["1"]
    assert code_of(lambda: churn.get_latest_versions("churn", ["Prod"])) == "INVALID_PARAMETER_VALUE"
    assert code_of(lambda: churn.get_latest_versions("nothing")) == "RESOURCE_DOES_NOT_EXIST"


def test_a_model_is_deleted_with_its_versions_unless_one_is_in_use(churn):
    churn.transition_model_version_stage("churn", 1, "Production")
    assert code_of(lambda: churn.delete_registered_model("churn")) == "INVALID_STATE"
    assert len(stages(churn)) == 3
    churn.transition_model_version_stage("churn", 1, "Archived")
    churn.delete_registered_model("churn")
    assert code_of(lambda: churn.delete_registered_model("churn")) == "RESOURCE_DOES_NOT_EXIST"


# Versions


def test_a_version_is_made_of_a_file_a_folder_or_a_run(client, registry, model_file, model_folder, model):
    client.create_registered_model("churn")
    path = str(model_file())
    made = client.create_model_version("churn", path, "r1", {"a": 1}, "https://ci/1", "good")
    assert made == client.get_model_version("churn", "1") == client.get_model_version("churn", 1)
    assert (made.name, made.version, made.source, made.run_id) == ("churn", "1", path, "r1")
    assert (made.run_link, made.tags, made.description) == ("https://ci/1", {"a": "1"}, "good")
    assert (made.status, made.status_message, made.current_stage, made.aliases) == ("READY", None, "None", [])
    assert (made.model_id, made.user_id) == (None, registry.version("churn/1").created_by)
    assert client.create_model_version("churn", f"file://{model_folder({'a.bin': b'a'})}").version == "2"
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(model, "model")
    made = client.create_model_version("churn", f"{run.info.artifact_uri}/model", run_id=run.info.run_id)
    assert (made.version, made.run_id) == ("3", run.info.run_id)
    with pytest.raises(FrozenInstanceError):
        made.version = "4"
    assert list(registry.verify()) == []


def test_a_version_is_not_made_of_nothing_or_for_nobody(client, model_file):
    assert code_of(lambda: client.create_model_version("churn", str(model_file()))) == "RESOURCE_DOES_NOT_EXIST"
    client.create_registered_model("churn")
    assert code_of(lambda: client.create_model_version("churn", "s3://bucket/model")) == "INVALID_PARAMETER_VALUE"
    assert code_of(lambda: client.create_model_version("churn", "runs:/nothing/model")) == "RESOURCE_DOES_NOT_EXIST"
    assert client.get_registered_model("churn").latest_version is None


def test_a_version_is_copied_with_its_tags(churn, registry):
    churn.set_model_version_tag("churn", "2", "a", "b")
    churn.update_model_version("churn", "2", "good")
    copied = churn.copy_model_version("models:/churn/2", "other")
    assert (copied.name, copied.version, copied.source) == ("other", "1", "models:/churn/2")
    assert (copied.tags, copied.description) == ({"a": "b"}, "good")
    assert registry.version("other/1").digest == registry.version("churn/2").digest
    assert code_of(lambda: churn.copy_model_version("models:/churn/9", "other")) == "RESOURCE_DOES_NOT_EXIST"
    assert code_of(lambda: churn.copy_model_version("runs:/churn/9", "other")) == "INVALID_PARAMETER_VALUE"


def test_a_version_is_described_tagged_and_named_by_an_alias(churn):
    assert churn.update_model_version("churn", "1", "good").description == "good"
    churn.set_model_version_tag("churn", "1", "a", 1)
    churn.transition_model_version_stage("churn", "1", "Staging")
    churn.set_model_version_tag("churn", key="b", value="2", stage="Staging")
    churn.set_registered_model_alias("churn", "champion", "1")
    found = churn.get_model_version_by_alias("churn", "champion")
    assert (found.version, found.tags, found.aliases) == ("1", {"a": "1", "b": "2"}, ["champion"])
    churn.delete_model_version_tag("churn", "1", "a")
    churn.delete_model_version_tag("churn", stage="Staging", key="b")
    churn.delete_model_version_tag("churn", "1", "never there")
    churn.delete_registered_model_alias("churn", "champion")
    churn.delete_registered_model_alias("churn", "never-there")
    found = churn.get_model_version("churn", "1")
    assert (found.tags, found.aliases) == ({}, [])


def test_a_model_is_tagged(churn):
    churn.set_registered_model_tag("churn", "team", "growth")
    assert churn.get_registered_model("churn").tags == {"team": "growth"}
    churn.delete_registered_model_tag("churn", "team")
    churn.delete_registered_model_tag("churn", "team")
    assert churn.get_registered_model("churn").tags == {}


@pytest.mark.parametrize(
    ("ask", "code"),
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
def test_what_is_refused_has_the_code_that_says_why(churn, ask, code):
    before = churn.search_model_versions()
    assert code_of(lambda: ask(churn)) == code
    assert churn.search_model_versions() == before


def test_the_bytes_of_a_version_are_where_its_address_says(churn):
    with open(churn.get_model_version_download_uri("churn", "2"), "rb") as file:
        assert file.read() == b"bytes 2"
    assert churn.get_model_version_stages("churn", "2") == ["None", "Staging", "Production", "Archived"]


def test_a_version_whose_bytes_are_elsewhere_is_ready_and_says_where_they_are_not(churn, registry):
    registry.register_reference("s3://bucket/model", "away")
    version = churn.get_model_version("away", 1)
    assert (version.status, version.source) == ("READY", "s3://bucket/model")
    assert version.status_message == "The bytes are not in the registry, which has their address alone."
    assert code_of(lambda: churn.get_model_version_download_uri("away", 1)) == "RESOURCE_DOES_NOT_EXIST"


def test_a_version_is_deleted_unless_it_is_in_use(churn):
    churn.transition_model_version_stage("churn", 1, "Staging")
    assert code_of(lambda: churn.delete_model_version("churn", "1")) == "INVALID_STATE"
    churn.delete_model_version("churn", "2")
    assert stages(churn) == {"1": "Staging", "3": "None"}


def test_models_and_versions_are_taken_apart_as_dictionaries(churn):
    version = churn.get_model_version("churn", "2")
    model = churn.get_registered_model("churn")
    assert dict(version)["version"] == "2"
    assert dict(version) == vars(version)
    assert dict(model)["latest_versions"] == [churn.get_model_version("churn", "3")]


def test_code_that_waits_for_a_version_finds_it_ready(churn):
    from modelreg.mlflow.entities.model_registry.model_version_status import ModelVersionStatus

    status = churn.get_model_version("churn", "1").status
    assert ModelVersionStatus.from_string(status) == ModelVersionStatus.READY
    assert ModelVersionStatus.to_string(ModelVersionStatus.READY) == status


# The contract


def test_a_second_version_in_production_is_refused_and_the_message_says_what_to_do(churn):
    churn.transition_model_version_stage("churn", "1", "Production")
    with pytest.raises(MlflowException) as refused:
        churn.transition_model_version_stage("churn", "2", "Production")
    assert (refused.value.error_code, refused.value.get_http_status_code()) == ("INVALID_STATE", 500)
    assert "archive_existing_versions=True" in refused.value.message
    assert "client.transition_model_version_stage('churn', '1', 'Archived')" in refused.value.message
    assert isinstance(refused.value.__cause__, ProductionOccupied)
    assert stages(churn) == {"1": "Production", "2": "None", "3": "None"}
    promoted = churn.transition_model_version_stage("churn", "2", "Production", archive_existing_versions=True)
    assert promoted.current_stage == "Production"
    assert stages(churn) == {"1": "Archived", "2": "Production", "3": "None"}


def test_gates_are_asked(churn, registry):
    registry.add_gate("churn", "Production", "metrics.auc > 0.9")
    with pytest.raises(MlflowException, match=r"kept out of Production by metrics\.auc > 0\.9") as refused:
        churn.transition_model_version_stage("churn", "1", "Production")
    assert refused.value.error_code == "INVALID_STATE"
    assert registry.history()[-1].action == "refuse"


@pytest.mark.slow
@pytest.mark.parametrize("what", ["archive", "refuse"])
def test_eight_processes_that_promote_at_once_leave_one_in_production(client, registry, model_file, at_once, what):
    client.create_registered_model("churn")
    for number in range(8):
        client.create_model_version("churn", str(model_file(str(number).encode())))
    said = at_once(PROMOTE, [(registry.folder, number, what) for number in range(1, 9)])
    promoted = [each for each in said if each == "promoted\n"]
    assert len(promoted) == (8 if what == "archive" else 1)
    assert {each for each in said if each not in promoted} <= {"INVALID_STATE\n"}
    assert list(stages(client).values()).count("Production") == 1
    assert list(registry.verify()) == []


# Errors


def test_every_error_of_ours_has_a_code_of_mlflow_and_its_cause():
    from modelreg import errors
    from modelreg.mlflow.exceptions import to_mlflow_exception

    known = {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "INVALID_STATE"}
    known |= {"DATA_LOSS", "PERMISSION_DENIED", "TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR"}
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ModelregError)]
    for kind in kinds:
        error = kind.__new__(kind)
        error.message, error.hint, error.reference = "it is so", "do this", "churn/1"
        assert to_mlflow_exception(error).error_code in known
    with pytest.raises(MlflowException) as refused:
        mlflow.MlflowClient().get_registered_model("nothing")
    assert isinstance(refused.value.__cause__, ModelNotFound)
    assert '"error_code": "RESOURCE_DOES_NOT_EXIST"' in refused.value.serialize_as_json()


def test_a_registry_that_must_not_be_used_is_an_invalid_state(registry, client):
    client.create_registered_model("churn")
    registry.folder.chmod(0o777)
    assert code_of(client.search_registered_models) == "INVALID_STATE"


def test_all_that_was_done_is_journalled_and_sound(churn, registry):
    churn.transition_model_version_stage("churn", "1", "Production")
    churn.set_registered_model_alias("churn", "champion", "1")
    churn.delete_model_version("churn", "3")
    actions = [entry.action for entry in Registry(registry.folder).history("churn")]
    assert actions == ["create", "register", "register", "register", "transition", "alias", "delete"]
    assert list(registry.verify()) == []
