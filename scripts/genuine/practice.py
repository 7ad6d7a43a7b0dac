"""Models as in notebooks and user guides: unusual parameters, notes, and caches of tables."""

from __future__ import annotations

import datetime
import math
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from genuine.attempts import Candidate, fit
from genuine.datasets import Data

ZONES = (
    "Europe/Rome",
    "America/New_York",
    "US/Eastern",
    "Asia/Kolkata",
    "Australia/Sydney",
    "UTC",
    "Etc/GMT+3",
    "+02:00",
)


def searches(data: Data) -> Iterator[Candidate]:
    """Searches over every kind of value, with splitters and scorers that hold objects."""
    from scipy.stats import randint
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, DotProduct, WhiteKernel
    from sklearn.linear_model import Lasso
    from sklearn.metrics import f1_score, make_scorer
    from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, RepeatedKFold, ShuffleSplit
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    weights = [None, "balanced", {0: 1, 1: 2, 2: 3}]
    kernels = [1 * RBF(), DotProduct() + WhiteKernel()]
    some_labels = make_scorer(f1_score, labels=[1, 2], average="micro")
    random = np.random.RandomState(0)
    by_name: dict[str, Any] = {
        "without a scorer": GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=2),
        "texts of NumPy": GridSearchCV(SVC(), {"kernel": np.array(["rbf", "linear"])}, cv=2),
        "a range": RandomizedSearchCV(SVC(kernel="poly"), {"degree": range(2, 4)}, n_iter=2, cv=2),
        "weights": RandomizedSearchCV(DecisionTreeClassifier(), {"class_weight": weights}, n_iter=2, cv=2),
        "depths": RandomizedSearchCV(DecisionTreeClassifier(), {"max_depth": randint(2, 6)}, n_iter=2, cv=2),
        "labels to score": GridSearchCV(SVC(), {"C": [1, 2]}, scoring=some_labels, cv=2),
        "a random state": GridSearchCV(SVC(), {"C": [1, 2]}, cv=ShuffleSplit(2, random_state=random)),
    }
    for name, search in by_name.items():
        yield f"search: {name}", partial(fit, search, data.X, data.classes)
    kernel_search = GridSearchCV(GaussianProcessRegressor(), {"kernel": kernels}, cv=2)
    yield "search: kernels", partial(fit, kernel_search, data.X, data.numbers)
    repeated = GridSearchCV(
        Lasso(), {"alpha": [0.1, 1]}, cv=RepeatedKFold(n_splits=2, n_repeats=1, random_state=random)
    )
    yield "search: repeated folds", partial(fit, repeated, data.X, data.numbers)
    yield "search: transformers of columns", partial(fit, _build_column_search(), data.frame, data.classes)
    yield "search: its results", lambda: pd.DataFrame(fit(by_name["weights"], data.X, data.classes).cv_results_)


def _build_column_search() -> Any:
    from sklearn.compose import ColumnTransformer, make_column_selector
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler
    from sklearn.svm import SVC

    steps = make_pipeline(ColumnTransformer([("a", StandardScaler(), ["age"])]), SVC())
    first = [("a", StandardScaler(), ["age"])]
    second = [("a", MinMaxScaler(), ["income"]), ("b", "drop", make_column_selector(pattern="z"))]
    return GridSearchCV(steps, {"columntransformer__transformers": [first, second]}, cv=2)


