"""How versions and models leave the catalog: what may not go is found before anything does."""

from __future__ import annotations

from typing import NamedTuple

from modelreg.domain.references import ModelName, Reference, parse_name
from modelreg.domain.versions import ModelVersion
from modelreg.lifecycle.deletion import refuse_deletion_of_model, refuse_deletion_of_version
from modelreg.store.catalog.reader import Snapshot
from modelreg.store.catalog.writer import Change


class Deletion(NamedTuple):
    """What goes: versions, and then their model, if that is named."""

    versions: list[ModelVersion]
    model: ModelName | None


def plan(catalog: Snapshot, subject: str, with_versions: bool) -> Deletion:
    """What deleting ``subject``, a version or a model, takes away; `Registry.delete` says what is raised."""
    if "/" in subject or "@" in subject:
        found = Deletion([catalog.version(Reference.parse(subject))], None)
    else:
        model = catalog.model(parse_name(subject))
        if not with_versions:
            refuse_deletion_of_model(model)
        found = Deletion(catalog.versions(model.name) if with_versions else [], model.name)
    for version in found.versions:
        refuse_deletion_of_version(version, catalog.rules)
    return found


def delete(change: Change, deletion: Deletion) -> None:
    """Carry out what `plan` found in the same transaction."""
    for version in deletion.versions:
        change.delete_version(version.name, version.version)
    if deletion.model is not None:
        change.delete_model(deletion.model)
