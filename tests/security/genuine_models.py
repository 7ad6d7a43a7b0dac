"""Genuine models, as people fit them, and the arrays, tables and matrices that they are made of."""

from __future__ import annotations

import collections
import datetime
import decimal
import functools
import math
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from scipy import interpolate, optimize, spatial, special
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401

RANDOM = np.random.default_rng(0)
ROWS = 60
X = RANDOM.random((ROWS, 4))
CLASSES = RANDOM.integers(0, 3, ROWS)
NUMBERS = X @ [1.0, 2.0, 3.0, 4.0] + RANDOM.random(ROWS)
BINARY = CLASSES % 2
MANY = np.stack([CLASSES % 2, CLASSES // 2], axis=1)
TEXTS = [f"word{number % 7} and word{number % 5}" for number in range(ROWS)]
RECORDS = [{"a": number, "b": f"kind {number % 3}"} for number in range(ROWS)]
FRAME = pd.DataFrame({"age": X[:, 0], "income": X[:, 1], "city": [f"c{number % 3}" for number in range(ROWS)]})

DATA: tuple[tuple[Any, Any], ...] = (
    (X, CLASSES),
    (X, NUMBERS),
    (X, MANY),
    (X, np.stack([NUMBERS, NUMBERS], axis=1)),
    (X[:, 0], NUMBERS),
    (TEXTS, CLASSES),
    (RECORDS, CLASSES),
    (CLASSES, None),
    (MANY, None),
    (X @ X.T, CLASSES),
)
"""What an estimator is fitted on: the first that it takes."""


def fitted_estimators() -> Iterator[Any]:
    """Every estimator of the installed scikit-learn that can be fitted."""
    from sklearn.utils import all_estimators

    for _, kind in all_estimators():
        for made in _instances(kind):
            fitted = _fitted(made)
            if fitted is not None:
                yield fitted


def combined_estimators() -> Iterator[Any]:
    """Pipelines, searches and choices that change what is inside of a model."""
    for made in _combinations():
        fitted = _fitted(made)
        if fitted is not None:
            yield fitted
    yield from (made.fit(X, BINARY) for made in _classifiers_in_two())
    yield _pipeline_of_columns().fit(FRAME, CLASSES)


def boosted_models() -> Iterator[Any]:
    """Of XGBoost and LightGBM, where they are installed."""
    try:
        import lightgbm
        import xgboost
    except ImportError:
        return
    for kind in (xgboost.XGBClassifier, xgboost.XGBRegressor, xgboost.XGBRFClassifier, xgboost.XGBRFRegressor):
        yield _fitted(kind(n_estimators=2))
    yield xgboost.train({}, xgboost.DMatrix(X, NUMBERS), 2)
    yield xgboost.XGBRanker(n_estimators=2).fit(X, CLASSES, group=[ROWS])
    for kind in (lightgbm.LGBMClassifier, lightgbm.LGBMRegressor):
        yield _fitted(kind(n_estimators=2, verbose=-1))
    yield lightgbm.LGBMRanker(n_estimators=2, verbose=-1).fit(X, CLASSES, group=[ROWS])
    yield lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, NUMBERS), 2)


def genuine_objects() -> Iterator[Any]:
    """All of these, and the parts that models keep."""
    yield from fitted_estimators()
    yield from combined_estimators()
    yield from boosted_models()
    yield from parts_of_models()
    yield from _looked_up()


def parts_of_models() -> Iterator[Any]:
    """Arrays, tables, functions and other things that models keep."""
    yield from _of_python()
    yield from _of_numpy()
    yield from _of_scipy()
    yield from _of_pandas()
    yield from _frequencies()
    yield from _functions()


