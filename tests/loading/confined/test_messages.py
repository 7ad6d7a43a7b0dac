"""Whatever a child sends is a message of ours, or none: reading it has no other outcome."""

from __future__ import annotations

import errno
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelreg.domain.confinement import Confinement
from modelreg.domain.evaluations import ConfusionMatrix, EvaluationRequest, Scores
from modelreg.errors import DataChanged, InvalidData, InvalidInput, MLflowMissing, ModelregError, UntrustedModel
from modelreg.loading.confined import messages
from modelreg.loading.confined.messages import InvalidMessage, decode, encode, has_requested_metrics

SCORES = Scores(
    "classification",
    dict.fromkeys(["accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro", "roc_auc"], 0.5)
    | {"average_precision": 0.5, "log_loss": None},
    {"log_loss": "the model gives no probabilities"},
    ConfusionMatrix(("no", "yes"), ((1, 0), (2, 3))),
    None,
    6,
)
GENUINE = [
    messages.Confined(Confinement(7, True)),
    messages.Warned(FutureWarning, "old"),
    messages.Advanced(3, None),
    messages.Predicted(3, ("id", "Łódź")),
    messages.Measured(SCORES),
    messages.OutputFailed(28),
    messages.OutOfMemory(),
]
KINDS = [*(type(each).__name__ for each in GENUINE), "Failed", "decode"]
FIELDS = ("landlock", "seccomp", "category", "text", "done", "total", "rows", "columns", "task", "metrics", "missing")
MORE = ("labels", "counts", "class", "message", "hint", "details", "errno")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)


INVALID = {
    "no JSON": b"hello",
    "another kind": b'{"is": "Trusted"}',
    "a number that is none": b'{"is": "Predicted", "rows": NaN, "columns": []}',
    "rows below zero": b'{"is": "Predicted", "rows": -1, "columns": ["prediction"]}',
    "a constructor": b'{"is": "Failed", "class": "shown", "message": "x", "hint": null, "details": {}}',
    "an error of storage": b'{"is": "Failed", "class": "WriteFailed", "message": "x", "hint": null, "details": {}}',
    "nested without end": b"[" * 100_000,
    "another key": b'{"is": "Predicted", "rows": 2, "columns": ["prediction"], "x": 1}',
    "another key of one without any": b'{"is": "OutOfMemory", "x": []}',
    "a key less": b'{"is": "Advanced", "done": 1}',
    "a key twice": b'{"is": "Predicted", "rows": 9, "rows": 2, "columns": ["prediction"]}',
    "its kind twice": b'{"is": "OutOfMemory", "is": "OutOfMemory"}',
    "a key twice within": b'{"is": "Failed", "class": "InvalidData", "message": "x", "hint": null, '
    b'"details": {"a": [], "a": []}}',
    "UTF-16": '{"is": "OutOfMemory"}'.encode("utf-16"),
    "UTF-32": '{"is": "OutOfMemory"}'.encode("utf-32-be"),
    "UTF-8 with a mark": b'\xef\xbb\xbf{"is": "OutOfMemory"}',
    "other bytes": b'{"is": "Predicted", "rows": 2, "columns": ["\xff"]}',
    "a coded surrogate": b'{"is": "Predicted", "rows": 2, "columns": ["\xed\xa0\x80"]}',
    "many objects": b'{"is": "Predicted", "rows": 2, "columns": [' + b"{}, " * 1000 + b"{}]}",
    "a long message": b'{"is": "Warned", "category": "UserWarning", "text": "' + b"x" * (256 << 10) + b'"}',
    "a long result by its end": b'{"rows": 2, "columns": ["' + b"x" * (256 << 10) + b'"], "is": "Predicted"}',
}


@pytest.mark.parametrize("line", INVALID.values(), ids=INVALID)
def test_a_line_that_is_no_message(line):
    with pytest.raises(InvalidMessage):
        decode(line)


