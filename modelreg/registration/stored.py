"""Versions of what is known already: of a run's model, of a version of any model, and of an address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelreg.domain.references import ModelName, Reference
from modelreg.domain.runs import Run, RunReference
from modelreg.domain.signatures import Signature
from modelreg.domain.statements import Statement, checked_reason, checked_text
from modelreg.domain.versions import ModelFile, ModelVersion
from modelreg.errors import InvalidInput, LoggedModelNotFound
from modelreg.registration.register import RegistrationRequest
from modelreg.store.artifacts.manifest import Manifest
from modelreg.store.artifacts.source import Source, SourceFile
from modelreg.store.folder import RegistryFolder

_NOT_STATED: dict[str, Any] = {
    "description": None,
    "tags": None,
    "aliases": (),
    "stage": None,
    "archive_existing": False,
    "message": None,
}
_NO_FACTS: dict[str, Any] = {"metrics": None, "params": None, "signature": None, "run_id": None}


@dataclass(frozen=True, slots=True)
class _Known:
    """What a registry knows of the bytes."""

    origin: str
    run_id: str | None
    metrics: dict[str, float]
    params: dict[str, str]
    is_folder: bool
    files: tuple[ModelFile, ...]
    signature: Signature | None
    location: str | None

    @classmethod
    def of_manifest(cls, manifest: Manifest, origin: str, of: Run | ModelVersion) -> _Known:
        """What the manifest says of the bytes, with the facts of the run or version that they belong to."""
        return cls(
            origin=origin,
            run_id=of.run_id,
            metrics=dict(of.metrics),
            params=dict(of.params),
            is_folder=manifest.is_folder,
            files=manifest.files,
            signature=manifest.signature,
            location=manifest.location,
        )


def request_for(home: RegistryFolder, text: str, name: ModelName, stated: dict[str, Any]) -> RegistrationRequest:
    """How to register what ``text`` names under ``name``; `Registry.register_stored` says what is raised."""
    known = _of_run(home, RunReference.parse(text)) if RunReference.is_one(text) else _of_version(home, text)
    why, new_version = stated.pop("allow_unsafe", None), stated.pop("new_version", False)
    origin = stated.pop("source", None) or known.origin
    facts = {"metrics": known.metrics, "params": known.params, "signature": known.signature}
    run_id = stated.pop("run_id", None) or known.run_id
    if overridden := sorted(facts.keys() & stated.keys()):
        raise InvalidInput(
            f"{' and '.join(overridden)} of stored bytes cannot be stated", "log them in the run, or register a file"
        )
    statement = Statement.checked(**_NOT_STATED | stated | facts | {"run_id": run_id})
    source = Source(Path(known.origin), known.is_folder, _places(home, known.files))
    return RegistrationRequest(
        name, source, statement, origin, checked_reason(why), new_version, known.files, known.location
    )


def reference_to(location: str, name: ModelName, stated: dict[str, Any]) -> RegistrationRequest:
    """How to register that a version's bytes are at ``location``; raises `InvalidInput` in one of its forms."""
    if not location.strip():
        raise InvalidInput("the bytes have to be somewhere", "give the address at which they are")
    origin, new_version = stated.pop("source", None) or location, stated.pop("new_version", False)
    stated.pop("allow_unsafe", None)  # nothing is there that could be unsafe
    statement = Statement.checked(**_NOT_STATED | _NO_FACTS | stated)
    source = Source(Path(location), False, ())
    at = checked_text(location, "the address")
    return RegistrationRequest(name, source, statement, origin, None, new_version, location=at)


def _of_run(home: RegistryFolder, reference: RunReference) -> _Known:
    """A model or file of a run, or a folder of its artifacts; raises `RunNotFound` and `LoggedModelNotFound`."""
    with home.catalog.reading() as catalog:
        run = catalog.runs.get(reference.run_id)
    model = run.model_at(reference.path)
    if model is not None:
        return _Known.of_manifest(home.artifacts.manifest(model), model.reference, run)
    files = run.folder(reference.path)
    if not files:
        raise LoggedModelNotFound(run.run_id, reference.path, list(run.models))
    return _Known(
        origin=f"runs:/{run.run_id}/{reference.path}",
        run_id=run.run_id,
        metrics=dict(run.metrics),
        params=dict(run.params),
        is_folder=True,
        files=files,
        signature=None,
        location=None,
    )


def _of_version(home: RegistryFolder, text: str) -> _Known:
    with home.catalog.reading() as catalog:
        version = catalog.version(Reference.parse(text))
    return _Known.of_manifest(home.artifacts.manifest(version), f"models:/{version.reference}", version)


def _places(home: RegistryFolder, files: Sequence[ModelFile]) -> tuple[SourceFile, ...]:
    return tuple(SourceFile(file.path, str(home.artifacts.path(file.digest)), file.size) for file in files)
