"""Genuine models for tests: a part of the models of ``scripts/genuine``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from genuine import (
    array_objects,
    boosting,
    bundles,
    compositions,
    estimators,
    functions,
    kernels,
    pandas_objects,
    parameters,
    pipelines,
    practice,
    results,
    searches,
    table_functions,
)
from genuine.attempts import Candidate, make_all
from genuine.datasets import Data

Group = Callable[[Data], Iterable[Candidate]]

STRIDE_OF_VARIATIONS = 60

COMBINATIONS: tuple[Group, ...] = (
    pipelines.pipelines,
    compositions.columns,
    compositions.unions_and_pipelines,
    compositions.votes_and_stacks,
    compositions.prefitted,
    compositions.routed_metadata,
    compositions.continued,
    compositions.column_categories,
    searches.grids,
    kernels.gaussian_processes,
    practice.searches,
    practice.columns,
    practice.parameters,
    practice.noted,
    table_functions.methods_of_tables,
    table_functions.arguments_of_functions,
    table_functions.patterns,
)

PARTS: tuple[Group, ...] = (
    bundles.bundles,
    array_objects.arrays,
    array_objects.random_states,
    array_objects.sparse_matrices,
    array_objects.fitted_by_scipy,
    pandas_objects.tables,
    pandas_objects.indexes_and_scalars,
    functions.functions_alone,
    functions.metrics_and_scores,
    practice.leftovers,
    pandas_objects.tables_of_objects,
    pandas_objects.frequencies,
    pandas_objects.arrow_columns,
    results.linear_algebra,
    results.states,
)

NEEDS_TRUST = (
    "pipeline: Dates as numbers",  # a method of DataFrame as a function
    "ColumnTransformer verbose_feature_names_out 87",  # a method of a string as a function
    "HistGradientBoostingClassifier with early stopping",
    "bundle model and price",  # a fraction, whose text could be a number of any size
    "function numpy.",
    "functions of",
    "scipy ",
    "pandas NamedAgg",
    "KNeighborsClassifier metric dist",
)
"""Prefixes of the descriptions of models that need trust."""


def fitted_estimators(stride: int = STRIDE_OF_VARIATIONS) -> Iterator[Any]:
    """All estimators of the installed scikit-learn, and every ``stride``-th of their parameter variants."""
    yield from _create_models(_default_estimators, lambda data: islice(parameters.variations(data), 0, None, stride))


def _default_estimators(data: Data) -> Iterator[Candidate]:
    for name, estimator_class in estimators.kinds_of_estimators():
        for estimator in estimators.instances(estimator_class)[:1]:
            yield name, lambda estimator=estimator: estimator.fit(*estimators.accepted_data(estimator, data))


def combined_estimators(stride: int = 1) -> Iterator[Any]:
    """Pipelines, searches and other combinations of estimators; every ``stride``-th of each group."""
    for group in COMBINATIONS:
        yield from _create_models(lambda data, group=group: islice(group(data), 0, None, stride))


def parts_of_models() -> Iterator[Any]:
    """Arrays, tables, functions and other parts of models."""
    yield from _create_models(*PARTS)


def genuine_objects() -> Iterator[Any]:
    """All genuine models, including XGBoost and LightGBM if they are installed."""
    yield from fitted_estimators()
    yield from combined_estimators()
    yield from _create_models(boosting.xgboost_models, boosting.lightgbm_models)
    yield from parts_of_models()


def _create_models(*groups: Group) -> Iterator[Any]:
    for description, model in make_all(groups, Data(0), lambda description, reason: None):
        if not description.startswith(NEEDS_TRUST):
            yield model
