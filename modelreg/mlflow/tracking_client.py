"""The part of `MlflowClient` about experiments, runs, their files and logged models."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from operator import itemgetter
from typing import Any

from modelreg.domain.runs import FINISHED, MetricPoint
from modelreg.errors import InvalidInput, TagNotFound
from modelreg.mlflow import artifact_files, artifacts, experiments, location, logged_models
from modelreg.mlflow.entities import (
    DatasetInput,
    Experiment,
    FileInfo,
    LifecycleStage,
    LoggedModel,
    Metric,
    PagedList,
    Param,
    Run,
    RunTag,
    ViewType,
)
from modelreg.mlflow.entities.run import (
    DATASET,
    DEFAULT_EXPERIMENT,
    EXPERIMENT_NAME,
    LIFECYCLE,
    MODEL_TAGS,
    PARENT_RUN_ID,
    RUN_NAME,
)
from modelreg.mlflow.searching import RUN_FIELDS, parse_page, translate_filter, translate_order
from modelreg.registry import Registry
from modelreg.system import clock
from modelreg.system.clock import as_milliseconds

_MAX_RUNS = 100_000
_VIEW_FILTERS = {
    ViewType.ACTIVE_ONLY: f"tags.`{LIFECYCLE}` IS NULL",
    ViewType.DELETED_ONLY: f"tags.`{LIFECYCLE}` IS NOT NULL",
    ViewType.ALL: None,
}


class TrackingClient:
    """The base class of `modelreg.mlflow.client.MlflowClient`, with the methods about runs."""

    _uris: tuple[str | os.PathLike[str] | None, str | os.PathLike[str] | None]

    # Experiments

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, object] | None = None
    ) -> str:
        """Create an experiment; returns its id, which is its name."""
        with self._use_own_registry():
            return experiments.create_experiment(name, artifact_location, tags)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment with this id."""
        with self._use_own_registry():
            return experiments.get_experiment(experiment_id)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment with this name, or None."""
        with self._use_own_registry():
            return experiments.get_experiment_by_name(name)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """One page of the experiments that match a filter on name, tags or times; newest first by default."""
        with self._use_own_registry():
            return experiments.get_experiments_page(view_type, max_results, filter_string, order_by, page_token)

    def set_experiment_tag(self, experiment_id: str, key: str, value: object) -> None:
        """Set a tag of an experiment."""
        with self._use_own_registry():
            experiments.tag_experiment(experiment_id, {key: value})

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment as deleted; its runs are not changed."""
        with self._use_own_registry():
            experiments.delete_experiment(experiment_id)

    def restore_experiment(self, experiment_id: str) -> None:
        """Undo `delete_experiment`."""
        with self._use_own_registry():
            experiments.update_experiment(experiment_id, lifecycle_stage=LifecycleStage.ACTIVE)

    # Runs

    def get_run(self, run_id: str) -> Run:
        """A run with everything that was logged to it."""
        return Run.of(self._registry.runs.run(run_id))

    def get_parent_run(self, run_id: str) -> Run | None:
        """The parent of a nested run; None for any other run."""
        parent = self.get_run(run_id).data.tags.get(PARENT_RUN_ID)
        return None if parent is None else self.get_run(parent)

    def search_runs(
        self,
        experiment_ids: Sequence[str] | str | None,
        filter_string: str | None = None,
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        order_by: Sequence[str] | None = None,
        page_token: str | bytes | None = None,
    ) -> PagedList[Run]:
        """One page of the runs of experiments, or of all (None), that match a filter; newest first by default."""
        page = parse_page(max_results, _MAX_RUNS, page_token)
        if experiment_ids in ([], ()):
            return PagedList([], None)
        in_experiments = None if experiment_ids is None else experiments.build_runs_filter(experiment_ids)
        in_view = _VIEW_FILTERS[ViewType(run_view_type)]
        matching = translate_filter(filter_string, RUN_FIELDS)
        conditions = [f"({condition})" for condition in (in_experiments, in_view, matching) if condition]
        matches = self._registry.runs.search(
            " AND ".join(conditions) or None,
            sort=translate_order(order_by, "started_at DESC", RUN_FIELDS),
            limit=page.size + 1,
            offset=page.offset,
        )
        runs = [Run.of(run) for run in matches[: page.size]]
        return PagedList(runs, page.next if len(matches) > page.size else None)

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, object] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Start a run without making it the active run; it runs until `set_terminated`.

        ``start_time`` is ignored: the run starts now.
        """
        experiment_tags = {} if str(experiment_id) == DEFAULT_EXPERIMENT else {EXPERIMENT_NAME: experiment_id}
        return Run.of(self._registry.runs.start(run_name, tags=experiment_tags | dict(tags or {})))

    def log_param(self, run_id: str, key: str, value: object, synchronous: bool | None = None) -> object:
        """Log a parameter and return its value; a parameter cannot change."""
        self._registry.runs.log(run_id, params={key: value})
        return value

    def log_metric(
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> None:
        """Log a value of a metric, to the run and to the run of the model ``model_id``."""
        if dataset_name is not None or dataset_digest is not None:
            raise InvalidInput("a metric cannot be logged with a dataset", "log the dataset with mlflow.log_input")
        points = build_metric_points({key: value}, step, timestamp)
        model_run_id = run_id if model_id is None else self.get_logged_model(model_id).source_run_id
        for target_id in dict.fromkeys((run_id, model_run_id)):
            self._registry.runs.log(target_id, metrics=points)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> None:
        """Log metrics, parameters and tags together: all of them, or none."""
        points = [
            point
            for metric in metrics
            for point in build_metric_points({metric.key: metric.value}, metric.step, metric.timestamp)
        ]
        self._registry.runs.log(
            run_id,
            metrics=points,
            params={param.key: param.value for param in params},
            tags={tag.key: tag.value for tag in tags},
        )

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Every value of a metric, in the order of logging."""
        points = self._registry.runs.metric_history(run_id, key)
        return [Metric(key, point.value, point.timestamp, point.step, run_id=run_id) for point in points]

    def set_tag(self, run_id: str, key: str, value: object, synchronous: bool | None = None) -> None:
        """Set a tag of a run."""
        self._registry.runs.log(run_id, tags={key: value})

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag of a run."""
        self._registry.runs.remove_tag(run_id, key)

    def log_inputs(
        self, run_id: str, datasets: Sequence[DatasetInput] | None = None, models: Sequence[object] | None = None
    ) -> None:
        """Log the names, digests and numbers of rows of datasets as inputs of a run."""
        if models:
            raise InvalidInput(
                "a model cannot be logged as an input of a run", "log the model's id as a tag of the run"
            )
        existing_tags = self._registry.runs.run(run_id).tags
        new_tags = {}
        for dataset_input in datasets or ():
            dataset = dataset_input.dataset
            key = f"{DATASET}{dataset.name[:100]}.{dataset.digest}"
            if dataset_input.tags or key not in existing_tags:  # an untagged repetition must not drop earlier tags
                tags = {tag.key: tag.value for tag in dataset_input.tags}
                new_tags[key] = json.dumps({"dataset": dict(dataset), "tags": tags})
        self._registry.runs.log(run_id, tags=new_tags)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change the status or the name of a run."""
        if name is not None:
            self._registry.runs.log(run_id, tags={RUN_NAME: name})
        if status is not None:
            self._registry.runs.end(run_id, status)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """End a run now, with the status ``FINISHED``, ``FAILED`` or ``KILLED``; ``end_time`` is ignored."""
        self._registry.runs.end(run_id, status or FINISHED)

    def delete_run(self, run_id: str) -> None:
        """Mark a run as deleted; its versions and files are kept."""
        self._registry.runs.log(run_id, tags={LIFECYCLE: LifecycleStage.DELETED})

    def restore_run(self, run_id: str) -> None:
        """Undo `delete_run`."""
        with suppress(TagNotFound):
            self._registry.runs.remove_tag(run_id, LIFECYCLE)

    # Files of runs

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """Log a local file or folder."""
        with self._use_own_registry():
            artifact_files.log_file(run_id, local_path, artifact_path)

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """Log all files of a local folder."""
        with self._use_own_registry():
            artifact_files.log_folder(run_id, local_dir, artifact_path)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Log text as a file."""
        with self._use_own_registry():
            artifact_files.log_text(run_id, text, artifact_file)

    def log_dict(self, run_id: str, dictionary: object, artifact_file: str) -> None:
        """Log a value as a JSON or YAML file."""
        with self._use_own_registry():
            artifact_files.log_dictionary(run_id, dictionary, artifact_file)

    def log_figure(
        self, run_id: str, figure: object, artifact_file: str, *, save_kwargs: Mapping[str, object] | None = None
    ) -> None:
        """Log a Matplotlib or Plotly figure as a file."""
        with self._use_own_registry():
            artifact_files.log_figure(run_id, figure, artifact_file, save_kwargs)

    def log_image(self, run_id: str, image: object, artifact_file: str) -> None:
        """Log a Pillow image, or an image array, as a file."""
        with self._use_own_registry():
            artifact_files.log_image(run_id, image, artifact_file)

    def log_table(self, run_id: str, data: object, artifact_file: str) -> None:
        """Log a table as a file; rows are appended to an existing table."""
        with self._use_own_registry():
            artifact_files.log_table(run_id, data, artifact_file)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """The direct entries of a folder of a run's artifacts."""
        return artifacts.list_folder(self._registry.runs.run(run_id), path or "")

    def download_artifacts(self, run_id: str, path: str, dst_path: str | None = None) -> str:
        """The local path of a verified file or folder of a run; see `modelreg.mlflow.artifacts`."""
        with self._use_own_registry():
            return artifacts.download_artifacts(run_id=run_id, artifact_path=path, dst_path=dst_path)

    # Logged models

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The logged model with this id, with the metrics and parameters of its run."""
        with self._use_own_registry():
            return logged_models.get_logged_model(model_id)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: object = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, object]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """The logged models of the runs that match a filter, newest first by default."""
        if datasets or page_token:
            raise InvalidInput(
                "search_logged_models supports neither datasets nor page_token", "leave the argument out"
            )
        runs = self.search_runs(experiment_ids, filter_string, max_results=_MAX_RUNS)
        models = [
            model
            for run in runs
            for model in reversed(logged_models.list_logged_models(self._registry.runs.run(run.info.run_id)))
        ]
        for term in reversed(order_by or ()):
            models = _sort_models(models, str(term["field_name"]), is_ascending=bool(term.get("ascending", True)))
        return PagedList(models[:max_results], None)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, object]) -> None:
        """Set tags of a logged model."""
        with self._use_own_registry():
            model = logged_models.get_logged_model(model_id)
        texts = model.tags | {key: str(value) for key, value in tags.items()}
        self._registry.runs.log(model.source_run_id, tags={f"{MODEL_TAGS}{model.name}": json.dumps(texts)})

    @property
    def _registry(self) -> Registry:
        return location.open_registry(*self._uris)

    def _use_own_registry(self) -> AbstractContextManager[None]:
        """Use the registry of this client in MLflow's module-level functions."""
        return location.use_registry(*self._uris)


