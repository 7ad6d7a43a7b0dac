"""Logged models by their id, and by ``models:/`` with it."""

from __future__ import annotations

from modelreg.domain.runs import LoggedModel as StoredModel
from modelreg.domain.runs import Run
from modelreg.errors import LoggedModelNotFound
from modelreg.mlflow import location
from modelreg.mlflow.entities.logged_model import HASH_LENGTH, RUN_ID_LENGTH, LoggedModel, id_of

_BY_ID = "models:/m-"


def names_of(run: Run) -> dict[str, StoredModel]:
    """The models of a run by name, not its other files: models of one file, and folders with an ``MLmodel``."""
    files = {path: model for path, model in run.models.items() if not model.is_artifact}
    folders = {path.removesuffix("/MLmodel"): model for path, model in run.models.items() if path.endswith("/MLmodel")}
    return files | folders


def models_of(run: Run) -> list[LoggedModel]:
    """The models of a run, the oldest first."""
    found = [LoggedModel.of(run, name, stored) for name, stored in names_of(run).items()]
    return sorted(found, key=lambda model: model.creation_timestamp)


def logged_model(model_id: str) -> LoggedModel:
    """The model of this id; raises `RunNotFound` and `LoggedModelNotFound`."""
    run = location.opened().runs.run(run_id_of(model_id))
    for name, stored in names_of(run).items():
        if id_of(run.run_id, name) == model_id:
            return LoggedModel.of(run, name, stored)
    raise LoggedModelNotFound(run.run_id, model_id, list(names_of(run)))


def run_id_of(model_id: str) -> str:
    """The run in which the model of this id was logged."""
    return model_id.removeprefix("m-")[:RUN_ID_LENGTH]


def run_reference(uri: str) -> str:
    """``runs:/RUN/PATH`` of ``models:/m-…`` with the id of a model; any other address as it is."""
    model_id = uri.removeprefix("models:/").strip("/")
    if not uri.startswith(_BY_ID) or len(model_id) != len("m-") + RUN_ID_LENGTH + HASH_LENGTH:
        return uri
    return logged_model(model_id).artifact_location
