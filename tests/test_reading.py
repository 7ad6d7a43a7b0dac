"""Reading a registry: models, versions, history, information; and missing, foreign, unsafe or damaged folders."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import modelreg
from modelreg import Registry, load_model
from modelreg.errors import (
    CatalogDamaged,
    Conflict,
    Damaged,
    InvalidInput,
    ModelNotFound,
    RegistryNotFound,
    UnsafeRegistry,
    UnusableFolder,
)

ROWS = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0], "income": [1, 0, 1, 0]})


@pytest.fixture
def two_models(registry, model_file):
    registry.register(model_file(b"1"), "churn", stage="Production", aliases=["champion"])
    registry.register(model_file(b"2"), "churn", stage="Staging")
    registry.register(model_file(b"3"), "churn", stage="Staging")
    registry.register(model_file(b"4"), "churn", stage="Archived")
    registry.register(model_file(b"5"), "churn")
    registry.register(model_file(b"1"), "Fraud.v2")
    return registry


def test_models_are_sorted_by_name_ignoring_case(two_models, model_file):
    two_models.register(model_file(), "alpha")
    two_models.register(model_file(), "Zulu")
    assert [model.name for model in two_models.models()] == ["alpha", "churn", "Fraud.v2", "Zulu"]


def test_model_has_counts_by_stage_and_aliases(two_models):
    model = two_models.model("churn")
    assert (model.versions, model.latest, model.production, model.archived) == (5, 5, 1, 1)
    assert sorted(model.staging) == [2, 3]
    assert model.aliases == {"champion": 1}
    assert two_models.models("churn") == [model]


@pytest.mark.parametrize(
    ("glob", "names"), [("c*", ["churn"]), ("*", ["churn", "Fraud.v2"]), ("?hurn", ["churn"]), ("[", []), ("x*", [])]
)
def test_models_are_selected_by_a_glob(two_models, glob, names):
    assert [model.name for model in two_models.models(glob)] == names


def test_models_refuses_a_glob_that_is_not_utf8(two_models):
    with pytest.raises(InvalidInput):
        two_models.models("\udcff")


def test_versions_are_listed_newest_first(two_models):
    assert [(version.version, str(version.stage)) for version in two_models.versions("churn")] == [
        (5, "None"),
        (4, "Archived"),
        (3, "Staging"),
        (2, "Staging"),
        (1, "Production"),
    ]


def test_an_unknown_model_raises_model_not_found(two_models):
    for method in (two_models.model, two_models.versions, two_models.history, two_models.delete):
        with pytest.raises(ModelNotFound):
            method("chrun")


def test_times_of_a_version_are_in_utc(two_models):
    version = two_models.version("churn/1")
    assert version.created_at.tzinfo is UTC
    assert version.created_at <= version.updated_at <= datetime.now(UTC)


def test_models_and_versions_are_immutable(two_models):
    with pytest.raises(AttributeError):
        two_models.version("churn/1").stage = "None"
    with pytest.raises(AttributeError):
        two_models.model("churn").name = "other"


# History


def test_history_is_limited_to_a_model_or_a_version(two_models):
    assert [entry.name for entry in two_models.history("Fraud.v2")] == ["Fraud.v2"]
    assert [entry.action for entry in two_models.history("churn/1")] == ["register", "alias", "transition"]
    assert two_models.history("churn@champion") == two_models.history("churn/1")
    assert len(two_models.history()) == len(two_models.history("churn")) + 1


def test_history_of_a_name_includes_deleted_models_of_that_name(registry, model_file):
    for _ in range(2):
        registry.register(model_file(), "churn")
        registry.delete("churn/latest", message="no good")
        registry.delete("churn")
    assert [entry.action for entry in registry.history("churn")] == ["register", "delete", "delete"] * 2
    assert registry.history("churn")[1].message == "no good"


def test_information_has_counts_path_and_journal_head(two_models):
    information, head = two_models.information(), two_models.history()[-1]
    assert (information.models, information.versions) == (2, 6)
    assert information.journal_head == f"{head.seq}:{head.hash}"
    assert information.path == str(two_models.folder)
    assert (information.shared, information.modelreg) == (False, modelreg.__version__)


def test_an_empty_registry_has_no_journal_head(registry):
    registry.create()
    assert registry.information().journal_head is None
    assert (registry.models(), registry.history(), list(registry.verify())) == ([], [], [])


# Models in memory


@pytest.fixture
def estimator():
    return LogisticRegression().fit(ROWS, [0, 0, 1, 1])


def test_a_logged_estimator_is_loaded_and_predicts(registry, estimator):
    logged = registry.log_model(estimator, "churn", input_example=ROWS, metrics={"auc": 1.0}, stage="Production")
    assert logged.model_class == "sklearn.linear_model._logistic.LogisticRegression"
    assert [(field.name, field.type) for field in logged.signature.inputs] == [("age", "float64"), ("income", "int64")]
    assert [field.type for field in logged.signature.outputs] == ["int64"]
    assert registry.load("churn/Production").predict(ROWS).tolist() == [0, 0, 1, 1]
    assert load_model("churn/1", registry).predict(ROWS).tolist() == [0, 0, 1, 1]


def test_logging_the_same_estimator_again_creates_no_version(registry, estimator):
    registry.log_model(estimator, "churn", input_example=ROWS)
    assert not registry.log_model(estimator, "churn", input_example=ROWS).created


def test_loading_a_model_of_another_library_version_warns(registry, estimator, execute_sql):
    registry.log_model(estimator, "churn")
    execute_sql("UPDATE versions SET environment = json_set(environment, '$.libraries.scikit-learn', '1.0')")
    with pytest.warns(UserWarning, match=r"churn/1 was registered with scikit-learn 1\.0"):
        registry.load("churn/1")


def test_a_registered_pickle_is_loaded_from_the_stored_copy(registry, estimator, tmp_path):
    joblib.dump(estimator, tmp_path / "m.joblib", compress=3)
    registry.register(tmp_path / "m.joblib", "churn")
    os.unlink(tmp_path / "m.joblib")
    assert np.allclose(registry.load("churn/1").coef_, estimator.coef_)


# Location of the registry folder


def test_default_folder_is_modelreg_home_or_the_nearest_parent_or_the_user_folder(tmp_path, monkeypatch):
    assert Registry().folder == tmp_path / "user-data" / "modelreg"
    (tmp_path / "work" / ".modelreg").mkdir()
    (tmp_path / "work" / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir("a/b")
    assert Registry().folder == tmp_path / "work" / ".modelreg"
    monkeypatch.setenv("MODELREG_HOME", str(tmp_path / "named"))
    assert Registry().folder == tmp_path / "named"
    assert Registry(tmp_path / "explicit").folder == tmp_path / "explicit"


def test_a_relative_registry_path_is_resolved_when_the_registry_object_is_created(tmp_path, model_file, monkeypatch):
    registry = Registry("relative")
    registry.register(model_file(), "churn")
    monkeypatch.chdir(tmp_path)
    assert registry.version("churn/1").version == 1
    assert registry.path("churn/1").is_absolute()


@pytest.mark.parametrize("name", ["a b?c#d%41é'\"&=", "ünï/çödé", "[x]", "file:x?mode=ro"])
def test_the_registry_folder_may_have_special_characters_in_its_name(tmp_path, model_file, name):
    registry = Registry(tmp_path / name)
    registry.register(model_file(), "churn")
    assert registry.path("churn/1").read_bytes() == model_file().read_bytes()
    assert list(registry.verify()) == []


def test_the_registry_folder_may_have_a_name_that_is_not_utf8(tmp_path, model_file):
    registry = Registry(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    registry.register(model_file(), "churn")
    assert registry.path("churn/1").read_bytes() == model_file().read_bytes()


def test_reading_a_missing_registry_raises_registry_not_found_and_creates_nothing(registry, tmp_path):
    for method in (registry.models, registry.history, registry.information, registry.verify):
        with pytest.raises(RegistryNotFound, match="registry") as missing:
            method()
        assert missing.value.exit == 10
    with pytest.raises(RegistryNotFound):
        registry.transition("churn", 1, "Staging")
    assert not registry.folder.exists()


def test_register_refuses_a_folder_with_other_files(registry, model_file):
    registry.folder.mkdir()
    (registry.folder / "thesis.tex").write_text("years of work")
    with pytest.raises(UnusableFolder, match=r"thesis\.tex"):
        registry.register(model_file(), "churn")
    assert os.listdir(registry.folder) == ["thesis.tex"]


def test_register_refuses_a_file_as_registry_folder(registry, model_file):
    registry.folder.write_text("a file")
    with pytest.raises(UnusableFolder):
        registry.register(model_file(), "churn")
    assert registry.folder.read_text() == "a file"


@pytest.mark.parametrize("leftover", ["catalog.db-journal", ".catalog.db.17.abcd", ".catalog.db.17.abcd-journal"])
def test_register_accepts_temporary_files_of_a_concurrent_create(registry, model_file, leftover):
    registry.folder.mkdir()
    (registry.folder / leftover).touch()
    assert registry.register(model_file(), "churn").version == 1


def test_create_returns_false_if_the_registry_exists(registry):
    assert registry.create() is True
    assert registry.create() is False


def test_create_shared_refuses_an_existing_private_registry(registry):
    registry.create()
    with pytest.raises(Conflict) as refused:
        registry.create(shared=True)
    assert refused.value.code == "registry_exists"


def test_a_shared_registry_is_writable_only_by_its_owner_and_group(registry, model_file):
    registry.create(shared=True)
    registry.register(model_file(), "churn")
    assert registry.information().shared
    modes = {path.name: path.stat().st_mode & 0o7777 for path in [registry.folder, *registry.folder.rglob("*")]}
    for name in (registry.folder.name, "artifacts", "blobs", "sha256", "ingest", "checkouts"):
        assert oct(modes[name]) == oct(0o2775)
    assert oct(modes["catalog.db"]) == oct(0o664)
    for name in ("write.lock", "prune.lock"):  # who can read a lock can hold it
        assert oct(modes[name]) == oct(0o660)
    assert not any(mode & 0o002 for mode in modes.values())


@pytest.mark.parametrize("path", [".", "catalog.db", "artifacts", "artifacts/blobs/sha256", "checkouts"])
@pytest.mark.parametrize(("mode", "writers"), [(0o777, "everybody"), (0o775, "the group")])
def test_a_private_registry_that_others_can_write_to_is_refused(registry, model_file, path, mode, writers):
    registry.register(model_file(), "churn")
    os.chmod(registry.folder / path, mode)
    with pytest.raises(UnsafeRegistry, match=writers):
        registry.models()
    with pytest.raises(UnsafeRegistry, match=writers):
        registry.register(model_file(b"2"), "churn")


def test_a_shared_registry_that_everybody_can_write_to_is_refused(registry):
    registry.create(shared=True)
    os.chmod(registry.folder, 0o2777)
    with pytest.raises(UnsafeRegistry):
        registry.models()


def test_a_missing_catalog_beside_artifacts_is_damage_and_no_catalog_is_created(registry, model_file):
    registry.register(model_file(), "churn")
    (registry.folder / "catalog.db").unlink()
    for method in (registry.models, lambda: registry.register(model_file(b"2"), "churn"), registry.create):
        with pytest.raises(CatalogDamaged) as damage:
            method()
        assert damage.value.exit == 6
    assert not (registry.folder / "catalog.db").exists()


def test_a_missing_catalog_is_damage_even_beside_a_backup_of_a_migration(registry, model_file):
    registry.register(model_file(), "churn")
    (registry.folder / "catalog.db").rename(registry.folder / "catalog-schema-1.db")
    with pytest.raises(CatalogDamaged):
        registry.register(model_file(b"2"), "churn")


def test_missing_artifacts_are_damage_and_the_catalog_remains_readable(registry, model_file):
    registry.register(model_file(), "churn")
    (registry.folder / "artifacts").rename(registry.folder / "moved-artifacts")
    assert registry.version("churn/1").version == 1
    assert any(finding.subject in ("artifacts", "churn/1") for finding in registry.verify())
    with pytest.raises(Damaged):
        registry.path("churn/1")
