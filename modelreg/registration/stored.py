"""Registration requests for bytes that are stored already, and for bytes that are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelreg.domain.facts import Facts
from modelreg.domain.metadata import VersionMetadata
from modelreg.domain.references import ModelName, Reference
from modelreg.domain.runs import Run, RunReference, build_logged_model_error
from modelreg.domain.validation import parse_reason, parse_text
from modelreg.domain.versions import ModelFile, ModelVersion
from modelreg.errors import InvalidInput
from modelreg.registration.register import RegistrationRequest
from modelreg.store.artifacts.manifest import Manifest
from modelreg.store.artifacts.source import Source, SourceFile
from modelreg.store.folder import RegistryFolder

_FACTS = {"metrics", "params", "signature"}


@dataclass(frozen=True, slots=True)
class _StoredModel:
    """Stored files, and the facts of the run or version that they belong to."""

    origin: str
    run_id: str | None
    facts: Facts
    files: tuple[ModelFile, ...]


def request_for_stored(
    folder: RegistryFolder, text: str, name: ModelName, options: dict[str, Any]
) -> RegistrationRequest:
    """The request that registers the model ``text`` names under ``name``; see `Registry.register_stored`."""
    stored = _of_run(folder, RunReference.parse(text)) if RunReference.matches(text) else _of_version(folder, text)
    if overridden := sorted(_FACTS & options.keys()):
        raise InvalidInput(
            f"{' and '.join(overridden)} of stored bytes cannot be changed", "log them in the run, or register a file"
        )
    reason, new_version = options.pop("allow_unsafe", None), options.pop("new_version", False)
    origin = options.pop("source", None) or stored.origin
    metadata = VersionMetadata.parse(**options | {"run_id": options.get("run_id") or stored.run_id})
    files = tuple(SourceFile(file.path, str(folder.artifacts.path(file.digest)), file.size) for file in stored.files)
    source = Source(Path(stored.origin), stored.facts.is_folder, files)
    return RegistrationRequest(
        name, source, stored.facts, metadata, origin, parse_reason(reason), new_version, stored.files
    )


def request_for_reference(location: str, name: ModelName, options: dict[str, Any]) -> RegistrationRequest:
    """The request that registers a version whose bytes are at ``location``; raises `InvalidInput`."""
    if not location.strip():
        raise InvalidInput("the location of the bytes is empty", "give the address at which they are")
    origin, new_version = options.pop("source", None) or location, options.pop("new_version", False)
    options.pop("allow_unsafe", None)  # there are no files to scan
    fact_options = {name: options.pop(name) for name in _FACTS & options.keys()}
    facts = Facts.parse(is_folder=False, location=parse_text(location, "the address"), **fact_options)
    metadata = VersionMetadata.parse(**options)
    return RegistrationRequest(name, Source(Path(location), False, ()), facts, metadata, origin, None, new_version)


def _of_run(folder: RegistryFolder, reference: RunReference) -> _StoredModel:
    """A model or file of a run, or a folder of its artifacts; raises `NotFound`."""
    with folder.catalog.reading() as catalog:
        run = catalog.runs.get(reference.run_id)
    model = run.model_at(reference.path)
    if model is not None:
        return _of_manifest(folder.artifacts.manifest(model), model.reference, run)
    files = run.folder(reference.path)
    if not files:
        raise build_logged_model_error(run.run_id, reference.path, list(run.models))
    facts = Facts.parse(is_folder=True, metrics=run.metrics, params=run.params)
    return _StoredModel(f"runs:/{run.run_id}/{reference.path}", run.run_id, facts, files)


def _of_version(folder: RegistryFolder, text: str) -> _StoredModel:
    with folder.catalog.reading() as catalog:
        version = catalog.version(Reference.parse(text))
    return _of_manifest(folder.artifacts.manifest(version), f"models:/{version.reference}", version)


def _of_manifest(manifest: Manifest, origin: str, owner: Run | ModelVersion) -> _StoredModel:
    facts = Facts.parse(
        is_folder=manifest.is_folder,
        signature=manifest.signature,
        metrics=owner.metrics,
        params=owner.params,
        location=manifest.location,
    )
    return _StoredModel(origin, owner.run_id, facts, manifest.files)
