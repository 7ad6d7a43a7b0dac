"""Admitted names used as no model uses them: gadgets of admitted names are not safe, and genuine uses are."""

from __future__ import annotations

import datetime
import pickle
import struct
import zoneinfo

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from modelreg.errors import UntrustedModel
from modelreg.records.scan import Verdict
from modelreg.security.scan import scan
from modelreg.security.trust import Trust
from modelreg.security.unpickle import load_pickle

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.8], [0.9, 0.1]])
CLASSES = [0, 1, 0, 1]
RAN = "@np.testing._private.utils.os.system('touch ran')"


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
    """A stacking model that calls ``method`` of a table with whatever comes in."""
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
GADGETS = {
    "a method that only a table has": (stacked(EVAL), "names a method"),
    "a method in a tuple": (stacked(several(text("eval"))), "names a method"),
    "a method by a text alone": (stacked(text("tofile")), "names a method"),
    "a method that is computed": (stacked(a_list(call(name("builtins", "str"), b"C\x04eval"))), "names a method"),
    "a method that is added later": (
        stacked(b"]\x94", extra=b"h\x00" + text("eval") + b"a"),
        "names a method",
    ),
    "one method behind many": (stacked(a_list(*[text("predict")] * 20, text("eval"))), "names a method"),
    "an attribute that is called when something is added": (
        instance("sklearn.svm._classes", "SVC", append=SCORER) + b"Na",
        "adds to sklearn.svm._classes.SVC, which is no container",
    ),
    "items of what is no container": (
        instance("sklearn.svm._classes", "SVC") + text("a") + b"Ns",
        "adds to sklearn.svm._classes.SVC",
    ),
    "a state by its own method": (
        instance("sklearn.svm._classes", "SVC", __setstate__=SCORER) + b"Nb",
        "gives an object the attribute __setstate__",
    ),
    "an attribute with a computed name": (
        name("sklearn.svm._classes", "SVC") + b")\x81}(" + call(name("builtins", "str"), text("a")) + b"Nub",
        "a name that it computes",
    ),
    "a state that is made": (
        name("sklearn.svm._classes", "SVC") + b")\x81" + call(name("collections", "OrderedDict")) + b"b",
        "a state that is no plain one",
    ),
    "two states": (instance("sklearn.svm._classes", "SVC") + b"}b", "two states"),
    "an object in a class's place": (call(INDEX, stacked(b"]", __new__=SCORER), b"}"), "where models name a class"),
    "an object in a function's place": (call(name("functools", "partial"), SCORER), "where models name a class"),
    "an object in a partial's state": (
        call(name("functools", "partial"), name("builtins", "int")) + several(SCORER, b")", b"}", b"N") + b"b",
        "where models name a function",
    ),
    "an object as a dictionary's default": (call(name("collections", "defaultdict"), SCORER), "where models name"),
    "an object that makes a generator's numbers": (
        call(name("numpy.random._pickle", "__generator_ctor"), text("MT19937"), SCORER),
        "where models name a function",
    ),
    "a function that only metrics refer to": (
        call(name("sklearn.metrics.pairwise", "kernel_metrics")) + text("rbf") + b"Ns",
        "calls sklearn.metrics.pairwise.kernel_metrics, which models only mention",
    ),
    "a call by an operation of Python 2": (
        b"(" + name("sklearn.metrics.pairwise", "kernel_metrics") + b"o",
        "as Python 3 does not write it",
    ),
    "a table that is computed": (call(name("pandas.core.frame", "DataFrame"), b"]"), "models only mention"),
    "a method of what is made": (
        call(name("builtins", "getattr"), FRAME, text("eval")),
        "looks up a method of what it has made",
    ),
    "names of files as data": (
        instance("sklearn.feature_extraction.text", "CountVectorizer", input=text("filename")),
        "opens the files that its input names",
    ),
    "objects over raw bytes": (
        type_with_state(
            "V8", b"N", several(text("f")), table(f=several(OBJECTS, number(0))), number(8), b"K\1", b"K\0"
        ),
        "says and denies that it holds objects",
    ),
    "objects without their flag": (
        type_with_state("O8", b"N", b"N", b"N", number(-1), number(-1), b"K\0"),
        "says and denies that it holds objects",
    ),
    "a field beyond its type": (
        type_with_state(
            "V8",
            b"N",
            several(text("f")),
            table(f=several(call(name("numpy", "dtype"), text("f8"), b"\x89", b"\x88"), number(800))),
            *(number(8), b"K\1", b"K\0"),
        ),
        "does not lie within it",
    ),
}


@pytest.mark.parametrize("way", GADGETS)
def test_admitted_names_that_are_used_as_no_model_does_are_not_safe_and_not_unpickled(way, tmp_path):
    operations, said = GADGETS[way]
    path = tmp_path / "model.pkl"
    path.write_bytes(pickled(operations))
    found = scan({"model.pkl": path}, False, "pickle")
    assert found.verdict in (Verdict.UNKNOWN, Verdict.UNREADABLE)
    assert said in "; ".join(found.reasons)
    with path.open("rb") as file, pytest.raises(UntrustedModel):
        load_pickle(file, Trust("gadget/1"))


def test_a_class_that_opens_files_is_dangerous_to_make_and_otherwise_an_array(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickled(name("numpy", "memmap") + several(text("/etc/hostname")) + b"\x81"))
    assert scan({"model.pkl": path}, False, "pickle").verdict is Verdict.DANGEROUS
    forest = RandomForestClassifier(3, random_state=0).fit(ROWS, CLASSES)
    joblib.dump(forest, tmp_path / "forest.joblib")
    mapped = joblib.load(tmp_path / "forest.joblib", mmap_mode="r")
    for dump in (joblib.dump, lambda model, where: where.write_bytes(pickle.dumps(model))):
        dump({"model": mapped, "rows": np.memmap(tmp_path / "rows", shape=3, mode="w+")}, path)
        assert scan({"model.pkl": path}, False, "pickle").verdict is Verdict.SAFE
        with path.open("rb") as file:
            loaded = load_pickle(file, Trust("forest/1"))
        assert type(loaded["rows"]) is np.ndarray
        assert (loaded["model"].predict(ROWS) == forest.predict(ROWS)).all()


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
@pytest.mark.parametrize("what", GENUINE)
def test_what_genuine_models_do_is_safe_and_loads(what, protocol, tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(GENUINE[what], protocol))
    found = scan({"model.pkl": path}, False, "pickle")
    assert (found.verdict, found.findings) == (Verdict.SAFE, ())
    with path.open("rb") as file:
        assert type(load_pickle(file, Trust("model/1"))) is type(GENUINE[what])
