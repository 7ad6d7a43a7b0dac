"""Evaluations belong to a version's digest, and are shown beside the version in Production."""

from __future__ import annotations

import json

import joblib
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelreg.data.signatures import infer_signature
from modelreg.errors import InvalidData, InvalidInput, InvalidKey, InvalidMetric, SourceNotFound, VersionNotFound


@pytest.fixture(scope="module")
def cancer():
    return load_breast_cancer(as_frame=True)


@pytest.fixture
def holdout(tmp_path, cancer):
    cancer.frame[400:].to_csv(tmp_path / "holdout.csv", index=False)
    return tmp_path / "holdout.csv"


@pytest.fixture
def two(registry, tmp_path, cancer):
    """A good model and a bad one."""
    for name, model in (
        ("good", make_pipeline(StandardScaler(), LogisticRegression())),
        ("bad", DummyClassifier()),
    ):
        joblib.dump(model.fit(cancer.data[:400], cancer.target[:400]), tmp_path / f"{name}.joblib")
        registry.register(tmp_path / f"{name}.joblib", "tumour", signature=infer_signature(cancer.data))
    return registry


def test_scores_are_kept_and_shown_with_the_version(two, holdout):
    two.record_evaluation("tumour/1", "holdout", {"auc": 0.5, "made_up": 1})
    outcome = two.evaluate("tumour/1", holdout, "target", message="before the release")
    kept = outcome.evaluation
    assert (outcome.production, outcome.incumbent) == (None, None)
    assert (kept.dataset, kept.task, kept.data_rows) == ("holdout", "classification", 169)
    assert two.evaluations("tumour/1") == [kept]
    assert two.version("tumour/1").evaluations == {"holdout": dict(kept.metrics)}
    assert "made_up" not in kept.metrics  # a second evaluation on a data set replaces the first
    entry = two.history()[-1]
    assert (entry.action, entry.version, entry.message) == ("evaluate", 1, "before the release")
    assert json.loads(entry.after)["evaluation"]["data_digest"] == kept.data_digest
    assert list(two.verify()) == []


@pytest.mark.slow
def test_scores_are_kept_when_the_model_is_renamed_while_it_is_measured(two, holdout):
    names = iter(["lump"])

    def rename_once(*_):
        for name in names:
            two.rename("tumour", name)

    outcome = two.evaluate("tumour/1", holdout, "target", progress=rename_once)
    assert outcome.name == "lump"
    assert two.evaluations("lump/1") == [outcome.evaluation]
    assert list(two.verify()) == []


@pytest.mark.slow
def test_they_stand_beside_those_of_the_version_in_production(two, holdout, cancer, tmp_path):
    two.evaluate("tumour/1", holdout, "target")
    two.transition("tumour", 1, "Production")
    outcome = two.evaluate("tumour/2", holdout, "target")
    assert (outcome.production, outcome.same_data) == (1, True)
    assert outcome.incumbent == two.evaluations("tumour/1")[0]
    cancer.frame[300:].to_csv(tmp_path / "more.csv", index=False)
    other_bytes = two.evaluate("tumour/2", tmp_path / "more.csv", "target", dataset="holdout")
    assert (other_bytes.incumbent is not None, other_bytes.same_data) == (True, False)
    other = two.record_evaluation("tumour/2", "other", {"auc": 0.5})
    assert (other.production, other.incumbent, other.same_data) == (1, None, False)


@pytest.mark.slow
def test_the_version_in_production_is_measured_on_the_same_data_in_one_command(two, holdout):
    two.record_evaluation("tumour/1", "holdout", {"auc": 0.5})
    two.transition("tumour", 1, "Production")
    outcome = two.evaluate("tumour/2", holdout, "target", production=True)
    assert (outcome.version, outcome.production, outcome.same_data) == (2, 1, True)
    assert outcome.incumbent == two.evaluations("tumour/1")[0]
    assert outcome.incumbent.metrics["accuracy"] > outcome.evaluation.metrics["accuracy"]
    assert [(entry.action, entry.version) for entry in two.history()[-2:]] == [("evaluate", 1), ("evaluate", 2)]
    itself = two.evaluate("tumour/1", holdout, "target", production=True)
    assert (itself.production, itself.incumbent) == (None, None)


