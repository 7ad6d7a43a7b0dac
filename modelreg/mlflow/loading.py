"""Resolve and load models by URI: ``models:/NAME/3``, ``models:/NAME@ALIAS``, ``models:/m-…``, ``runs:/RUN/PATH``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modelreg.domain.python_models import OBJECT
from modelreg.domain.runs import RunReference
from modelreg.domain.signatures import Signature
from modelreg.domain.versions import ModelFile
from modelreg.errors import InvalidReference, UntrustedModel
from modelreg.mlflow import location, own_files
from modelreg.mlflow.exceptions import translate_errors
from modelreg.mlflow.logged_models import resolve_model_id
from modelreg.mlflow.model_folder import PREDICT_FN
from modelreg.registry import Registry
from modelreg.system.clock import as_text

MODELS_SCHEME = "models:/"
_OWN_MODEL_MESSAGE = "the loading process wrote this model itself"
_FORMS = "use models:/NAME/Production, models:/NAME/3, models:/NAME@ALIAS or runs:/RUN/PATH"


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """What is known about a model before it is loaded."""

    uri: str
    signature: Signature | None
    run_id: str | None
    digest: str
    created_at: str
    files: tuple[ModelFile, ...]
    folder: Path | None = None
    """A local copy of the model's folder; None for a single-file model."""
    generic: dict[str, Any] = field(default_factory=dict)
    """The ``python_function`` flavor in the folder's ``MLmodel``."""
    metadata: dict[str, Any] | None = None

    @property
    def predict_fn(self) -> str:
        """The name of the method that predicts."""
        return str(self.generic.get(PREDICT_FN, "predict"))

    @property
    def is_written_here(self) -> bool:
        """Whether this process wrote the file that loading would unpickle."""
        pickle_path = self.generic.get(OBJECT) or self.generic.get("model_path")
        return (self.folder is None or pickle_path is not None) and own_files.is_written_here(self.files, pickle_path)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is ready to predict, and what is known about it."""

    model: Any
    resolved: ResolvedModel


def resolve_model(uri: str) -> ResolvedModel:
    """Look up the model at ``uri``, without loading it; raises `InvalidReference` or `NotFound`."""
    text = resolve_model_id(str(uri))
    registry = location.open_registry()
    if RunReference.matches(text):
        return _resolve_run_model(registry, text)
    if text.startswith(MODELS_SCHEME):
        return _resolve_version(registry, text)
    path = Path(text.removeprefix("file://"))
    if not path.exists():
        raise InvalidReference(text, _FORMS)
    return _resolve_path(path)


def load_resolved(uri: str) -> LoadedModel:
    """Load the model at ``uri`` after verifying its files; raises what `resolve_model` and `Registry.load` raise."""
    resolved = resolve_model(uri)
    registry = location.open_registry()
    try:
        return LoadedModel(_load(registry, resolved), resolved)
    except UntrustedModel:
        if not resolved.is_written_here:
            raise
        return LoadedModel(_load(registry, resolved, full_trust=True), resolved)


@translate_errors
def load_model(model_uri: str, dst_path: object = None) -> Any:
    """Load a model as its own library's object; see `modelreg.mlflow.pyfunc.load_model`."""
    return load_resolved(model_uri).model


def _load(registry: Registry, resolved: ResolvedModel, full_trust: bool = False) -> Any:
    if RunReference.matches(resolved.uri):
        return registry.runs.load(resolved.uri, full_trust=full_trust)
    if resolved.uri.startswith(MODELS_SCHEME):
        trust = {"trust": "full", "message": _OWN_MODEL_MESSAGE} if full_trust else {}
        return registry.load(resolved.uri.removeprefix(MODELS_SCHEME), **trust)
    return _load_path(registry, Path(resolved.uri), full_trust)


def _load_path(registry: Registry, path: Path, full_trust: bool) -> Any:
    """Load a file or folder outside the registry, under the same trust policy as a registered model."""
    from modelreg.analysis.containers.content import OpenModel
    from modelreg.loading.flavors import load, recognise
    from modelreg.loading.trust import Trust

    trust = Trust(str(path), frozenset(name.pair for name in registry.trusted_names()), full=full_trust)
    if path.is_dir():
        model = OpenModel(None, path)
        return load(model, recognise(model.files(), True).format, trust)
    with path.open("rb") as file:
        return load(OpenModel(file, None), recognise({path.name: path}, False).format, trust)


def _resolve_version(registry: Registry, uri: str) -> ResolvedModel:
    version = registry.version(uri)
    resolved = ResolvedModel(
        uri=f"{MODELS_SCHEME}{version.reference}",
        signature=version.signature,
        run_id=version.run_id,
        digest=version.digest,
        created_at=as_text(version.created_at),
        files=version.files,
    )
    if version.has_bytes and version.format == "mlflow":
        return _add_mlmodel(resolved, registry.path(version.reference))
    return resolved


def _resolve_run_model(registry: Registry, uri: str) -> ResolvedModel:
    reference = RunReference.parse(uri)
    run = registry.runs.run(reference.run_id)
    logged = run.model_at(reference.path)
    if logged is not None:
        signature = registry.runs.signature(logged)
        return ResolvedModel(uri, signature, run.run_id, logged.digest, as_text(logged.created_at), logged.files)
    folder = registry.runs.path(uri)
    files = run.folder(reference.path)
    return _add_mlmodel(ResolvedModel(uri, None, run.run_id, folder.name, as_text(run.started_at), files), folder)


def _resolve_path(path: Path) -> ResolvedModel:
    """Look up a local file or folder, such as `save_model` writes."""
    from modelreg.store.artifacts.copying import digest_of_bytes

    files = [file for file in sorted(path.rglob("*")) if file.is_file()] if path.is_dir() else [path]
    root = path if path.is_dir() else path.parent
    model_files = tuple(
        ModelFile(file.relative_to(root).as_posix(), digest_of_bytes(file.read_bytes()), file.stat().st_size)
        for file in files
    )
    resolved = ResolvedModel(str(path), None, None, "", "", model_files)
    return _add_mlmodel(resolved, path) if path.is_dir() else resolved


def _add_mlmodel(resolved: ResolvedModel, folder: Path) -> ResolvedModel:
    """Add what the ``MLmodel`` in the model's folder states."""
    from modelreg.loading.flavors import recognise
    from modelreg.loading.flavors.mlflow import generic_flavor, parse_mlmodel

    files = {file.path: folder / file.path for file in resolved.files}
    described = recognise(files, True)
    metadata = parse_mlmodel(files).get("metadata")
    return replace(
        resolved,
        folder=folder,
        signature=resolved.signature or described.signature,
        run_id=resolved.run_id or described.run_id,
        generic={str(key): value for key, value in generic_flavor(files).items()},
        metadata={str(key): value for key, value in metadata.items()} if isinstance(metadata, dict) else None,
    )