def columns(data: Data) -> Iterator[Candidate]:
    """Columns selected by arrays, tables and lists of types."""
    from sklearn.compose import ColumnTransformer, make_column_selector
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    named: dict[str, Any] = {
        "array of names": np.array(["age", "income"]),
        "series of names": pd.Series(["age", "income"]),
        "series of a mask": pd.Series([True, False, True, False]),
        "excluded types": make_column_selector(dtype_exclude=["object", "category"]),
        "types of Python": make_column_selector(dtype_include=[object, float, "category"]),
        "types of NumPy": make_column_selector(dtype_include=(np.int64, np.float64)),
    }
    for name, selector in named.items():
        estimator = ColumnTransformer([("a", StandardScaler(), selector)])
        yield f"columns: {name}", partial(fit, estimator, data.frame)
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    values: dict[str, Any] = {
        "intervals": pd.cut(data.frame["age"], 3),
        "dates": pd.Series([day.date() for day in days], dtype=object),
        "times with a zone": pd.Series(list(days), dtype=object),
        "periods": pd.Series(list(pd.period_range("2024-01", periods=3, freq="M")), dtype=object),
    }
    values |= {
        "bytes": pd.Series([b"a", b"b", b"a"], dtype=object),
        "times and none": pd.Series([days[0].tz_localize(None), pd.NaT], dtype=object),
        "bytes of NumPy": pd.Series(list(np.array(["a", "b"], "S")), dtype=object),
    }
    for name, column in values.items():
        for encoder in (OneHotEncoder(), OrdinalEncoder()):
            yield f"categories: {name} {encoder}", partial(fit, encoder, column.to_frame())
    for zone in ZONES:
        named = pd.Series(pd.date_range("2024-01-01", periods=3, tz=zone)).to_frame("at")
        yield f"categories: times in {zone}", partial(fit, OneHotEncoder(), named)
        yield f"table: times in {zone}", lambda named=named, zone=zone: {"table": named, "at": pd.Timestamp(0, tz=zone)}
    cities = data.customers["city"] if "city" in data.customers else pd.Series(["Lima", "Pune"] * 3)
    for name, categories in {"index": pd.Index(cities.unique()), "series": pd.Series(cities.unique())}.items():
        estimator = OneHotEncoder(categories=[categories], handle_unknown="ignore")
        yield f"categories: from an {name}", partial(fit, estimator, cities.to_frame())


def parameters(data: Data) -> Iterator[Candidate]:
    """Estimators with another estimator, a kernel, a function or a dictionary as a parameter."""
    from sklearn.cluster import AgglomerativeClustering, Birch
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ExpSineSquared, PairwiseKernel
    from sklearn.impute import SimpleImputer
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.neighbors import KNeighborsClassifier, kneighbors_graph
    from sklearn.tree import DecisionTreeClassifier

    polynomial = PairwiseKernel(metric="polynomial", pairwise_kernels_kwargs={"degree": 2})
    neighbors = partial(kneighbors_graph, n_neighbors=5)
    yield "parameter: a kernel", partial(fit, KernelRidge(kernel=ExpSineSquared()), data.X, data.numbers)
    yield "parameter: kernel of pairs", partial(fit, GaussianProcessRegressor(polynomial), data.X, data.numbers)
    yield "parameter: clusters", partial(fit, Birch(n_clusters=AgglomerativeClustering(3)), data.X)
    yield "parameter: a graph", partial(fit, AgglomerativeClustering(3, connectivity=neighbors), data.X)
    for metric, extra in (("mahalanobis", {"VI": np.eye(4)}), ("seuclidean", {"V": np.ones(4)})):
        estimator = KNeighborsClassifier(metric=metric, metric_params=extra, algorithm="ball_tree")
        yield f"parameter: {metric}", partial(fit, estimator, data.X, data.classes)
    several = [{0: 1, 1: 2}] * data.multilabel.shape[1]
    two_values = np.minimum(data.multilabel, 1)
    yield (
        "parameter: weights of each output",
        partial(fit, DecisionTreeClassifier(class_weight=several), data.X, two_values),
    )
    yield (
        "parameter: missing values",
        partial(fit, SimpleImputer(missing_values=pd.NA, strategy="most_frequent"), data.frame.convert_dtypes()),
    )
    words = pd.Index(["word1", "word2"])
    few = {0: 1, 1: 2, 2: 3}
    for weights in (Counter(few), OrderedDict(few), defaultdict(float, few)):
        estimator = DecisionTreeClassifier(class_weight=weights)
        yield f"parameter: weights in a {type(weights).__name__}", partial(fit, estimator, data.X, data.classes)
    distance = KNeighborsClassifier(metric=math.dist, algorithm="ball_tree")
    yield "parameter: distance of Python", partial(fit, distance, data.X, data.classes)
    yield "parameter: cross-validated values", lambda: _fit_with_stored_values(data)
    yield "parameter: words in an index", partial(fit, CountVectorizer(vocabulary=words), data.texts)
    yield "parameter: counted words", partial(fit, CountVectorizer(vocabulary=Counter(b=1, a=0)), data.texts)
    yield "request of metadata", lambda: _request_metadata(fit(RandomForestClassifier(3), data.X, data.classes))


