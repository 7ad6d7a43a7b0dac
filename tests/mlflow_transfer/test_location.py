"""What names MLflow's records."""

from __future__ import annotations

import pytest

from modelreg.errors import InvalidInput, MLflowFailed
from modelreg.mlflow_transfer.connection import writing
from modelreg.mlflow_transfer.location import Location, StoreKind


@pytest.mark.parametrize(
    ("text", "kind"),
    {
        "http://localhost:5000": StoreKind.SERVER,
        "https://ann:secret@mlflow.example/base/": StoreKind.SERVER,
        "sqlite:///mlflow.db": StoreKind.DATABASE,
        "sqlite:////data/mlflow.db": StoreKind.DATABASE,
        "mlflow.db": StoreKind.DATABASE,
        "mlruns": StoreKind.FOLDER,
        "file:///data/mlruns": StoreKind.FOLDER,
    }.items(),
)
def test_servers_files_and_folders_are_told_apart(text, kind):
    assert Location.parse(text).kind is kind


def test_a_file_is_a_database_by_its_first_bytes_whatever_its_name(tmp_path):
    (tmp_path / "records").write_bytes(b"SQLite format 3\0" + b"\0" * 84)
    location = Location.parse(tmp_path / "records")
    assert (location.kind, location.uri) == (StoreKind.DATABASE, f"sqlite:///{tmp_path}/records")


@pytest.mark.parametrize(
    "text", ["", "postgresql://ann:secret@host/db", "databricks://profile", "http://", "s3://bucket"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(InvalidInput) as raised:
        Location.parse(text)
    assert "secret" not in str(raised.value)


def test_a_password_is_not_shown():
    assert Location.parse("https://ann:secret@mlflow.example:5000/base").shown == "https://mlflow.example:5000/base"
    error = MLflowFailed("its bytes", ValueError("request to https://ann:secret@mlflow.example/api failed"))
    assert error.message == "its bytes: request to https://mlflow.example/api failed"


def test_a_folder_without_records_is_refused_and_the_one_inside_is_named(tmp_path):
    (tmp_path / "mlruns").mkdir()
    with pytest.raises(InvalidInput) as raised:
        Location.parse(tmp_path).require()
    assert raised.value.hint == f"perhaps {tmp_path / 'mlruns'} is meant"


@pytest.mark.parametrize("text", ["http://localhost:5000", "http://127.0.0.1:5000", "https://mlflow.example"])
def test_a_server_may_name_no_path_of_this_machine_unless_the_user_says_so(text):
    assert not Location.parse(text).has_local_paths  # it may be the end of a tunnel
    assert Location.parse(text, local_paths=True).has_local_paths


@pytest.mark.parametrize("text", ["mlruns", "sqlite:///mlflow.db"])
def test_a_file_and_a_folder_name_paths_of_this_machine(text):
    assert Location.parse(text).has_local_paths


def test_a_file_without_bytes_is_a_database_where_its_name_says_so(tmp_path):
    (tmp_path / "new.db").touch()
    location = Location.parse(tmp_path / "new.db")
    assert (location.kind, location.is_empty()) == (StoreKind.DATABASE, True)


def test_any_folder_that_happens_to_hold_models_is_not_taken_for_one_of_mlflow(tmp_path):
    (tmp_path / "models" / "bert").mkdir(parents=True)
    with pytest.raises(InvalidInput):
        Location.parse(tmp_path).refuse_foreign()


@pytest.mark.parametrize("name", ["a?b.db", "a%41.db"])
def test_no_file_is_written_to_whose_name_means_another_one_in_an_address(tmp_path, name):
    (tmp_path / name).write_bytes(b"SQLite format 3\0" + b"\0" * 84)
    with pytest.raises(InvalidInput, match="another file"), writing(Location.parse(tmp_path / name)):
        pass
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [name]
