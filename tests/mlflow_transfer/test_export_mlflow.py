"""Models go to MLflow: a server, a SQLite file, a folder; and come back as they were."""

from __future__ import annotations

import json
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


def outcomes(done: Transfer) -> dict[str, str]:
    return {item.reference: item.outcome.value for item in done.items}


def told(registry: Registry, name: str) -> list[tuple[object, ...]]:
    """What an export and an import keep of a model's versions."""
    return [
        (each.version, each.digest, each.stage, each.aliases, each.tags, each.description, each.metrics, each.params)
        for each in registry.versions(name)
    ]


@pytest.fixture
def churn(registry, model_file, model_folder) -> str:
    """A model of a name of its own: version 2 was deleted, version 4 is a folder, the others are files."""
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


def test_what_changes_in_mlflow_is_said_and_a_dry_run_says_the_same(anywhere, registry, churn):
    registry.export_mlflow(anywhere.uri, churn)
    registry.transition(churn, 3, "Archived")
    registry.tag(f"{churn}/3", {"why": "old"})
    planned = registry.export_mlflow(anywhere.uri, churn, dry_run=True)
    done = registry.export_mlflow(anywhere.uri, churn)
    assert planned.items == done.items
    (changed,) = [item for item in done.items if item.reference == f"{churn}/3"]
    assert (changed.outcome, changed.notes) == ("changed", ("tag 'why'", "stage Production -> Archived"))


def test_a_prompt_is_not_exported_among_all_models(anywhere, registry, churn):
    registry.create_model("greet", tags={"mlflow.prompt.is_prompt": "true"})
    assert {item.name for item in registry.export_mlflow(anywhere.uri, dry_run=True).items} == {churn}


def test_a_reference_is_reported_and_keeps_no_other_version_back(anywhere, registry, churn):
    registry.register_reference("s3://bucket/model", churn)
    done = registry.export_mlflow(anywhere.uri, churn)
    assert outcomes(done) == {
        churn: "added",
        f"{churn}/1": "added",
        f"{churn}/3": "added",
        f"{churn}/4": "added",
        f"{churn}/5": "failed",
    }
    assert "'s3://bucket/model'" in done.items[-1].notes[0]


def test_what_went_to_mlflow_comes_back_as_it_was(anywhere, registry, churn, tmp_path):
    done = registry.export_mlflow(anywhere.uri, churn)
    assert outcomes(done) == {churn: "added", f"{churn}/1": "added", f"{churn}/3": "added", f"{churn}/4": "added"}

    other = Registry(tmp_path / "other")
    other.import_mlflow(anywhere.uri, churn)

    assert told(other, churn) == told(registry, churn)
    assert (other.model(churn).tags, other.model(churn).description) == ({"owner": "ann"}, "who leaves")
    assert other.version(f"{churn}/3").signature == registry.version(f"{churn}/3").signature
    assert list(other.verify()) == []


def test_mlflow_shows_versions_with_their_numbers_stages_facts_and_bytes(anywhere, mlflow, registry, churn, tmp_path):
    registry.export_mlflow(anywhere.uri, churn)
    versions = {int(each.version): each for each in anywhere.client.search_model_versions(f"name='{churn}'")}
    assert {number: each.current_stage for number, each in versions.items()} == {
        1: "Archived",
        3: "Production",
        4: "Staging",
    }
    assert int(anywhere.client.get_registered_model(churn).aliases["champion"]) == 3
    assert anywhere.client.get_run(versions[1].run_id).data.metrics == {"auc": 0.1 + 0.2, "n": 3.0}
    fetched = mlflow.artifacts.download_artifacts(f"models:/{churn}/4", dst_path=str(tmp_path / "fetched"))
    assert (Path(fetched) / "sub" / "b.txt").read_bytes() == b"b"


def test_a_second_export_brings_only_what_is_new_or_changed(sqlite, registry, churn, model_file):
    registry.export_mlflow(sqlite.uri)
    assert set(outcomes(registry.export_mlflow(sqlite.uri)).values()) == {"unchanged"}
    registry.rollback(churn)
    registry.alias(f"{churn}/1", "champion")
    registry.register(model_file(b"five"), churn)
    planned = registry.export_mlflow(sqlite.uri, dry_run=True)
    done = registry.export_mlflow(sqlite.uri)
    assert planned.items == done.items
    assert outcomes(done) == {
        churn: "unchanged",
        f"{churn}/1": "changed",
        f"{churn}/3": "changed",
        f"{churn}/4": "unchanged",
        f"{churn}/5": "added",
    }
    assert sqlite.client.get_model_version(churn, "1").current_stage == "Production"
    assert sqlite.client.get_model_version_by_alias(churn, "champion").version == 1
    assert sqlite.client.get_model_version(churn, "5").version == 5


