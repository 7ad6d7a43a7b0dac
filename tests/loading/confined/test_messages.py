"""Decoding a child's message returns a valid message or raises `InvalidMessage`, whatever the bytes are."""

from __future__ import annotations

import errno
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelreg.domain.confinement import Confinement
from modelreg.domain.evaluations import ConfusionMatrix, EvaluationRequest, Scores
from modelreg.errors import InvalidData, InvalidInput, InvalidName, ModelregError, UntrustedModel
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
KINDS = [*(type(message).__name__ for message in GENUINE), "Failed", "decode"]
FIELDS = ("landlock", "seccomp", "category", "text", "done", "total", "rows", "columns", "task", "metrics", "missing")
MORE = ("labels", "counts", "class", "message", "hint", "details", "errno")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)


INVALID = {
    "invalid JSON": b"hello",
    "an unknown kind": b'{"is": "Trusted"}',
    "NaN": b'{"is": "Predicted", "rows": NaN, "columns": []}',
    "negative rows": b'{"is": "Predicted", "rows": -1, "columns": ["prediction"]}',
    "a function as error class": b'{"is": "Failed", "class": "shown", "message": "x", "hint": null, "details": {}}',
    "a forbidden error class": b'{"is": "Failed", "class": "WriteFailed", "message": "x", "hint": null, "details": {}}',
    "deep nesting": b"[" * 100_000,
    "an additional key": b'{"is": "Predicted", "rows": 2, "columns": ["prediction"], "x": 1}',
    "an additional key of a message without keys": b'{"is": "OutOfMemory", "x": []}',
    "a missing key": b'{"is": "Advanced", "done": 1}',
    "a duplicate key": b'{"is": "Predicted", "rows": 9, "rows": 2, "columns": ["prediction"]}',
    "a duplicate kind": b'{"is": "OutOfMemory", "is": "OutOfMemory"}',
    "a duplicate key in an inner object": b'{"is": "Failed", "class": "InvalidData", "message": "x", "hint": null, '
    b'"details": {"a": [], "a": []}}',
    "UTF-16": '{"is": "OutOfMemory"}'.encode("utf-16"),
    "UTF-32": '{"is": "OutOfMemory"}'.encode("utf-32-be"),
    "UTF-8 with a byte order mark": b'\xef\xbb\xbf{"is": "OutOfMemory"}',
    "invalid UTF-8": b'{"is": "Predicted", "rows": 2, "columns": ["\xff"]}',
    "an encoded surrogate": b'{"is": "Predicted", "rows": 2, "columns": ["\xed\xa0\x80"]}',
    "too many objects": b'{"is": "Predicted", "rows": 2, "columns": [' + b"{}, " * 1000 + b"{}]}",
    "an oversized message": b'{"is": "Warned", "category": "UserWarning", "text": "' + b"x" * (256 << 10) + b'"}',
    "an oversized result with another start": b'{"rows": 2, "columns": ["'
    + b"x" * (256 << 10)
    + b'"], "is": "Predicted"}',
}


