"""Asking a registry: models, versions, history, information; and registries that are not there or not ours."""

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
    Damaged,
    InvalidInput,
    ModelNotFound,
    RegistryExists,
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


def test_models_are_listed_by_name_ignoring_case(two_models, model_file):
    two_models.register(model_file(), "alpha")
    two_models.register(model_file(), "Zulu")
    assert [model.name for model in two_models.models()] == ["alpha", "churn", "Fraud.v2", "Zulu"]


def test_a_model_has_its_stages_and_aliases(two_models):
    model = two_models.model("churn")
    assert (model.versions, model.latest, model.production, model.archived) == (5, 5, 1, 1)
    assert sorted(model.staging) == [2, 3]
    assert model.aliases == {"champion": 1}
    assert two_models.models("churn") == [model]


@pytest.mark.parametrize(
    ("glob", "names"), [("c*", ["churn"]), ("*", ["churn", "Fraud.v2"]), ("?hurn", ["churn"]), ("[", []), ("x*", [])]
)
def test_a_glob_chooses_models(two_models, glob, names):
    assert [model.name for model in two_models.models(glob)] == names


def test_a_glob_that_is_not_utf8_is_refused_in_words(two_models):
    with pytest.raises(InvalidInput):
        two_models.models("\udcff")


def test_versions_are_listed_newest_first(two_models):
    assert [(each.version, str(each.stage)) for each in two_models.versions("churn")] == [
        (5, "None"),
        (4, "Archived"),
        (3, "Staging"),
        (2, "Staging"),
        (1, "Production"),
    ]


def test_an_unknown_model_is_not_found(two_models):
    for ask in (two_models.model, two_models.versions, two_models.history, two_models.delete):
        with pytest.raises(ModelNotFound):
            ask("chrun")


def test_times_are_aware_and_in_utc(two_models):
    version = two_models.version("churn/1")
    assert version.created_at.tzinfo is UTC
    assert version.created_at <= version.updated_at <= datetime.now(UTC)


def test_records_cannot_be_changed(two_models):
    with pytest.raises(AttributeError):
        two_models.version("churn/1").stage = "None"
    with pytest.raises(AttributeError):
        two_models.model("churn").name = "other"


# History


def test_the_history_of_a_model_and_of_a_version(two_models):
    assert [entry.name for entry in two_models.history("Fraud.v2")] == ["Fraud.v2"]
    assert [entry.action for entry in two_models.history("churn/1")] == ["register", "alias", "transition"]
    assert two_models.history("churn@champion") == two_models.history("churn/1")
    assert len(two_models.history()) == len(two_models.history("churn")) + 1


def test_a_name_leads_to_the_history_of_deleted_models(registry, model_file):
    for _ in range(2):
        registry.register(model_file(), "churn")
        registry.delete("churn/latest", message="no good")
        registry.delete("churn")
    assert [entry.action for entry in registry.history("churn")] == ["register", "delete", "delete"] * 2
    assert registry.history("churn")[1].message == "no good"


def test_information_counts_and_names_the_head_of_the_journal(two_models):
    information, head = two_models.information(), two_models.history()[-1]
    assert (information.models, information.versions) == (2, 6)
    assert information.journal_head == f"{head.seq}:{head.hash}"
    assert information.path == str(two_models.folder)
    assert (information.shared, information.modelreg) == (False, modelreg.__version__)


def test_an_empty_registry_has_no_head(registry):
    registry.create()
    assert registry.information().journal_head is None
    assert (registry.models(), registry.history(), list(registry.verify())) == ([], [], [])


# Models in memory


@pytest.fixture
def estimator():
    return LogisticRegression().fit(ROWS, [0, 0, 1, 1])


def test_an_estimator_goes_in_and_comes_out_ready_to_predict(registry, estimator):
    logged = registry.log_model(estimator, "churn", input_example=ROWS, metrics={"auc": 1.0}, stage="Production")
    assert logged.model_class == "sklearn.linear_model._logistic.LogisticRegression"
    assert [(field.name, field.type) for field in logged.signature.inputs] == [("age", "float64"), ("income", "int64")]
    assert [field.type for field in logged.signature.outputs] == ["int64"]
    assert registry.load("churn/Production").predict(ROWS).tolist() == [0, 0, 1, 1]
    assert load_model("churn/1", registry).predict(ROWS).tolist() == [0, 0, 1, 1]


def test_logging_an_estimator_again_finds_its_version(registry, estimator):
    registry.log_model(estimator, "churn", input_example=ROWS)
    assert not registry.log_model(estimator, "churn", input_example=ROWS).created


def test_a_model_made_with_another_version_of_its_library_is_loaded_with_a_warning(registry, estimator, by_hand):
    registry.log_model(estimator, "churn")
    by_hand("UPDATE versions SET environment = json_set(environment, '$.libraries.scikit-learn', '1.0')")
    with pytest.warns(UserWarning, match=r"churn/1 was registered with scikit-learn 1\.0"):
        registry.load("churn/1")


def test_a_registered_pickle_is_loaded_from_its_bytes(registry, estimator, tmp_path):
    joblib.dump(estimator, tmp_path / "m.joblib", compress=3)
    registry.register(tmp_path / "m.joblib", "churn")
    os.unlink(tmp_path / "m.joblib")
    assert np.allclose(registry.load("churn/1").coef_, estimator.coef_)


