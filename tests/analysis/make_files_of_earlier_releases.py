"""Write a pickle of small fitted models with the installed releases of scikit-learn, pandas and NumPy.

Run it in an environment with earlier releases: ``python make_files_of_earlier_releases.py FOLDER``. It needs no other
packages, and skips models that the releases do not support.
"""

import gzip
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse
import sklearn
from sklearn import (
    covariance,
    ensemble,
    linear_model,
    metrics,
    model_selection,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import IterativeImputer

RANDOM = np.random.RandomState(0)
X = RANDOM.rand(24, 3)
CLASSES, BINARY, NUMBERS = np.arange(24) % 3, np.arange(24) % 2, X.sum(axis=1) + 0.5
TEXTS = ["word{} and word{}".format(number % 3, number % 5) for number in range(24)]  # noqa: UP032  # Python 3.8, too
CHOICES = {"C": [0.1, 1.0]}


def model_makers():
    """Functions that create models. They may raise in releases without that model."""
    few = {"n_estimators": 1, "max_depth": 2}
    for target in (CLASSES, BINARY):
        yield lambda target=target: ensemble.HistGradientBoostingClassifier(max_iter=1, max_depth=2).fit(X, target)
        yield lambda target=target: ensemble.GradientBoostingClassifier(**few).fit(X, target)
        yield lambda target=target: linear_model.SGDClassifier(loss="modified_huber").fit(X, target)
        yield lambda target=target: ensemble.RandomForestClassifier(**few).fit(X, target)
    for loss in ("squared_error", "absolute_error", "poisson", "gamma"):
        yield lambda loss=loss: ensemble.HistGradientBoostingRegressor(loss=loss, max_iter=1).fit(X, NUMBERS)
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        yield lambda loss=loss: ensemble.GradientBoostingRegressor(loss=loss, **few).fit(X, NUMBERS)
    yield lambda: ensemble.GradientBoostingClassifier(loss="exponential", **few).fit(X, BINARY)
    for kind in (linear_model.PoissonRegressor, linear_model.GammaRegressor, linear_model.TweedieRegressor):
        yield lambda kind=kind: kind().fit(X, NUMBERS)
    for metric in ("euclidean", "manhattan", "minkowski", "chebyshev"):
        yield lambda metric=metric: neighbors.KNeighborsClassifier(metric=metric, algorithm="ball_tree").fit(X, CLASSES)
    yield lambda: neighbors.KNeighborsRegressor(algorithm="kd_tree").fit(X, NUMBERS)
    for scoring in ("accuracy", "neg_log_loss", "roc_auc_ovr", metrics.make_scorer(metrics.f1_score, average="macro")):
        yield lambda scoring=scoring: model_selection.GridSearchCV(
            linear_model.LogisticRegression(), CHOICES, scoring=scoring, cv=2
        ).fit(X, CLASSES)
    yield lambda: metrics.make_scorer(metrics.average_precision_score, needs_threshold=True)
    yield lambda: metrics.check_scoring(linear_model.LogisticRegression())
    yield lambda: IterativeImputer(max_iter=1).fit(X)
    yield lambda: covariance.GraphicalLassoCV(cv=2).fit(X)
    yield lambda: pipeline.make_pipeline(preprocessing.StandardScaler(), svm.SVC()).fit(X, CLASSES)
    yield lambda: pipeline.make_pipeline(TfidfVectorizer(), svm.LinearSVC()).fit(TEXTS, CLASSES)
    yield lambda: neural_network.MLPRegressor((2,), max_iter=2).fit(X, NUMBERS)
    yield lambda: tree.DecisionTreeRegressor(max_depth=2).fit(X, NUMBERS)
    yield lambda: [
        preprocessing.FunctionTransformer(function) for function in (np.log1p, np.clip, np.round, np.asarray)
    ]
    yield lambda: [getattr(scipy.sparse, name + "_array")(np.eye(2)) for name in ("csr", "csc", "coo", "lil")]
    yield from table_makers()


def table_makers():
    """Functions that create pandas objects."""
    days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    yield lambda: pd.DataFrame({"a": [1.5, 2, 3], "b": ["x", "y", None], "day": days}, index=[3, 4, 5])
    yield lambda: [pd.array([1, None], dtype=code) for code in ("Int8", "Int64", "UInt16", "Float32", "string")]
    yield lambda: [pd.Index([1, 2]), pd.Index([1.5]), pd.RangeIndex(2), pd.interval_range(0, 2), pd.Interval(0, 1)]
    yield lambda: [pd.Categorical(["a"]), pd.Period("2024-01"), pd.NaT, pd.Timedelta("1s"), pd.Timestamp("2024-01-01")]
    yield lambda: [pd.offsets.Hour(2), pd.offsets.BusinessDay(), pd.offsets.Week(weekday=1), pd.offsets.MonthBegin()]
    yield lambda: pd.Timestamp("2024-01-01", tz="UTC")
    yield lambda: pd.arrays.SparseArray([0.0, 1.0], kind="block")


def create_models():
    """The models that the installed releases can create and pickle."""
    for make in model_makers():
        try:
            model = make()
            pickle.dumps(model, 4)
        except (AttributeError, TypeError, ValueError):
            continue
        yield model


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    name = "scikit-learn-{}-numpy-{}-pandas-{}.pkl.gz".format(sklearn.__version__, np.__version__, pd.__version__)  # noqa: UP032
    content = pickle.dumps(list(create_models()), 4)
    Path(sys.argv[1], name).write_bytes(gzip.compress(content, 9, mtime=0))