def _fit_with_stored_values(data: Data) -> Any:
    from inspect import signature

    from sklearn.linear_model import RidgeCV

    name = "store_cv_results" if "store_cv_results" in signature(RidgeCV).parameters else "store_cv_values"
    return RidgeCV(alphas=[0.1, 1], **{name: True}).fit(data.X, data.numbers)


def _request_metadata(model: Any) -> Any:
    from sklearn import config_context

    with config_context(enable_metadata_routing=True):
        return model.set_fit_request(sample_weight=True)


def noted(data: Data) -> Iterator[Candidate]:
    """Fitted models with notes: attributes that a notebook sets on them."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import LabelEncoder, StandardScaler

    notes: dict[str, Any] = {
        "feature_names": list(data.frame),
        "columns": data.frame.columns,
        "version": "1.0",
        "threshold_": 0.4,
        "metadata": {"trained": datetime.datetime(2026, 1, 2), "auc": 0.9, "by": {"team": "risk"}},
        "metrics": {"f1": np.float64(0.3)},
        "label_encoder": LabelEncoder().fit(data.customers["city"]),
        "mapping": {0: "no", 1: "yes"},
        "cut_offs": data.X[:, 0],
    }
    for name, value in notes.items():
        for model in (LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())):
            fitted = partial(fit, model, data.X, data.binary)
            yield f"noted: {name} {type(model).__name__}", lambda f=fitted, n=name, v=value: _add_note(f(), n, v)


def _add_note(model: Any, name: str, value: Any) -> Any:
    setattr(model, name, value)
    return model


def leftovers(data: Data) -> Iterator[Candidate]:
    """Tables whose columns were added one by one, matrices with caches, and objects saved beside a model."""
    import scipy.sparse
    from sklearn.preprocessing import LabelEncoder

    def use_caches(matrix: Any) -> Any:
        assert matrix.has_sorted_indices in (True, False)
        assert matrix.has_canonical_format in (True, False)
        return matrix

    mixed = pd.DataFrame({"a": [1], "x": ["u"], "b": [2], "c": [3]})
    yield "table: mixed columns", lambda: mixed.copy()
    yield "table: assigned", lambda: data.frame.assign(note="n", more=1, last=2.0)
    yield "table: dummies", lambda: pd.get_dummies(data.customers.select_dtypes("number").assign(kind=list("ab") * 24))
    for kind in ("csr", "csc", "bsr"):
        yield f"matrix: {kind}", lambda kind=kind: use_caches(scipy.sparse.eye(3).asformat(kind))
    yield "beside a model: encoders", lambda: defaultdict(LabelEncoder, a=LabelEncoder().fit(["u", "v"]))
    yield "beside a model: sets", lambda: defaultdict(set, {"a": {1, 2}})
    yield "beside a model: steps of time", lambda: pd.timedelta_range("1h", periods=3)


def boosters(data: Data) -> Iterator[Candidate]:
    """Boosting models with the parameter names of their own libraries."""
    from catboost import CatBoostClassifier
    from lightgbm import LGBMClassifier
    from sklearn.metrics import log_loss
    from xgboost import XGBClassifier

    silent = {"verbose": 0, "allow_writing_files": False}
    models = {
        "LightGBM": LGBMClassifier(n_estimators=2, verbosity=-1, feature_fraction=0.8, lambda_l1=0.1, seed=1),
        "CatBoost": CatBoostClassifier(n_estimators=2, random_state=1, task_type="CPU", rsm=0.5, **silent),
        "XGBoost": XGBClassifier(n_estimators=2, eval_metric=log_loss, updater="grow_quantile_histmaker"),
    }
    for name, model in models.items():
        yield f"parameters of {name}", lambda model=model: model.fit(data.X, data.binary)
