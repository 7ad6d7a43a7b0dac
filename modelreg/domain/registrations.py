"""Registrations: recognised format, provenance and result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelreg.domain.signatures import Signature
from modelreg.domain.versions import Environment, ModelVersion


@dataclass(frozen=True, slots=True)
class RecognisedModel:
    """The flavor of a model and other facts, read from its files without running them."""

    flavor: str
    """The library that the model belongs to: ``sklearn``, ``xgboost``, …; ``file`` or ``folder`` when unknown."""
    format: str
    """How the model is written: ``joblib``, ``onnx``, …"""
    model_class: str | None = None
    """The class of the model as a dotted name, if the files hold it."""
    signature: Signature | None = None
    run_id: str | None = None
    notes: tuple[str, ...] = ()
    """Notes for the user, as sentences."""
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Library -> release that wrote the files, as ``{"scikit-learn": "1.5.2"}``."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Source path, commit and environment of a registration; none of it is part of the digest."""

    source: str
    """The absolute path that was registered."""
    git_commit: str | None
    git_branch: str | None
    git_dirty: bool | None
    """Whether tracked files differed from that commit; None outside a repository."""
    run_id: str | None
    ci_job: str | None
    environment: Environment
    notes: tuple[str, ...] = ()
    """Sentences about what could not be determined."""


@dataclass(frozen=True, slots=True, repr=False)
class Registration(ModelVersion):
    """The result of a registration: the version, and whether it is new."""

    created: bool
    """False when the model already had a version with the same digest; then this is that version."""
    notes: tuple[str, ...]
    """Notes for the user, as sentences."""
    displaced: int | None = None
    """The version that this one displaced from Production."""