METRICS, REASONS = dict(SCORES.metrics), dict(SCORES.missing)
REGRESSION = {
    "task": "regression",
    "metrics": {"r2": -3.5, "mae": 1.0, "rmse": 1.0, "mape": 0.5, "max_error": 2.0},
    "missing": {},
    "labels": None,
    "counts": None,
}
FORGED_SCORES = {
    "a name that is none": {"metrics": METRICS | {"a b.c": 1.0}},
    "a name that is too long": {"metrics": METRICS | {"accuracy:" + "x" * 250: 1.0}},
    "a name that is not printable": {"metrics": METRICS | {"accuracy:\x1b[2J": 1.0}},
    "an accuracy of a class above 1": {"metrics": METRICS | {"recall:yes": 1.5}},
    "an accuracy of a slice above 1": {"metrics": METRICS | {"accuracy[city=Bern]": 1.5}},
    "an accuracy above 1": {"metrics": METRICS | {"accuracy": 1.5}},
    "an accuracy below 0": {"metrics": METRICS | {"accuracy": -0.5}},
    "a negative log loss": {"metrics": METRICS | {"log_loss": -1.0}, "missing": {}},
    "a truth value": {"metrics": METRICS | {"accuracy": True}},
    "a number beyond float": {"metrics": METRICS | {"log_loss": 10**400}, "missing": {}},
    "no value and no reason": {"missing": {}},
    "a value and a reason": {"missing": REASONS | {"accuracy": "unknown"}},
    "a reason for no metric": {"missing": REASONS | {"zz": "unknown"}},
    "another task": {"task": "clustering"},
    "the metrics of another task": {"task": "regression"},
    "a label too long": {"labels": ["no", "y" * 1001]},
    "too many labels": {"labels": ["no"] * 201, "counts": [[0] * 201] * 200 + [[0] * 200 + [6]]},
    "a label that is no text": {"labels": ["no", 1]},
    "a label less": {"labels": ["no"]},
    "no labels": {"labels": None},
    "a matrix that is not square": {"counts": [[1, 0], [5]]},
    "a negative count": {"counts": [[-1, 2], [2, 3]]},
    "counts that are not the rows": {"counts": [[1, 0], [2, 4]]},
    "no rows": {"rows": 0, "counts": [[0, 0], [0, 0]]},
    "an r2 above 1": REGRESSION | {"metrics": REGRESSION["metrics"] | {"r2": 1.7e308}},
    "a negative error": REGRESSION | {"metrics": REGRESSION["metrics"] | {"mae": -5.0}},
    "a matrix of a regression": REGRESSION | {"labels": ["no"], "counts": [[6]]},
}


@pytest.mark.parametrize("changes", FORGED_SCORES.values(), ids=FORGED_SCORES)
def test_scores_that_no_program_of_ours_computes(changes):
    values = json.loads(encode(messages.Measured(SCORES))) | changes
    with pytest.raises(InvalidMessage):
        decode(json.dumps(values).encode())


REQUEST = EvaluationRequest(("y",))
UNASKED = {
    "a metric less": ({name: value for name, value in METRICS.items() if name != "roc_auc"}, REQUEST),
    "a metric of a scorer": (METRICS | {"neg_brier_score": -1.0}, REQUEST),
    "a scorer less": (METRICS, replace(REQUEST, scorers=("neg_brier_score",))),
    "a metric of a class": (METRICS | {"recall:yes": 1.0}, REQUEST),
    "a slice": (METRICS | {"accuracy[city=Bern]": 1.0}, REQUEST),
    "a slice by another column": (METRICS | {"accuracy[city=Bern]": 1.0}, replace(REQUEST, by="zip")),
    "another task": (METRICS, replace(REQUEST, task="regression")),
}


@pytest.mark.parametrize(("metrics", "request_"), UNASKED.values(), ids=UNASKED)
def test_scores_that_were_not_asked_for(metrics, request_):
    assert not has_requested_metrics(replace(SCORES, metrics=metrics), request_)


def test_scores_that_were_asked_for():
    assert has_requested_metrics(SCORES, REQUEST)
    more = METRICS | {"neg_brier_score": -0.1, "recall:yes": 1.0, "accuracy[city=Bern]": 1.0, "precision": 1.0}
    request = replace(REQUEST, positive="yes", per_class=True, scorers=("neg_brier_score",), by="city")
    assert has_requested_metrics(replace(SCORES, metrics=more), request)


