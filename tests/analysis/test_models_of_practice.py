"""Models as users customise them in notebooks are safe; similar models that run code or open files are not."""

from __future__ import annotations

import operator
import pickle
import re
import sys
import types
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import FunctionTransformer, LabelEncoder, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from modelreg.analysis.denied_names import trust_refusal
from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict
from modelreg.errors import InvalidInput, UntrustedModel
from modelreg.loading.trust import Trust
from modelreg.loading.unpickle import load_pickle

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.8], [0.9, 0.1]] * 3)
CLASSES = np.array([0, 1, 0, 1] * 3)
TEXTS = ["one two", "two three"]


def verdict(model, tmp_path, protocol=4):
    path = tmp_path / "model.pkl"
    path.write_bytes(model if isinstance(model, bytes) else pickle.dumps(model, protocol))
    return scan({"model.pkl": path}, False, "pickle").verdict


def noted(**notes):
    model = LogisticRegression().fit(ROWS, CLASSES)
    vars(model).update(notes)
    return model


def named_by(template):
    table = pd.DataFrame(ROWS, columns=["a", "b"])
    steps = [("scaled", StandardScaler(), ["a"])]
    return ColumnTransformer(steps, verbose_feature_names_out=template).set_output(transform="pandas").fit(table)


def named_by_reaching(template):
    model = named_by("{transformer_name}")
    model.verbose_feature_names_out = template
    return model


def selected(getter):
    return SelectFromModel(LogisticRegression(), importance_getter=getter)


def searched(**grid):
    return GridSearchCV(LogisticRegression(), grid)


def taking_from_itself(parameter):
    model = BaggingClassifier(LogisticRegression(), n_estimators=2).fit(ROWS, CLASSES)
    vars(model).update({"estimator_params": (parameter,), parameter: "/tmp/cache"})
    return model


def early(scoring):
    rows, numbers = np.tile(ROWS, (4, 1)), np.tile(CLASSES, 4)
    return HistGradientBoostingRegressor(max_iter=3, early_stopping=True, scoring=scoring).fit(rows, numbers)


def called(name, *arguments, **named):
    return FunctionTransformer(operator.methodcaller(name, *arguments, **named))


def encoded(values):
    return OneHotEncoder().fit(pd.Series(values, dtype=object).to_frame())


GENUINE = {
    "boosting that stops early by a score": lambda: early("neg_mean_absolute_error"),
    "boosting that stops early by its own score": lambda: early(None),
    "a template for names of columns": lambda: named_by("{transformer_name}: {feature_name} {{x}}"),
    "a path to weights": lambda: selected("named_steps.clf.coef_"),
    "a path to weights of a search": lambda: selected("best_estimator_.feature_importances_"),
    "a kernel of a table": lambda: SVC(kernel=cosine_similarity).fit(pd.DataFrame(ROWS), CLASSES),
    "a kernel of a sparse matrix": lambda: SVR(kernel=cosine_similarity).fit(csr_matrix(ROWS), CLASSES),
    "names of columns on a model": lambda: noted(feature_names=["a", "b"], columns=pd.Index(["a", "b"])),
    "metadata on a model": lambda: noted(metadata={"auc": 0.9, "by": {"team": "risk"}}, threshold_=0.4, version="1"),
    "an encoder on a model": lambda: noted(label_encoder=LabelEncoder().fit(["u", "v"])),
    "a method with arguments by name": lambda: called("drop", columns=["note"], errors="ignore"),
    "a method with a dictionary": lambda: called("fillna", {"age": 0.0}),
    "types by column": lambda: FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": {"age": np.float32}}),
    "a part of a date": lambda: FunctionTransformer(operator.attrgetter("dt.year")),
    "some columns": lambda: FunctionTransformer(operator.itemgetter((slice(None), [0, 1]))),
    "tokens by a pattern": lambda: CountVectorizer(tokenizer=re.compile(r"\w+").findall, token_pattern=None).fit(TEXTS),
    "a replaced pattern": lambda: CountVectorizer(preprocessor=partial(re.sub, r"\d+", "#")).fit(TEXTS),
    "the analyzer of another": lambda: CountVectorizer(analyzer=CountVectorizer().build_analyzer()).fit(TEXTS),
    "categories of bytes": lambda: encoded([b"a", b"b"]),
    "categories of times": lambda: encoded([pd.Timestamp("2024-01-01", tz="Europe/Rome"), pd.NaT]),
    "a column of models": lambda: pd.Series([StandardScaler(), DecisionTreeClassifier()], index=["a", "b"]),
    "a column of dictionaries": lambda: pd.Series([{"C": 1}, {"C": 2}]),
    "a data set": load_iris,
    "a search for settings": lambda: searched(clf__kernel=["rbf", "linear"], memory_size=[1], clf__estimator=[SVC()]),
    "names of settings of others": lambda: taking_from_itself("criterion"),
}


