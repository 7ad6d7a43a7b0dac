"""Find logged models by their id, alone or in ``models:/ID``."""

from __future__ import annotations

from modelreg.domain.runs import LoggedModel as StoredModel
from modelreg.domain.runs import Run, build_logged_model_error
from modelreg.mlflow import location
from modelreg.mlflow.entities.logged_model import HASH_LENGTH, RUN_ID_LENGTH, LoggedModel, build_model_id

_ID_SCHEME = "models:/m-"


def list_stored_models(run: Run) -> dict[str, StoredModel]:
    """The models of a run by name: single-file models, and folders with an ``MLmodel``; other files are left out."""
    files = {path: model for path, model in run.models.items() if not model.is_artifact}
    folders = {path.removesuffix("/MLmodel"): model for path, model in run.models.items() if path.endswith("/MLmodel")}
    return files | folders


def list_logged_models(run: Run) -> list[LoggedModel]:
    """The models of a run, oldest first."""
    models = [LoggedModel.of(run, name, stored) for name, stored in list_stored_models(run).items()]
    return sorted(models, key=lambda model: model.creation_timestamp)


def get_logged_model(model_id: str) -> LoggedModel:
    """The model with this id; raises `NotFound`."""
    run = location.open_registry().runs.run(parse_run_id(model_id))
    for name, stored in list_stored_models(run).items():
        if build_model_id(run.run_id, name) == model_id:
            return LoggedModel.of(run, name, stored)
    raise build_logged_model_error(run.run_id, model_id, list(list_stored_models(run)))


def parse_run_id(model_id: str) -> str:
    """The id of the run that logged a model, from the model's id."""
    return model_id.removeprefix("m-")[:RUN_ID_LENGTH]


def resolve_model_id(uri: str) -> str:
    """Translate ``models:/m-…`` with a model id to ``runs:/RUN/PATH``; returns any other URI unchanged."""
    model_id = uri.removeprefix("models:/").strip("/")
    if not uri.startswith(_ID_SCHEME) or len(model_id) != len("m-") + RUN_ID_LENGTH + HASH_LENGTH:
        return uri
    return get_logged_model(model_id).artifact_location
