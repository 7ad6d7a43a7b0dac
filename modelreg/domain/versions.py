"""Model versions, their files, environment and approvals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from modelreg.domain.display import Displayed
from modelreg.domain.references import Digest, ModelName, short_digest
from modelreg.domain.scans import ImportedName, Verdict
from modelreg.domain.signatures import Signature
from modelreg.domain.stages import Stage

if TYPE_CHECKING:
    from modelreg.domain.evaluations import EvaluationTerms


READY = "READY"
REFERENCE = "REFERENCE"
"""The status of a version: its bytes are stored, or only their location is."""


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
    """An approval of a version by a user; it belongs to the digest, so all versions with that digest have it."""

    user: str
    """The OS user."""
    message: str
    created_at: datetime
    counts: bool
    """Whether gates count it: false for a user who registered a version with this digest."""


@dataclass(frozen=True, slots=True, repr=False)
class ModelVersion(Displayed):
    """One version of a registered model."""

    table_columns = ("reference", "stage", "aliases", "flavor", "metrics", "created_at", "created_by")

    name: ModelName
    version: int
    stage: Stage
    status: str
    """``READY`` or ``REFERENCE``."""
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
    """Data set -> SHA-256 of the data; None where it is not known."""
    evaluation_terms: Mapping[str, EvaluationTerms | None]
    """Data set -> target, task and the like; None where the metrics were computed elsewhere."""
    approvals: tuple[Approval, ...]
    scan: str | None
    """The verdict of the scan (`modelreg.domain.scans`); None where there was no scan."""
    scan_reasons: tuple[str, ...]
    """Reasons for the verdict besides the imported names."""
    imports: tuple[ImportedName, ...]
    """The names that loading would import."""
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

    def label(self) -> str:
        """The identity and most important values."""
        return f"{self.reference} {self.stage} {self.flavor} {short_digest(self.digest)}"

    @property
    def reference(self) -> str:
        """``NAME/VERSION``."""
        return f"{self.name}/{self.version}"

    @property
    def danger(self) -> str | None:
        """A warning for a version that the scan found dangerous, else None."""
        if self.scan != Verdict.DANGEROUS:
            return None
        return (
            f"{self.reference} can run any code when it is loaded: 'modelreg show {self.reference}' shows the findings"
        )

    @property
    def has_bytes(self) -> bool:
        """Whether its files are stored in the registry; else its manifest has their location."""
        return self.status != REFERENCE


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """The identity and files of a version."""

    name: ModelName
    version: int
    digest: Digest
    files: tuple[ModelFile, ...]

    @property
    def reference(self) -> str:
        """``NAME/VERSION``."""
        return f"{self.name}/{self.version}"
