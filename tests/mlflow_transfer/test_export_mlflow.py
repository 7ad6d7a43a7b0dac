"""Export to MLflow: a server, a SQLite file, a folder; and import of what was exported."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path
from uuid import uuid4

import pytest

from modelreg import Registry
from modelreg.data.signatures import infer_signature
from modelreg.domain.transfers import Transfer
from modelreg.errors import InvalidInput, ModelNotFound

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own


def outcomes(report: Transfer) -> dict[str, str]:
    return {item.reference: item.outcome.value for item in report.items}


def exported_fields(registry: Registry, name: str) -> list[tuple[object, ...]]:
    """The fields of a model's versions that an export and an import preserve."""
    return [
        (
            version.version,
            version.digest,
            version.stage,
            version.aliases,
            version.tags,
            version.description,
            version.metrics,
            version.params,
        )
        for version in registry.versions(name)
    ]


@pytest.fixture
def churn(registry, model_file, model_folder) -> str:
    """A model with a unique name: version 2 was deleted, version 4 is a folder, the others are files."""
    name = f"churn-{uuid4().hex[:8]}"
    registry.register(model_file(b"one"), name, metrics={"auc": 0.1 + 0.2, "n": 3.0}, params={"odd key=": "8"})
    registry.register(model_file(b"two"), name)
    registry.register(model_file(b"three"), name, signature=infer_signature([[1.0, 2.0]]), description="the third")
    registry.register(model_folder({"a.bin": b"a", "sub/b.txt": b"b"}), name, tags={"team": "crm"})
    registry.delete(f"{name}/2")
    registry.transition(name, 1, "Production")
    registry.transition(name, 3, "Production", archive_existing=True)
    registry.transition(name, 4, "Staging")
    registry.alias(f"{name}/3", "champion")
    registry.tag(name, {"owner": "ann"})
    registry.describe(name, "who leaves")
    return name


def test_an_export_and_its_dry_run_report_the_same_changes(source, registry, churn):
    registry.export_mlflow(source.uri, churn)
    registry.transition(churn, 3, "Archived")
    registry.tag(f"{churn}/3", {"why": "old"})
    planned = registry.export_mlflow(source.uri, churn, dry_run=True)
    report = registry.export_mlflow(source.uri, churn)
    assert planned.items == report.items
    (changed,) = [item for item in report.items if item.reference == f"{churn}/3"]
    assert (changed.outcome, changed.notes) == ("changed", ("tag 'why'", "stage Production -> Archived"))


def test_an_export_of_all_models_skips_prompts(source, registry, churn):
    registry.create_model("greet", tags={"mlflow.prompt.is_prompt": "true"})
    assert {item.name for item in registry.export_mlflow(source.uri, dry_run=True).items} == {churn}


def test_a_reference_fails_and_the_other_versions_are_exported(source, registry, churn):
    registry.register_reference("s3://bucket/model", churn)
    report = registry.export_mlflow(source.uri, churn)
    assert outcomes(report) == {
        churn: "added",
        f"{churn}/1": "added",
        f"{churn}/3": "added",
        f"{churn}/4": "added",
        f"{churn}/5": "failed",
    }
    assert "'s3://bucket/model'" in report.items[-1].notes[0]


def test_an_exported_model_is_imported_unchanged(source, registry, churn, tmp_path):
    report = registry.export_mlflow(source.uri, churn)
    assert outcomes(report) == {churn: "added", f"{churn}/1": "added", f"{churn}/3": "added", f"{churn}/4": "added"}

    other = Registry(tmp_path / "other")
    other.import_mlflow(source.uri, churn)

    assert exported_fields(other, churn) == exported_fields(registry, churn)
    assert (other.model(churn).tags, other.model(churn).description) == ({"owner": "ann"}, "who leaves")
    assert other.version(f"{churn}/3").signature == registry.version(f"{churn}/3").signature
    assert list(other.verify()) == []


def test_exported_versions_have_their_numbers_stages_metrics_and_files(source, mlflow, registry, churn, tmp_path):
    registry.export_mlflow(source.uri, churn)
    versions = {int(version.version): version for version in source.client.search_model_versions(f"name='{churn}'")}
    assert {number: version.current_stage for number, version in versions.items()} == {
        1: "Archived",
        3: "Production",
        4: "Staging",
    }
    assert int(source.client.get_registered_model(churn).aliases["champion"]) == 3
    assert source.client.get_run(versions[1].run_id).data.metrics == {"auc": 0.1 + 0.2, "n": 3.0}
    fetched = mlflow.artifacts.download_artifacts(f"models:/{churn}/4", dst_path=str(tmp_path / "fetched"))
    assert (Path(fetched) / "sub" / "b.txt").read_bytes() == b"b"


