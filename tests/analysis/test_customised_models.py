"""Models that users customised in notebooks are safe; similar models that run code or open files are not."""

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


def scan_verdict(model, tmp_path, protocol=4):
    path = tmp_path / "model.pkl"
    path.write_bytes(model if isinstance(model, bytes) else pickle.dumps(model, protocol))
    return scan({"model.pkl": path}, False, "pickle").verdict


def model_with_attributes(**attributes):
    model = LogisticRegression().fit(ROWS, CLASSES)
    vars(model).update(attributes)
    return model


def column_transformer(template):
    table = pd.DataFrame(ROWS, columns=["a", "b"])
    steps = [("scaled", StandardScaler(), ["a"])]
    return ColumnTransformer(steps, verbose_feature_names_out=template).set_output(transform="pandas").fit(table)


def column_transformer_with_unchecked_template(template):
    model = column_transformer("{transformer_name}")
    model.verbose_feature_names_out = template
    return model


def selector(getter):
    return SelectFromModel(LogisticRegression(), importance_getter=getter)


def grid_search(**grid):
    return GridSearchCV(LogisticRegression(), grid)


def bagging_with_estimator_param(parameter):
    model = BaggingClassifier(LogisticRegression(), n_estimators=2).fit(ROWS, CLASSES)
    vars(model).update({"estimator_params": (parameter,), parameter: "/tmp/cache"})
    return model


def early_stopping_model(scoring):
    rows, numbers = np.tile(ROWS, (4, 1)), np.tile(CLASSES, 4)
    return HistGradientBoostingRegressor(max_iter=3, early_stopping=True, scoring=scoring).fit(rows, numbers)


def method_caller(name, *arguments, **keywords):
    return FunctionTransformer(operator.methodcaller(name, *arguments, **keywords))


def fitted_encoder(values):
    return OneHotEncoder().fit(pd.Series(values, dtype=object).to_frame())


GENUINE_MODELS = {
    "early stopping by a scorer": lambda: early_stopping_model("neg_mean_absolute_error"),
    "early stopping by the loss": lambda: early_stopping_model(None),
    "template of feature names": lambda: column_transformer("{transformer_name}: {feature_name} {{x}}"),
    "importance_getter path": lambda: selector("named_steps.clf.coef_"),
    "importance_getter path into a search": lambda: selector("best_estimator_.feature_importances_"),
    "kernel function fitted on a DataFrame": lambda: SVC(kernel=cosine_similarity).fit(pd.DataFrame(ROWS), CLASSES),
    "kernel function fitted on a sparse matrix": lambda: SVR(kernel=cosine_similarity).fit(csr_matrix(ROWS), CLASSES),
    "column names as an attribute": lambda: model_with_attributes(
        feature_names=["a", "b"], columns=pd.Index(["a", "b"])
    ),
    "metadata as attributes": lambda: model_with_attributes(
        metadata={"auc": 0.9, "by": {"team": "risk"}}, threshold_=0.4, version="1"
    ),
    "encoder as an attribute": lambda: model_with_attributes(label_encoder=LabelEncoder().fit(["u", "v"])),
    "pandas method with keyword arguments": lambda: method_caller("drop", columns=["note"], errors="ignore"),
    "pandas method with a dictionary": lambda: method_caller("fillna", {"age": 0.0}),
    "dtypes by column": lambda: FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": {"age": np.float32}}),
    "attrgetter of a date part": lambda: FunctionTransformer(operator.attrgetter("dt.year")),
    "itemgetter of columns": lambda: FunctionTransformer(operator.itemgetter((slice(None), [0, 1]))),
    "tokenizer by a compiled pattern": lambda: CountVectorizer(
        tokenizer=re.compile(r"\w+").findall, token_pattern=None
    ).fit(TEXTS),
    "preprocessor that replaces a pattern": lambda: CountVectorizer(preprocessor=partial(re.sub, r"\d+", "#")).fit(
        TEXTS
    ),
    "analyzer of another vectorizer": lambda: CountVectorizer(analyzer=CountVectorizer().build_analyzer()).fit(TEXTS),
    "categories of bytes": lambda: fitted_encoder([b"a", b"b"]),
    "categories of timestamps": lambda: fitted_encoder([pd.Timestamp("2024-01-01", tz="Europe/Rome"), pd.NaT]),
    "column of models": lambda: pd.Series([StandardScaler(), DecisionTreeClassifier()], index=["a", "b"]),
    "column of dictionaries": lambda: pd.Series([{"C": 1}, {"C": 2}]),
    "data set": load_iris,
    "grid search over parameters": lambda: grid_search(
        clf__kernel=["rbf", "linear"], memory_size=[1], clf__estimator=[SVC()]
    ),
    "bagging with the estimator parameter criterion": lambda: bagging_with_estimator_param("criterion"),
}


