"""Evaluations belong to the digest of a version, and are compared with the version in Production."""

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
from modelreg.errors import InvalidData, InvalidInput, ModelregError, SourceNotFound


@pytest.fixture(scope="module")
def cancer():
    return load_breast_cancer(as_frame=True)


@pytest.fixture
def holdout(tmp_path, cancer):
    cancer.frame[400:].to_csv(tmp_path / "holdout.csv", index=False)
    return tmp_path / "holdout.csv"


@pytest.fixture
def two_models(registry, tmp_path, cancer):
    """A registry with a good and a bad version of one model."""
    for name, model in (
        ("good", make_pipeline(StandardScaler(), LogisticRegression())),
        ("bad", DummyClassifier()),
    ):
        joblib.dump(model.fit(cancer.data[:400], cancer.target[:400]), tmp_path / f"{name}.joblib")
        registry.register(tmp_path / f"{name}.joblib", "tumour", signature=infer_signature(cancer.data))
    return registry


def test_an_evaluation_is_stored_and_shown_with_the_version(two_models, holdout):
    two_models.record_evaluation("tumour/1", "holdout", {"auc": 0.5, "made_up": 1})
    outcome = two_models.evaluate("tumour/1", holdout, "target", message="before the release")
    evaluation = outcome.evaluation
    assert (outcome.production, outcome.incumbent) == (None, None)
    assert (evaluation.dataset, evaluation.task, evaluation.data_rows) == ("holdout", "classification", 169)
    assert two_models.evaluations("tumour/1") == [evaluation]
    assert two_models.version("tumour/1").evaluations == {"holdout": dict(evaluation.metrics)}
    assert "made_up" not in evaluation.metrics  # an evaluation replaces the earlier one of the same data set
    entry = two_models.history()[-1]
    assert (entry.action, entry.version, entry.message) == ("evaluate", 1, "before the release")
    assert json.loads(entry.after)["evaluation"]["data_digest"] == evaluation.data_digest
    assert list(two_models.verify()) == []


@pytest.mark.slow
def test_a_model_can_be_renamed_during_an_evaluation(two_models, holdout):
    names = iter(["lump"])

    def rename_once(*_):
        for name in names:
            two_models.rename("tumour", name)

    outcome = two_models.evaluate("tumour/1", holdout, "target", progress=rename_once)
    assert outcome.name == "lump"
    assert two_models.evaluations("lump/1") == [outcome.evaluation]
    assert list(two_models.verify()) == []


@pytest.mark.slow
def test_an_evaluation_is_compared_with_the_version_in_production(two_models, holdout, cancer, tmp_path):
    two_models.evaluate("tumour/1", holdout, "target")
    two_models.transition("tumour", 1, "Production")
    outcome = two_models.evaluate("tumour/2", holdout, "target")
    assert (outcome.production, outcome.same_data) == (1, True)
    assert outcome.incumbent == two_models.evaluations("tumour/1")[0]
    cancer.frame[300:].to_csv(tmp_path / "more.csv", index=False)
    other_bytes = two_models.evaluate("tumour/2", tmp_path / "more.csv", "target", dataset="holdout")
    assert (other_bytes.incumbent is not None, other_bytes.same_data) == (True, False)
    other = two_models.record_evaluation("tumour/2", "other", {"auc": 0.5})
    assert (other.production, other.incumbent, other.same_data) == (1, None, False)


@pytest.mark.slow
def test_production_true_also_evaluates_the_version_in_production(two_models, holdout):
    two_models.record_evaluation("tumour/1", "holdout", {"auc": 0.5})
    two_models.transition("tumour", 1, "Production")
    outcome = two_models.evaluate("tumour/2", holdout, "target", production=True)
    assert (outcome.version, outcome.production, outcome.same_data) == (2, 1, True)
    assert outcome.incumbent == two_models.evaluations("tumour/1")[0]
    assert outcome.incumbent.metrics["accuracy"] > outcome.evaluation.metrics["accuracy"]
    assert [(entry.action, entry.version) for entry in two_models.history()[-2:]] == [("evaluate", 1), ("evaluate", 2)]
    production = two_models.evaluate("tumour/1", holdout, "target", production=True)
    assert (production.production, production.incumbent) == (None, None)


