"""The judge: genuine models are safe, and allowed classes in unexpected places are not."""

from __future__ import annotations

import datetime
import pickle
import struct
import time
import zoneinfo

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import FunctionTransformer

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict
from modelreg.errors import UntrustedModel
from modelreg.loading.trust import Trust
from modelreg.loading.unpickle import load_pickle

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.8], [0.9, 0.1]])
CLASSES = [0, 1, 0, 1]


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def name(module: str, qualified: str) -> bytes:
    return text(module) + text(qualified) + b"\x93"


def several(*values: bytes) -> bytes:
    return b"(" + b"".join(values) + b"t"


def a_list(*values: bytes) -> bytes:
    return b"](" + b"".join(values) + b"e"


def call(function: bytes, *values: bytes) -> bytes:
    return function + several(*values) + b"R"


def table(**values: bytes) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in values.items()) + b"u"


def instance(module: str, qualified: str, **state: bytes) -> bytes:
    return name(module, qualified) + b")\x81" + table(**state) + b"b"


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def pickled(*operations: bytes) -> bytes:
    return b"\x80\x04" + b"".join(operations) + b"."


FRAME = name("pandas.core.frame", "DataFrame") + b")\x81"
FROZEN = instance("sklearn.frozen._frozen", "FrozenEstimator", estimator=FRAME)
SCORER = instance("sklearn.metrics._scorer", "_PassthroughScorer", _estimator=b"N")
INDEX = name("pandas.core.indexes.datetimes", "_new_DatetimeIndex")
OBJECTS = call(name("numpy", "dtype"), text("O8"), b"\x89", b"\x88")


def stacked(method: bytes, **more: bytes) -> bytes:
    """A stacking model that calls ``method`` of a table with the input."""
    return instance(
        "sklearn.ensemble._stacking",
        "StackingClassifier",
        estimators_=a_list(FROZEN),
        stack_method_=method,
        final_estimator_=b"N",
        **more,
    )


def type_with_state(code: str, *state: bytes) -> bytes:
    return call(name("numpy", "dtype"), text(code), b"\x89", b"\x88") + several(number(3), text("|"), *state) + b"b"