@pytest.mark.parametrize("label", GENUINE)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_customised_genuine_models_are_safe_and_load(label, protocol, tmp_path):
    model = GENUINE[label]()
    assert verdict(model, tmp_path, protocol) is Verdict.SAFE
    with (tmp_path / "model.pkl").open("rb") as file:
        assert type(load_pickle(file, Trust("model/1"))) is type(model)


HOSTILE = {
    "a search for a path to weights": lambda: searched(clf__importance_getter=["coef_.ctypes"]),
    "a search for a folder": lambda: searched(memory=["/tmp/cache"]),
    "a search for a template": lambda: searched(ct__verbose_feature_names_out=["{0.__init__}"]),
    "a search for files": lambda: GridSearchCV(CountVectorizer(), [{"input": ["content", "filename"]}]),
    "a folder by the name of a note": lambda: taking_from_itself("inner__memory"),
    "a path to weights by the name of a note": lambda: taking_from_itself("importance_getter"),
    "a template that reaches modules": lambda: named_by_reaching("{transformer_name.__class__.__init__.__globals__}"),
    "a template with an index": lambda: named_by_reaching("{feature_name[0]}"),
    "a template with a conversion": lambda: named_by_reaching("{feature_name!r:{transformer_name}}"),
    "a path that reaches modules": lambda: selected("coef_.ctypes._ctypes.cdll.library"),
    "a path beyond weights": lambda: selected("coef_.ctypes"),
    "a path of private names": lambda: selected("named_steps.__class__.coef_"),
    "a note that hides a method": lambda: noted(predict=["u"]),
    "a note that hides a property": lambda: noted(__class__="u"),
    "a private note": lambda: noted(_estimator_type="clusterer"),
    "a note that is a folder to unpickle from": lambda: noted(memory="/tmp/cache"),
    "a note that is a path": lambda: noted(data=PurePosixPath("/etc/passwd")),
    "a note that is a function": lambda: noted(score_function=np.mean),
    "a method that writes a file": lambda: called("to_csv", path_or_buf="/tmp/a.csv"),
    "a method that evaluates a text": lambda: called("query", expr="@x"),
    "a method that calls others by name": lambda: called("agg", "to_pickle"),
    "a method that changes what it is given": lambda: called("fillna", value=0, inplace=True),
    "an attribute of an attribute": lambda: FunctionTransformer(operator.attrgetter("__class__.__init__")),
    "a function that evaluates a text": lambda: FunctionTransformer(pd.DataFrame.eval, kw_args={"expr": "1"}),
    "a method of a model as a tokenizer": lambda: CountVectorizer(tokenizer=noted().fit, token_pattern=None),
}


@pytest.mark.parametrize("label", HOSTILE)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_customised_models_with_code_or_paths_are_not_safe(label, protocol, tmp_path):
    assert verdict(HOSTILE[label](), tmp_path, protocol) is Verdict.UNKNOWN


def test_positional_arguments_for_a_pandas_function_are_not_safe(tmp_path):
    """The input would become the next positional argument, such as a dtype that can name a time zone file."""
    by_name, by_position = partial(pd.DataFrame, columns=["a", "b"]), partial(pd.DataFrame, [1], None, None)
    assert verdict(FunctionTransformer(by_name), tmp_path) is Verdict.SAFE
    assert verdict(FunctionTransformer(by_position), tmp_path) is Verdict.UNKNOWN


