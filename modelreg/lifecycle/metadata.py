"""Change what is not part of a version's digest: aliases, tags, descriptions, names, approvals, evaluations.

Each function works in the caller's transaction and returns the old and the new value. It writes nothing if the new
value is already there. `Registry` lists the errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from modelreg.domain.evaluations import EvaluationOutcome, Scores
from modelreg.domain.metadata import MetadataChange
from modelreg.domain.references import Alias, ModelName, Reference, parse_name
from modelreg.domain.stages import Stage
from modelreg.errors import ModelExists, NotFound, TagNotFound, quoted
from modelreg.store.catalog.writer import CatalogWriter


def set_alias(writer: CatalogWriter, reference: Reference, alias: str) -> MetadataChange:
    """Point an alias at a version."""
    version = writer.version(reference)
    aliases = {existing.lower(): number for existing, number in writer.model(version.name).aliases.items()}
    if alias not in version.aliases:
        writer.set_alias(version.name, alias, version.version)
    return MetadataChange(version.name, "alias", alias, aliases.get(alias.lower()), version.version)


def remove_alias(writer: CatalogWriter, name: ModelName, alias: str) -> MetadataChange:
    """Remove an alias from its model."""
    version = writer.number(Reference(name, Alias(alias)))
    writer.remove_alias(name, alias, version)
    return MetadataChange(name, "alias", alias, version, None)


def tag(writer: CatalogWriter, text: str, tags: Mapping[str, str], remove: Sequence[str]) -> MetadataChange:
    """Set and remove tags of the model or version to which ``text`` refers."""
    subject = _find_subject(writer, text)
    for key in remove:
        if key not in subject.tags:
            raise TagNotFound(subject.reference, key, list(subject.tags))
    before = {key: subject.tags.get(key) for key in (*remove, *tags)}
    after = {key: tags.get(key) for key in before}
    if before != after:
        writer.tag(subject.name, subject.version, tags, [key for key in remove if key not in tags])
    return MetadataChange(subject.reference, "tags", None, before, after)


def describe(writer: CatalogWriter, text: str, description: str) -> MetadataChange:
    """Replace the description of the model or version to which ``text`` refers."""
    subject = _find_subject(writer, text)
    if subject.description != description:
        writer.describe(subject.name, subject.version, description)
    return MetadataChange(subject.reference, "description", None, subject.description, description)


def rename(writer: CatalogWriter, old: ModelName, new: ModelName) -> MetadataChange:
    """Rename a model."""
    writer.model(old)
    if new != old:
        if writer.has_model(new):
            message = f"model {new} already exists; {old} was not renamed"
            raise ModelExists(message, "choose another name", code="name_in_use")
        if new.lower() != old.lower():
            writer.check_name(new)
        writer.rename(old, new)
    return MetadataChange(new, "name", None, old, new)


def approve(writer: CatalogWriter, reference: Reference, message: str) -> MetadataChange:
    """Approve a version, as the acting user."""
    version = writer.version(reference)
    messages = {approval.user: approval.message for approval in version.approvals}
    if messages.get(writer.user) != message:
        writer.approve(version, message)
    return MetadataChange(version.reference, "approval", writer.user, messages.get(writer.user), message)


def withdraw_approval(writer: CatalogWriter, reference: Reference) -> MetadataChange:
    """Withdraw the acting user's approval of a version."""
    version = writer.version(reference)
    messages = {approval.user: approval.message for approval in version.approvals}
    if writer.user not in messages:
        raise NotFound(
            f"{writer.user} has not approved {version.reference}",
            f"modelreg show {quoted(version.reference)}",
            python_hint=f"registry.version({version.reference!r}).approvals has the approvals",
            code="approval_not_found",
        )
    writer.withdraw_approval(version)
    return MetadataChange(version.reference, "approval", writer.user, messages[writer.user], None)


def record_scores(writer: CatalogWriter, reference: str, dataset: str, scores: Scores) -> EvaluationOutcome:
    """Store a version's scores on a data set; returns them with the scores of the version in Production."""
    version = writer.version(Reference.parse(reference))
    evaluation = writer.put_evaluation(version, dataset, scores)
    in_production = next(iter(writer.in_stage(version.name, Stage.PRODUCTION)), None)
    if in_production in (None, version.version):
        return EvaluationOutcome(version.name, version.version, evaluation, None, None)
    digest = writer.version(Reference(version.name, in_production)).digest
    evaluations = {evaluation.dataset: evaluation for evaluation in writer.evaluations(version.name, digest)}
    return EvaluationOutcome(version.name, version.version, evaluation, in_production, evaluations.get(dataset))


class _Subject(NamedTuple):
    """What a model and a version have in common."""

    name: ModelName
    version: int | None
    reference: str
    description: str
    tags: Mapping[str, str]


def _find_subject(writer: CatalogWriter, text: str) -> _Subject:
    if "/" in text or "@" in text:
        version = writer.version(Reference.parse(text))
        return _Subject(version.name, version.version, version.reference, version.description, version.tags)
    model = writer.model(parse_name(text))
    return _Subject(model.name, None, model.name, model.description, model.tags)
