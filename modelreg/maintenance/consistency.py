"""Consistency checks: compare the catalog with the journal and the manifests (verify.py also reads every blob).

They find edits of the catalog that bypassed the program.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping

from modelreg.domain.garbage import GarbageCandidate
from modelreg.domain.references import Digest
from modelreg.domain.registries import Finding
from modelreg.domain.runs import LoggedModel
from modelreg.domain.signatures import signature_as_json
from modelreg.domain.stages import RULES, StageRules
from modelreg.domain.versions import ModelFile, ModelVersion
from modelreg.errors import CatalogDamaged, shown
from modelreg.store.artifacts.blobs import BlobStore
from modelreg.store.artifacts.manifest import Manifest
from modelreg.store.catalog.disk_backed import large_state
from modelreg.store.catalog.journal_chain import State, Values, broken_links, replay
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.folder import SHARED

_INITIAL_SETTINGS = ((SHARED, "yes"), (RULES, StageRules.MLFLOW))
_CLOCK_STEP = 50_000_000  # nanoseconds: the coarsest step in which file systems count time
_MAX_VALUE_LENGTH = 140  # characters of a value that a finding shows
_TABLES = {
    "settings": "the settings",
    "migrations": "the schema migrations",
    "counters": "the counters of gate and model numbers",
    "retired": "the names and counters of deleted models",
}
"""Attribute of `State` -> its description; each is compared as a whole."""


def check_catalog(catalog: CatalogReader, outcome: str) -> None:
    """Raise `CatalogDamaged` unless the catalog passes SQLite's integrity check and agrees with its journal.

    Otherwise it cannot tell which files are needed. ``outcome`` ends the error's message.
    """
    problems = catalog.integrity_problems()
    for finding in [Finding("catalog", None, problem) for problem in problems] or find_journal_problems(catalog):
        subject = "" if finding.subject == "catalog" else f"{finding.subject}: "
        raise CatalogDamaged(
            f"the catalog is damaged: {subject}{finding.problem}; {outcome}",
            "list all damage: modelreg verify; or restore a backup: modelreg restore FOLDER",
        )


def find_journal_problems(catalog: CatalogReader) -> Iterator[Finding]:
    """Broken links in the journal's hash chain, and differences between the catalog and the replayed journal."""
    replayed = large_state()
    problems = replay(
        catalog.journal.entries(), replayed
    )  # the journal is read twice, because it may not fit into memory
    stored = catalog.state()
    if catalog.journal.head() is None:  # the first entry will record these
        replayed.migrations = stored.migrations
        replayed.settings = {
            name: value for name, value in stored.settings.items() if (name, value) in _INITIAL_SETTINGS
        }
    for seq, problem in (*broken_links(catalog.journal.entries()), *problems):
        yield Finding("journal", None, f"entry {seq} {problem}")
    yield from _compare(replayed, stored)


def find_emptied_catalog(catalog: CatalogReader, store: BlobStore) -> Iterator[Finding]:
    """A finding if catalog and journal were emptied.

    An empty catalog beside stored files is sound if it was never written to: a killed first registration leaves that.
    """
    if catalog.journal.head() is None and not store.is_empty() and catalog.was_written_to():
        yield Finding("catalog", None, "it is empty, although it was written to and files are stored beside it")


def count_older_blobs(
    catalog: CatalogReader, blobs: Mapping[Digest, GarbageCandidate], needed: Container[Digest]
) -> int:
    """Count the unneeded blobs that are older than the catalog: another catalog must have referred to them.

    Returns 0 if a needed blob is older, too: then a clock was set back, and times prove nothing.
    """
    created = catalog.made_at()
    if created is None:
        return 0
    is_needed = [digest in needed for digest, blob in blobs.items() if blob.modified < created - _CLOCK_STEP]
    return 0 if any(is_needed) else len(is_needed)


