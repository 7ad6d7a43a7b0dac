"""What may change of a model or version without a new version: aliases, tags, names, approvals, evaluations, ….

Each function makes its change in the transaction that it is given, unless it was so already, and tells what was there
before; `Registry` says what is raised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from modelreg.domain.evaluations import EvaluationOutcome, Scores
from modelreg.domain.metadata import MetadataChange
from modelreg.domain.references import Alias, ModelName, Reference, parse_name
from modelreg.domain.stages import Stage
from modelreg.errors import ApprovalNotFound, NameInUse, TagNotFound
from modelreg.store.catalog.writer import CatalogWriter


def set_alias(change: CatalogWriter, reference: Reference, alias: str) -> MetadataChange:
    """Let ``alias`` mean a version."""
    version = change.version(reference)
    known = {each.lower(): number for each, number in change.model(version.name).aliases.items()}
    if alias not in version.aliases:
        change.set_alias(version.name, alias, version.version)
    return MetadataChange(version.name, "alias", alias, known.get(alias.lower()), version.version)


def remove_alias(change: CatalogWriter, name: ModelName, alias: str) -> MetadataChange:
    """Let ``alias`` mean nothing any more."""
    version = change.number(Reference(name, Alias(alias)))
    change.remove_alias(name, alias, version)
    return MetadataChange(name, "alias", alias, version, None)


def tag(change: CatalogWriter, text: str, tags: Mapping[str, str], remove: Sequence[str]) -> MetadataChange:
    """Set some tags of a model or version and take others away."""
    subject = _subject(change, text)
    for key in remove:
        if key not in subject.tags:
            raise TagNotFound(subject.shown, key, list(subject.tags))
    before = {key: subject.tags.get(key) for key in (*remove, *tags)}
    after = {key: tags.get(key) for key in before}
    if before != after:
        change.tag(subject.name, subject.version, tags, [key for key in remove if key not in tags])
    return MetadataChange(subject.shown, "tags", None, before, after)


def describe(change: CatalogWriter, text: str, description: str) -> MetadataChange:
    """Replace the description of a model or version."""
    subject = _subject(change, text)
    if subject.description != description:
        change.describe(subject.name, subject.version, description)
    return MetadataChange(subject.shown, "description", None, subject.description, description)


def rename(change: CatalogWriter, old: ModelName, new: ModelName) -> MetadataChange:
    """Give a model another name."""
    change.model(old)
    if new != old:
        if change.has_model(new):
            raise NameInUse(old, new)
        if new.lower() != old.lower():
            change.refuse_name(new)
        change.rename(old, new)
    return MetadataChange(new, "name", None, old, new)


def approve(change: CatalogWriter, reference: Reference, message: str) -> MetadataChange:
    """Let the acting user approve a version."""
    version = change.version(reference)
    given = {approval.user: approval.message for approval in version.approvals}
    if given.get(change.user) != message:
        change.approve(version, message)
    return MetadataChange(version.reference, "approval", change.user, given.get(change.user), message)


def withdraw_approval(change: CatalogWriter, reference: Reference) -> MetadataChange:
    """Take the acting user's approval back."""
    version = change.version(reference)
    given = {approval.user: approval.message for approval in version.approvals}
    if change.user not in given:
        raise ApprovalNotFound(version.reference, change.user)
    change.withdraw_approval(version)
    return MetadataChange(version.reference, "approval", change.user, given[change.user], None)


def keep_scores(change: CatalogWriter, reference: str, dataset: str, scores: Scores) -> EvaluationOutcome:
    """Keep what a version scored on a data set; returns it beside the scores of the version in Production."""
    version = change.version(Reference.parse(reference))
    evaluation = change.put_evaluation(version, dataset, scores)
    holder = next(iter(change.in_stage(version.name, Stage.PRODUCTION)), None)
    if holder in (None, version.version):
        return EvaluationOutcome(version.name, version.version, evaluation, None, None)
    digest = change.version(Reference(version.name, holder)).digest
    known = {each.dataset: each for each in change.evaluations(version.name, digest)}
    return EvaluationOutcome(version.name, version.version, evaluation, holder, known.get(dataset))


class _Subject(NamedTuple):
    """A model, or one of its versions, with what both have."""

    name: ModelName
    version: int | None
    shown: str
    description: str
    tags: Mapping[str, str]


def _subject(change: CatalogWriter, text: str) -> _Subject:
    if "/" in text or "@" in text:
        version = change.version(Reference.parse(text))
        return _Subject(version.name, version.version, version.reference, version.description, version.tags)
    model = change.model(parse_name(text))
    return _Subject(model.name, None, model.name, model.description, model.tags)
