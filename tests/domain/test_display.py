"""How records look in Python and in notebooks, and as a DataFrame."""

from __future__ import annotations

from dataclasses import fields

import pandas as pd
import pytest

from modelreg.domain.display import Displayed


@pytest.fixture
def two_versions(registry, model_file):
    registry.register(model_file(b"1"), "churn", metrics={"auc": 0.5}, tags={"note": "<b>bold</b>"})
    registry.register(model_file(b"2"), "churn", metrics={"auc": 0.75, "f1": 0.1234567}, params={"depth": 3})
    registry.record_evaluation("churn/2", "holdout", {"accuracy": 0.9})
    registry.transition("churn", 2, "Production")
    return registry


def test_repr_of_a_version_names_reference_stage_flavor_and_digest(two_versions):
    version = two_versions.version("churn/2")
    assert repr(version) == f"<ModelVersion churn/2 Production file {version.digest[:19]}>"
    assert repr(two_versions.model("churn")) == "<Model churn: 2 versions, Production 2>"
    assert repr(two_versions.evaluations("churn/2")) == "[<Evaluation holdout: accuracy=0.9>]"


def test_every_displayed_record_has_a_short_repr_and_table_columns_that_exist(two_versions):
    records = [
        *two_versions.models(),
        *two_versions.versions("churn"),
        *two_versions.history(),
        *two_versions.history_as_of("now"),
        *two_versions.evaluations("churn/2"),
        two_versions.add_gate("churn", "Staging", "metrics.auc > 0.6").gate,
        two_versions.check_gates("churn/1", "Staging"),
        two_versions.transition("churn", 2, "Archived"),
        two_versions.diff("churn/1", "churn/2"),
        two_versions.runs.start("first"),
    ]
    for record in records:
        assert isinstance(record, Displayed)
        assert len(repr(record)) < 120
        assert all(hasattr(record, name) for name in record.table_columns)
        assert record._repr_html_().startswith("<table>")


def test_lists_convert_to_frames_with_a_column_for_each_metric_parameter_and_score(two_versions):
    frame = two_versions.versions("churn").to_frame()
    assert list(frame["version"]) == [2, 1]
    assert list(frame["metrics.auc"]) == [0.75, 0.5]
    assert frame["metrics.f1"].isna().tolist() == [False, True]
    assert frame["params.depth"].tolist()[0] == "3"
    assert frame["eval.holdout.accuracy"].tolist()[0] == 0.9


def test_an_empty_list_converts_to_a_frame_with_the_columns_of_its_records(registry):
    registry.create()
    frame = registry.models().to_frame()
    assert frame.empty
    assert list(frame.columns)[:2] == ["name", "description"]
    assert isinstance(frame, pd.DataFrame)


def test_html_escapes_text_of_users(two_versions):
    assert "<b>" not in two_versions.version("churn/1")._repr_html_()
    assert "&lt;b&gt;bold" in two_versions.version("churn/1")._repr_html_()


def test_html_of_lists_has_a_heading_and_a_row_for_each_record(two_versions):
    html = two_versions.versions("churn")._repr_html_()
    assert html.count("<tr>") == 3
    assert "<th>stage</th>" in html
    assert "f1=0.123457" in html


def test_json_fields_of_records_are_those_of_their_dataclass(two_versions):
    names = {field.name for field in fields(two_versions.version("churn/1"))}
    assert "table_columns" not in names
    assert "label" not in names
