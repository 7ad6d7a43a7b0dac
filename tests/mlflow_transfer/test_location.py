"""Parsing and checking locations of MLflow's data."""

from __future__ import annotations

import pytest

from modelreg.errors import InvalidInput, MLflowFailed
from modelreg.mlflow_transfer.connection import open_for_writing
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
def test_parse_recognises_servers_files_and_folders(text, kind):
    assert Location.parse(text).kind is kind


def test_a_sqlite_file_is_recognised_by_its_content(tmp_path):
    (tmp_path / "records").write_bytes(b"SQLite format 3\0" + b"\0" * 84)
    location = Location.parse(tmp_path / "records")
    assert (location.kind, location.uri) == (StoreKind.DATABASE, f"sqlite:///{tmp_path}/records")


@pytest.mark.parametrize(
    "text", ["", "postgresql://ann:secret@host/db", "databricks://profile", "http://", "s3://bucket"]
)
def test_parse_refuses_other_addresses_without_showing_passwords(text):
    with pytest.raises(InvalidInput) as raised:
        Location.parse(text)
    assert "secret" not in str(raised.value)


def test_a_password_is_not_shown():
    assert Location.parse("https://ann:secret@mlflow.example:5000/base").shown == "https://mlflow.example:5000/base"
    error = MLflowFailed("its bytes", ValueError("request to https://ann:secret@mlflow.example/api failed"))
    assert error.message == "its bytes: request to https://mlflow.example/api failed"


def test_the_hint_for_a_folder_without_data_names_the_mlruns_folder_inside(tmp_path):
    (tmp_path / "mlruns").mkdir()
    with pytest.raises(InvalidInput) as raised:
        Location.parse(tmp_path).check()
    assert str(tmp_path / "mlruns") in raised.value.hint


@pytest.mark.parametrize("text", ["http://localhost:5000", "http://127.0.0.1:5000", "https://mlflow.example"])
def test_local_paths_of_a_server_are_trusted_only_on_request(text):
    assert not Location.parse(text).has_local_paths  # the address may be the end of a tunnel
    assert Location.parse(text, local_paths=True).has_local_paths


@pytest.mark.parametrize("text", ["mlruns", "sqlite:///mlflow.db"])
def test_local_paths_of_a_file_or_folder_are_trusted(text):
    assert Location.parse(text).has_local_paths


def test_an_empty_file_with_a_database_suffix_is_a_database(tmp_path):
    (tmp_path / "new.db").touch()
    location = Location.parse(tmp_path / "new.db")
    assert (location.kind, location.is_empty()) == (StoreKind.DATABASE, True)


def test_a_folder_named_models_alone_is_not_data_of_mlflow(tmp_path):
    (tmp_path / "models" / "bert").mkdir(parents=True)
    with pytest.raises(InvalidInput):
        Location.parse(tmp_path).check_mlflow_records()


@pytest.mark.parametrize("name", ["a?b.db", "a%41.db"])
def test_writing_refuses_a_path_that_a_uri_would_change(tmp_path, name):
    (tmp_path / name).write_bytes(b"SQLite format 3\0" + b"\0" * 84)
    with pytest.raises(InvalidInput, match="another file"), open_for_writing(Location.parse(tmp_path / name)):
        pass
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [name]