EVAL = a_list(text("eval"))
FRAME_AS_ESTIMATOR = "FrozenEstimator.estimator is a pandas.core.frame.DataFrame, expected an estimator"
HOSTILE = {
    "a table in an estimator's place": (stacked(a_list(text("predict"))), FRAME_AS_ESTIMATOR),
    "a dictionary in an estimator's place": (
        instance(
            "sklearn.ensemble._stacking",
            "StackingClassifier",
            estimators_=a_list(call(name("collections", "OrderedDict"))),
        ),
        "StackingClassifier.estimators_[0] is a collections.OrderedDict, expected an estimator",
    ),
    "a method that only a table has": (stacked(EVAL), "StackingClassifier.stack_method_[0] is 'eval', expected one of"),
    "a method in a tuple": (stacked(several(text("eval"))), "StackingClassifier.stack_method_[0] is 'eval'"),
    "a method by a text alone": (stacked(text("tofile")), "StackingClassifier.stack_method_ is 'tofile'"),
    "a method that is computed": (
        stacked(a_list(call(name("builtins", "str"), b"C\x04eval"))),
        "StackingClassifier.stack_method_[0] is created by an unexpected call to builtins.str",
    ),
    "a method that is added later": (
        stacked(b"]\x94", extra=b"h\x00" + text("eval") + b"a"),
        "it appends to an object that was already complete",
    ),
    "one method behind many": (
        stacked(a_list(*[text("predict")] * 20, text("eval"))),
        "StackingClassifier.stack_method_[20] is 'eval'",
    ),
    "a method that an attribute hides": (
        instance("sklearn.svm._classes", "SVC", predict=name("numpy", "ravel")),
        "SVC.predict is an unexpected attribute",
    ),
    "a property that an attribute hides": (
        instance("sklearn.svm._classes", "SVC", coef_=SCORER),
        "SVC.coef_ is an unexpected attribute",
    ),
    "an attribute that is called when something is added": (
        instance("sklearn.svm._classes", "SVC", append=SCORER) + b"Na",
        "it appends to an object that was already complete",
    ),
    "items of what is no container": (
        name("sklearn.svm._classes", "SVC") + b")\x81Na",
        "SVC has unexpected items",
    ),
    "entries of what is no container": (
        name("sklearn.svm._classes", "SVC") + b")\x81" + text("a") + b"Ns",
        "SVC has unexpected entries",
    ),
    "entries behind the state": (
        instance("sklearn.svm._classes", "SVC") + text("a") + b"Ns",
        "it sets items of an object that was already complete",
    ),
    "a state by its own method": (
        instance("sklearn.svm._classes", "SVC", __setstate__=SCORER) + b"Nb",
        "it sets the state of an object twice",
    ),
    "a method for its state": (
        instance("sklearn.svm._classes", "SVC", __setstate__=SCORER),
        "SVC.__setstate__ is an unexpected attribute",
    ),
    "an interface of arrays as an attribute": (
        instance("sklearn.utils._bunch", "Bunch", __array_interface__=b"}"),
        "",
    ),
    "an attribute with a computed name": (
        name("sklearn.svm._classes", "SVC") + b")\x81}(" + call(name("builtins", "str"), text("a")) + b"Nub",
        "SVC has an attribute whose name is not a string",
    ),
    "a state that is made": (
        name("sklearn.svm._classes", "SVC") + b")\x81" + call(name("collections", "OrderedDict")) + b"b",
        "SVC has an unexpected state",
    ),
    "two states": (instance("sklearn.svm._classes", "SVC") + b"}b", "it sets the state of an object twice"),
    "an estimator that is made with arguments": (
        name("sklearn.svm._classes", "SVC") + several(number(1)) + b"\x81",
        "SVC is created with unexpected arguments",
    ),
    "an estimator that is called": (
        call(name("sklearn.svm._classes", "SVC")),
        "SVC is created by an unexpected call to sklearn.svm._classes.SVC",
    ),
    "an object in a class's place": (
        call(INDEX, stacked(b"]", __new__=SCORER), b"}"),
        "created by an unexpected call to pandas.core.indexes.datetimes._new_DatetimeIndex",
    ),
    "an object in a function's place": (
        call(name("functools", "partial"), SCORER),
        "argument 1 of partial is a sklearn.metrics._scorer._PassthroughScorer, expected a function",
    ),
    "an object in a partial's state": (
        call(name("functools", "partial"), name("numpy", "ravel")) + several(SCORER, b")", b"}", b"N") + b"b",
        "part 1 of the state of partial is a sklearn.metrics._scorer._PassthroughScorer, expected a function",
    ),
    "a class in a function's place": (
        call(name("functools", "partial"), name("builtins", "int")),
        "argument 1 of partial is builtins.int, expected a function",
    ),
    "an object as a dictionary's default": (
        call(name("collections", "defaultdict"), SCORER),
        "argument 1 of defaultdict is a sklearn.metrics._scorer._PassthroughScorer, expected a number or string type",
    ),
    "an object that makes a generator's numbers": (
        call(name("numpy.random._pickle", "__generator_ctor"), text("MT19937"), SCORER),
        "argument 2 of Generator is a sklearn.metrics._scorer._PassthroughScorer, expected numpy.random._pickle",
    ),
    "a function that only metrics refer to": (
        call(name("sklearn.metrics.pairwise", "kernel_metrics")),
        "created by an unexpected call to sklearn.metrics.pairwise.kernel_metrics",
    ),
    "what a function returns, changed": (
        call(name("sklearn.metrics.pairwise", "kernel_metrics")) + text("rbf") + b"Ns",
        "created by an unexpected call to sklearn.metrics.pairwise.kernel_metrics",
    ),
    "a call by an operation of Python 2": (
        b"(" + name("sklearn.metrics.pairwise", "kernel_metrics") + b"o",
        "it has opcode 0x6f,",
    ),
    "a table that is computed": (
        call(name("pandas.core.frame", "DataFrame"), b"]"),
        "DataFrame is created by an unexpected call to pandas.core.frame.DataFrame",
    ),
    "a method of what is made": (
        call(name("builtins", "getattr"), FRAME, text("eval")),
        "argument 2 of getattr is 'eval', expected",
    ),
    "a method of what is recalled": (
        several(FRAME + b"\x94", call(name("builtins", "getattr"), b"h\x00", text("eval"))),
        "argument 2 of getattr is 'eval', expected",
    ),
    "an array that is mapped from a file": (
        name("numpy", "memmap") + several(text("/etc/hostname")) + b"\x81",
        "created by an unexpected call to numpy.memmap",
    ),
    "a buffer of any size": (
        call(name("builtins", "bytearray"), number(1 << 30)),
        "argument 1 of bytearray is a number",
    ),
    "a function that the file brings along": (
        call(call(name("functools", "partial"), name("numpy", "ravel"))),
        "created by calling a value in the file",
    ),
    "a class as the model of a search": (
        instance("sklearn.model_selection._search", "GridSearchCV", best_estimator_=name("builtins", "int")),
        "GridSearchCV.best_estimator_ is builtins.int, expected",
    ),
    "a number that is not kept": (b"\x8b" + struct.pack("<i", 5000) + b"\x01" * 5000, "is a very large number"),
    "objects over raw bytes": (
        type_with_state(
            "V8", b"N", several(text("f")), table(f=several(OBJECTS, number(0))), number(8), b"K\1", b"K\0"
        ),
        "it has a dtype with a wrong flag for objects",
    ),
    "objects without their flag": (
        type_with_state("O8", b"N", b"N", b"N", number(-1), number(-1), b"K\0"),
        "it has a dtype with a wrong flag for objects",
    ),
    "a field beyond its type": (
        type_with_state(
            "V8",
            b"N",
            several(text("f")),
            table(f=several(call(name("numpy", "dtype"), text("f8"), b"\x89", b"\x88"), number(800))),
            *(number(8), b"K\1", b"K\0"),
        ),
        "a field outside of its bytes",
    ),
}