def predictor(monkeypatch, **attributes):
    """A continued LightGBM model, with an object that frees the memory address in its attributes."""
    module = types.ModuleType("lightgbm.basic")
    cls = type("_InnerPredictor", (), {"__module__": "lightgbm.basic"})
    booster = type("Booster", (), {"__module__": "lightgbm.basic"})
    module._InnerPredictor, module.Booster = cls, booster
    monkeypatch.setitem(sys.modules, "lightgbm", types.ModuleType("lightgbm"))
    monkeypatch.setitem(sys.modules, "lightgbm.basic", module)
    instance, outer = cls(), booster()
    vars(instance).update({"num_class": 1, "_InnerPredictor__is_manage_handle": True}, **attributes)
    vars(outer).update({"_Booster__init_predictor": instance})
    return pickle.dumps(outer, 4)


def test_a_continued_lightgbm_model_with_a_memory_address_is_not_safe(monkeypatch, tmp_path):
    assert verdict(predictor(monkeypatch, pred_parameter="verbose=-1"), tmp_path) is Verdict.SAFE
    assert verdict(predictor(monkeypatch, _handle=12345678), tmp_path) is Verdict.UNKNOWN


OWN = """
class Encoder(dict):
    pass

class Result:
    pass

anonymous = lambda rows: rows
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_kinds.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    import own_kinds

    yield own_kinds
    sys.modules.pop("own_kinds", None)


@pytest.mark.parametrize("protocol", [0, 1, 2, 5])
def test_own_classes_load_with_trust_in_every_protocol(registry, own, tmp_path, protocol):
    result = own.Result()
    result.__doc__, result.state = "How it was made.", types.SimpleNamespace(filtered=ROWS)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(own.Encoder(result=result, model=noted()), protocol))
    version = registry.register(tmp_path / "model.pkl", "churn")
    assert "modelreg trust add own_kinds.Encoder own_kinds.Result" in version.notes[0]
    registry.trust("own_kinds.Encoder", "own_kinds.Result", message="ours")
    loaded = registry.load("churn/1")
    assert (type(loaded).__name__, loaded["result"].__doc__) == ("Encoder", "How it was made.")


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_dictionary_that_is_its_own_attributes_is_loaded(registry, own, tmp_path, protocol):
    instance = own.Encoder(model=noted())
    instance.__dict__ = instance
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(instance, protocol))
    registry.register(tmp_path / "model.pkl", "churn")
    registry.trust("own_kinds.Encoder", message="ours")
    assert registry.load("churn/1").model.predict(ROWS[:1]) == [0]


@pytest.mark.parametrize("protocol", [0, 2])
def test_a_dictionary_entry_that_hides_a_method_is_not_loaded(registry, own, tmp_path, protocol):
    instance = own.Encoder(predict=noted())
    instance.__dict__ = instance
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(instance, protocol))
    registry.register(tmp_path / "model.pkl", "churn")
    registry.trust("own_kinds.Encoder", message="ours")
    with pytest.raises(UntrustedModel, match="hides a method"):
        registry.load("churn/1")


def test_an_attribute_that_hides_a_method_of_an_own_class_is_not_loaded(registry, own, tmp_path):
    for number, attributes in enumerate(({"__doc__": [1]}, {"__len__": 1}, {"predict": 1})):
        instance = own.Result()
        vars(instance).update(attributes)
        (tmp_path / "model.pkl").write_bytes(pickle.dumps(instance, 0))
        registry.register(tmp_path / "model.pkl", "churn")
        registry.trust("own_kinds.Result", message="ours")
        with pytest.raises(UntrustedModel, match="hides a method"):
            registry.load(f"churn/{number + 1}")


def test_the_hint_for_a_lambda_says_to_move_it_to_a_module(registry, own, tmp_path):
    cloudpickle = pytest.importorskip("cloudpickle")
    (tmp_path / "model.pkl").write_bytes(cloudpickle.dumps(FunctionTransformer(own.anonymous)))
    registry.register(tmp_path / "model.pkl", "churn")
    with pytest.raises(UntrustedModel) as error:
        registry.load("churn/1")
    assert "in an importable module" in error.value.hint
    assert trust_refusal("own_kinds", "<lambda>") is not None
    with pytest.raises(InvalidInput):
        registry.trust("own_kinds.<lambda>", message="ours")