def _instances(kind: Any) -> list[Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(_constructor()(kind))
    except Exception:  # of a kind that is abstract, or needs a library that is not here
        return []


def _constructor() -> Callable[[Any], Iterable[Any]]:
    """scikit-learn's own way to make instances for its tests, which moved."""
    try:
        from sklearn.utils._test_common.instance_generator import _construct_instances
    except ImportError:
        from sklearn.utils.estimator_checks import _construct_instance

        return lambda kind: [_construct_instance(kind)]
    construct: Callable[[Any], Iterable[Any]] = _construct_instances
    return construct


def _fitted(made: Any) -> Any:
    for inputs, target in DATA:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return made.fit(inputs, target)
        except Exception:  # scikit-learn says in many ways that it does not take this data
            continue
    return None


def _combinations() -> Iterator[Any]:
    from sklearn import ensemble, gaussian_process, linear_model, model_selection, neighbors, preprocessing, svm, tree
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.gaussian_process import kernels
    from sklearn.metrics import f1_score, make_scorer
    from sklearn.pipeline import make_pipeline, make_union

    scale, forest = preprocessing.StandardScaler(), ensemble.RandomForestClassifier(3, random_state=0)
    logistic = linear_model.LogisticRegression()
    yield from (preprocessing.FunctionTransformer(each) for each in (np.log1p, np.sqrt, special.expit, np.abs))
    yield make_pipeline(scale, make_union(preprocessing.PolynomialFeatures(2), scale), logistic)
    for scoring in ("roc_auc_ovr", "accuracy", "neg_log_loss", make_scorer(f1_score, average="macro")):
        yield model_selection.GridSearchCV(logistic, {"C": [0.1, 1.0]}, scoring=scoring, cv=2)
    for split in (model_selection.StratifiedKFold(2), model_selection.ShuffleSplit(2, random_state=0)):
        yield model_selection.GridSearchCV(forest, {"max_depth": [1, None]}, cv=split)
    yield model_selection.RandomizedSearchCV(forest, {"max_depth": [1, 2, 3]}, n_iter=2, cv=2, random_state=0)
    yield linear_model.LogisticRegressionCV(Cs=2, cv=2)
    yield CalibratedClassifierCV(forest, method="isotonic", cv=2)
    yield ensemble.StackingClassifier([("f", forest), ("l", logistic)], cv=2)
    yield ensemble.VotingClassifier([("f", forest), ("l", logistic)])
    yield ensemble.RandomForestClassifier(2, random_state=np.random.RandomState(1))
    yield ensemble.HistGradientBoostingClassifier(max_iter=12, early_stopping=True, categorical_features=[0])
    for loss in ("squared_error", "absolute_error", "poisson", "gamma", "quantile"):
        quantile = {"quantile": 0.5} if loss == "quantile" else {}
        yield ensemble.HistGradientBoostingRegressor(loss=loss, max_iter=2, **quantile)
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        yield ensemble.GradientBoostingRegressor(loss=loss, n_estimators=2, init=linear_model.LinearRegression())
    for criterion in ("squared_error", "absolute_error", "friedman_mse", "poisson"):
        yield tree.DecisionTreeRegressor(criterion=criterion)
    for loss in ("hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron"):
        yield linear_model.SGDClassifier(loss=loss)
    for loss in ("squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"):
        yield linear_model.SGDRegressor(loss=loss)
    for metric in ("euclidean", "manhattan", "chebyshev", "canberra", "braycurtis", "cosine"):
        yield neighbors.KNeighborsClassifier(metric=metric)
    for algorithm in ("ball_tree", "kd_tree", "brute"):
        yield neighbors.KNeighborsRegressor(algorithm=algorithm, p=3)
        yield neighbors.KNeighborsClassifier(algorithm=algorithm).fit(X.astype("float32"), CLASSES)
    kernel = kernels.ConstantKernel(1.0) * kernels.RBF() + kernels.WhiteKernel() + kernels.Matern() ** 2
    yield gaussian_process.GaussianProcessRegressor(kernel + kernels.DotProduct() + kernels.RationalQuadratic())
    yield gaussian_process.GaussianProcessClassifier(kernels.ExpSineSquared() + kernels.PairwiseKernel())
    yield svm.SVC(kernel="poly", class_weight="balanced")
    yield preprocessing.StandardScaler().set_output(transform="pandas")
    yield from (
        preprocessing.PowerTransformer(),
        preprocessing.SplineTransformer(),
        preprocessing.QuantileTransformer(n_quantiles=5),
    )


def _classifiers_in_two() -> Iterator[Any]:
    """Classifiers that have other parts where there are two classes."""
    from sklearn import ensemble, linear_model, model_selection, neural_network

    yield from (
        ensemble.HistGradientBoostingClassifier(max_iter=2),
        ensemble.GradientBoostingClassifier(n_estimators=2),
    )
    yield ensemble.GradientBoostingClassifier(n_estimators=2, loss="exponential")
    yield from (linear_model.SGDClassifier(loss=loss) for loss in ("hinge", "log_loss", "modified_huber"))
    yield from (linear_model.LogisticRegression(), ensemble.AdaBoostClassifier(n_estimators=2))
    yield neural_network.MLPClassifier((2,), max_iter=2, solver="sgd")
    yield model_selection.TunedThresholdClassifierCV(linear_model.LogisticRegression(), cv=2)


def _pipeline_of_columns() -> Any:
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.feature_selection import SelectKBest, f_classif
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")), (OneHotEncoder(), ["city"])
    )
    return make_pipeline(columns, SelectKBest(f_classif, k=2), LogisticRegression())