@pytest.mark.parametrize(("operations", "finding"), HOSTILE.values(), ids=HOSTILE)
def test_an_unexpected_value_in_a_model_is_not_safe_and_not_unpickled(operations, finding, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickled(operations))
    result = scan({"model.pkl": path}, False, "pickle")
    assert result.verdict in (Verdict.UNKNOWN, Verdict.UNREADABLE)
    assert finding in "; ".join(result.reasons)
    names = frozenset((imported.module, imported.name) for imported in result.imports)
    for trust in (Trust("model/1"), Trust("model/1", names)):
        with path.open("rb") as file, pytest.raises(UntrustedModel):
            load_pickle(file, trust)


def test_a_path_instead_of_an_estimator_is_not_safe(tmp_path):
    path = tmp_path / "model.pkl"
    estimators = a_list(call(name("pathlib", "PosixPath"), text("/tmp")))
    path.write_bytes(pickled(instance("sklearn.ensemble._stacking", "StackingClassifier", estimators_=estimators)))
    assert scan({"model.pkl": path}, False, "pickle").verdict is Verdict.UNKNOWN
    with path.open("rb") as file, pytest.raises(UntrustedModel):
        load_pickle(file, Trust("model/1"))


class Call:
    """Pickled as a call that runs on loading."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


FUNCTIONS = (np.ravel, np.clip, np.log, accuracy_score, pd.to_numeric)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_call_of_a_function_that_models_may_hold_is_not_safe(function, protocol, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps(Call(function, [1]), protocol))
    result = scan({"model": path}, False, "pickle")
    assert result.verdict is Verdict.UNKNOWN
    assert "unexpected call" in "; ".join(result.reasons)
    with path.open("rb") as file, pytest.raises(UntrustedModel):
        load_pickle(file, Trust("churn/1"))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_function_is_safe_as_a_value(function, tmp_path):
    (tmp_path / "model").write_bytes(pickle.dumps(FunctionTransformer(function)))
    assert scan({"model": tmp_path / "model"}, False, "pickle").verdict is Verdict.SAFE


def test_a_memory_mapped_array_is_loaded_as_a_plain_array(tmp_path):
    path = tmp_path / "model.pkl"
    forest = RandomForestClassifier(3, random_state=0).fit(ROWS, CLASSES)
    joblib.dump(forest, tmp_path / "forest.joblib")
    mapped = joblib.load(tmp_path / "forest.joblib", mmap_mode="r")
    for dump in (joblib.dump, lambda model, path_: path_.write_bytes(pickle.dumps(model))):
        dump({"model": mapped, "rows": np.memmap(tmp_path / "rows", shape=3, mode="w+")}, path)
        assert scan({"model.pkl": path}, False, "pickle").verdict is Verdict.SAFE
        with path.open("rb") as file:
            loaded = load_pickle(file, Trust("forest/1"))
        assert type(loaded["rows"]) is np.ndarray
        assert (loaded["model"].predict(ROWS) == forest.predict(ROWS)).all()


def test_shared_tuples_are_judged_only_once(tmp_path):
    shared = ()
    for _ in range(15):
        shared = (shared, shared)
    (tmp_path / "model").write_bytes(pickle.dumps(shared))
    start = time.process_time()
    assert scan({"model": tmp_path / "model"}, False, "pickle").verdict is Verdict.SAFE
    assert time.process_time() - start < 2


GENUINE = {
    "a time zone": {"at": datetime.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris"))},
    "times of a table": pd.Timestamp("2026-01-01", tz="Europe/Paris"),
    "a method of texts": CountVectorizer(preprocessor=str.lower, tokenizer=str.split, token_pattern=None).fit(
        ["a b", "B c"]
    ),
    "stacked models": StackingClassifier([("l", LogisticRegression())], cv=2).fit(ROWS, CLASSES),
    "records": np.rec.array([(1, 2.0)]),
}


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
@pytest.mark.parametrize("label", GENUINE)
def test_genuine_models_are_safe_and_load_in_every_protocol(label, protocol, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(GENUINE[label], protocol))
    result = scan({"model.pkl": path}, False, "pickle")
    assert (result.verdict, result.findings) == (Verdict.SAFE, ())
    with path.open("rb") as file:
        assert type(load_pickle(file, Trust("model/1"))) is type(GENUINE[label])


def test_a_text_of_numpy_in_another_order_of_bytes_is_not_taken_for_another_text(tmp_path):
    text = "datetime64[ns, dateutil//etc/hostname]"
    for order in ("le", "be"):
        content = pickle.dumps(FunctionTransformer(np.asarray, kw_args={"dtype": _Text(text, order)}))
        (tmp_path / "m").write_bytes(content)
        assert scan({"m": tmp_path / "m"}, False, "pickle").verdict is not Verdict.SAFE


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("before", [0, 70_000])
def test_a_text_is_looked_at_however_long_it_is(tmp_path, protocol, before):
    text = before * "a" + "datetime64[ns, dateutil//etc/hostname]" + 6000 * " "
    for word, verdict in (("dateutil", Verdict.UNKNOWN), ("zoneinfo", Verdict.SAFE)):
        (tmp_path / "m").write_bytes(pickle.dumps({"dtype": text.replace("dateutil", word)}, protocol))
        assert scan({"m": tmp_path / "m"}, False, "pickle").verdict is verdict


class _Text:
    def __init__(self, text: str, order: str) -> None:
        self.text, self.order = text, order

    def __reduce__(self):
        function, _ = np.float64(1).__reduce__()
        kind = np.dtype(f"{'<' if self.order == 'le' else '>'}U{len(self.text)}")
        return function, (kind, self.text.encode(f"utf-32-{self.order}"))