@pytest.mark.parametrize("label", GENUINE_MODELS)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_customised_genuine_models_are_safe_and_load(label, protocol, tmp_path):
    model = GENUINE_MODELS[label]()
    assert scan_verdict(model, tmp_path, protocol) is Verdict.SAFE
    with (tmp_path / "model.pkl").open("rb") as file:
        assert type(load_pickle(file, Trust("model/1"))) is type(model)


HOSTILE_MODELS = {
    "grid search over importance_getter": lambda: grid_search(clf__importance_getter=["coef_.ctypes"]),
    "grid search over memory folders": lambda: grid_search(memory=["/tmp/cache"]),
    "grid search over feature name templates": lambda: grid_search(ct__verbose_feature_names_out=["{0.__init__}"]),
    "grid search over inputs from files": lambda: GridSearchCV(CountVectorizer(), [{"input": ["content", "filename"]}]),
    "bagging with the estimator parameter inner__memory": lambda: bagging_with_estimator_param("inner__memory"),
    "bagging with the estimator parameter importance_getter": lambda: bagging_with_estimator_param("importance_getter"),
    "template that reaches modules": lambda: column_transformer_with_unchecked_template(
        "{transformer_name.__class__.__init__.__globals__}"
    ),
    "template with an index": lambda: column_transformer_with_unchecked_template("{feature_name[0]}"),
    "template with a conversion": lambda: column_transformer_with_unchecked_template(
        "{feature_name!r:{transformer_name}}"
    ),
    "importance_getter path that reaches modules": lambda: selector("coef_.ctypes._ctypes.cdll.library"),
    "importance_getter path beyond weights": lambda: selector("coef_.ctypes"),
    "importance_getter path of private names": lambda: selector("named_steps.__class__.coef_"),
    "attribute that hides a method": lambda: model_with_attributes(predict=["u"]),
    "attribute that hides a property": lambda: model_with_attributes(__class__="u"),
    "private attribute": lambda: model_with_attributes(_estimator_type="clusterer"),
    "attribute memory with a folder of pickles": lambda: model_with_attributes(memory="/tmp/cache"),
    "attribute with a path": lambda: model_with_attributes(data=PurePosixPath("/etc/passwd")),
    "attribute with a function": lambda: model_with_attributes(score_function=np.mean),
    "pandas method that writes a file": lambda: method_caller("to_csv", path_or_buf="/tmp/a.csv"),
    "pandas method that evaluates a string": lambda: method_caller("query", expr="@x"),
    "pandas method that calls methods by name": lambda: method_caller("agg", "to_pickle"),
    "pandas method that changes its input": lambda: method_caller("fillna", value=0, inplace=True),
    "attrgetter of a nested attribute": lambda: FunctionTransformer(operator.attrgetter("__class__.__init__")),
    "pandas function that evaluates a string": lambda: FunctionTransformer(pd.DataFrame.eval, kw_args={"expr": "1"}),
    "method of a model as a tokenizer": lambda: CountVectorizer(
        tokenizer=model_with_attributes().fit, token_pattern=None
    ),
}


@pytest.mark.parametrize("label", HOSTILE_MODELS)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_customised_models_with_code_or_paths_are_not_safe(label, protocol, tmp_path):
    assert scan_verdict(HOSTILE_MODELS[label](), tmp_path, protocol) is Verdict.UNKNOWN


