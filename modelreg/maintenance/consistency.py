"""What the catalog says, held against what the journal and the manifests say: an edit by hand is noticed."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping

from modelreg.domain.garbage import GarbageCandidate
from modelreg.domain.references import Digest
from modelreg.domain.registries import Finding
from modelreg.domain.runs import LoggedModel
from modelreg.domain.signatures import signature_as_json
from modelreg.domain.stages import RULES, StageRules
from modelreg.domain.versions import ModelFile, ModelVersion
from modelreg.errors import shown
from modelreg.store.artifacts.blobs import BlobStore
from modelreg.store.artifacts.manifest import Manifest
from modelreg.store.catalog.journal_chain import State, Values, broken_links, replay
from modelreg.store.catalog.reader import CatalogReader
from modelreg.store.catalog.spilled import large_state
from modelreg.store.folder import SHARED

_CHOICES = ((SHARED, "yes"), (RULES, StageRules.MLFLOW))
_CLOCK_STEP = 50_000_000  # nanoseconds; file systems count time in steps
_LONGEST = 140  # characters of a value in a finding


def journal_findings(catalog: CatalogReader) -> Iterator[Finding]:
    """Broken links of the journal, and every value in the catalog that is not what the journal adds up to."""
    told = large_state()
    unclear = replay(catalog.journal.entries(), told)  # read twice rather than kept whole
    found = catalog.state()
    if catalog.journal.head() is None:  # the first entry of all will tell of these
        told.migrations = found.migrations
        told.settings = {name: value for name, value in found.settings.items() if (name, value) in _CHOICES}
    for seq, problem in (*broken_links(catalog.journal.entries()), *unclear):
        yield Finding("journal", None, f"entry {seq} {problem}")
    yield from _compare(told, found)


def loss_findings(catalog: CatalogReader, store: BlobStore) -> Iterator[Finding]:
    """A catalog from which everything was taken away, the journal, too: the files beside it tell.

    Files beside a catalog that was never written to are what a killed first registration leaves.
    """
    if catalog.journal.head() is None and not store.is_empty() and catalog.was_written_to():
        yield Finding("catalog", None, "it tells of nothing, though it was written to and files are stored beside it")


def older_blobs(catalog: CatalogReader, blobs: Mapping[Digest, GarbageCandidate], needed: Container[Digest]) -> int:
    """How many blobs that no version needs were there before the catalog was made: another one must have named them.

    None counts where one that is needed is as old: then a clock was set back, and times say nothing.
    """
    made = catalog.made_at()
    if made is None:
        return 0
    older = [digest in needed for digest, blob in blobs.items() if blob.modified < made - _CLOCK_STEP]
    return 0 if any(older) else len(older)


def manifest_findings(version: ModelVersion, manifest: Manifest) -> Iterator[Finding]:
    """What the catalog says otherwise of a version than its manifest, which its digest covers."""
    facts = manifest.facts
    stated: Iterable[tuple[str, object, object]] = (
        ("files", sorted(manifest.files, key=_by_path), sorted(version.files, key=_by_path)),
        ("size", sum(file.size for file in manifest.files), version.size),
        ("metrics", facts["metrics"], dict(version.metrics)),
        ("params", facts["params"], dict(version.params)),
    )
    for what, registered, found in stated:
        if registered != found:
            yield Finding(version.reference, None, f"its {what} in the catalog are not those of its manifest")
    signature = version.signature and signature_as_json(version.signature)
    if facts["signature"] not in (None, signature):
        yield Finding(version.reference, None, "its signature in the catalog is not that of its manifest")


def logged_findings(model: LoggedModel, manifest: Manifest) -> Iterator[Finding]:
    """What the catalog says otherwise of a run's model than its manifest."""
    if manifest.files != model.files:
        yield Finding(model.reference, None, "its file in the catalog is not that of its manifest")


def _compare(told: State, found: State) -> Iterator[Finding]:
    for model in sorted(told.models.keys() | found.models.keys()):
        yield from _compare_values(_name(model, told, found), told.models.get(model), found.models.get(model))
    for key in sorted(told.versions.keys() | found.versions.keys()):
        reference = f"{_name(key[0], told, found)}/{key[1]}"
        yield from _compare_values(reference, told.versions.get(key), found.versions.get(key))
    for gate in sorted(told.gates.keys() | found.gates.keys()):
        yield from _compare_values(f"gate {gate}", told.gates.get(gate), found.gates.get(gate))
    for what in ("evaluations", "approvals"):
        kept, present = getattr(told, what), getattr(found, what)
        for bound in sorted(kept.keys() | present.keys()):
            model, digest, key = bound
            subject = f"{_name(model, told, found)}: {what.removesuffix('s')} {shown(key)} of {digest[:19]}"
            yield from _compare_values(subject, kept.get(bound), present.get(bound))
    for name in sorted(told.trusted.keys() | found.trusted.keys()):
        yield from _compare_values(f"trusted name {'.'.join(name)}", told.trusted.get(name), found.trusted.get(name))
    for run in sorted(told.runs.keys() | found.runs.keys()):
        yield from _compare_values(f"run {run}", told.runs.get(run), found.runs.get(run))
    for what, meaning in _WHOLE.items():
        if getattr(told, what) != getattr(found, what):
            yield Finding("catalog", None, f"{meaning} are not what the journal tells")


_WHOLE = {
    "settings": "the settings",
    "migrations": "the steps of the schema",
    "counters": "the counters of numbers that are never given out again",
    "retired": "the names and counters of deleted models",
}


def _name(model: int, told: State, found: State) -> str:
    values = found.models.get(model) or told.models.get(model) or {}
    return str(values.get("name", f"model {model}"))


def _compare_values(subject: str, told: Values | None, found: Values | None) -> Iterator[Finding]:
    if told is None or found is None:
        where, elsewhere = ("journal", "catalog") if found is None else ("catalog", "journal")
        yield Finding(subject, None, f"is in the {where} and not in the {elsewhere}")
        return
    for field in sorted(told.keys() | found.keys()):
        if told.get(field) != found.get(field):
            present, journalled = _differing(found.get(field), told.get(field))
            yield Finding(subject, None, f"{field} is {present} in the catalog and {journalled} in the journal")


def _differing(found: object, told: object) -> tuple[str, str]:
    """Both values as JSON, of tables only what differs, and cut where they are long."""
    if isinstance(found, dict) and isinstance(told, dict):
        keys = [key for key in found.keys() | told.keys() if found.get(key) != told.get(key)]
        found, told = ({key: each[key] for key in sorted(keys) if key in each} for each in (found, told))
    return _cut(found), _cut(told)


def _cut(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _by_path(file: ModelFile) -> str:
    return file.path
