"""`MlflowClient`: what MLflow's client can ask of a registry, asked of modelreg's."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any, NoReturn

from modelreg import clock
from modelreg.clock import as_milliseconds
from modelreg.errors import InvalidInput, InvalidReference, StageEmpty, TagNotFound, shown
from modelreg.mlflow import artifact_files, artifacts, experiments, location, logged_models
from modelreg.mlflow.absent import absent
from modelreg.mlflow.entities import (
    DatasetInput,
    Experiment,
    FileInfo,
    LifecycleStage,
    LoggedModel,
    Metric,
    ModelVersion,
    PagedList,
    Param,
    RegisteredModel,
    Run,
    RunTag,
    ViewType,
)
from modelreg.mlflow.entities.model_registry.model_version import RUN_LINK
from modelreg.mlflow.entities.run import (
    DATASET,
    DEFAULT_EXPERIMENT,
    EXPERIMENT_NAME,
    LIFECYCLE,
    MODEL_TAGS,
    PARENT_RUN_ID,
    RUN_NAME,
)
from modelreg.mlflow.exceptions import all_speak_mlflow
from modelreg.mlflow.loading import MODELS
from modelreg.mlflow.searching import OF_RUNS, page, translated_filter, translated_order
from modelreg.records.run import FINISHED, MetricPoint, RunReference
from modelreg.references import parse_alias, parse_name
from modelreg.registry import Registry
from modelreg.stages import Stage

_MOST_MODELS = 1000
_MOST_RUNS = 100_000
_MOST_VERSIONS = 200_000
_OF_VIEW = {
    ViewType.ACTIVE_ONLY: f"tags.`{LIFECYCLE}` IS NULL",
    ViewType.DELETED_ONLY: f"tags.`{LIFECYCLE}` IS NOT NULL",
    ViewType.ALL: None,
}
Version = str | int


@all_speak_mlflow
class MlflowClient:
    """The registry in a folder, through the methods of MLflow's client.

    Without an address it is the one that `set_tracking_uri` named, else modelreg's default. It is made when it is
    first asked for something. All methods raise `MlflowException` alone.
    """

    def __init__(
        self,
        tracking_uri: str | os.PathLike[str] | None = None,
        registry_uri: str | os.PathLike[str] | None = None,
    ) -> None:
        self._uris = tracking_uri, registry_uri
        location.current(*self._uris)

    def __getattr__(self, name: str) -> NoReturn:
        raise absent("MlflowClient", name)

    @property
    def tracking_uri(self) -> str:
        """Where the registry is, as ``modelreg:///PATH``."""
        return f"{location.SCHEME}{location.current(*self._uris).folder}"

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
        """Log a value of a metric, the latest of which is the run's."""
        self._registry.runs.log(run_id, metrics=as_points({key: value}, step, timestamp))

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
            found.sort(key=partial(_sort_value, str(term["field_name"])), reverse=not term.get("ascending", True))
        return PagedList(found[:max_results], None)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, object]) -> None:
        """Set tags of a logged model."""
        with self._here():
            model = logged_models.logged_model(model_id)
        texts = model.tags | {key: str(value) for key, value in tags.items()}
        self._registry.runs.log(model.source_run_id, tags={f"{MODEL_TAGS}{model.name}": json.dumps(texts)})

    # Registered models

    def create_registered_model(
        self, name: str, tags: Mapping[str, object] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Make a model without versions."""
        return RegisteredModel.of(self._registry.create_model(name, description=description or "", tags=tags), [])

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a model another name."""
        self._registry.rename(name, new_name)
        return self.get_registered_model(new_name)

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        """Replace the description of a model."""
        self._registry.describe(parse_name(name), description or "")
        return self.get_registered_model(name)

    def delete_registered_model(self, name: str) -> None:
        """Delete a model with all its versions, unless one is in Staging or Production or has an alias."""
        self._registry.delete(parse_name(name), with_versions=True)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """A model, with its newest version in each stage."""
        registry = self._registry
        return RegisteredModel.of(registry.model(name), registry.latest_in_stages(name).get(name, []))

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = 100,
        order_by: Sequence[str] | None = None,
        page_token: str | bytes | None = None,
    ) -> PagedList[RegisteredModel]:
        """The models for which a filter is true: a page of them, by name unless ``order_by`` says otherwise."""
        wanted = page(max_results, _MOST_MODELS, page_token)
        registry = self._registry
        found = registry.models(
            filter=translated_filter(filter_string),
            sort=translated_order(order_by, "name"),
            limit=wanted.size + 1,
            offset=wanted.offset,
        )
        latest = registry.latest_in_stages(*(model.name for model in found[: wanted.size]))
        models = [RegisteredModel.of(model, latest.get(model.name, [])) for model in found[: wanted.size]]
        return PagedList(models, wanted.next if len(found) > wanted.size else None)

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[ModelVersion]:
        """The newest version of a model in each stage that has one, or in each of ``stages``."""
        wanted = {Stage.parse(stage) for stage in stages or Stage}
        model, registry = parse_name(name), self._registry
        registry.model(model)
        found = registry.latest_in_stages(model).get(model, [])  # it may have been deleted meanwhile
        return [ModelVersion.of(version) for version in found if version.stage in wanted]

    def set_registered_model_tag(self, name: str, key: str, value: object) -> None:
        """Set a tag of a model."""
        self._registry.tag(parse_name(name), {key: value})

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Take a tag of a model away, if it has it."""
        with suppress(TagNotFound):
            self._registry.tag(parse_name(name), remove=[key])

    def set_registered_model_alias(self, name: str, alias: str, version: Version) -> None:
        """Let an alias mean a version, whatever it meant before."""
        self._registry.alias(_reference(name, version), alias)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Let an alias mean nothing any more."""
        registry = self._registry
        if parse_alias(alias).lower() in {each.lower() for each in registry.model(name).aliases}:
            registry.remove_alias(name, alias)

    # Versions

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, object] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Store what is at ``source`` as the next version of a model that is there.

        ``source`` is a file or folder, ``runs:/RUN/PATH``, or ``models:/…``.
        """
        self._registry.model(name)
        linked = dict(tags or {}) | ({RUN_LINK: run_link} if run_link else {})
        return self.register(name, source, run_id=run_id, tags=linked, description=description)

    def copy_model_version(self, src_model_uri: str, dst_name: str) -> ModelVersion:
        """Make a version of ``dst_name`` of the same bytes, with the tags and the description that it has there."""
        if not src_model_uri.startswith(MODELS):
            raise InvalidReference(src_model_uri, "write models:/NAME/3, models:/NAME/Production or models:/NAME@ALIAS")
        registry = self._registry
        version = registry.version(src_model_uri)
        copied = registry.register_stored(
            version.reference, dst_name, tags=version.tags, description=version.description, new_version=True
        )
        return ModelVersion.of(copied)

    def update_model_version(self, name: str, version: Version, description: str | None = None) -> ModelVersion:
        """Replace the description of a version."""
        self._registry.describe(_reference(name, version), _required(description, "description"))
        return self.get_model_version(name, version)

    def transition_model_version_stage(
        self, name: str, version: Version, stage: str, archive_existing_versions: bool = False
    ) -> ModelVersion:
        """Put a version into a stage.

        Only one version of a model is in Production: while another is, ``INVALID_STATE`` is raised, unless
        ``archive_existing_versions`` archives that one in the same transaction. The model's gates are asked.
        """
        wanted = _required(stage, "stage")
        self._registry.transition(_reference(name, version), wanted, archive_existing=archive_existing_versions)
        return self.get_model_version(name, version)

    def delete_model_version(self, name: str, version: Version) -> None:
        """Delete a version, unless it is in Staging or Production or has an alias."""
        self._registry.delete(_reference(name, version))

    def get_model_version(self, name: str, version: Version) -> ModelVersion:
        """A version by its number."""
        return ModelVersion.of(self._registry.version(_reference(name, version)))

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """The version that has an alias."""
        return ModelVersion.of(self._registry.version(f"{parse_name(name)}@{parse_alias(alias)}"))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = 10_000,
        order_by: Sequence[str] | None = None,
        page_token: str | bytes | None = None,
    ) -> PagedList[ModelVersion]:
        """The versions of all models for which a filter is true: a page of them, the one that changed last first."""
        wanted = page(max_results, _MOST_VERSIONS, page_token)
        found = self._registry.search(
            translated_filter(filter_string),
            sort=translated_order(order_by, "updated_at DESC"),
            limit=wanted.size + 1,
            offset=wanted.offset,
        )
        versions = [ModelVersion.of(version) for version in found[: wanted.size]]
        return PagedList(versions, wanted.next if len(found) > wanted.size else None)

    def get_model_version_download_uri(self, name: str, version: Version) -> str:
        """The path of a read-only copy of a version's file or folder, every byte checked now."""
        return str(self._registry.path(_reference(name, version)))

    def get_model_version_stages(self, name: str, version: Version) -> list[str]:
        """The stages in which a version may be."""
        return [stage.value for stage in Stage]

    def set_model_version_tag(
        self,
        name: str,
        version: Version | None = None,
        key: str | None = None,
        value: object = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag of a version, or of the newest one in a stage."""
        self._registry.tag(self._chosen(name, version, stage), {_required(key, "key of the tag"): value})

    def delete_model_version_tag(
        self, name: str, version: Version | None = None, key: str | None = None, stage: str | None = None
    ) -> None:
        """Take a tag of a version away, if it has it."""
        with suppress(TagNotFound):
            self._registry.tag(self._chosen(name, version, stage), remove=[_required(key, "key of the tag")])

    def register(
        self,
        name: str,
        source: str,
        *,
        run_id: str | None = None,
        tags: Mapping[str, object] | None = None,
        description: str | None = None,
    ) -> ModelVersion:
        """Make the next version of a model, which is made if need be; the same bytes make another one, too."""
        with self._here():
            text = logged_models.run_reference(str(source))
        registry = self._registry
        if RunReference.is_one(text) or text.startswith(MODELS):
            made = registry.register_stored(
                text, name, run_id=run_id, tags=tags, description=description, new_version=True
            )
        else:
            path = text.removeprefix("file://")
            made = registry.register(
                path, name, run_id=run_id, source=text, tags=tags, description=description, new_version=True
            )
        return ModelVersion.of(made)

    @property
    def _registry(self) -> Registry:
        return location.opened(*self._uris)

    def _here(self) -> AbstractContextManager[None]:
        """Let the functions of MLflow's modules use the registry of this client."""
        return location.using(*self._uris)

    def _chosen(self, name: str, version: Version | None, stage: str | None) -> str:
        if (version is None) == (stage is None):
            raise InvalidInput("either version or stage says which version is meant, and not both")
        if stage is None:
            return _reference(name, version)
        found = self.get_latest_versions(name, [stage])
        if not found:
            raise StageEmpty(name, Stage.parse(stage))
        return _reference(name, found[0].version)


def _reference(name: str, version: Version | None) -> str:
    text = str(version)
    if not (text.isascii() and text.isdecimal()):
        raise InvalidInput(f"the version {shown(text)} is not a whole number", "an alias has methods of its own")
    return f"{parse_name(name)}/{text}"


def as_points(metrics: Mapping[str, float], step: int | None = None, timestamp: int | None = None) -> list[MetricPoint]:
    """Values of metrics at a step, 0 unless said, and a time, now unless said; truth values are 0 and 1."""
    moment = as_milliseconds(clock.now()) if timestamp is None else int(timestamp)
    return [
        MetricPoint(name, int(value) if isinstance(value, bool) else value, int(step or 0), moment)
        for name, value in metrics.items()
    ]


def _sort_value(field: str, model: LoggedModel) -> tuple[bool, Any]:
    """A value to sort by, after which models come that have none."""
    if field.startswith("metrics."):
        values: dict[str, Any] = {metric.key: metric.value for metric in model.metrics}
        value = values.get(field.removeprefix("metrics."))
    elif field.startswith("params."):
        value = model.params.get(field.removeprefix("params."))
    else:
        value = getattr(model, field, None)
    return value is None, 0 if value is None else value


def _required(value: str | None, what: str) -> str:
    if value is None:
        raise InvalidInput(f"the {what} is missing")
    return value