def test_a_second_export_changes_only_what_is_new_or_changed(sqlite, registry, churn, model_file):
    registry.export_mlflow(sqlite.uri)
    assert set(outcomes(registry.export_mlflow(sqlite.uri)).values()) == {"unchanged"}
    registry.rollback(churn)
    registry.alias(f"{churn}/1", "champion")
    registry.register(model_file(b"five"), churn)
    planned = registry.export_mlflow(sqlite.uri, dry_run=True)
    report = registry.export_mlflow(sqlite.uri)
    assert planned.items == report.items
    assert outcomes(report) == {
        churn: "unchanged",
        f"{churn}/1": "changed",
        f"{churn}/3": "changed",
        f"{churn}/4": "unchanged",
        f"{churn}/5": "added",
    }
    assert sqlite.client.get_model_version(churn, "1").current_stage == "Production"
    assert sqlite.client.get_model_version_by_alias(churn, "champion").version == 1
    assert sqlite.client.get_model_version(churn, "5").version == 5


def test_an_imported_version_is_recognised_by_an_export(sqlite, registry):
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"})
    registry.import_mlflow(sqlite.uri)
    registry.transition("churn", 1, "Staging")
    report = registry.export_mlflow(sqlite.uri)
    assert outcomes(report)["churn/1"] == "changed"
    assert [version.version for version in sqlite.client.search_model_versions("name='churn'")] == [1]
    version = sqlite.client.get_model_version("churn", "1")
    assert (version.current_stage, version.tags) == ("Staging", {})
    assert (
        outcomes(registry.import_mlflow(sqlite.uri))["churn/1"] == "changed"
    )  # the import sees the new stage in MLflow
    assert registry.version("churn/1").stage == "Staging"


def test_a_version_whose_number_is_taken_in_mlflow_gets_another_number(sqlite, registry, model_file):
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"theirs"})
    registry.register(model_file(), "churn")
    report = registry.export_mlflow(sqlite.uri)
    assert report.items[1].notes == ("is version 2 in MLflow",)
    assert outcomes(registry.export_mlflow(sqlite.uri))["churn/1"] == "unchanged"


def test_a_damaged_version_fails_and_the_others_are_exported(sqlite, registry, churn, blob_path):
    damaged = blob_path(registry.version(f"{churn}/1").files[0].digest)
    damaged.chmod(0o644)
    damaged.write_bytes(b"0ne")
    report = registry.export_mlflow(sqlite.uri)
    assert outcomes(report) == {churn: "added", f"{churn}/1": "failed", f"{churn}/3": "added", f"{churn}/4": "added"}


def test_a_version_whose_files_changed_in_mlflow_is_not_imported(sqlite, registry, churn, tmp_path):
    registry.export_mlflow(sqlite.uri)
    (sqlite.files_of(churn, 4) / "a.bin").write_bytes(b"other")
    report = Registry(tmp_path / "other").import_mlflow(sqlite.uri)
    assert outcomes(report)[f"{churn}/4"] == "failed"
    assert outcomes(report)[f"{churn}/3"] == "added"


def test_a_dry_run_creates_nothing(mlflow, registry, churn, tmp_path):
    planned = registry.export_mlflow(tmp_path / "new" / "mlflow.db", dry_run=True)
    assert (planned.added, planned.dry_run) == (3, True)
    assert not (tmp_path / "new").exists()


def test_export_creates_a_file_or_folder_and_refuses_one_of_another_program(mlflow, registry, churn, tmp_path):
    assert registry.export_mlflow(f"sqlite:///{tmp_path}/new.db").added == 3
    assert (tmp_path / "mlartifacts").is_dir()
    assert registry.export_mlflow(tmp_path / "mlruns").added == 3
    for path in (registry.folder / "catalog.db", registry.folder):
        with pytest.raises(InvalidInput):
            registry.export_mlflow(path)
    assert list(registry.verify()) == []


def test_a_missing_model_is_refused_before_anything_is_written(mlflow, registry, churn, tmp_path):
    with pytest.raises(ModelNotFound):
        registry.export_mlflow(tmp_path / "new.db", churn, "nobody")
    assert not (tmp_path / "new.db").exists()


def test_a_killed_export_continues_at_the_next_call(sqlite, registry, modelreg, model_file, tmp_path):
    for number in range(1, 21):
        registry.register(model_file(str(number).encode() * 1000), "churn")
    command = [modelreg, "--registry", registry.folder, "export-mlflow", sqlite.uri]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while len(sqlite.client.search_model_versions("name='churn'")) < 3:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    report = registry.export_mlflow(sqlite.uri)
    assert 0 < report.added < 20
    Registry(tmp_path / "other").import_mlflow(sqlite.uri)
    assert exported_fields(Registry(tmp_path / "other"), "churn") == exported_fields(registry, "churn")


def test_the_command_prints_only_its_report(server, registry, churn, modelreg):
    command = [modelreg, "--registry", registry.folder, "export-mlflow", server, churn, "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["added"] == 3
    assert result.stderr == "exported 3 new versions, 0 changed, 0 failed\n"


def test_a_parameter_that_is_too_long_for_mlflow_is_reported_and_imported_whole(sqlite, registry, model_file, tmp_path):
    registry.register(model_file(b"1"), "churn", params={"query": "x" * 7000, "depth": 8})
    report = registry.export_mlflow(sqlite.uri)
    (item,) = [item for item in report.items if item.version == 1]
    assert re.search(r"parameter 'query' is left out .*7,000 characters", "; ".join(item.notes))
    back = Registry(tmp_path / "back")
    back.import_mlflow(sqlite.uri)
    assert back.version("churn/1").params == registry.version("churn/1").params