def find_manifest_differences(version: ModelVersion, manifest: Manifest) -> Iterator[Finding]:
    """Differences between a version's values in the catalog and in its manifest, which its digest covers."""
    facts = manifest.facts

    def sort(files: tuple[ModelFile, ...]) -> list[ModelFile]:
        return sorted(files, key=lambda file: file.path)

    comparisons: tuple[tuple[str, object, object], ...] = (
        ("files", sort(manifest.files), sort(version.files)),
        ("size", sum(file.size for file in manifest.files), version.size),
        ("metrics", facts["metrics"], dict(version.metrics)),
        ("params", facts["params"], dict(version.params)),
    )
    for field, in_manifest, in_catalog in comparisons:
        if in_manifest != in_catalog:
            yield Finding(version.reference, None, _manifest_difference(field))
    signature = version.signature and signature_as_json(version.signature)
    if facts["signature"] not in (None, signature):
        yield Finding(version.reference, None, _manifest_difference("signature"))


def find_logged_model_differences(model: LoggedModel, manifest: Manifest) -> Iterator[Finding]:
    """A finding if a run's model has other files in the catalog than in its manifest."""
    if manifest.files != model.files:
        yield Finding(model.reference, None, _manifest_difference("file"))


def _manifest_difference(field: str) -> str:
    return f"the catalog and the manifest disagree about its {field}"


def _compare(replayed: State, stored: State) -> Iterator[Finding]:
    for model in sorted(replayed.models.keys() | stored.models.keys()):
        name = _get_name(model, replayed, stored)
        yield from _compare_values(name, replayed.models.get(model), stored.models.get(model))
    for version in sorted(replayed.versions.keys() | stored.versions.keys()):
        reference = f"{_get_name(version[0], replayed, stored)}/{version[1]}"
        yield from _compare_values(reference, replayed.versions.get(version), stored.versions.get(version))
    for gate in sorted(replayed.gates.keys() | stored.gates.keys()):
        yield from _compare_values(f"gate {gate}", replayed.gates.get(gate), stored.gates.get(gate))
    for attribute in ("evaluations", "approvals"):
        in_journal, in_catalog = getattr(replayed, attribute), getattr(stored, attribute)
        for key in sorted(in_journal.keys() | in_catalog.keys()):
            model, digest, label = key  # the label is the data set or the user
            kind = attribute.removesuffix("s")
            subject = f"{_get_name(model, replayed, stored)}: {kind} {shown(label)} of {digest[:19]}"
            yield from _compare_values(subject, in_journal.get(key), in_catalog.get(key))
    for trusted in sorted(replayed.trusted.keys() | stored.trusted.keys()):
        subject = f"trusted name {'.'.join(trusted)}"
        yield from _compare_values(subject, replayed.trusted.get(trusted), stored.trusted.get(trusted))
    for run in sorted(replayed.runs.keys() | stored.runs.keys()):
        yield from _compare_values(f"run {run}", replayed.runs.get(run), stored.runs.get(run))
    for attribute, description in _TABLES.items():
        if getattr(replayed, attribute) != getattr(stored, attribute):
            yield Finding("catalog", None, f"{description} differ from the journal")


def _get_name(model: int, replayed: State, stored: State) -> str:
    values = stored.models.get(model) or replayed.models.get(model) or {}
    return str(values.get("name", f"model {model}"))


def _compare_values(subject: str, replayed: Values | None, stored: Values | None) -> Iterator[Finding]:
    if replayed is None or stored is None:
        place, other_place = ("journal", "catalog") if stored is None else ("catalog", "journal")
        yield Finding(subject, None, f"is in the {place} but not in the {other_place}")
        return
    for field in sorted(replayed.keys() | stored.keys()):
        in_journal, in_catalog = replayed.get(field), stored.get(field)
        if in_journal == in_catalog:
            continue
        if isinstance(in_journal, dict) and isinstance(in_catalog, dict):  # show only the keys that differ
            keys = {key for key in in_journal.keys() | in_catalog.keys() if in_journal.get(key) != in_catalog.get(key)}
            in_journal, in_catalog = (
                {key: values[key] for key in sorted(keys) if key in values} for values in (in_journal, in_catalog)
            )
        problem = f"{field} is {_format(in_catalog)} in the catalog but {_format(in_journal)} in the journal"
        yield Finding(subject, None, problem)


def _format(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[:_MAX_VALUE_LENGTH]}…"
