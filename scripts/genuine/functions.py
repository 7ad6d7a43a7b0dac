"""Models that hold functions of libraries."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse, special, stats

from genuine.attempts import Candidate, fit
from genuine.datasets import Data

NUMPY_FUNCTIONS = (
    "log log1p log2 log10 sqrt cbrt square exp expm1 exp2 abs absolute fabs sin cos tan tanh arctan arcsinh sinh "
    "reciprocal negative sign rint floor ceil trunc round around nan_to_num asarray array ascontiguousarray "
    "asfortranarray atleast_2d isnan isfinite logical_not signbit sort real copy squeeze transpose ones_like "
    "zeros_like degrees radians deg2rad rad2deg positive conjugate cumsum cumprod diff gradient argsort fix "
    "float_power ravel vstack hstack"
)

WITH_MORE_ARGUMENTS = (
    "clip where column_stack concatenate stack expand_dims average full_like digitize interp linspace arange "
    "percentile quantile mean median std var min max sum argmax argmin dot matmul maximum minimum unique isin"
)
"""Functions of NumPy for configurations and ``functools.partial``."""

FUNCTIONS_WITH_INVERSE = (
    (np.log1p, np.expm1),
    (np.log, np.exp),
    (np.sqrt, np.square),
    (np.log2, np.exp2),
    (np.cbrt, functools.partial(np.power, x2=3)),
    (np.arcsinh, np.sinh),
    (np.reciprocal, np.reciprocal),
    (np.negative, np.negative),
    (special.logit, special.expit),
    (special.expm1, special.log1p),
    (np.square, np.sqrt),
    (functools.partial(np.multiply, 2.0), functools.partial(np.multiply, 0.5)),
    (functools.partial(np.add, 1), functools.partial(np.add, -1)),
)


def function_transformers(data: Data) -> Iterator[Candidate]:
    """``FunctionTransformer`` with common functions."""
    from sklearn import preprocessing

    transformer = preprocessing.FunctionTransformer
    for name in NUMPY_FUNCTIONS.split():
        yield f"FunctionTransformer numpy.{name}", lambda name=name: transformer(getattr(np, name)).fit(data.X)
    for name in (
        "expit",
        "logit",
        "log1p",
        "expm1",
        "cbrt",
        "exp2",
        "erf",
        "ndtri",
        "gammaln",
        "softmax",
        "log_softmax",
    ):
        yield (
            f"FunctionTransformer scipy.special.{name}",
            lambda name=name: transformer(getattr(special, name)).fit(data.X),
        )
    for forward, back in FUNCTIONS_WITH_INVERSE:
        estimator = transformer(forward, back, validate=True, check_inverse=False, feature_names_out="one-to-one")
        yield f"FunctionTransformer {_get_name(forward)} and back", partial(fit, estimator, data.frame)
    for number, function in enumerate(_list_partials()):
        yield f"FunctionTransformer partial {number}", partial(fit, transformer(function), data.X)
    for name, (function, inputs) in _list_frame_functions(data).items():
        yield f"FunctionTransformer {name}", partial(fit, transformer(function), inputs)
    arguments: list[tuple[Any, dict[str, Any]]] = [
        (np.clip, {"a_min": 0, "a_max": 1}),
        (np.round, {"decimals": 2}),
        (np.nan_to_num, {"nan": -1.0, "posinf": 0.0}),
        (np.power, {"x2": 2}),
        (np.full_like, {"fill_value": 0}),
        (np.quantile, {"q": [0.1, 0.9], "axis": 0}),
        (np.take, {"indices": [0, 2], "axis": 1}),
        (np.delete, {"obj": 1, "axis": 1}),
        (np.where, {}),
    ]
    for function, options in arguments:
        estimator = transformer(
            function, kw_args=options, inverse_func=np.abs, inv_kw_args={"where": True}, check_inverse=False
        )
        yield f"FunctionTransformer {_get_name(function)} with {list(options)}", partial(fit, estimator, data.X)
    for setting in ({}, {"accept_sparse": True}, {"validate": True}, {"func": None, "inverse_func": None}):
        yield f"FunctionTransformer {list(setting)}", partial(fit, transformer(**setting), data.frame)


def functions_alone(data: Data) -> Iterator[Candidate]:
    """Functions in a list or dict, saved beside models."""
    from scipy.spatial import distance
    from sklearn import feature_extraction, preprocessing

    for name in WITH_MORE_ARGUMENTS.split():
        yield f"function numpy.{name}", lambda name=name: {name: getattr(np, name)}
    several: dict[str, Any] = {
        "of NumPy's modules": [np.linalg.norm, np.fft.rfft, np.random.default_rng, np.polyval],
        "of Python": [abs, len, round, min, max, sum, float, int, str, math.log1p, math.sqrt, math.exp],
        "of scikit-learn": [preprocessing.scale, preprocessing.label_binarize],
        "of texts": [feature_extraction.text.strip_accents_ascii, str.lower, str.split],
        "of SciPy": [distance.cosine, special.softmax, special.logsumexp, sparse.hstack, stats.zscore],
        "of pandas": [pd.isna, pd.to_numeric, pd.cut, pd.get_dummies, pd.to_datetime],
    }
    for name, functions in several.items():
        yield f"functions {name}", partial(list, functions)


def _get_name(function: Any) -> str:
    inner = getattr(function, "func", function)
    return f"{'partial ' if inner is not function else ''}{getattr(inner, '__name__', type(inner).__name__)}"


def _list_partials() -> list[Any]:
    return [
        partial(np.clip, a_min=0, a_max=1),
        partial(np.clip, a_min=np.float64(0.1), a_max=None),
        partial(np.round, decimals=2),
        partial(np.nan_to_num, nan=0.0),
        partial(np.power, 2.0),
        partial(np.multiply, 100),
        partial(np.divide, 1.0),
        partial(np.asarray, dtype=np.float32),
        partial(np.asarray, dtype="float32"),
        partial(np.reshape, newshape=(-1, 4)) if np.__version__ < "2" else partial(np.reshape, shape=(-1, 4)),
        partial(np.log, dtype=np.float64),
        partial(np.sum, axis=1, keepdims=True),
        partial(np.mean, axis=1, keepdims=True),
        partial(stats.zscore, axis=0),
        partial(special.softmax, axis=1),
        partial(partial(np.clip, a_min=0), a_max=1),
    ]


def _list_frame_functions(data: Data) -> dict[str, tuple[Any, Any]]:
    from sklearn import preprocessing

    frame = data.customers
    cities = frame[["city"]]
    return {
        "itemgetter of a column": (operator.itemgetter("city"), frame),
        "itemgetter of columns": (operator.itemgetter(["age", "city"]), frame),
        "itemgetter of several": (operator.itemgetter("age", "city"), frame),
        "attrgetter of values": (operator.attrgetter("values"), frame),
        "DataFrame.to_numpy": (pd.DataFrame.to_numpy, frame),
        "DataFrame.abs": (pd.DataFrame.abs, data.frame),
        "DataFrame.fillna": (partial(pd.DataFrame.fillna, value=0), data.frame),
        "DataFrame.astype": (partial(pd.DataFrame.astype, dtype=str), cities),
        "DataFrame.drop": (partial(pd.DataFrame.drop, columns=["note"]), frame),
        "DataFrame.isna": (pd.DataFrame.isna, frame),
        "DataFrame.sum": (partial(pd.DataFrame.sum, axis=1), data.frame),
        "methodcaller to_numpy": (operator.methodcaller("to_numpy"), frame),
        "methodcaller fillna": (operator.methodcaller("fillna", 0), data.frame),
        "pandas.get_dummies": (pd.get_dummies, cities),
        "pandas.get_dummies of columns": (partial(pd.get_dummies, columns=["city"], drop_first=True), cities),
        "pandas.isna": (pd.isna, frame),
        "pandas.DataFrame": (pd.DataFrame, data.X),
        "pandas.to_numeric": (pd.to_numeric, frame["age"]),
        "pandas.cut": (partial(pd.cut, bins=[0, 30, 60, 100], labels=["young", "middle", "old"]), frame["age"]),
        "pandas.to_datetime": (pd.to_datetime, frame["since"]),
        "sklearn scale": (preprocessing.scale, data.X),
        "sklearn normalize": (partial(preprocessing.normalize, norm="l1"), data.X),
        "sklearn minmax_scale": (preprocessing.minmax_scale, data.X),
        "sklearn robust_scale": (preprocessing.robust_scale, data.X),
        "sklearn binarize": (partial(preprocessing.binarize, threshold=0.5), data.X),
        "csr_matrix": (sparse.csr_matrix, data.X),
        "scipy.sparse hstack": (sparse.hstack, [data.X]),
        "todense": (sparse.csr_matrix.toarray, sparse.csr_matrix(data.X)),
        "builtin abs": (abs, data.X),
        "builtin list": (list, data.texts),
        "builtin float": (np.float32, data.X),
    }


def transformed_targets(data: Data) -> Iterator[Candidate]:
    """``TransformedTargetRegressor`` with functions, and with transformers."""
    from sklearn import compose, linear_model, preprocessing

    target = data.numbers / (data.numbers.max() * 1.1)
    for forward, back in FUNCTIONS_WITH_INVERSE:
        estimator = compose.TransformedTargetRegressor(
            linear_model.Ridge(), func=forward, inverse_func=back, check_inverse=False
        )
        yield f"TransformedTargetRegressor {_get_name(forward)}", partial(fit, estimator, data.X, target)
    transformers: list[Any] = [
        preprocessing.StandardScaler(),
        preprocessing.QuantileTransformer(n_quantiles=9, output_distribution="normal"),
        preprocessing.PowerTransformer("box-cox"),
        preprocessing.FunctionTransformer(np.log1p, np.expm1),
    ]
    for transformer in transformers:
        estimator = compose.TransformedTargetRegressor(linear_model.Ridge(), transformer=transformer)
        yield f"TransformedTargetRegressor by {type(transformer).__name__}", partial(fit, estimator, data.frame, target)


def text_functions(data: Data) -> Iterator[Candidate]:
    """Vectorizers with functions as analyzer, tokenizer and preprocessor, and with their other options."""
    from sklearn.feature_extraction import text

    functions = [str.lower, str.upper, str.strip, str.split, str.casefold, str.title, str.splitlines, list, set, tuple]
    functions += [text.strip_accents_ascii, text.strip_accents_unicode, partial(str.split, sep=",")]
    functions += [operator.methodcaller("split"), operator.methodcaller("lower"), operator.itemgetter(0), str]
    for number, function in enumerate(functions):
        for kind in (text.CountVectorizer, text.TfidfVectorizer, text.HashingVectorizer):
            for parameter in ("analyzer", "tokenizer", "preprocessor"):
                estimator = kind(**{parameter: function})
                yield f"{kind.__name__} {parameter} {number} {_get_name(function)}", partial(fit, estimator, data.texts)
    options: list[dict[str, Any]] = [
        {"ngram_range": (1, 2), "max_features": 10, "min_df": 2, "max_df": 0.9},
        {"analyzer": "char", "ngram_range": (2, 3)},
        {"analyzer": "char_wb", "ngram_range": (2, 3), "lowercase": False},
        {"stop_words": "english", "strip_accents": "unicode"},
        {"stop_words": ["and", "word1"], "strip_accents": "ascii"},
        {"stop_words": text.ENGLISH_STOP_WORDS},
        {"vocabulary": ["word1", "word2"]},
        {"vocabulary": {"word1": 0, "word2": 1}, "dtype": np.float32},
        {"token_pattern": r"(?u)\b\w+\b", "binary": True},
        {"sublinear_tf": True, "norm": "l1", "smooth_idf": False},
        {"use_idf": False, "norm": None},
    ]
    for number, option in enumerate(options):
        for kind in (text.CountVectorizer, text.TfidfVectorizer):
            yield f"{kind.__name__} options {number}", lambda k=kind, o=option: k(**o).fit(data.texts)
            series = pd.Series(data.texts, name="note")
            yield f"{kind.__name__} options {number} on a Series", lambda k=kind, o=option, s=series: k(**o).fit(s)


def metrics_and_scores(data: Data) -> Iterator[Candidate]:
    """Neighbours with every metric, feature selection with every score function, and scorers of every name."""
    from scipy.spatial import distance
    from sklearn import feature_selection as fs
    from sklearn import metrics, neighbors
    from sklearn.metrics import pairwise

    names = "braycurtis canberra chebyshev cityblock correlation cosine euclidean hamming minkowski sqeuclidean"
    names += " jensenshannon"
    for name in names.split():
        estimator = neighbors.KNeighborsClassifier(3, metric=getattr(distance, name))
        yield f"KNeighborsClassifier metric scipy {name}", partial(fit, estimator, data.X, data.classes)
    for name in neighbors.VALID_METRICS["brute"]:
        estimator = neighbors.NearestNeighbors(metric=name, algorithm="brute")
        yield f"NearestNeighbors metric {name}", partial(fit, estimator, data.X)
    for name in ("euclidean", "manhattan", "chebyshev", "minkowski"):
        estimator = neighbors.KNeighborsRegressor(
            3, metric=metrics.DistanceMetric.get_metric(name), algorithm="ball_tree"
        )
        yield f"KNeighborsRegressor DistanceMetric {name}", partial(fit, estimator, data.X, data.numbers)
    for function in (
        pairwise.euclidean_distances,
        pairwise.cosine_distances,
        np.dot,
        math.dist,
        partial(distance.minkowski, p=3),
    ):
        estimator = neighbors.KNeighborsClassifier(3, metric=function, algorithm="brute")
        yield f"KNeighborsClassifier metric {_get_name(function)}", partial(fit, estimator, data.X, data.classes)
    scores: list[Any] = [fs.f_classif, fs.chi2, fs.mutual_info_classif, fs.f_regression, fs.r_regression]
    scores += [fs.mutual_info_regression, partial(fs.mutual_info_classif, random_state=0, n_neighbors=3)]
    scores += [partial(fs.f_regression, center=False)]
    for function in scores:
        for kind in (
            fs.SelectKBest,
            fs.SelectPercentile,
            fs.SelectFpr,
            fs.SelectFdr,
            fs.SelectFwe,
            fs.GenericUnivariateSelect,
        ):
            estimator = kind(function, k=2) if kind is fs.SelectKBest else kind(function)
            yield f"{kind.__name__} {_get_name(function)}", partial(fit, estimator, data.frame, data.classes)
    for name in metrics.get_scorer_names():
        yield f"scorer {name}", partial(metrics.get_scorer, name)
    for name in ("f1_score", "recall_score", "mean_squared_error", "log_loss", "roc_auc_score", "cohen_kappa_score"):
        yield f"make_scorer {name}", lambda name=name: metrics.make_scorer(getattr(metrics, name))
    yield (
        "make_scorer needing probabilities",
        lambda: metrics.make_scorer(metrics.roc_auc_score, response_method="predict_proba", multi_class="ovr"),
    )
    yield "make_scorer of partial", lambda: metrics.make_scorer(partial(metrics.fbeta_score, beta=0.5))


def other_functions(data: Data) -> Iterator[Candidate]:
    """Functions as kernels, weights, importance getters and strategies."""
    from scipy.spatial import distance
    from sklearn import (
        decomposition,
        feature_selection,
        gaussian_process,
        impute,
        kernel_approximation,
        kernel_ridge,
        linear_model,
        neighbors,
        svm,
    )
    from sklearn.metrics import pairwise

    kernels: list[Any] = [pairwise.rbf_kernel, pairwise.linear_kernel, pairwise.polynomial_kernel, pairwise.chi2_kernel]
    kernels += [pairwise.laplacian_kernel, pairwise.cosine_similarity, partial(pairwise.rbf_kernel, gamma=0.1)]
    kernels += [partial(pairwise.polynomial_kernel, degree=2, coef0=1)]
    for kernel in kernels:
        for kind in (svm.SVC, svm.NuSVC, svm.SVR, svm.OneClassSVM):
            rows = {"": data.X, " of a table": pd.DataFrame(data.X), " of a sparse matrix": sparse.csr_matrix(data.X)}
            for form, features in rows.items():
                yield (
                    f"{kind.__name__} kernel {_get_name(kernel)}{form}",
                    partial(fit, kind(kernel=kernel), features, data.binary),
                )
    for kernel in (np.dot, np.inner, np.vdot, distance.euclidean, partial(distance.minkowski, p=3)):  # of two rows each
        yield (
            f"KernelRidge {_get_name(kernel)}",
            partial(fit, kernel_ridge.KernelRidge(kernel=kernel), data.X, data.numbers),
        )
        approximation = kernel_approximation.Nystroem(kernel=kernel, n_components=3)
        yield f"Nystroem {_get_name(kernel)}", partial(fit, approximation, data.X)
    for function in (np.exp, np.reciprocal, np.ones_like, np.sqrt, special.expit, partial(np.power, 0.5)):
        estimator = neighbors.KNeighborsClassifier(3, weights=function)
        yield f"KNeighborsClassifier weights {_get_name(function)}", partial(fit, estimator, data.X, data.classes)
    for function in (np.nanmin, np.nanmax, np.nanmean, np.nanmedian, np.min, np.max, partial(np.nanquantile, q=0.25)):
        estimator = impute.SimpleImputer(strategy=function)
        yield f"SimpleImputer strategy {_get_name(function)}", partial(fit, estimator, data.holes)
    model = linear_model.LogisticRegression(max_iter=9)
    for getter in ("coef_", operator.attrgetter("coef_"), "auto"):
        description = f"importance {type(getter).__name__} {getter}"
        estimator = feature_selection.SelectFromModel(model, importance_getter=getter)
        yield f"SelectFromModel {description}", partial(fit, estimator, data.X, data.binary)
        estimator = feature_selection.RFE(model, importance_getter=getter)
        yield f"RFE {description}", partial(fit, estimator, data.X, data.binary)
    nested = _plan_nested_importance(data)
    yield "RFE importance of a pipeline's step", nested
    for function in ("logcosh", "exp", "cube"):
        estimator = decomposition.FastICA(2, fun=function, max_iter=9)
        yield f"FastICA {function}", partial(fit, estimator, data.X)
    estimator = gaussian_process.GaussianProcessRegressor(optimizer="fmin_l_bfgs_b")
    yield "GaussianProcessRegressor optimizer", partial(fit, estimator, data.X, data.numbers)


def _plan_nested_importance(data: Data) -> Any:
    from sklearn import feature_selection, linear_model, pipeline, preprocessing

    steps = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge())
    estimator = feature_selection.RFE(steps, importance_getter="named_steps.ridge.coef_")
    return partial(fit, estimator, data.X, data.numbers)