@pytest.mark.slow
def test_nothing_is_kept_when_the_version_in_production_cannot_be_measured(two, holdout, tmp_path):
    other = LogisticRegression().fit([[1.0], [2.0]], ["a", "b"])
    joblib.dump(other, tmp_path / "other.joblib")
    two.register(tmp_path / "other.joblib", "tumour", stage="Production", signature=infer_signature([[1.0]]))
    before = two.history()
    with pytest.raises(InvalidData, match="tumour/3, in Production: "):
        two.evaluate("tumour/1", holdout, "target", production=True)
    assert two.history() == before


@pytest.mark.slow
def test_metrics_from_elsewhere_are_kept_with_the_digest_of_their_data(two, holdout):
    with_data = two.record_evaluation("tumour/1", None, {"lift": 3.2}, data=holdout).evaluation
    assert (with_data.dataset, with_data.data_rows) == ("holdout", None)
    assert with_data.data_digest == two.evaluate("tumour/2", holdout, "target").evaluation.data_digest
    for refused, data in ((SourceNotFound, holdout / "absent"), (InvalidData, holdout.parent)):
        with pytest.raises(refused):
            two.record_evaluation("tumour/1", "holdout", {"lift": 3.2}, data=data)


def test_metrics_from_elsewhere_are_kept_too(two):
    outcome = two.record_evaluation("tumour/1", "shadow test", {"conversion": 0.031})
    assert (outcome.evaluation.task, outcome.evaluation.data_digest) == (None, None)
    assert two.versions("tumour", filter="eval.`shadow test`.conversion > 0.03")[0].version == 1


def test_a_version_with_the_same_digest_has_the_same_evaluations(two, tmp_path, cancer):
    two.record_evaluation("tumour/1", "holdout", {"auc": 0.5})
    again = two.register(tmp_path / "good.joblib", "tumour", signature=infer_signature(cancer.data), new_version=True)
    assert two.version(again.reference).evaluations == {"holdout": {"auc": 0.5}}
    assert two.version("tumour/2").evaluations == {}


def test_what_cannot_be_kept_is_refused_and_nothing_is(two, holdout):
    before = two.history()
    for refused, ask in (
        (InvalidMetric, lambda: two.record_evaluation("tumour/1", "d", {"auc": float("nan")})),
        (InvalidInput, lambda: two.record_evaluation("tumour/1", "d", {})),
        (InvalidKey, lambda: two.record_evaluation("tumour/1", "", {"auc": 1})),
        (InvalidKey, lambda: two.evaluate("tumour/1", holdout, "target", dataset="a\nb")),
        (InvalidInput, lambda: two.evaluate("tumour/1", "-", "target")),
        (VersionNotFound, lambda: two.evaluate("tumour/7", holdout, "target")),
    ):
        with pytest.raises(refused):
            ask()
    assert two.history() == before
    assert two.evaluations("tumour/1") == []


def test_a_version_predicts_from_the_registry(two, holdout, cancer, tmp_path):
    cancer.data[400:].to_csv(tmp_path / "x.csv", index=False)
    done = two.predict("tumour/1", tmp_path / "x.csv", tmp_path / "p.csv", proba=True)
    assert (done.rows, done.columns) == (169, ("prediction", "probability_0", "probability_1"))
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 170


# what is asked for, through the confined process


@pytest.mark.slow
def test_a_frame_is_evaluated_and_predicted_as_its_file_is(two, holdout, cancer, tmp_path):
    frame = cancer.frame[400:]
    of_file = two.evaluate("tumour/1", holdout, "target").evaluation
    of_frame = two.evaluate("tumour/1", frame, "target", dataset="holdout").evaluation
    assert (of_frame.metrics, of_frame.data_digest) == (of_file.metrics, of_file.data_digest)
    two.predict("tumour/1", frame.drop(columns="target"), tmp_path / "frame.csv")
    done = two.predict("tumour/1", holdout, tmp_path / "file.csv", ignore_extra=True)
    assert done.rows == 169
    assert (tmp_path / "frame.csv").read_bytes() == (tmp_path / "file.csv").read_bytes()