def build_metric_points(
    metrics: Mapping[str, float], step: int | None = None, timestamp: int | None = None
) -> list[MetricPoint]:
    """Metric points at a step (default 0) and a time in ms since 1970 (default now); booleans become 0 and 1."""
    time = as_milliseconds(clock.now()) if timestamp is None else int(timestamp)
    return [
        MetricPoint(name, int(value) if isinstance(value, bool) else value, int(step or 0), time)
        for name, value in metrics.items()
    ]


def _sort_models(models: Sequence[LoggedModel], field: str, *, is_ascending: bool) -> list[LoggedModel]:
    """Sort models by a field; models without a value come last, in either direction."""
    values = [(_get_sort_value(field, model), model) for model in models]
    with_value = [(value, model) for value, model in values if value is not None]
    with_value.sort(key=itemgetter(0), reverse=not is_ascending)
    return [model for _, model in with_value] + [model for value, model in values if value is None]


def _get_sort_value(field: str, model: LoggedModel) -> Any:
    """The value of a sort field; None if the model has none."""
    if field.startswith("metrics."):
        values: dict[str, Any] = {metric.key: metric.value for metric in model.metrics}
        return values.get(field.removeprefix("metrics."))
    if field.startswith("params."):
        return model.params.get(field.removeprefix("params."))
    return getattr(model, field, None)