@pytest.mark.parametrize("line", INVALID.values(), ids=INVALID)
def test_an_invalid_line_is_refused(line):
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
    "an invalid name": {"metrics": METRICS | {"a b.c": 1.0}},
    "a name over the length limit": {"metrics": METRICS | {"accuracy:" + "x" * 250: 1.0}},
    "a name with control characters": {"metrics": METRICS | {"accuracy:\x1b[2J": 1.0}},
    "an accuracy of a class above 1": {"metrics": METRICS | {"recall:yes": 1.5}},
    "an accuracy of a slice above 1": {"metrics": METRICS | {"accuracy[city=Bern]": 1.5}},
    "an accuracy above 1": {"metrics": METRICS | {"accuracy": 1.5}},
    "an accuracy below 0": {"metrics": METRICS | {"accuracy": -0.5}},
    "a negative log loss": {"metrics": METRICS | {"log_loss": -1.0}, "missing": {}},
    "a Boolean": {"metrics": METRICS | {"accuracy": True}},
    "a number too large for a float": {"metrics": METRICS | {"log_loss": 10**400}, "missing": {}},
    "no value and no reason": {"missing": {}},
    "a value and a reason": {"missing": REASONS | {"accuracy": "unknown"}},
    "a reason for no metric": {"missing": REASONS | {"zz": "unknown"}},
    "an unknown task": {"task": "clustering"},
    "the metrics of another task": {"task": "regression"},
    "a label over the length limit": {"labels": ["no", "y" * 1001]},
    "too many labels": {"labels": ["no"] * 201, "counts": [[0] * 201] * 200 + [[0] * 200 + [6]]},
    "a label that is a number": {"labels": ["no", 1]},
    "a missing label": {"labels": ["no"]},
    "no labels": {"labels": None},
    "a matrix that is not square": {"counts": [[1, 0], [5]]},
    "a negative count": {"counts": [[-1, 2], [2, 3]]},
    "counts that do not add up to the rows": {"counts": [[1, 0], [2, 4]]},
    "no rows": {"rows": 0, "counts": [[0, 0], [0, 0]]},
    "an r2 above 1": REGRESSION | {"metrics": REGRESSION["metrics"] | {"r2": 1.7e308}},
    "a negative error": REGRESSION | {"metrics": REGRESSION["metrics"] | {"mae": -5.0}},
    "a matrix of a regression": REGRESSION | {"labels": ["no"], "counts": [[6]]},
}


@pytest.mark.parametrize("changes", FORGED_SCORES.values(), ids=FORGED_SCORES)
def test_scores_that_cannot_be_computed_are_refused(changes):
    values = json.loads(encode(messages.Measured(SCORES))) | changes
    with pytest.raises(InvalidMessage):
        decode(json.dumps(values).encode())


REQUEST = EvaluationRequest(("y",))
UNREQUESTED = {
    "a missing metric": ({name: value for name, value in METRICS.items() if name != "roc_auc"}, REQUEST),
    "a metric of a scorer": (METRICS | {"neg_brier_score": -1.0}, REQUEST),
    "a missing scorer": (METRICS, replace(REQUEST, scorers=("neg_brier_score",))),
    "a metric of a class": (METRICS | {"recall:yes": 1.0}, REQUEST),
    "a slice": (METRICS | {"accuracy[city=Bern]": 1.0}, REQUEST),
    "a slice by another column": (METRICS | {"accuracy[city=Bern]": 1.0}, replace(REQUEST, by="zip")),
    "an unknown task": (METRICS, replace(REQUEST, task="regression")),
}


@pytest.mark.parametrize(("metrics", "request_"), UNREQUESTED.values(), ids=UNREQUESTED)
def test_scores_without_the_requested_metrics_are_recognised(metrics, request_):
    assert not has_requested_metrics(replace(SCORES, metrics=metrics), request_)


def test_scores_with_the_requested_metrics_are_recognised():
    assert has_requested_metrics(SCORES, REQUEST)
    metrics = METRICS | {"neg_brier_score": -0.1, "recall:yes": 1.0, "accuracy[city=Bern]": 1.0, "precision": 1.0}
    request = replace(REQUEST, positive="yes", per_class=True, scorers=("neg_brier_score",), by="city")
    assert has_requested_metrics(replace(SCORES, metrics=metrics), request)


def test_scores_of_a_regression_are_decoded():
    values = json.loads(encode(messages.Measured(SCORES))) | REGRESSION
    assert decode(json.dumps(values).encode()).scores.metrics["r2"] == -3.5


@pytest.mark.parametrize("number", [0, errno.EPIPE, errno.ECONNRESET, errno.EINTR, errno.ENOENT, 99_999, True, "28"])
def test_output_failed_accepts_only_storage_errors(number):
    with pytest.raises(InvalidMessage):
        decode(json.dumps({"is": "OutputFailed", "errno": number}).encode())


