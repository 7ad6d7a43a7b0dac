"""Runs as a table: one row each, as data scientists look for the best of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from modelreg.mlflow import experiments
from modelreg.mlflow.client import MlflowClient
from modelreg.mlflow.entities import Run, ViewType
from modelreg.mlflow.entities.run import DEFAULT_EXPERIMENT
from modelreg.mlflow.exceptions import speaks_mlflow

if TYPE_CHECKING:
    import pandas as pd

_INFORMATION = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time")


@speaks_mlflow
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> pd.DataFrame | list[Run]:
    """The runs for which a filter is true, the one started last first, as a DataFrame or as a list.

    They are those of the experiments that are named, else of the chosen one.
    """
    named = [*map(str, experiment_ids or ()), *(experiment_names or ())] or [experiments.chosen() or DEFAULT_EXPERIMENT]
    among = None if search_all_experiments else named
    found = MlflowClient().search_runs(among, filter_string, run_view_type, max_results, order_by)
    return found.to_list() if output_format == "list" else _table(found)


def _table(runs: Iterable[Run]) -> pd.DataFrame:
    """A column for each metric, parameter and tag that one of the runs has."""
    import pandas as pd

    rows = [
        {name: getattr(run.info, name) for name in _INFORMATION}
        | {f"{kind}.{name}": value for kind, values in run.data for name, value in values.items()}
        for run in runs
    ]
    table = pd.DataFrame(rows, columns=None if rows else list(_INFORMATION))
    for column in ("start_time", "end_time"):
        table[column] = pd.to_datetime(table[column], unit="ms", utc=True)
    return table
