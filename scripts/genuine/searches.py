"""Searches for hyperparameters: grids, random and halving searches, over numbers, names and whole estimators."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from genuine.attempts import Candidate, fit
from genuine.choices import scorers, splitters
from genuine.datasets import Data


def grids(data: Data) -> Iterator[Candidate]:
    """Grid searches over every kind of value."""
    from sklearn import decomposition, ensemble, linear_model, model_selection, pipeline, preprocessing, svm

    logistic, forest = linear_model.LogisticRegression(max_iter=20), ensemble.RandomForestClassifier(2, random_state=0)
    steps = pipeline.Pipeline(
        [("scale", preprocessing.StandardScaler()), ("pca", decomposition.PCA()), ("model", logistic)]
    )
    searched: dict[str, tuple[Any, Any]] = {
        "numbers": (logistic, {"C": [0.1, 1, 10]}),
        "logspace": (logistic, {"C": np.logspace(-2, 2, 3)}),
        "names": (svm.SVC(), {"kernel": ["linear", "rbf"], "gamma": ["scale", 0.1]}),
        "None and booleans": (forest, {"max_depth": [None, 2], "bootstrap": [True, False]}),
        "NumPy integers": (forest, {"max_depth": np.arange(1, 3)}),
        "range": (forest, {"min_samples_leaf": range(1, 3)}),
        "list of grids": (svm.SVC(), [{"kernel": ["linear"], "C": [1]}, {"kernel": ["rbf"], "gamma": [0.1, 1]}]),
        "class weights": (logistic, {"class_weight": [None, "balanced", {0: 1, 1: 2, 2: 3}]}),
        "steps": (steps, {"model__C": [0.1, 1], "pca__n_components": [1, 2]}),
        "estimators": (steps, {"model": [logistic, forest, svm.SVC()], "scale": ["passthrough", None]}),
        "transformers": (steps, {"scale": [preprocessing.MinMaxScaler(), preprocessing.StandardScaler()]}),
        "tuples": (
            pipeline.make_pipeline(preprocessing.MinMaxScaler(), logistic),
            {"minmaxscaler__feature_range": [(0, 1), (-1, 1)]},
        ),
        "functions": (
            pipeline.make_pipeline(preprocessing.FunctionTransformer(), logistic),
            {"functiontransformer__func": [np.log1p, np.sqrt, None]},
        ),
    }
    for name, (estimator, grid) in searched.items():
        search = model_selection.GridSearchCV(estimator, grid, cv=2, return_train_score=len(name) % 2 == 0)
        yield f"GridSearchCV over {name}", partial(fit, search, data.frame, data.classes)
    for number, scoring in enumerate(scorers()):
        search = model_selection.GridSearchCV(forest, {"max_depth": [1, 2]}, cv=2, scoring=scoring)
        yield f"GridSearchCV scoring {number}", partial(fit, search, data.X, data.classes)
    for number, cv in enumerate(splitters(data)):
        search = model_selection.GridSearchCV(logistic, {"C": [0.1, 1]}, cv=cv)
        yield f"GridSearchCV splitter {number}", partial(fit, search, data.X, data.classes)
    yield from _list_group_searches(data)
    yield from _list_multi_metric_searches(logistic, data)


def _list_group_searches(data: Data) -> Iterator[Candidate]:
    from sklearn import linear_model
    from sklearn import model_selection as ms

    kinds = [ms.GroupKFold(2), ms.StratifiedGroupKFold(2), ms.GroupShuffleSplit(2, random_state=0)]
    for cv in [*kinds, ms.LeaveOneGroupOut(), ms.LeavePGroupsOut(1)]:
        search = ms.GridSearchCV(linear_model.LogisticRegression(max_iter=9), {"C": [0.1, 1]}, cv=cv)
        yield f"GridSearchCV {type(cv).__name__}", partial(fit, search, data.X, data.classes, groups=data.groups)
    for cv in (ms.LeaveOneOut(), ms.LeavePOut(1)):
        search = ms.GridSearchCV(linear_model.Ridge(), {"alpha": [1]}, cv=cv, scoring="neg_mean_absolute_error")
        yield f"GridSearchCV {type(cv).__name__}", partial(fit, search, data.X[:8], data.numbers[:8])
    for cv in [*kinds, ms.LeaveOneOut(), ms.LeavePOut(2), ms.LeaveOneGroupOut(), ms.LeavePGroupsOut(2)]:
        yield f"splitter {type(cv).__name__}", lambda cv=cv: cv


def _list_multi_metric_searches(logistic: Any, data: Data) -> Iterator[Candidate]:
    from sklearn import metrics, model_selection

    scorings: dict[str, tuple[Any, Any]] = {
        "list": (["accuracy", "f1_macro"], "accuracy"),
        "dict": ({"a": "accuracy", "f": metrics.make_scorer(metrics.f1_score, average="macro")}, "f"),
        "no refit": (["accuracy", "f1_macro"], False),
        "tuple": (("accuracy", "neg_log_loss"), "neg_log_loss"),
    }
    for name, (scoring, refit) in scorings.items():
        search = model_selection.GridSearchCV(logistic, {"C": [0.1, 1]}, cv=2, scoring=scoring, refit=refit)
        yield f"GridSearchCV several scores {name}", partial(fit, search, data.X, data.classes)
    failing = model_selection.GridSearchCV(logistic, {"solver": ["lbfgs", "none"]}, cv=2, error_score=np.nan)
    yield "GridSearchCV with a failing fit", partial(fit, failing, data.X, data.classes)


def random_searches(data: Data) -> Iterator[Candidate]:
    """Random and halving searches over lists."""
    from sklearn import ensemble, linear_model, neighbors, pipeline, preprocessing
    from sklearn import model_selection as ms
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401

    steps = pipeline.make_pipeline(preprocessing.StandardScaler(), neighbors.KNeighborsClassifier())
    searched: dict[str, tuple[Any, Any]] = {
        "a forest": (ensemble.RandomForestClassifier(2), {"max_depth": [1, 2, None], "criterion": ["gini", "entropy"]}),
        "arrays": (linear_model.LogisticRegression(max_iter=9), {"C": np.linspace(0.1, 1, 5)}),
        "a pipeline": (
            steps,
            {"kneighborsclassifier__n_neighbors": [1, 3, 5], "standardscaler__with_mean": [True, False]},
        ),
        "list of dicts": (steps, [{"kneighborsclassifier__n_neighbors": [1, 3]}, {"kneighborsclassifier__p": [1, 2]}]),
    }
    for name, (estimator, choices) in searched.items():
        for state in (0, None, np.random.RandomState(data.seed)):
            search = ms.RandomizedSearchCV(estimator, choices, n_iter=2, cv=2, random_state=state)
            yield f"RandomizedSearchCV over {name} {type(state).__name__}", partial(fit, search, data.X, data.classes)
        random = ms.HalvingRandomSearchCV(estimator, choices, n_candidates=2, cv=2, random_state=0, min_resources=20)
        yield f"HalvingRandomSearchCV over {name}", partial(fit, random, data.X, data.classes)
        halving = ms.HalvingGridSearchCV(estimator, choices, cv=2, random_state=0, factor=2, min_resources=20)
        yield f"HalvingGridSearchCV over {name}", partial(fit, halving, data.X, data.classes)
    growing = ensemble.RandomForestClassifier(random_state=0)
    halving = ms.HalvingGridSearchCV(growing, {"max_depth": [1, 2]}, cv=2, resource="n_estimators", max_resources=4)
    yield "HalvingGridSearchCV over trees", partial(fit, halving, data.X, data.classes)
    nested = ms.GridSearchCV(
        ms.GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 1]}, cv=2), {"estimator__fit_intercept": [True]}, cv=2
    )
    yield "GridSearchCV of a GridSearchCV", partial(fit, nested, data.X, data.numbers)
    yield "ParameterGrid", lambda: ms.ParameterGrid({"C": [0.1, 1], "kernel": ["rbf"]})
    yield "ParameterSampler", lambda: ms.ParameterSampler({"C": [0.1, 1]}, 2, random_state=0)
    results = {"test_score": [operator.itemgetter("score")({"score": 1.0})]}
    yield "cross_validate", lambda: ms.cross_validate(linear_model.Ridge(), data.X, data.numbers, cv=2) | results
    yield (
        "cross_validate with estimators",
        lambda: ms.cross_validate(
            linear_model.Ridge(), data.X, data.numbers, cv=2, return_estimator=True, return_indices=True
        ),
    )