def test_a_frame_has_no_name_and_other_objects_are_no_data(two, cancer, tmp_path):
    with pytest.raises(InvalidInput, match="a DataFrame has no name"):
        two.evaluate("tumour/1", cancer.frame, "target")
    with pytest.raises(InvalidData, match="list is no table"):
        two.predict("tumour/1", [1, 2], tmp_path / "out.csv")


@pytest.mark.slow
def test_classes_slices_scorers_and_weights_become_metrics_that_gates_know(two, holdout, cancer, tmp_path):
    frame = cancer.frame[400:].assign(hospital=lambda frame: ["north" if row % 2 else "south" for row in range(169)])
    found = two.evaluate(
        "tumour/1",
        frame.assign(importance=2.0, id=range(169)),
        "target",
        dataset="all",
        positive="1",
        per_class=True,
        scorers=["neg_brier_score"],
        weight="importance",
        by="hospital",
        id_column="id",
        production=True,
    ).evaluation.metrics
    assert {"precision", "recall:0", "neg_brier_score", "accuracy[hospital=north]"} <= found.keys()
    two.add_gate(
        "tumour", "Staging", "eval.all_weighted.`accuracy[hospital=north]` > 0.5 AND eval.all_weighted.`recall:0` > 0.5"
    )
    assert two.transition("tumour", 1, "Staging").changes
    assert list(two.verify()) == []


@pytest.mark.slow
def test_weighted_scores_have_a_name_of_their_own(two, cancer, tmp_path):
    cancer.frame[400:].assign(importance=1.0).to_csv(tmp_path / "holdout.csv", index=False)
    for name in (None, "holdout", "holdout_weighted"):
        kept = two.evaluate("tumour/1", tmp_path / "holdout.csv", "target", weight="importance", dataset=name)
        assert kept.evaluation.dataset == "holdout_weighted"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"positive": "0"}, "target target, task classification, positive 0 for tumour/2"),
        ({"task": "regression"}, "target target, task regression for tumour/2"),
        ({"target": "other"}, "target other, task classification for tumour/2"),
        ({"weight": "area", "dataset": "holdout"}, None),
    ],
)
def test_scores_of_one_file_that_were_measured_in_different_ways_do_not_compare(two, cancer, tmp_path, options, told):
    cancer.frame[400:].assign(other=cancer.frame["target"], area=1.0).to_csv(tmp_path / "holdout.csv", index=False)
    named = {"ignore_extra": True, "target": "target"}
    two.evaluate("tumour/1", tmp_path / "holdout.csv", **named)
    two.transition("tumour", 1, "Production")
    two.add_gate("tumour", "Production", "eval.holdout.accuracy >= production.eval.holdout.accuracy - 1")
    two.evaluate("tumour/2", tmp_path / "holdout.csv", **named | options)
    (result,) = two.check_gates("tumour/2", "Production").gates
    assert not result.passed
    if told is not None:
        assert "eval.holdout was measured in different ways: " in result.reason
        assert told in result.reason


def test_what_is_wrong_in_a_file_is_named_with_line_column_text_and_the_next_command(two, cancer, tmp_path):
    text = cancer.frame[400:403].to_csv(index=False).splitlines()
    (tmp_path / "bad.csv").write_text("\n".join([*text[:2], "much" + text[2][text[2].index(",") :], text[3]]) + "\n")
    with pytest.raises(InvalidData, match="'mean radius' is not float64: 'much' in line 3") as refused:
        two.evaluate("tumour/1", tmp_path / "bad.csv", "target")
    assert refused.value.hint.startswith("modelreg show tumour/1 shows what the model takes")
