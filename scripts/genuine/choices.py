"""Common values of parameters of estimators, by the name of the parameter."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from genuine.datasets import COLUMNS, Data

Chooser = Callable[[Data], list[Any]]


def choices(parameter: str, data: Data) -> list[Any]:
    """Common values for a parameter, in addition to its constraints. An estimator may refuse some of them."""
    return list(_CHOICES[parameter](data)) if parameter in _CHOICES else []


def callables(parameter: str, data: Data) -> list[Any]:
    """Functions of libraries for a parameter."""
    return list(_CALLABLES[parameter]()) if parameter in _CALLABLES else []


def objects(parameter: str, estimator: Any, data: Data) -> list[Any]:
    """Objects for a parameter: estimators, kernels, splitters."""
    if parameter == "cv":
        return splitters(data)
    if parameter in ("estimator", "base_estimator", "final_estimator", "regressor", "init", "binning"):
        return inner_estimators(estimator)
    if parameter == "transformer":
        return _list_transformers()
    if parameter == "kernel":
        from genuine.kernels import all_kernels

        return list(all_kernels().values())
    return []


def splitters(data: Data) -> list[Any]:
    """Every kind of cross-validation splitter."""
    from sklearn import model_selection as ms

    order = np.random.RandomState(data.seed)
    return [
        2,
        np.int64(2),
        ms.KFold(2),
        ms.KFold(3, shuffle=True, random_state=0),
        ms.KFold(2, shuffle=True, random_state=order),
        ms.StratifiedKFold(2, shuffle=True, random_state=1),
        ms.RepeatedKFold(n_splits=2, n_repeats=1, random_state=0),
        ms.RepeatedStratifiedKFold(n_splits=2, n_repeats=1, random_state=0),
        ms.ShuffleSplit(2, test_size=0.25, random_state=0),
        ms.StratifiedShuffleSplit(2, random_state=0),
        ms.TimeSeriesSplit(2),
        ms.TimeSeriesSplit(2, gap=1, max_train_size=20),
        ms.PredefinedSplit(np.arange(len(data.X)) % 2),
        ms.check_cv([(np.arange(24), np.arange(24, 48)), (np.arange(24, 48), np.arange(24))]),
        [(np.arange(24), np.arange(24, 48)), (np.arange(24, 48), np.arange(24))],
    ]


def inner_estimators(meta_estimator: Any) -> list[Any]:
    """Estimators for a parameter of a meta-estimator."""
    from sklearn import ensemble, linear_model, naive_bayes, neighbors, preprocessing, svm, tree
    from sklearn.base import is_regressor
    from sklearn.pipeline import make_pipeline

    if is_regressor(meta_estimator):
        return [
            linear_model.LinearRegression(),
            linear_model.Ridge(alpha=np.float64(0.5)),
            tree.DecisionTreeRegressor(max_depth=2, random_state=0),
            ensemble.RandomForestRegressor(2, random_state=0),
            svm.SVR(),
            neighbors.KNeighborsRegressor(3),
            make_pipeline(preprocessing.StandardScaler(), linear_model.SGDRegressor(max_iter=5, random_state=0)),
        ]
    return [
        linear_model.LogisticRegression(max_iter=20),
        tree.DecisionTreeClassifier(max_depth=2, random_state=0),
        ensemble.RandomForestClassifier(2, random_state=0),
        svm.SVC(kernel="linear"),
        svm.LinearSVC(random_state=0),
        naive_bayes.GaussianNB(),
        neighbors.KNeighborsClassifier(3),
        linear_model.SGDClassifier(loss="log_loss", max_iter=5, random_state=0),
        make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression(max_iter=20)),
    ]


def _list_transformers() -> list[Any]:
    from sklearn import preprocessing
    from sklearn.pipeline import make_pipeline

    return [
        preprocessing.StandardScaler(),
        preprocessing.QuantileTransformer(n_quantiles=5, output_distribution="normal", random_state=0),
        preprocessing.PowerTransformer(),
        make_pipeline(preprocessing.MinMaxScaler(), preprocessing.PowerTransformer()),
    ]


def scorers() -> list[Any]:
    """Scorers by name and by function."""
    from sklearn import metrics

    return [
        "accuracy",
        "f1_macro",
        "roc_auc_ovr",
        "neg_log_loss",
        "balanced_accuracy",
        "r2",
        "neg_mean_squared_error",
        metrics.make_scorer(metrics.f1_score, average="weighted"),
        metrics.make_scorer(metrics.fbeta_score, beta=2, average="macro", zero_division=0),
        metrics.make_scorer(metrics.mean_absolute_error, greater_is_better=False),
        metrics.make_scorer(metrics.matthews_corrcoef),
        metrics.get_scorer("accuracy"),
    ]


def _list_class_weights(data: Data) -> list[Any]:
    return [{0: 1.0, 1: 2.0, 2: np.float64(0.5)}]


_CHOICES: dict[str, Chooser] = {
    "alphas": lambda d: [[0.1, 1.0], np.logspace(-2, 1, 3), (0.1, 1.0), 3],
    "Cs": lambda d: [[0.1, 1.0], np.logspace(-2, 1, 3), 2],
    "C": lambda d: [1, 10, np.float64(0.1)],
    "alpha": lambda d: [1, np.float64(0.1), np.full(2, 0.5), np.full(len(d.X), 0.1)],
    "l1_ratio": lambda d: [0, 1, 0.5, [0.1, 0.9]],
    "l1_ratios": lambda d: [[0.1, 0.9], [0.5], (0.5,), np.array([0.2])],
    "hidden_layer_sizes": lambda d: [(3,), [3, 2], (3, 2), np.array([2]), 4],
    "priors": lambda d: [np.full(3, 1 / 3), [0.2, 0.3, 0.5]],
    "class_prior": lambda d: [np.full(3, 1 / 3), [0.2, 0.3, 0.5]],
    "class_weight": lambda d: ["balanced", *_list_class_weights(d)],
    "categories": lambda d: [
        "auto",
        [sorted(set(c)) for c in d.strings.T],
        [np.unique(c) for c in d.strings.T.astype(str)],
    ],
    "feature_range": lambda d: [(0, 1), (-1.0, 1.0), (np.float64(0), np.float64(2))],
    "quantile_range": lambda d: [(25.0, 75.0), (5, 95), [10.0, 90.0]],
    "ngram_range": lambda d: [(1, 2), [1, 2], (2, 3)],
    "n_bins": lambda d: [3, [2, 3, 2, 3], np.array([2, 2, 3, 3])],
    "degree": lambda d: [1, 2, (1, 2), [0, 2]],
    "knots": lambda d: ["uniform", "quantile", np.linspace(0, 1, 12).reshape(3, 4)],
    "init": lambda d: [d.X[:3], d.X[:2], d.X[:8], d.X[:, :2]],
    "weights_init": lambda d: [np.array([0.4, 0.6])],
    "means_init": lambda d: [d.X[:2]],
    "mean_prior": lambda d: [np.zeros(4)],
    "stop_words": lambda d: ["english", ["the", "and"], frozenset({"and"}), {"and"}],
    "vocabulary": lambda d: [["word1", "word2"], {"word1": 0, "word2": 1}, {"word1", "word2"}, ("word1", "word2")],
    "token_pattern": lambda d: [r"\w+", r"(?u)\b\w+\b", None],
    "monotonic_cst": lambda d: [[1, 0, -1, 0], np.array([1, 0, 0, -1]), {"age": 1}],
    "interaction_cst": lambda d: ["pairwise", "no_interactions", [[0, 1], [2, 3]], [{0, 1}, {2, 3}], [(0,), (1, 2, 3)]],
    "categorical_features": lambda d: [None, [0], [True, False, False, False], np.array([0, 1]), ["age"], "from_dtype"],
    "order": lambda d: ["random", [1, 0], [2, 0, 1], np.array([1, 0]), (1, 0)],
    "scoring": lambda d: [None, *scorers(), ["accuracy", "f1_macro"], ("accuracy", "f1_macro"), {"a": "accuracy"}],
    "refit": lambda d: [True, False],
    "metric_params": lambda d: [None, {"V": np.eye(4)}, {"w": np.ones(4)}],
    "kernel_params": lambda d: [{"gamma": 0.5}],
    "missing_values": lambda d: [np.nan, -1, 0, None, "missing", float("nan")],
    "fill_value": lambda d: [None, 0, -1.0, np.nan, "missing", np.float64(1)],
    "dtype": lambda d: [
        np.float64,
        np.float32,
        "float32",
        "float64",
        np.int32,
        int,
        float,
        np.dtype("f4"),
        "numeric",
        object,
    ],
    "threshold": lambda d: ["mean", "median", "1.25*median", -np.inf, 0.1],
    "max_features": lambda d: [1, 0.5, 1.0, "sqrt", "log2", None, np.int64(2)],
    "min_samples_split": lambda d: [2, 0.1, np.int64(3)],
    "min_samples_leaf": lambda d: [1, 0.05, np.int64(2)],
    "max_depth": lambda d: [None, 1, np.int64(3)],
    "max_samples": lambda d: [None, 0.5, 10],
    "contamination": lambda d: ["auto", 0.1],
    "gamma": lambda d: ["scale", "auto", 0.1, np.float32(0.5), None],
    "n_features_to_select": lambda d: [1, 0.5, None, "auto"],
    "n_components": lambda d: [1, 2, None, 0.9, "mle", np.int64(2)],
    "k": lambda d: [1, 2, "all"],
    "p": lambda d: [1, 2, 3.0],
    "quantile": lambda d: [0.1, 0.5, np.float64(0.9)],
    "early_stopping": lambda d: [True, False, "auto"],
    "validation_fraction": lambda d: [0.2],
    "n_iter_no_change": lambda d: [2, None],
    "features": lambda d: ["missing-only", "all"],
    "min_frequency": lambda d: [None, 2, 0.2],
    "max_categories": lambda d: [None, 2],
    "unknown_value": lambda d: [None, np.nan, -1],
    "encoded_missing_value": lambda d: [np.nan, -1],
    "drop": lambda d: [None, "first", "if_binary", ["Lima", "setosa"], np.array(["Lima", "setosa"], dtype=object)],
    "classes": lambda d: [[0, 1, 2], None, ["a", "b"]],
    "feature_names_out": lambda d: ["one-to-one", None],
    "kw_args": lambda d: [None, {}],
    "param_grid": lambda d: [{}],
    "shrinkage": lambda d: ["auto", 0.1, None],
    "transform_algorithm": lambda d: ["omp", "lars"],
    "patch_size": lambda d: [(2, 2), None],
    "bandwidth": lambda d: [0.5, "scott", "silverman", None],
    "base": lambda d: [],
    "lambda_init": lambda d: [None, 1.0],
    "center": lambda d: [True, False],
    "target_type": lambda d: ["auto", "continuous", "binary", "multiclass"],
    "smooth": lambda d: ["auto", 1.0, 10],
    "precompute": lambda d: [True, False, "auto"],
    "sparse_threshold": lambda d: [0, 0.3, 1.0],
    "verbose_feature_names_out": lambda d: [True, False],
    "feature_selection": lambda d: [],
    "names": lambda d: [list(COLUMNS)],
}


def _list_distances() -> list[Any]:
    from scipy.spatial import distance

    names = "euclidean cityblock cosine correlation chebyshev canberra braycurtis sqeuclidean minkowski"
    return [*(getattr(distance, name) for name in names.split()), functools.partial(distance.minkowski, p=3)]


def _list_pairwise_kernels() -> list[Any]:
    from sklearn.metrics import pairwise

    names = "rbf_kernel linear_kernel polynomial_kernel laplacian_kernel cosine_similarity sigmoid_kernel"
    kernels = [getattr(pairwise, name) for name in names.split()]
    return [*kernels, functools.partial(pairwise.rbf_kernel, gamma=0.5)]


def _list_score_functions() -> list[Any]:
    from sklearn import feature_selection as fs

    random = functools.partial(fs.mutual_info_classif, random_state=0)
    discrete = functools.partial(fs.mutual_info_classif, discrete_features=False, n_neighbors=3)
    names = "f_classif f_regression chi2 mutual_info_classif mutual_info_regression r_regression"
    return [*(getattr(fs, name) for name in names.split()), random, discrete]


def _list_text_functions() -> list[Any]:
    from sklearn.feature_extraction.text import strip_accents_ascii, strip_accents_unicode

    return [str.lower, str.split, str.strip, str.splitlines, strip_accents_ascii, strip_accents_unicode]


def _list_weight_functions() -> list[Any]:
    from scipy import special

    return [np.exp, np.ones_like, np.reciprocal, special.expit]


def _list_distance_matrices() -> list[Any]:
    from sklearn.metrics import pairwise

    return [pairwise.euclidean_distances, pairwise.manhattan_distances, pairwise.cosine_distances]


_CALLABLES: dict[str, Callable[[], list[Any]]] = {
    "metric": lambda: [*_list_distances(), *_list_distance_matrices()],
    "distance_metric": _list_distances,
    "affinity": _list_pairwise_kernels,
    "kernel": _list_pairwise_kernels,
    "score_func": _list_score_functions,
    "preprocessor": lambda: [str.lower, str.strip, str.casefold, *_list_text_functions()[-2:]],
    "tokenizer": lambda: [str.split, str.splitlines, list],
    "analyzer": lambda: [str.split, list, set],
    "strip_accents": lambda: _list_text_functions()[-2:],
    "weights": _list_weight_functions,
    "func": lambda: [np.log1p, np.sqrt, np.abs],
    "inverse_func": lambda: [np.expm1, np.square],
    "strategy": lambda: [np.nanmedian, np.nanmax, np.min],
    "importance_getter": lambda: [operator.attrgetter("coef_"), operator.attrgetter("feature_importances_")],
    "feature_name_combiner": lambda: [operator.add],
    "init": list,
    "selection": list,
    "fun": list,
    "max_features": lambda: [len],
}
