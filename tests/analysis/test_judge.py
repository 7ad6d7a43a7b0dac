"""Verdicts on values of models: genuine models are safe, and allowed classes in unexpected places are not."""

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


def imported_name(module: str, qualified: str) -> bytes:
    return text(module) + text(qualified) + b"\x93"


def a_tuple(*values: bytes) -> bytes:
    return b"(" + b"".join(values) + b"t"


def a_list(*values: bytes) -> bytes:
    return b"](" + b"".join(values) + b"e"


def call(function: bytes, *values: bytes) -> bytes:
    return function + a_tuple(*values) + b"R"


def a_dict(**values: bytes) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in values.items()) + b"u"


def instance(module: str, qualified: str, **state: bytes) -> bytes:
    return imported_name(module, qualified) + b")\x81" + a_dict(**state) + b"b"


def integer(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def assemble_pickle(*operations: bytes) -> bytes:
    return b"\x80\x04" + b"".join(operations) + b"."


DATA_FRAME = imported_name("pandas.core.frame", "DataFrame") + b")\x81"
FROZEN = instance("sklearn.frozen._frozen", "FrozenEstimator", estimator=DATA_FRAME)
SCORER = instance("sklearn.metrics._scorer", "_PassthroughScorer", _estimator=b"N")
INDEX = imported_name("pandas.core.indexes.datetimes", "_new_DatetimeIndex")
OBJECTS = call(imported_name("numpy", "dtype"), text("O8"), b"\x89", b"\x88")


def stacking_model(method: bytes, **attributes: bytes) -> bytes:
    """A stacking model that calls ``method`` of a DataFrame with the input."""
    return instance(
        "sklearn.ensemble._stacking",
        "StackingClassifier",
        estimators_=a_list(FROZEN),
        stack_method_=method,
        final_estimator_=b"N",
        **attributes,
    )


def dtype_with_state(code: str, *state: bytes) -> bytes:
    return (
        call(imported_name("numpy", "dtype"), text(code), b"\x89", b"\x88")
        + a_tuple(integer(3), text("|"), *state)
        + b"b"
    )


EVAL_METHOD = a_list(text("eval"))
DATA_FRAME_AS_ESTIMATOR = "FrozenEstimator.estimator is a pandas.core.frame.DataFrame, expected an estimator"
UNEXPECTED_VALUES = {
    "DataFrame in place of an estimator": (stacking_model(a_list(text("predict"))), DATA_FRAME_AS_ESTIMATOR),
    "dictionary in place of an estimator": (
        instance(
            "sklearn.ensemble._stacking",
            "StackingClassifier",
            estimators_=a_list(call(imported_name("collections", "OrderedDict"))),
        ),
        "StackingClassifier.estimators_[0] is a collections.OrderedDict, expected an estimator",
    ),
    "method name that only a DataFrame has": (
        stacking_model(EVAL_METHOD),
        "StackingClassifier.stack_method_[0] is 'eval', expected one of",
    ),
    "method name in a tuple": (stacking_model(a_tuple(text("eval"))), "StackingClassifier.stack_method_[0] is 'eval'"),
    "method name without a list": (stacking_model(text("tofile")), "StackingClassifier.stack_method_ is 'tofile'"),
    "computed method name": (
        stacking_model(a_list(call(imported_name("builtins", "str"), b"C\x04eval"))),
        "StackingClassifier.stack_method_[0] is created by an unexpected call to builtins.str",
    ),
    "method name that is appended later": (
        stacking_model(b"]\x94", extra=b"h\x00" + text("eval") + b"a"),
        "it appends to an object that was already complete",
    ),
    "unexpected method name at the end of a long list": (
        stacking_model(a_list(*[text("predict")] * 20, text("eval"))),
        "StackingClassifier.stack_method_[20] is 'eval'",
    ),
    "attribute that hides a method": (
        instance("sklearn.svm._classes", "SVC", predict=imported_name("numpy", "ravel")),
        "SVC.predict is an unexpected attribute",
    ),
    "attribute that hides a property": (
        instance("sklearn.svm._classes", "SVC", coef_=SCORER),
        "SVC.coef_ is an unexpected attribute",
    ),
    "attribute that an append opcode calls": (
        instance("sklearn.svm._classes", "SVC", append=SCORER) + b"Na",
        "it appends to an object that was already complete",
    ),
    "items of an object that is no container": (
        imported_name("sklearn.svm._classes", "SVC") + b")\x81Na",
        "SVC has unexpected items",
    ),
    "entries of an object that is no container": (
        imported_name("sklearn.svm._classes", "SVC") + b")\x81" + text("a") + b"Ns",
        "SVC has unexpected entries",
    ),
    "entries after the state": (
        instance("sklearn.svm._classes", "SVC") + text("a") + b"Ns",
        "it sets items of an object that was already complete",
    ),
    "second state, set by a method in the first one": (
        instance("sklearn.svm._classes", "SVC", __setstate__=SCORER) + b"Nb",
        "it sets the state of an object twice",
    ),
    "attribute __setstate__": (
        instance("sklearn.svm._classes", "SVC", __setstate__=SCORER),
        "SVC.__setstate__ is an unexpected attribute",
    ),
    "attribute __array_interface__": (
        instance("sklearn.utils._bunch", "Bunch", __array_interface__=b"}"),
        "",
    ),
    "attribute with a computed name": (
        imported_name("sklearn.svm._classes", "SVC")
        + b")\x81}("
        + call(imported_name("builtins", "str"), text("a"))
        + b"Nub",
        "SVC has an attribute whose name is not a string",
    ),
    "state that is created by a call": (
        imported_name("sklearn.svm._classes", "SVC")
        + b")\x81"
        + call(imported_name("collections", "OrderedDict"))
        + b"b",
        "SVC has an unexpected state",
    ),
    "two states": (instance("sklearn.svm._classes", "SVC") + b"}b", "it sets the state of an object twice"),
    "estimator that is created with arguments": (
        imported_name("sklearn.svm._classes", "SVC") + a_tuple(integer(1)) + b"\x81",
        "SVC is created with unexpected arguments",
    ),
    "estimator that is created by a call": (
        call(imported_name("sklearn.svm._classes", "SVC")),
        "SVC is created by an unexpected call to sklearn.svm._classes.SVC",
    ),
    "object in place of a class": (
        call(INDEX, stacking_model(b"]", __new__=SCORER), b"}"),
        "created by an unexpected call to pandas.core.indexes.datetimes._new_DatetimeIndex",
    ),
    "object in place of a function": (
        call(imported_name("functools", "partial"), SCORER),
        "argument 1 of partial is a sklearn.metrics._scorer._PassthroughScorer, expected a function",
    ),
    "object in the state of a partial": (
        call(imported_name("functools", "partial"), imported_name("numpy", "ravel"))
        + a_tuple(SCORER, b")", b"}", b"N")
        + b"b",
        "part 1 of the state of partial is a sklearn.metrics._scorer._PassthroughScorer, expected a function",
    ),
    "class in place of a function": (
        call(imported_name("functools", "partial"), imported_name("builtins", "int")),
        "argument 1 of partial is builtins.int, expected a function",
    ),
    "object as the default of a defaultdict": (
        call(imported_name("collections", "defaultdict"), SCORER),
        "argument 1 of defaultdict is a sklearn.metrics._scorer._PassthroughScorer, expected a number or string type",
    ),
    "object in place of a bit generator": (
        call(imported_name("numpy.random._pickle", "__generator_ctor"), text("MT19937"), SCORER),
        "argument 2 of Generator is a sklearn.metrics._scorer._PassthroughScorer, expected numpy.random._pickle",
    ),
    "call of a function that models only refer to": (
        call(imported_name("sklearn.metrics.pairwise", "kernel_metrics")),
        "created by an unexpected call to sklearn.metrics.pairwise.kernel_metrics",
    ),
    "changed result of a function": (
        call(imported_name("sklearn.metrics.pairwise", "kernel_metrics")) + text("rbf") + b"Ns",
        "created by an unexpected call to sklearn.metrics.pairwise.kernel_metrics",
    ),
    "call by an opcode of Python 2": (
        b"(" + imported_name("sklearn.metrics.pairwise", "kernel_metrics") + b"o",
        "it has opcode 0x6f,",
    ),
    "DataFrame that is created by a call": (
        call(imported_name("pandas.core.frame", "DataFrame"), b"]"),
        "DataFrame is created by an unexpected call to pandas.core.frame.DataFrame",
    ),
    "getattr of a created object": (
        call(imported_name("builtins", "getattr"), DATA_FRAME, text("eval")),
        "argument 2 of getattr is 'eval', expected",
    ),
    "getattr of a memoised object": (
        a_tuple(DATA_FRAME + b"\x94", call(imported_name("builtins", "getattr"), b"h\x00", text("eval"))),
        "argument 2 of getattr is 'eval', expected",
    ),
    "array that is mapped from a file": (
        imported_name("numpy", "memmap") + a_tuple(text("/etc/hostname")) + b"\x81",
        "created by an unexpected call to numpy.memmap",
    ),
    "buffer of any size": (
        call(imported_name("builtins", "bytearray"), integer(1 << 30)),
        "argument 1 of bytearray is a number",
    ),
    "call of a value in the file": (
        call(call(imported_name("functools", "partial"), imported_name("numpy", "ravel"))),
        "created by calling a value in the file",
    ),
    "class as the best estimator of a search": (
        instance("sklearn.model_selection._search", "GridSearchCV", best_estimator_=imported_name("builtins", "int")),
        "GridSearchCV.best_estimator_ is builtins.int, expected",
    ),
    "very large number": (b"\x8b" + struct.pack("<i", 5000) + b"\x01" * 5000, "is a very large number"),
    "dtype with a field of objects over raw bytes": (
        dtype_with_state(
            "V8", b"N", a_tuple(text("f")), a_dict(f=a_tuple(OBJECTS, integer(0))), integer(8), b"K\1", b"K\0"
        ),
        "it has a dtype with a wrong flag for objects",
    ),
    "dtype of objects without the flag for objects": (
        dtype_with_state("O8", b"N", b"N", b"N", integer(-1), integer(-1), b"K\0"),
        "it has a dtype with a wrong flag for objects",
    ),
    "dtype with a field after its end": (
        dtype_with_state(
            "V8",
            b"N",
            a_tuple(text("f")),
            a_dict(f=a_tuple(call(imported_name("numpy", "dtype"), text("f8"), b"\x89", b"\x88"), integer(800))),
            *(integer(8), b"K\1", b"K\0"),
        ),
        "a field outside of its bytes",
    ),
}


@pytest.mark.parametrize(("operations", "finding"), UNEXPECTED_VALUES.values(), ids=UNEXPECTED_VALUES)
def test_an_unexpected_value_in_a_model_is_not_safe_and_not_unpickled(operations, finding, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(assemble_pickle(operations))
    result = scan({"model.pkl": path}, False, "pickle")
    assert result.verdict in (Verdict.UNKNOWN, Verdict.UNREADABLE)
    assert finding in "; ".join(result.reasons)
    names = frozenset((imported.module, imported.name) for imported in result.imports)
    for trust in (Trust("model/1"), Trust("model/1", names)):
        with path.open("rb") as file, pytest.raises(UntrustedModel):
            load_pickle(file, trust)


def test_a_path_instead_of_an_estimator_is_not_safe(tmp_path):
    path = tmp_path / "model.pkl"
    estimators = a_list(call(imported_name("pathlib", "PosixPath"), text("/tmp")))
    path.write_bytes(
        assemble_pickle(instance("sklearn.ensemble._stacking", "StackingClassifier", estimators_=estimators))
    )
    assert scan({"model.pkl": path}, False, "pickle").verdict is Verdict.UNKNOWN
    with path.open("rb") as file, pytest.raises(UntrustedModel):
        load_pickle(file, Trust("model/1"))


class PickledCall:
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
    path.write_bytes(pickle.dumps(PickledCall(function, [1]), protocol))
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
    for dump in (joblib.dump, lambda model, file_path: file_path.write_bytes(pickle.dumps(model))):
        dump({"model": mapped, "rows": np.memmap(tmp_path / "rows", shape=3, mode="w+")}, path)
        assert scan({"model.pkl": path}, False, "pickle").verdict is Verdict.SAFE
        with path.open("rb") as file:
            loaded = load_pickle(file, Trust("forest/1"))
        assert type(loaded["rows"]) is np.ndarray
        assert (loaded["model"].predict(ROWS) == forest.predict(ROWS)).all()


def test_shared_tuples_are_checked_only_once(tmp_path):
    shared = ()
    for _ in range(15):
        shared = (shared, shared)
    (tmp_path / "model").write_bytes(pickle.dumps(shared))
    start = time.process_time()
    assert scan({"model": tmp_path / "model"}, False, "pickle").verdict is Verdict.SAFE
    assert time.process_time() - start < 2


GENUINE_MODELS = {
    "datetime with a time zone": {"at": datetime.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris"))},
    "pandas timestamp": pd.Timestamp("2026-01-01", tz="Europe/Paris"),
    "method of str as a preprocessor": CountVectorizer(
        preprocessor=str.lower, tokenizer=str.split, token_pattern=None
    ).fit(["a b", "B c"]),
    "stacking model": StackingClassifier([("l", LogisticRegression())], cv=2).fit(ROWS, CLASSES),
    "record array": np.rec.array([(1, 2.0)]),
}


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
@pytest.mark.parametrize("label", GENUINE_MODELS)
def test_genuine_models_are_safe_and_load_in_every_protocol(label, protocol, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(GENUINE_MODELS[label], protocol))
    result = scan({"model.pkl": path}, False, "pickle")
    assert (result.verdict, result.findings) == (Verdict.SAFE, ())
    with path.open("rb") as file:
        assert type(load_pickle(file, Trust("model/1"))) is type(GENUINE_MODELS[label])


def test_a_numpy_string_that_names_a_time_zone_file_is_not_safe_in_either_byte_order(tmp_path):
    text = "datetime64[ns, dateutil//etc/hostname]"
    for order in ("le", "be"):
        content = pickle.dumps(FunctionTransformer(np.asarray, kw_args={"dtype": NumpyString(text, order)}))
        (tmp_path / "m").write_bytes(content)
        assert scan({"m": tmp_path / "m"}, False, "pickle").verdict is not Verdict.SAFE


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("prefix_length", [0, 70_000])
def test_a_time_zone_file_in_a_string_is_found_at_any_length(tmp_path, protocol, prefix_length):
    text = prefix_length * "a" + "datetime64[ns, dateutil//etc/hostname]" + 6000 * " "
    for word, verdict in (("dateutil", Verdict.UNKNOWN), ("zoneinfo", Verdict.SAFE)):
        (tmp_path / "m").write_bytes(pickle.dumps({"dtype": text.replace("dateutil", word)}, protocol))
        assert scan({"m": tmp_path / "m"}, False, "pickle").verdict is verdict


class NumpyString:
    def __init__(self, text: str, order: str) -> None:
        self.text, self.order = text, order

    def __reduce__(self):
        function, _ = np.float64(1).__reduce__()
        kind = np.dtype(f"{'<' if self.order == 'le' else '>'}U{len(self.text)}")
        return function, (kind, self.text.encode(f"utf-32-{self.order}"))
