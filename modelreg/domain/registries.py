"""What is found out about a registry as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.domain.stages import StageRules


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
    stages: StageRules
    """The rules for stages, names and deletion."""
    sandbox: str
    """What confines a model on this machine: ``complete (Landlock 7, seccomp)``, ``incomplete (…)`` or ``none``."""
    sandbox_required: bool
    """Whether models run only where they can be confined."""
    models: int
    versions: int
    size: int | None
    """Bytes of all files, those that several versions have counted once; None where nobody asked to add them up."""
    journal_head: str | None
    """``SEQ:HASH`` of the newest journal entry; None while nothing has happened."""
    schema_version: int
    modelreg: str
    """The version of this program."""
    python: str
    sqlite: str


@dataclass(frozen=True, slots=True)
class Backup:
    """A registry that now is in another folder, too, as it was at one moment."""

    path: str
    """The folder that was written."""
    models: int
    versions: int
    blobs: int
    """How many stored files the versions need: manifests, configs and files of models."""
    copied: int
    """How many of them were not there before."""
    bytes: int
    """How many bytes those have."""
    journal_head: str | None
    """``SEQ:HASH`` of the newest journal entry; None when nothing has ever happened."""


@dataclass(frozen=True, slots=True)
class Restoration(Backup):
    """A registry that came back from a backup."""

    replaced: str | None
    """Where the catalog is now that was there before."""
