"""The groups of genuine models, in the order in which they are made, besides single estimators."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from genuine import (
    array_objects,
    boosting,
    bundles,
    compositions,
    functions,
    kernels,
    pandas_objects,
    pipelines,
    practice,
    searches,
)
from genuine.attempts import Candidate
from genuine.datasets import Data

GROUPS: tuple[Callable[[Data], Iterator[Candidate]], ...] = (
    pipelines.pipelines,
    bundles.bundles,
    array_objects.arrays,
    array_objects.random_states,
    array_objects.sparse_matrices,
    array_objects.fitted_by_scipy,
    pandas_objects.tables,
    pandas_objects.indexes_and_scalars,
    functions.functions_alone,
    functions.function_transformers,
    functions.transformed_targets,
    functions.text_functions,
    functions.metrics_and_scores,
    functions.other_functions,
    compositions.columns,
    compositions.mixed_columns,
    compositions.unions_and_pipelines,
    compositions.votes_and_stacks,
    compositions.meta_estimators,
    compositions.prefitted,
    compositions.routed_metadata,
    compositions.continued,
    compositions.column_categories,
    searches.grids,
    searches.random_searches,
    kernels.gaussian_processes,
    boosting.xgboost_models,
    boosting.lightgbm_models,
    boosting.catboost_models,
    boosting.boosters_inside,
    practice.searches,
    practice.columns,
    practice.parameters,
    practice.leftovers,
    practice.boosters,
)
