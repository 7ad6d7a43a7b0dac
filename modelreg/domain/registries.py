"""A registry as a whole: information, verification findings, backups."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.domain.stages import StageRules


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem found by verification."""

    subject: str
    """``catalog``, ``journal``, ``artifacts``, or a version as ``NAME/VERSION``."""
    path: str | None
    """The file of the version, if the finding is about one."""
    problem: str
    """The end of a sentence: 'is missing', …"""


@dataclass(frozen=True, slots=True)
class RegistryInformation:
    """The settings and size of a registry."""

    path: str
    shared: bool
    """Whether it was created for a group of users."""
    stages: StageRules
    """The rules for stages, names and deletion."""
    sandbox: str
    """The sandbox on this machine: ``complete (Landlock 7, seccomp)``, ``incomplete (…)`` or ``none``."""
    sandbox_required: bool
    """Whether models run only in a complete sandbox."""
    models: int
    versions: int
    size: int | None
    """Bytes of all stored files, shared files counted once; None if they were not added up."""
    journal_head: str | None
    """``SEQ:HASH`` of the newest journal entry; None for an empty journal."""
    schema_version: int
    modelreg: str
    """The version of modelreg."""
    python: str
    sqlite: str


@dataclass(frozen=True, slots=True)
class Backup:
    """The result of a backup."""

    path: str
    """The folder of the backup."""
    models: int
    versions: int
    blobs: int
    """Number of stored files that versions need: manifests, configs and model files."""
    copied: int
    """Number of files that were copied now."""
    bytes: int
    """Bytes that were copied now."""
    journal_head: str | None
    """``SEQ:HASH`` of the newest journal entry; None for an empty journal."""


@dataclass(frozen=True, slots=True)
class Restoration(Backup):
    """The result of a restoration."""

    replaced: str | None
    """The path of the replaced catalog, if there was one."""