@pytest.mark.slow
def test_nothing_is_stored_if_the_version_in_production_cannot_be_evaluated(two_models, holdout, tmp_path):
    other = LogisticRegression().fit([[1.0], [2.0]], ["a", "b"])
    joblib.dump(other, tmp_path / "other.joblib")
    two_models.register(tmp_path / "other.joblib", "tumour", stage="Production", signature=infer_signature([[1.0]]))
    before = two_models.history()
    with pytest.raises(InvalidData, match="tumour/3, in Production: "):
        two_models.evaluate("tumour/1", holdout, "target", production=True)
    assert two_models.history() == before


@pytest.mark.slow
def test_recorded_metrics_have_the_digest_of_their_data(two_models, holdout):
    evaluation = two_models.record_evaluation("tumour/1", None, {"lift": 3.2}, data=holdout).evaluation
    assert (evaluation.dataset, evaluation.data_rows) == ("holdout", None)
    assert evaluation.data_digest == two_models.evaluate("tumour/2", holdout, "target").evaluation.data_digest
    for error, data in ((SourceNotFound, holdout / "absent"), (InvalidData, holdout.parent)):
        with pytest.raises(error):
            two_models.record_evaluation("tumour/1", "holdout", {"lift": 3.2}, data=data)


def test_metrics_can_be_recorded_without_data(two_models):
    outcome = two_models.record_evaluation("tumour/1", "shadow test", {"conversion": 0.031})
    assert (outcome.evaluation.task, outcome.evaluation.data_digest) == (None, None)
    assert two_models.versions("tumour", filter="eval.`shadow test`.conversion > 0.03")[0].version == 1


def test_versions_with_the_same_digest_share_evaluations(two_models, tmp_path, cancer):
    two_models.record_evaluation("tumour/1", "holdout", {"auc": 0.5})
    repeated = two_models.register(
        tmp_path / "good.joblib", "tumour", signature=infer_signature(cancer.data), new_version=True
    )
    assert two_models.version(repeated.reference).evaluations == {"holdout": {"auc": 0.5}}
    assert two_models.version("tumour/2").evaluations == {}


def test_invalid_evaluations_are_refused_and_nothing_is_stored(two_models, holdout):
    before = two_models.history()
    for code, call in (
        ("invalid_metric", lambda: two_models.record_evaluation("tumour/1", "d", {"auc": float("nan")})),
        ("invalid_input", lambda: two_models.record_evaluation("tumour/1", "d", {})),
        ("invalid_key", lambda: two_models.record_evaluation("tumour/1", "", {"auc": 1})),
        ("invalid_key", lambda: two_models.evaluate("tumour/1", holdout, "target", dataset="a\nb")),
        ("invalid_input", lambda: two_models.evaluate("tumour/1", "-", "target")),
        ("version_not_found", lambda: two_models.evaluate("tumour/7", holdout, "target")),
    ):
        with pytest.raises(ModelregError) as refused:
            call()
        assert refused.value.code == code
    assert two_models.history() == before
    assert two_models.evaluations("tumour/1") == []


def test_a_registered_version_predicts(two_models, holdout, cancer, tmp_path):
    cancer.data[400:].to_csv(tmp_path / "x.csv", index=False)
    prediction = two_models.predict("tumour/1", tmp_path / "x.csv", tmp_path / "p.csv", proba=True)
    assert (prediction.rows, prediction.columns) == (169, ("prediction", "probability_0", "probability_1"))
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 170


# options, through the confined process


