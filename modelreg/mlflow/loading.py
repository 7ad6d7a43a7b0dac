"""Models by their address: ``models:/NAME/3``, ``models:/NAME@ALIAS``, ``models:/m-…``, ``runs:/RUN/PATH``, a path."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelreg.domain.python_models import OBJECT
from modelreg.domain.runs import RunReference
from modelreg.domain.signatures import Signature
from modelreg.domain.versions import ModelFile
from modelreg.errors import InvalidReference, UntrustedModel
from modelreg.mlflow import location, written_here
from modelreg.mlflow.exceptions import speaks_mlflow
from modelreg.mlflow.logged_models import run_reference
from modelreg.mlflow.model_folder import PREDICT_FN
from modelreg.registry import Registry

MODELS = "models:/"
_HERE = "it was written by the process that loads it"
_FORMS = "write models:/NAME/Production, models:/NAME/3, models:/NAME@ALIAS or runs:/RUN/PATH"


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """What is known of a model without loading it."""

    uri: str
    signature: Signature | None
    run_id: str | None
    digest: str
    created_at: str
    files: tuple[ModelFile, ...]
    folder: Path | None = None
    """A copy of its folder; None for a model of one file."""
    generic: dict[str, Any] = field(default_factory=dict)
    """What the folder's ``MLmodel`` says of the flavor ``python_function``."""
    metadata: dict[str, Any] | None = None

    @property
    def predict_fn(self) -> str:
        """The method that predicts."""
        return str(self.generic.get(PREDICT_FN, "predict"))

    @property
    def is_written_here(self) -> bool:
        """Whether this process wrote the file that would be unpickled."""
        pickled = self.generic.get(OBJECT) or self.generic.get("model_path")
        return (self.folder is None or pickled is not None) and written_here.wrote_a_model_among(self.files, pickled)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, ready to predict, and what is known of it."""

    model: Any
    found: ResolvedModel


def found(uri: str) -> ResolvedModel:
    """What ``uri`` leads to; raises `InvalidReference`, and `NotFound` in one of its forms."""
    text = run_reference(str(uri))
    registry = location.opened()
    if RunReference.is_one(text):
        return _of_run(registry, text)
    if text.startswith(MODELS):
        return _of_version(registry, text)
    path = Path(text.removeprefix("file://"))
    if not path.exists():
        raise InvalidReference(text, _FORMS)
    return _of_path(path)


def loaded(uri: str) -> Loaded:
    """The model at ``uri``, its bytes checked; raises what `found` and `Registry.load` raise."""
    known = found(uri)
    registry = location.opened()
    try:
        return Loaded(_load(registry, known), known)
    except UntrustedModel:
        if not known.is_written_here:
            raise
        return Loaded(_load(registry, known, full_trust=True), known)


@speaks_mlflow
def load_model(model_uri: str, dst_path: object = None) -> Any:
    """The model itself, as it was logged; see `modelreg.mlflow.pyfunc.load_model`."""
    return loaded(model_uri).model


def _load(registry: Registry, known: ResolvedModel, full_trust: bool = False) -> Any:
    if RunReference.is_one(known.uri):
        return registry.runs.load(known.uri, full_trust=full_trust)
    if known.uri.startswith(MODELS):
        trusted = {"trust": "full", "message": _HERE} if full_trust else {}
        return registry.load(known.uri.removeprefix(MODELS), **trusted)
    return _load_path(registry, Path(known.uri), full_trust)


def _load_path(registry: Registry, path: Path, full_trust: bool) -> Any:
    """A model of a file or folder outside of the registry, by the policy that holds for any other."""
    from modelreg.analysis.containers.content import OpenModel
    from modelreg.loading.flavors import load, recognise
    from modelreg.loading.trust import Trust

    trust = Trust(str(path), frozenset(each.pair for each in registry.trusted_names()), full=full_trust)
    if path.is_dir():
        model = OpenModel(None, path)
        return load(model, recognise(model.files(), True).format, trust)
    with path.open("rb") as file:
        return load(OpenModel(file, None), recognise({path.name: path}, False).format, trust)


def _of_version(registry: Registry, uri: str) -> ResolvedModel:
    from modelreg.system.clock import as_text

    version = registry.version(uri)
    place = registry.path(version.reference) if version.has_bytes and version.format == "mlflow" else None
    return _with_folder(
        ResolvedModel(
            uri=f"{MODELS}{version.reference}",
            signature=version.signature,
            run_id=version.run_id,
            digest=version.digest,
            created_at=as_text(version.created_at),
            files=version.files,
        ),
        place,
    )


def _of_run(registry: Registry, uri: str) -> ResolvedModel:
    from modelreg.system.clock import as_text

    named = RunReference.parse(uri)
    run = registry.runs.run(named.run_id)
    logged = run.model_at(named.path)
    if logged is not None:
        signature = registry.runs.signature(logged)
        return ResolvedModel(uri, signature, run.run_id, logged.digest, as_text(logged.created_at), logged.files)
    folder = registry.runs.path(uri)
    files = run.folder(named.path)
    return _with_folder(ResolvedModel(uri, None, run.run_id, folder.name, as_text(run.started_at), files), folder)


def _of_path(path: Path) -> ResolvedModel:
    """A file or folder of this machine, such as `save_model` writes."""
    from modelreg.store.artifacts.copying import digest_of_bytes

    files = [each for each in sorted(path.rglob("*")) if each.is_file()] if path.is_dir() else [path]
    root = path if path.is_dir() else path.parent
    known = tuple(
        ModelFile(each.relative_to(root).as_posix(), digest_of_bytes(each.read_bytes()), each.stat().st_size)
        for each in files
    )
    return _with_folder(ResolvedModel(str(path), None, None, "", "", known), path if path.is_dir() else None)


def _with_folder(known: ResolvedModel, folder: Path | None) -> ResolvedModel:
    """The same with what its folder says."""
    from dataclasses import replace

    from modelreg.loading.flavors import recognise
    from modelreg.loading.flavors.mlflow import generic_flavor, parse_mlmodel

    if folder is None:
        return known
    files = {file.path: folder / file.path for file in known.files}
    described = recognise(files, True)
    metadata = parse_mlmodel(files).get("metadata")
    return replace(
        known,
        folder=folder,
        signature=known.signature or described.signature,
        run_id=known.run_id or described.run_id,
        generic={str(key): value for key, value in generic_flavor(files).items()},
        metadata={str(key): value for key, value in metadata.items()} if isinstance(metadata, dict) else None,
    )
