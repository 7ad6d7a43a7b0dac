"""`search_runs`: runs as a DataFrame with one row per run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from modelreg.mlflow import experiments
from modelreg.mlflow.client import MlflowClient
from modelreg.mlflow.entities import Run, ViewType
from modelreg.mlflow.entities.run import DEFAULT_EXPERIMENT
from modelreg.mlflow.exceptions import translate_errors

if TYPE_CHECKING:
    import pandas as pd

_INFO_COLUMNS = ("run_id", "experiment_id", "status", "artifact_uri", "start_time", "end_time")


@translate_errors
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
    """Search runs, newest first by default; returns a DataFrame or a list.

    Searches the given experiments, by default the active one.
    """
    experiment_names_or_ids = [*map(str, experiment_ids or ()), *(experiment_names or ())]
    if not experiment_names_or_ids:
        experiment_names_or_ids = [experiments.get_active_id() or DEFAULT_EXPERIMENT]
    searched = None if search_all_experiments else experiment_names_or_ids
    runs = MlflowClient().search_runs(searched, filter_string, run_view_type, max_results, order_by)
    return runs.to_list() if output_format == "list" else _build_table(runs)


def _build_table(runs: Iterable[Run]) -> pd.DataFrame:
    """A DataFrame with a column for every metric, parameter and tag that any of the runs has."""
    import pandas as pd

    rows = [
        {name: getattr(run.info, name) for name in _INFO_COLUMNS}
        | {f"{kind}.{name}": value for kind, values in run.data for name, value in values.items()}
        for run in runs
    ]
    table = pd.DataFrame(rows, columns=None if rows else list(_INFO_COLUMNS))
    for column in ("start_time", "end_time"):
        table[column] = pd.to_datetime(table[column], unit="ms", utc=True)
    return table