def _of_numpy() -> Iterator[Any]:
    codes = ("?", "i1", "u2", "<i8", ">i4", "f2", "f4", "f8", "c16", "S5", "U7", "V3", "M8[ns]", "m8[s]")
    yield from (np.zeros(3, code) for code in codes)
    yield from (np.zeros(1, code)[0] for code in codes)
    yield from (np.asfortranarray(X), np.array(["a", None], object), np.zeros(2, [("a", "i4"), ("b", "O")]))
    yield from (np.matrix(X), np.ma.masked_array(X, X > 0.5), np.rec.array([(1, 2.0)]), np.dtype("f8"))
    if hasattr(np.dtypes, "StringDType"):  # NumPy 2
        yield np.array(["a", "b"], np.dtypes.StringDType())
    yield np.random.RandomState(0)
    kinds = (np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64DXSM)
    yield from (np.random.Generator(kind(0)) for kind in kinds)
    yield from (np.random.RandomState(kind(0)) for kind in kinds)
    yield np.random.SeedSequence(1)
    yield [each for each in vars(np).values() if isinstance(each, np.ufunc)]
    yield [np.dtype(code).type for code in codes]
    yield [getattr(np.polynomial, kind)([1, 2]) for kind in ("Polynomial", "Chebyshev", "Hermite", "Legendre")]
    yield from (np.ma.masked, np.linalg.LinAlgError("why"))
    yield np.poly1d([1, 2])


def _looked_up() -> Iterator[Any]:
    """What is pickled as an attribute of something else, for which nobody vouches."""
    steps = np.arange(10.0)
    yield from (interpolate.interp1d(steps, steps), pd.Timestamp("2026-01-01", tz="Europe/Paris"))


def _of_scipy() -> Iterator[Any]:
    for kind in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil"):
        yield getattr(scipy.sparse, f"{kind}_matrix")(np.eye(3))
        yield getattr(scipy.sparse, f"{kind}_array")(np.eye(3))
    yield from (spatial.KDTree(X), spatial.cKDTree(X))
    steps = np.arange(10.0)
    yield interpolate.make_interp_spline(steps, steps)
    yield from (interpolate.CubicSpline(steps, steps), interpolate.PchipInterpolator(steps, steps))
    yield from (interpolate.Akima1DInterpolator(steps, steps), interpolate.UnivariateSpline(steps, steps))
    yield from (
        interpolate.InterpolatedUnivariateSpline(steps, steps),
        interpolate.BarycentricInterpolator(steps, steps),
    )
    yield from (interpolate.RegularGridInterpolator((steps,), steps), interpolate.NearestNDInterpolator(X, NUMBERS))
    yield from (optimize.Bounds([0], [1]), optimize.OptimizeResult(x=steps))
    yield [each for each in vars(special).values() if isinstance(each, np.ufunc)]