def test_what_came_from_mlflow_is_known_there(sqlite, registry):
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"1"})
    registry.import_mlflow(sqlite.uri)
    registry.transition("churn", 1, "Staging")
    done = registry.export_mlflow(sqlite.uri)
    assert outcomes(done)["churn/1"] == "changed"
    assert [each.version for each in sqlite.client.search_model_versions("name='churn'")] == [1]
    version = sqlite.client.get_model_version("churn", "1")
    assert (version.current_stage, version.tags) == ("Staging", {})
    assert outcomes(registry.import_mlflow(sqlite.uri))["churn/1"] == "changed"  # it hears of the stage, and keeps it
    assert registry.version("churn/1").stage == "Staging"


def test_a_version_whose_number_is_taken_in_mlflow_gets_another_and_the_report_says_so(sqlite, registry, model_file):
    sqlite.add_model("churn")
    sqlite.add_version("churn", {"a.bin": b"theirs"})
    registry.register(model_file(), "churn")
    done = registry.export_mlflow(sqlite.uri)
    assert done.items[1].notes == ("is version 2 there",)
    assert outcomes(registry.export_mlflow(sqlite.uri))["churn/1"] == "unchanged"


def test_damaged_bytes_are_reported_and_the_rest_is_exported(sqlite, registry, churn, blob_path):
    damaged = blob_path(registry.version(f"{churn}/1").files[0].digest)
    damaged.chmod(0o644)
    damaged.write_bytes(b"0ne")
    done = registry.export_mlflow(sqlite.uri)
    assert outcomes(done) == {churn: "added", f"{churn}/1": "failed", f"{churn}/3": "added", f"{churn}/4": "added"}


def test_bytes_that_were_changed_in_mlflow_are_not_imported(sqlite, registry, churn, tmp_path):
    registry.export_mlflow(sqlite.uri)
    (sqlite.bytes_of(churn, 4) / "a.bin").write_bytes(b"other")
    done = Registry(tmp_path / "other").import_mlflow(sqlite.uri)
    assert outcomes(done)[f"{churn}/4"] == "failed"
    assert outcomes(done)[f"{churn}/3"] == "added"


def test_a_dry_run_makes_nothing(mlflow, registry, churn, tmp_path):
    planned = registry.export_mlflow(tmp_path / "new" / "mlflow.db", dry_run=True)
    assert (planned.added, planned.dry_run) == (3, True)
    assert not (tmp_path / "new").exists()


def test_a_file_or_folder_is_made_and_one_of_others_is_refused(mlflow, registry, churn, tmp_path):
    assert registry.export_mlflow(f"sqlite:///{tmp_path}/new.db").added == 3
    assert (tmp_path / "mlartifacts").is_dir()
    assert registry.export_mlflow(tmp_path / "mlruns").added == 3
    for place in (registry.folder / "catalog.db", registry.folder):
        with pytest.raises(InvalidInput):
            registry.export_mlflow(place)
    assert list(registry.verify()) == []


def test_a_model_that_is_not_here_is_refused_before_anything_is_written(mlflow, registry, churn, tmp_path):
    with pytest.raises(ModelNotFound):
        registry.export_mlflow(tmp_path / "new.db", churn, "nobody")
    assert not (tmp_path / "new.db").exists()


def test_a_killed_export_goes_on_where_it_was_killed(sqlite, registry, modelreg, model_file, tmp_path):
    for number in range(1, 21):
        registry.register(model_file(str(number).encode() * 1000), "churn")
    command = [modelreg, "--registry", registry.folder, "export-mlflow", sqlite.uri]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while len(sqlite.client.search_model_versions("name='churn'")) < 3:
        assert started.poll() is None
    started.send_signal(signal.SIGKILL)
    started.communicate()
    done = registry.export_mlflow(sqlite.uri)
    assert 0 < done.added < 20
    Registry(tmp_path / "other").import_mlflow(sqlite.uri)
    assert told(Registry(tmp_path / "other"), "churn") == told(registry, "churn")


def test_the_command_prints_its_report_and_nothing_of_mlflow(server, registry, churn, modelreg):
    command = [modelreg, "--registry", registry.folder, "export-mlflow", server, churn, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["added"] == 3
    assert done.stderr == "exported 3 new versions, 0 changed, 0 failed\n"


def test_a_parameter_that_mlflow_would_cut_is_reported_and_comes_back_whole(sqlite, registry, model_file, tmp_path):
    registry.register(model_file(b"1"), "churn", params={"query": "x" * 7000, "depth": 8})
    done = registry.export_mlflow(sqlite.uri)
    (item,) = [each for each in done.items if each.version == 1]
    assert "parameter 'query' is left out of the run there: it has 7,000 characters" in "; ".join(item.notes)
    back = Registry(tmp_path / "back")
    back.import_mlflow(sqlite.uri)
    assert back.version("churn/1").params == registry.version("churn/1").params