@pytest.mark.slow
def test_a_frame_has_the_scores_and_predictions_of_its_file(two_models, holdout, cancer, tmp_path):
    frame = cancer.frame[400:]
    of_file = two_models.evaluate("tumour/1", holdout, "target").evaluation
    of_frame = two_models.evaluate("tumour/1", frame, "target", dataset="holdout").evaluation
    assert (of_frame.metrics, of_frame.data_digest) == (of_file.metrics, of_file.data_digest)
    two_models.predict("tumour/1", frame.drop(columns="target"), tmp_path / "frame.csv")
    prediction = two_models.predict("tumour/1", holdout, tmp_path / "file.csv", ignore_extra=True)
    assert prediction.rows == 169
    assert (tmp_path / "frame.csv").read_bytes() == (tmp_path / "file.csv").read_bytes()


def test_a_frame_needs_a_dataset_name_and_other_objects_are_refused(two_models, cancer, tmp_path):
    with pytest.raises(InvalidInput, match="a DataFrame has no name"):
        two_models.evaluate("tumour/1", cancer.frame, "target")
    with pytest.raises(InvalidData, match="list is not a table"):
        two_models.predict("tumour/1", [1, 2], tmp_path / "out.csv")


@pytest.mark.slow
def test_gates_can_use_metrics_of_classes_slices_scorers_and_weights(two_models, holdout, cancer, tmp_path):
    frame = cancer.frame[400:].assign(hospital=lambda frame: ["north" if row % 2 else "south" for row in range(169)])
    metrics = two_models.evaluate(
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
    assert {"precision", "recall:0", "neg_brier_score", "accuracy[hospital=north]"} <= metrics.keys()
    two_models.add_gate(
        "tumour", "Staging", "eval.all_weighted.`accuracy[hospital=north]` > 0.5 AND eval.all_weighted.`recall:0` > 0.5"
    )
    assert two_models.transition("tumour", 1, "Staging").changes
    assert list(two_models.verify()) == []


@pytest.mark.slow
def test_weighted_scores_have_their_own_dataset_name(two_models, cancer, tmp_path):
    cancer.frame[400:].assign(importance=1.0).to_csv(tmp_path / "holdout.csv", index=False)
    for name in (None, "holdout", "holdout_weighted"):
        outcome = two_models.evaluate("tumour/1", tmp_path / "holdout.csv", "target", weight="importance", dataset=name)
        assert outcome.evaluation.dataset == "holdout_weighted"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"positive": "0"}, "target target, task classification, positive 0 for tumour/2"),
        ({"task": "regression"}, "target target, task regression for tumour/2"),
        ({"target": "other"}, "target other, task classification for tumour/2"),
        ({"weight": "area", "dataset": "holdout"}, None),
    ],
)
def test_scores_measured_in_different_ways_are_not_compared(two_models, cancer, tmp_path, options, reason):
    cancer.frame[400:].assign(other=cancer.frame["target"], area=1.0).to_csv(tmp_path / "holdout.csv", index=False)
    defaults = {"ignore_extra": True, "target": "target"}
    two_models.evaluate("tumour/1", tmp_path / "holdout.csv", **defaults)
    two_models.transition("tumour", 1, "Production")
    two_models.add_gate("tumour", "Production", "eval.holdout.accuracy >= production.eval.holdout.accuracy - 1")
    two_models.evaluate("tumour/2", tmp_path / "holdout.csv", **defaults | options)
    (result,) = two_models.check_gates("tumour/2", "Production").gates
    assert not result.passed
    if reason is not None:
        assert "eval.holdout was measured in different ways: " in result.reason
        assert reason in result.reason


def test_a_wrong_value_is_reported_with_line_column_text_and_next_command(two_models, cancer, tmp_path):
    text = cancer.frame[400:403].to_csv(index=False).splitlines()
    (tmp_path / "bad.csv").write_text("\n".join([*text[:2], "much" + text[2][text[2].index(",") :], text[3]]) + "\n")
    with pytest.raises(InvalidData, match="'mean radius' is not float64: 'much' in line 3") as caught:
        two_models.evaluate("tumour/1", tmp_path / "bad.csv", "target")
    assert caught.value.hint.startswith("modelreg show tumour/1 shows what the model takes")