def _of_pandas() -> Iterator[Any]:
    days = pd.date_range("2026-01-01", periods=3, tz="UTC")
    yield pd.DataFrame(
        {
            "number": [1.0, None, 3.0],
            "text": ["a", None, "c"],
            "object": pd.Series(["a", 1, None], dtype=object),
            "kind": pd.Categorical(["a", "b", "a"]),
            "day": days,
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "real": pd.array([1.5, None, 3], dtype="Float64"),
            "truth": pd.array([True, None, False], dtype="boolean"),
            "string": pd.array(["a", None, "c"], dtype="string"),
            "span": pd.to_timedelta([1, 2, 3], unit="s"),
        },
        index=pd.Index(["x", "y", "z"], name="row"),
    )
    yield from (pd.Series([1, 2]), pd.Series(["a"]), pd.Series([0.0, 1.0], dtype=pd.SparseDtype("float64", 0.0)))
    yield from (
        pd.MultiIndex.from_product([["a"], [1, 2]]),
        pd.RangeIndex(3),
        days,
        pd.period_range("2026-01", periods=2),
    )
    yield from (pd.interval_range(0, 3), pd.CategoricalIndex(["a", "b"]), pd.to_timedelta([1], unit="s"))
    yield from (pd.Timestamp("2026-01-01", tz="UTC"), pd.Timedelta("1s"), pd.NaT, pd.NA, pd.Interval(0, 1))
    yield from (pd.Period("2026-01"), pd.offsets.Day(2), pd.offsets.MonthEnd(), pd.CategoricalDtype(["a"]))
    codes = ("Int8", "Int16", "Int32", "UInt8", "UInt16", "UInt32", "UInt64", "Float32")
    yield from (pd.array([1, None], dtype=code) for code in codes)
    yield from (pd.arrays.IntervalArray.from_breaks([0, 1, 2]), pd.IntervalDtype("int64", "left"))
    yield from (pd.array([1, 2], dtype=np.dtype("i8")), pd.arrays.NumpyExtensionArray(np.array(["a", "b"], object)))
    yield pd.arrays.SparseArray([0.0, 1.0], kind="block")
    yield from (pd.array(["a"], dtype=pd.StringDtype("python")), pd.DataFrame({"text": ["a", "b"]}, index=["x", "y"]))


def _of_python() -> Iterator[Any]:
    yield from (datetime.datetime(2026, 1, 1), decimal.Decimal("1.5"), Ellipsis, NotImplemented, ValueError("why"))
    yield from (collections.ChainMap({"a": 1}), collections.UserDict({"a": 1}), operator.itemgetter("a"))


def _frequencies() -> Iterator[Any]:
    """Each of pandas' that does not ask a calendar."""
    for kind in {each for each in vars(pd.offsets).values() if isinstance(each, type)}:
        if "Custom" in kind.__name__ or kind in (pd.offsets.BaseOffset, pd.offsets.Tick):
            continue
        yield kind(**({"startingMonth": 1, "weekday": 1} if kind.__name__.startswith("FY") else {}))
    yield from (pd.offsets.DateOffset(months=2), pd.tseries.frequencies.to_offset("W-WED"))


def _functions() -> Iterator[Any]:
    """What ``FunctionTransformer`` and ``metric=`` are given."""
    from sklearn import feature_extraction, metrics, preprocessing

    names = "clip nan_to_num asarray array where hstack vstack column_stack concatenate expand_dims atleast_2d average"
    names += " full_like zeros_like cumprod digitize interp linspace arange round sort ravel squeeze percentile"
    yield [getattr(np, name) for name in names.split()]
    yield [np.linalg.norm, np.fft.rfft, abs, len, round, math.log1p, functools.partial(np.clip, a_min=0)]
    yield [preprocessing.scale, preprocessing.label_binarize, feature_extraction.text.strip_accents_ascii]
    yield [spatial.distance.cosine, special.softmax, special.logsumexp, scipy.sparse.hstack]
    yield [pd.isna, pd.to_numeric, pd.cut, pd.get_dummies, pd.to_datetime]
    yield [metrics.get_scorer(name) for name in metrics.get_scorer_names()]