LARGE = [
    messages.Warned(UserWarning, "\U0001f600" * 100_000),
    messages.Failed(InvalidData("\U0001f600" * 100_000, "\x01" * 100_000)),
    messages.Failed(UntrustedModel("m/1", ["\U0001f600" * 100] * 5000, ["\U0001f600"] * 5000)),
    messages.Predicted(3, tuple(f"probability_{index}" for index in range(100_000))),
]


@pytest.mark.parametrize("message", LARGE, ids=lambda message: type(message).__name__)
def test_a_large_message_is_shortened_to_the_size_limit(message):
    assert isinstance(decode(encode(message).rstrip(b"\n")), type(message))


def test_results_are_recognised_by_their_first_bytes():
    assert [type(message).__name__ for message in GENUINE if messages.is_result(encode(message))] == [
        "Predicted",
        "Measured",
    ]


@pytest.mark.parametrize("message", GENUINE, ids=lambda message: type(message).__name__)
def test_a_message_is_decoded_as_it_was_encoded(message):
    assert decode(encode(message).rstrip(b"\n")) == message


def test_an_error_keeps_its_message_hint_and_details():
    sent = UntrustedModel("churn/1", ("mymodule.Encoder is not on the allow-list",), ("mymodule.Encoder",))
    error = decode(encode(messages.Failed(sent))).error
    assert isinstance(error, UntrustedModel)
    assert (error.message, error.hint, error.exit) == (sent.message, sent.hint, 7)
    assert (error.findings, error.trustable) == (sent.findings, sent.trustable)


def test_an_error_of_a_subclass_is_decoded_as_its_allowed_base_class():
    sent = InvalidName("'a/b' is not a valid model name", "name a model, not a version")
    error = decode(encode(messages.Failed(sent))).error
    assert (type(error), error.message, error.hint) == (InvalidInput, sent.message, sent.hint)


def test_an_error_is_decoded_with_the_code_of_its_class():
    error = decode(encode(messages.Failed(InvalidData("it changed", code="data_changed")))).error
    assert (type(error), error.code) == (InvalidData, "invalid_data")


def test_texts_of_errors_are_escaped_and_shortened():
    error = decode(encode(messages.Failed(InvalidData("\x1b[2J" + "x" * 10_000, "\r\n")))).error
    assert error.message.startswith("\\x1b[2J")
    assert len(error.message) < 5000
    assert error.hint == "\\r\\n"


@pytest.mark.parametrize(
    "name", ["exit", "code", "hint", "message", "args", "with_traceback", "__class__", "__notes__"]
)
def test_an_error_cannot_set_other_attributes(name):
    values = {"is": "Failed", "class": "InvalidData", "message": "x", "hint": None, "details": {name: ["0"]}}
    with pytest.raises(InvalidMessage):
        decode(json.dumps(values).encode())


@pytest.mark.parametrize("name", ["InvalidExpression", "WriteFailed", "ModelregError", "re", "shown", "NoSuchError"])
def test_other_error_classes_are_refused(name):
    values = {"is": "Failed", "class": name, "message": "x", "hint": None, "details": {}}
    with pytest.raises(InvalidMessage):
        decode(json.dumps(values).encode())


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS + MORE), ANYTHING))
def test_random_fields_are_decoded_or_refused(kind, values):
    assert_decoded_or_refused(json.dumps(values | {"is": kind}).encode())


@given(st.binary(max_size=200))
def test_random_bytes_are_decoded_or_refused(line):
    assert_decoded_or_refused(line)


def assert_decoded_or_refused(line: bytes) -> None:
    try:
        message = decode(line)
    except InvalidMessage:
        return
    assert type(message).__name__ in KINDS
    if isinstance(message, messages.Failed):
        assert isinstance(message.error, ModelregError)
        assert message.error.exit in (2, 7)
