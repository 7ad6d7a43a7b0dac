"""What was copied from one registry folder to another."""

from __future__ import annotations

from dataclasses import dataclass


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