def test_positional_arguments_for_a_pandas_function_are_not_safe(tmp_path):
    """The input would become the next positional argument, such as a dtype that can name a time zone file."""
    with_keywords, with_positions = partial(pd.DataFrame, columns=["a", "b"]), partial(pd.DataFrame, [1], None, None)
    assert scan_verdict(FunctionTransformer(with_keywords), tmp_path) is Verdict.SAFE
    assert scan_verdict(FunctionTransformer(with_positions), tmp_path) is Verdict.UNKNOWN


def continued_lightgbm_model(monkeypatch, **attributes):
    """A continued LightGBM model. One of its objects frees the memory address in its attributes."""
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
    assert scan_verdict(continued_lightgbm_model(monkeypatch, pred_parameter="verbose=-1"), tmp_path) is Verdict.SAFE
    assert scan_verdict(continued_lightgbm_model(monkeypatch, _handle=12345678), tmp_path) is Verdict.UNKNOWN


OWN_MODULE = """
class Encoder(dict):
    pass

class Result:
    pass

anonymous = lambda rows: rows
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_classes.py").write_text(OWN_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    import own_classes

    yield own_classes
    sys.modules.pop("own_classes", None)


@pytest.mark.parametrize("protocol", [0, 1, 2, 5])
def test_own_classes_load_with_trust_in_every_protocol(registry, own_module, tmp_path, protocol):
    result = own_module.Result()
    result.__doc__, result.state = "How it was created.", types.SimpleNamespace(filtered=ROWS)
    (tmp_path / "model.pkl").write_bytes(
        pickle.dumps(own_module.Encoder(result=result, model=model_with_attributes()), protocol)
    )
    version = registry.register(tmp_path / "model.pkl", "churn")
    assert "modelreg trust add own_classes.Encoder own_classes.Result" in version.notes[0]
    registry.trust("own_classes.Encoder", "own_classes.Result", message="ours")
    loaded = registry.load("churn/1")
    assert (type(loaded).__name__, loaded["result"].__doc__) == ("Encoder", "How it was created.")


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_dictionary_that_is_its_own_attributes_is_loaded(registry, own_module, tmp_path, protocol):
    instance = own_module.Encoder(model=model_with_attributes())
    instance.__dict__ = instance
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(instance, protocol))
    registry.register(tmp_path / "model.pkl", "churn")
    registry.trust("own_classes.Encoder", message="ours")
    assert registry.load("churn/1").model.predict(ROWS[:1]) == [0]


@pytest.mark.parametrize("protocol", [0, 2])
def test_a_dictionary_entry_that_hides_a_method_is_not_loaded(registry, own_module, tmp_path, protocol):
    instance = own_module.Encoder(predict=model_with_attributes())
    instance.__dict__ = instance
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(instance, protocol))
    registry.register(tmp_path / "model.pkl", "churn")
    registry.trust("own_classes.Encoder", message="ours")
    with pytest.raises(UntrustedModel, match="hides a method"):
        registry.load("churn/1")


def test_an_attribute_that_hides_a_method_of_an_own_class_is_not_loaded(registry, own_module, tmp_path):
    for number, attributes in enumerate(({"__doc__": [1]}, {"__len__": 1}, {"predict": 1})):
        instance = own_module.Result()
        vars(instance).update(attributes)
        (tmp_path / "model.pkl").write_bytes(pickle.dumps(instance, 0))
        registry.register(tmp_path / "model.pkl", "churn")
        registry.trust("own_classes.Result", message="ours")
        with pytest.raises(UntrustedModel, match="hides a method"):
            registry.load(f"churn/{number + 1}")


def test_the_hint_for_a_lambda_says_to_move_it_to_a_module(registry, own_module, tmp_path):
    cloudpickle = pytest.importorskip("cloudpickle")
    (tmp_path / "model.pkl").write_bytes(cloudpickle.dumps(FunctionTransformer(own_module.anonymous)))
    registry.register(tmp_path / "model.pkl", "churn")
    with pytest.raises(UntrustedModel) as error:
        registry.load("churn/1")
    assert "in an importable module" in error.value.hint
    assert trust_refusal("own_classes", "<lambda>") is not None
    with pytest.raises(InvalidInput):
        registry.trust("own_classes.<lambda>", message="ours")
