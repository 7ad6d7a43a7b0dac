"""What is found out about a version when it is registered, and what becomes of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from modelreg.domain.signatures import Signature
from modelreg.domain.versions import Environment, ModelVersion


@dataclass(frozen=True, slots=True)
class RecognisedModel:
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
    libraries: Mapping[str, str] = field(default_factory=dict)
    """The releases of libraries that the files say they were made with, as ``{"scikit-learn": "1.5.2"}``."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What was observed where a version was registered; none of it goes into the digest."""

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
    """Sentences about what could not be observed."""


@dataclass(frozen=True, slots=True)
class Registration(ModelVersion):
    """A version, and what became of its registration."""

    created: bool
    """False when the model already had a version with the same digest, which is then this one."""
    notes: tuple[str, ...]
    """Sentences that whoever registered it should read."""
    displaced: int | None = None
    """The version that left Production when this one was registered with that stage."""
