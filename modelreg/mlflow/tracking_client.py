"""What MLflow's client asks of experiments, runs, their files and logged models."""

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
from modelreg.mlflow.searching import OF_RUNS, page, translated_filter, translated_order
from modelreg.registry import Registry
from modelreg.system import clock
from modelreg.system.clock import as_milliseconds

_MOST_RUNS = 100_000
_OF_VIEW = {
    ViewType.ACTIVE_ONLY: f"tags.`{LIFECYCLE}` IS NULL",
    ViewType.DELETED_ONLY: f"tags.`{LIFECYCLE}` IS NOT NULL",
    ViewType.ALL: None,
}


class TrackingClient:
    """The part of `modelreg.mlflow.client.MlflowClient` that is about runs."""

    _uris: tuple[str | os.PathLike[str] | None, str | os.PathLike[str] | None]

    # Experiments

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Mapping[str, object] | None = None
    ) -> str:
        """The id of a new experiment, which is its name."""
        with self._here():
            return experiments.create_experiment(name, artifact_location, tags)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """The experiment of this id."""
        with self._here():
            return experiments.get_experiment(experiment_id)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """The experiment of this name, or None."""
        with self._here():
            return experiments.get_experiment_by_name(name)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = 1000,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """A page of the experiments for which a filter of name, tags or times is true, the newest first."""
        with self._here():
            return experiments.experiments_page(view_type, max_results, filter_string, order_by, page_token)

    def set_experiment_tag(self, experiment_id: str, key: str, value: object) -> None:
        """Set a tag of an experiment."""
        with self._here():
            experiments.tag_experiment(experiment_id, {key: value})

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment as deleted; its runs stay as they are."""
        with self._here():
            experiments.delete_experiment(experiment_id)

    def restore_experiment(self, experiment_id: str) -> None:
        """Take that back."""
        with self._here():
            experiments.change_experiment(experiment_id, lifecycle_stage=LifecycleStage.ACTIVE)

    # Runs

    def get_run(self, run_id: str) -> Run:
        """A run with everything that was logged."""
        return Run.of(self._registry.runs.run(run_id))

    def get_parent_run(self, run_id: str) -> Run | None:
        """The run within which a run was started; None for one by itself."""
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
        """The runs of some experiments, or of all (None), for which a filter is true: a page, the latest first."""
        wanted = page(max_results, _MOST_RUNS, page_token)
        if experiment_ids in ([], ()):
            return PagedList([], None)
        among = None if experiment_ids is None else experiments.runs_in(experiment_ids)
        stage = _OF_VIEW[ViewType(run_view_type)]
        conditions = [f"({each})" for each in (among, stage, translated_filter(filter_string, OF_RUNS)) if each]
        found = self._registry.runs.search(
            " AND ".join(conditions) or None,
            sort=translated_order(order_by, "started_at DESC", OF_RUNS),
            limit=wanted.size + 1,
            offset=wanted.offset,
        )
        runs = [Run.of(run) for run in found[: wanted.size]]
        return PagedList(runs, wanted.next if len(found) > wanted.size else None)

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, object] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Start a run without making it the active one; it goes on until `set_terminated`.

        It starts now: ``start_time`` is accepted for MLflow's sake.
        """
        among = {} if str(experiment_id) == DEFAULT_EXPERIMENT else {EXPERIMENT_NAME: experiment_id}
        return Run.of(self._registry.runs.start(run_name, tags=among | dict(tags or {})))

    def log_param(self, run_id: str, key: str, value: object, synchronous: bool | None = None) -> object:
        """Keep a parameter of a run, which has one value for ever; returns it."""
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
        """Log a value of a metric, the latest of which is the run's; also to the run of the model ``model_id``."""
        if dataset_name is not None or dataset_digest is not None:
            raise InvalidInput("a metric is kept without its dataset", "mlflow.log_input keeps it with the run")
        points = as_points({key: value}, step, timestamp)
        of_model = run_id if model_id is None else self.get_logged_model(model_id).source_run_id
        for each in dict.fromkeys((run_id, of_model)):
            self._registry.runs.log(each, metrics=points)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> None:
        """Log metrics, parameters and tags together: all of them, or none."""
        points = [point for each in metrics for point in as_points({each.key: each.value}, each.step, each.timestamp)]
        self._registry.runs.log(
            run_id,
            metrics=points,
            params={each.key: each.value for each in params},
            tags={each.key: each.value for each in tags},
        )

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Every value of a metric, in the order in which they were logged."""
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
        """Keep name, digest and number of rows of datasets as inputs of a run."""
        if models:
            raise InvalidInput("models cannot be kept as inputs of a run", "log the model's id as a tag of the run")
        known = self._registry.runs.run(run_id).tags
        kept = {}
        for each in datasets or ():
            key = f"{DATASET}{each.dataset.name[:100]}.{each.dataset.digest}"
            if each.tags or key not in known:  # a metric that names a dataset says nothing new of it
                tags = {tag.key: tag.value for tag in each.tags}
                kept[key] = json.dumps({"dataset": dict(each.dataset), "tags": tags})
        self._registry.runs.log(run_id, tags=kept)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change the status or the name of a run."""
        if name is not None:
            self._registry.runs.log(run_id, tags={RUN_NAME: name})
        if status is not None:
            self._registry.runs.end(run_id, status)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """Say how a run ended: ``FINISHED``, ``FAILED`` or ``KILLED``; it ended now."""
        self._registry.runs.end(run_id, status or FINISHED)

    def delete_run(self, run_id: str) -> None:
        """Mark a run as deleted; its versions and files stay."""
        self._registry.runs.log(run_id, tags={LIFECYCLE: LifecycleStage.DELETED})

    def restore_run(self, run_id: str) -> None:
        """Take that back."""
        with suppress(TagNotFound):
            self._registry.runs.remove_tag(run_id, LIFECYCLE)

    # Files of runs

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """Keep a file, or a folder, of this machine."""
        with self._here():
            artifact_files.keep_file(run_id, local_path, artifact_path)

    def log_artifacts(self, run_id: str, local_dir: str, artifact_path: str | None = None) -> None:
        """Keep all files of a folder."""
        with self._here():
            artifact_files.keep_folder(run_id, local_dir, artifact_path)

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Keep a text as a file."""
        with self._here():
            artifact_files.keep_text(run_id, text, artifact_file)

    def log_dict(self, run_id: str, dictionary: object, artifact_file: str) -> None:
        """Keep a value as a file of JSON or YAML."""
        with self._here():
            artifact_files.keep_dictionary(run_id, dictionary, artifact_file)

    def log_figure(
        self, run_id: str, figure: object, artifact_file: str, *, save_kwargs: Mapping[str, object] | None = None
    ) -> None:
        """Keep a figure of Matplotlib or Plotly as a file."""
        with self._here():
            artifact_files.keep_figure(run_id, figure, artifact_file, save_kwargs)

    def log_image(self, run_id: str, image: object, artifact_file: str) -> None:
        """Keep an image of Pillow, or an array of one, as a file."""
        with self._here():
            artifact_files.keep_image(run_id, image, artifact_file)

    def log_table(self, run_id: str, data: object, artifact_file: str) -> None:
        """Keep a table as a file; one that is there gets more rows."""
        with self._here():
            artifact_files.keep_table(run_id, data, artifact_file)

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """The files and folders directly in a folder of a run's artifacts."""
        return artifacts.listed(self._registry.runs.run(run_id), path or "")

    def download_artifacts(self, run_id: str, path: str, dst_path: str | None = None) -> str:
        """The path of a file or folder of a run, every byte checked; see `modelreg.mlflow.artifacts`."""
        with self._here():
            return artifacts.download_artifacts(run_id=run_id, artifact_path=path, dst_path=dst_path)

    # Logged models

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The model of this id, with the metrics and parameters of its run."""
        with self._here():
            return logged_models.logged_model(model_id)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: object = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, object]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """The models of the runs of some experiments, the latest first; a filter is one of runs."""
        if datasets or page_token:
            raise InvalidInput("logged models cannot be searched by datasets or pages", "leave the argument out")
        runs = self.search_runs(experiment_ids, filter_string, max_results=_MOST_RUNS)
        found = [
            model
            for run in runs
            for model in reversed(logged_models.models_of(self._registry.runs.run(run.info.run_id)))
        ]
        for term in reversed(order_by or ()):
            found = _sorted(found, str(term["field_name"]), is_ascending=bool(term.get("ascending", True)))
        return PagedList(found[:max_results], None)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, object]) -> None:
        """Set tags of a logged model."""
        with self._here():
            model = logged_models.logged_model(model_id)
        texts = model.tags | {key: str(value) for key, value in tags.items()}
        self._registry.runs.log(model.source_run_id, tags={f"{MODEL_TAGS}{model.name}": json.dumps(texts)})

    @property
    def _registry(self) -> Registry:
        return location.opened(*self._uris)

    def _here(self) -> AbstractContextManager[None]:
        """Let the functions of MLflow's modules use the registry of this client."""
        return location.using(*self._uris)


def as_points(metrics: Mapping[str, float], step: int | None = None, timestamp: int | None = None) -> list[MetricPoint]:
    """Values of metrics at a step, 0 unless said, and a time, now unless said; truth values are 0 and 1."""
    moment = as_milliseconds(clock.now()) if timestamp is None else int(timestamp)
    return [
        MetricPoint(name, int(value) if isinstance(value, bool) else value, int(step or 0), moment)
        for name, value in metrics.items()
    ]


def _sorted(models: Sequence[LoggedModel], field: str, *, is_ascending: bool) -> list[LoggedModel]:
    """The models by the values of a field; those without one come last, either way."""
    values = [(_sort_value(field, model), model) for model in models]
    known = [(value, model) for value, model in values if value is not None]
    known.sort(key=itemgetter(0), reverse=not is_ascending)
    return [model for _, model in known] + [model for value, model in values if value is None]


def _sort_value(field: str, model: LoggedModel) -> Any:
    """A value to sort by; None where the model has none."""
    if field.startswith("metrics."):
        values: dict[str, Any] = {metric.key: metric.value for metric in model.metrics}
        return values.get(field.removeprefix("metrics."))
    if field.startswith("params."):
        return model.params.get(field.removeprefix("params."))
    return getattr(model, field, None)