# Which folder


def test_the_folder_is_the_environments_else_the_nearest_upward_else_the_users(tmp_path, monkeypatch):
    assert Registry().folder == tmp_path / "user-data" / "modelreg"
    (tmp_path / "work" / ".modelreg").mkdir()
    (tmp_path / "work" / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir("deep/down")
    assert Registry().folder == tmp_path / "work" / ".modelreg"
    monkeypatch.setenv("MODELREG_HOME", str(tmp_path / "named"))
    assert Registry().folder == tmp_path / "named"
    assert Registry(tmp_path / "given").folder == tmp_path / "given"


def test_a_relative_registry_stays_where_it_was_when_the_current_folder_changes(tmp_path, model_file, monkeypatch):
    registry = Registry("relative")
    registry.register(model_file(), "churn")
    monkeypatch.chdir(tmp_path)
    assert registry.version("churn/1").version == 1
    assert registry.path("churn/1").is_absolute()


@pytest.mark.parametrize("name", ["a b?c#d%41é'\"&=", "ünï/çödé", "[x]", "file:x?mode=ro"])
def test_the_folder_may_have_any_name(tmp_path, model_file, name):
    registry = Registry(tmp_path / name)
    registry.register(model_file(), "churn")
    assert registry.path("churn/1").read_bytes() == model_file().read_bytes()
    assert list(registry.verify()) == []


def test_a_folder_name_that_is_not_utf8_is_a_folder_too(tmp_path, model_file):
    registry = Registry(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    registry.register(model_file(), "churn")
    assert registry.path("churn/1").read_bytes() == model_file().read_bytes()


def test_a_missing_registry_is_reported_and_not_created(registry, tmp_path):
    for ask in (registry.models, registry.history, registry.information, registry.verify):
        with pytest.raises(RegistryNotFound, match="registry") as missing:
            ask()
        assert missing.value.exit == 10
    with pytest.raises(RegistryNotFound):
        registry.transition("churn", 1, "Staging")
    assert not registry.folder.exists()


def test_a_folder_with_other_things_is_not_made_a_registry(registry, model_file):
    registry.folder.mkdir()
    (registry.folder / "thesis.tex").write_text("years of work")
    with pytest.raises(UnusableFolder, match=r"thesis\.tex"):
        registry.register(model_file(), "churn")
    assert os.listdir(registry.folder) == ["thesis.tex"]


def test_a_file_is_not_made_a_registry(registry, model_file):
    registry.folder.write_text("a file")
    with pytest.raises(UnusableFolder):
        registry.register(model_file(), "churn")
    assert registry.folder.read_text() == "a file"


@pytest.mark.parametrize("left", ["catalog.db-journal", ".catalog.db.17.abcd", ".catalog.db.17.abcd-journal"])
def test_files_of_a_concurrent_create_are_accepted(registry, model_file, left):
    registry.folder.mkdir()
    (registry.folder / left).touch()
    assert registry.register(model_file(), "churn").version == 1


def test_create_is_idempotent(registry):
    assert registry.create() is True
    assert registry.create() is False


def test_a_registry_of_one_does_not_become_one_of_a_group(registry):
    registry.create()
    with pytest.raises(RegistryExists):
        registry.create(shared=True)


def test_a_group_registry_is_writable_for_its_group_and_nobody_else(registry, model_file):
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


@pytest.mark.parametrize("place", [".", "catalog.db", "artifacts", "artifacts/blobs/sha256", "checkouts"])
@pytest.mark.parametrize(("mode", "who"), [(0o777, "everybody"), (0o775, "the group")])
def test_a_registry_that_others_may_write_to_is_refused(registry, model_file, place, mode, who):
    registry.register(model_file(), "churn")
    os.chmod(registry.folder / place, mode)
    with pytest.raises(UnsafeRegistry, match=who):
        registry.models()
    with pytest.raises(UnsafeRegistry, match=who):
        registry.register(model_file(b"2"), "churn")


def test_a_group_registry_that_everybody_may_write_to_is_refused(registry):
    registry.create(shared=True)
    os.chmod(registry.folder, 0o2777)
    with pytest.raises(UnsafeRegistry):
        registry.models()


def test_a_missing_catalog_beside_files_is_damage_and_nothing_is_made(registry, model_file):
    registry.register(model_file(), "churn")
    (registry.folder / "catalog.db").unlink()
    for ask in (registry.models, lambda: registry.register(model_file(b"2"), "churn"), registry.create):
        with pytest.raises(CatalogDamaged) as damage:
            ask()
        assert damage.value.exit == 6
    assert not (registry.folder / "catalog.db").exists()


def test_a_missing_catalog_is_damage_though_a_backup_of_a_migration_is_there(registry, model_file):
    registry.register(model_file(), "churn")
    (registry.folder / "catalog.db").rename(registry.folder / "catalog-schema-1.db")
    with pytest.raises(CatalogDamaged):
        registry.register(model_file(b"2"), "churn")


def test_missing_artifacts_are_damage_and_the_catalog_can_still_be_asked(registry, model_file):
    registry.register(model_file(), "churn")
    (registry.folder / "artifacts").rename(registry.folder / "elsewhere")
    assert registry.version("churn/1").version == 1
    assert any(finding.subject in ("artifacts", "churn/1") for finding in registry.verify())
    with pytest.raises(Damaged):
        registry.path("churn/1")