def test_scores_of_a_regression_arrive():
    values = json.loads(encode(messages.Measured(SCORES))) | REGRESSION
    assert decode(json.dumps(values).encode()).scores.metrics["r2"] == -3.5


@pytest.mark.parametrize("number", [0, errno.EPIPE, errno.ECONNRESET, errno.EINTR, errno.ENOENT, 99_999, True, "28"])
def test_output_fails_for_reasons_of_storage_alone(number):
    with pytest.raises(InvalidMessage):
        decode(json.dumps({"is": "OutputFailed", "errno": number}).encode())


LARGE = [
    messages.Warned(UserWarning, "\U0001f600" * 100_000),
    messages.Failed(InvalidData("\U0001f600" * 100_000, "\x01" * 100_000)),
    messages.Failed(UntrustedModel("m/1", ["\U0001f600" * 100] * 5000, ["\U0001f600"] * 5000)),
    messages.Predicted(3, tuple(f"probability_{place}" for place in range(100_000))),
]


@pytest.mark.parametrize("message", LARGE, ids=lambda message: type(message).__name__)
def test_a_large_message_is_cut_until_it_may_be_sent(message):
    assert isinstance(decode(encode(message).rstrip(b"\n")), type(message))


def test_results_are_told_by_their_beginning():
    assert [type(each).__name__ for each in GENUINE if messages.is_result(encode(each))] == ["Predicted", "Measured"]


@pytest.mark.parametrize("message", GENUINE, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message):
    assert decode(encode(message).rstrip(b"\n")) == message


def test_an_error_arrives_with_what_it_holds():
    sent = UntrustedModel("churn/1", ("mymodule.Encoder is not on the allow-list",), ("mymodule.Encoder",))
    error = decode(encode(messages.Failed(sent))).error
    assert isinstance(error, UntrustedModel)
    assert (error.message, error.hint, error.exit) == (sent.message, sent.hint, 7)
    assert (error.findings, error.trustable) == (sent.findings, sent.trustable)


def test_an_error_of_another_kind_arrives_as_one_that_may():
    for sent, kind in ((MLflowMissing(), InvalidInput), (DataChanged("x.csv"), InvalidData)):
        error = decode(encode(messages.Failed(sent))).error
        assert (type(error), error.message, error.hint) == (kind, sent.message, sent.hint)


def test_texts_of_errors_are_escaped_and_cut():
    error = decode(encode(messages.Failed(InvalidData("\x1b[2J" + "x" * 10_000, "\r\n")))).error
    assert error.message.startswith("\\x1b[2J")
    assert len(error.message) < 5000
    assert error.hint == "\\r\\n"


@pytest.mark.parametrize(
    "name", ["exit", "code", "hint", "message", "args", "with_traceback", "__class__", "__notes__"]
)
def test_an_error_cannot_change_what_errors_are(name):
    values = {"is": "Failed", "class": "InvalidData", "message": "x", "hint": None, "details": {name: ["0"]}}
    with pytest.raises(InvalidMessage):
        decode(json.dumps(values).encode())


@pytest.mark.parametrize("name", ["InvalidExpression", "WriteFailed", "ModelregError", "re", "shown", "NoSuchError"])
def test_of_other_errors_none_is_believed(name):
    values = {"is": "Failed", "class": name, "message": "x", "hint": None, "details": {}}
    with pytest.raises(InvalidMessage):
        decode(json.dumps(values).encode())


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS + MORE), ANYTHING))
def test_fields_of_any_kind(kind, values):
    assert_understood_or_refused(json.dumps(values | {"is": kind}).encode())


@given(st.binary(max_size=200))
def test_bytes_of_any_kind(line):
    assert_understood_or_refused(line)


def assert_understood_or_refused(line: bytes) -> None:
    try:
        found = decode(line)
    except InvalidMessage:
        return
    assert type(found).__name__ in KINDS
    if isinstance(found, messages.Failed):
        assert isinstance(found.error, ModelregError)
        assert found.error.exit in (2, 7)
