"""What the registry hands out: frozen values, whole when made.

Times are aware datetimes in UTC, sizes are bytes, digests are ``sha256:`` and 64 hexadecimal digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from modelreg.references import Digest, ModelName
from modelreg.stages import Stage


@dataclass(frozen=True, slots=True)
class SignatureField:
    """One column, or one array, that a model takes or gives."""

    name: str | None
    """The column's name; None for an array, which has no names."""
    type: str
    """``boolean``, ``int8`` to ``int64``, ``uint8`` to ``uint64``, ``float16`` to ``float64``, ``string``,
    ``binary``, ``datetime`` or ``any``."""
    shape: tuple[int | None, ...] = ()
    """``()`` for a column; an array's shape, where None is a length that varies (the rows)."""
    nullable: bool = False
    """Whether values may be missing."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What goes into a model and what comes out of it."""

    inputs: tuple[SignatureField, ...]
    outputs: tuple[SignatureField, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model version, as stored."""

    path: str
    """Relative to the registered folder, with ``/``; a file's own name when one file was registered."""
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Description:
    """What a recogniser found in a model's files, without running them."""

    flavor: str
    """The library that the model belongs to: ``sklearn``, ``xgboost``, …; ``file`` or ``folder`` when unknown."""
    format: str
    """How the model is written: ``joblib``, ``onnx``, …"""
    model_class: str | None = None
    """The class of the model, as a dotted name, where the files tell it."""
    signature: Signature | None = None
    run_id: str | None = None
    notes: tuple[str, ...] = ()
    """Sentences that whoever registers the model should read."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Python and the libraries that were installed where the model was registered."""

    python: str
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Distribution name -> version."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was observed where a version was registered; none of it goes into the digest."""

    source: str
    """The absolute path that was registered."""
    git_commit: str | None
    git_dirty: bool | None
    """Whether tracked files differed from that commit; None outside a repository."""
    run_id: str | None
    ci_job: str | None
    environment: Environment


@dataclass(frozen=True, slots=True)
class Model:
    """A registered model: a named series of versions."""

    name: ModelName
    description: str
    versions: int
    """How many versions there are now."""
    latest: int | None
    """The highest version number; None while there is no version."""
    staging: tuple[int, ...]
    production: int | None
    archived: int
    """How many versions are archived."""
    aliases: Mapping[str, int]
    tags: Mapping[str, str]
    created_by: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model."""

    name: ModelName
    version: int
    stage: Stage
    status: str
    """``READY``, in MLflow's words."""
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
    scan: str | None
    """What the analysis for hostile content said; None where none was made."""
    description: str
    source: str
    run_id: str | None
    git_commit: str | None
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


@dataclass(frozen=True, slots=True)
class Registration(ModelVersion):
    """A version, and what became of its registration."""

    created: bool
    """False when the model already had a version with the same digest, which is then this one."""
    notes: tuple[str, ...]
    """Sentences that whoever registered it should read."""


@dataclass(frozen=True, slots=True)
class StageChange:
    """One version goes from one stage to another."""

    version: int
    from_stage: Stage
    to_stage: Stage


@dataclass(frozen=True, slots=True)
class Transition:
    """The stage changes that one request makes, in the order in which they are made."""

    name: ModelName
    version: int
    stage: Stage
    """The stage that the version has afterwards."""
    changes: tuple[StageChange, ...]
    """Empty when the version was in that stage already."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: what the system says, and apart from it what the environment claims."""

    user: str
    """The OS user."""
    claimed_user: str | None
    """``MODELREG_USER``."""
    ci_job: str | None
    """The address of the CI job, where the environment names one."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One change of the registry, as it was written down in the transaction that made it."""

    seq: int
    at: datetime
    """Never earlier than the entry before."""
    batch: int
    """The ``seq`` of the first entry of the same transaction."""
    action: str
    """``register``, ``transition``, ``alias``, ``tag``, ``describe`` or ``delete``."""
    model: int
    """The catalog's number for the model, which outlives its name."""
    name: ModelName
    version: int | None
    from_stage: Stage | None
    to_stage: Stage | None
    message: str | None
    user: str
    claimed_user: str | None
    ci_job: str | None
    tool: str
    """``modelreg`` and its version."""
    after: str
    """The new values of everything that changed, as JSON."""
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that verification found wrong."""

    subject: str
    """``catalog``, ``journal``, ``artifacts``, or a version as ``NAME/VERSION``."""
    path: str | None
    """The file of the version that it is about."""
    problem: str
    """A sentence's end: 'is missing', 'has other bytes than its digest says', …"""


@dataclass(frozen=True, slots=True)
class RegistryInformation:
    """What a registry is and holds."""

    path: str
    shared: bool
    """Whether it was made for a group."""
    models: int
    versions: int
    journal_head: str | None
    """``SEQ:HASH`` of the newest journal entry; None while nothing has happened."""
    schema_version: int
    modelreg: str
    """The version of this program."""
    python: str
    sqlite: str
