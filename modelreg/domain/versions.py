"""A model version, as the registry hands it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from modelreg.domain.references import Digest, ModelName
from modelreg.domain.scans import ImportedName, Verdict
from modelreg.domain.signatures import Signature
from modelreg.domain.stages import Stage

if TYPE_CHECKING:
    from modelreg.domain.evaluations import EvaluationTerms


READY = "READY"
REFERENCE = "REFERENCE"
"""What the status of a version can be: its bytes are here, or it only says where they are."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model version, as stored."""

    path: str
    """Relative to the registered folder, with ``/``; a file's own name when one file was registered."""
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Environment:
    """Python and the libraries that were installed where the model was registered."""

    python: str
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Distribution name -> version."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody says that a version is good; it belongs to the digest, so each version with that digest has it."""

    user: str
    """The OS user."""
    message: str
    created_at: datetime
    counts: bool
    """Whether gates count it: not of somebody who registered a version of this digest."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model."""

    name: ModelName
    version: int
    stage: Stage
    status: str
    """``READY``, in MLflow's words, or ``REFERENCE``."""
    aliases: tuple[str, ...]
    digest: Digest
    """The digest of the version's manifest: it covers every byte, the metrics, parameters and signature."""
    size: int
    """Bytes in all its files."""
    files: tuple[ModelFile, ...]
    flavor: str
    format: str
    model_class: str | None
    signature: Signature | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    evaluations: Mapping[str, Mapping[str, float | None]]
    """Data set -> metric -> value; None for one that is undefined for that data."""
    evaluation_data: Mapping[str, Digest | None]
    """Data set -> SHA-256 of the data that those were measured on; None where it is not known."""
    evaluation_terms: Mapping[str, EvaluationTerms | None]
    """Data set -> what was measured; None where it was measured elsewhere."""
    approvals: tuple[Approval, ...]
    scan: str | None
    """The verdict of the analysis for hostile content (`modelreg.domain.scans`); None where none was made."""
    scan_reasons: tuple[str, ...]
    """What speaks against the files besides the names that they import."""
    imports: tuple[ImportedName, ...]
    """The names that loading would import, as far as the files tell."""
    description: str
    source: str
    run_id: str | None
    git_commit: str | None
    git_branch: str | None
    git_dirty: bool | None
    ci_job: str | None
    environment: Environment
    created_by: str
    created_at: datetime
    updated_at: datetime

    @property
    def reference(self) -> str:
        """``NAME/VERSION``."""
        return f"{self.name}/{self.version}"

    @property
    def danger(self) -> str | None:
        """A sentence for whoever is about to rely on a version that the analysis found dangerous; None for others."""
        if self.scan != Verdict.DANGEROUS:
            return None
        return (
            f"{self.reference} can run anything when it is loaded: 'modelreg show {self.reference}' says what was found"
        )

    @property
    def has_bytes(self) -> bool:
        """Whether its files are in the registry; else its manifest says where they are."""
        return self.status != REFERENCE


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version, as far as bytes are concerned."""

    name: ModelName
    version: int
    digest: Digest
    files: tuple[ModelFile, ...]

    @property
    def reference(self) -> str:
        """``NAME/VERSION``."""
        return f"{self.name}/{self.version}"
