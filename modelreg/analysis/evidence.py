"""Evidence: the imported names and findings that a scan collects, and the verdict that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from modelreg.analysis.containers.zip_members import Member
from modelreg.analysis.judge import Judgement
from modelreg.analysis.pickle.reader import Reading
from modelreg.analysis.policy import verdict_of
from modelreg.domain.references import is_utf8, storable
from modelreg.domain.scans import ImportedName, Scan, Verdict

_MAX_NAMES = 2000
_MAX_NAME_LENGTH = 1000  # characters of module and name
_MAX_REASON_LENGTH = 2000
_MAX_REASONS = 50
_MAX_ATTRIBUTES = 5  # a name in more attributes than that is trusted everywhere


class SkopsArchive(NamedTuple):
    """The checked part of a skops archive, and the only part that is loaded."""

    schema: dict[str, Any]
    """The entries of ``schema.json`` that were checked."""
    members: Mapping[str, Member]
    """Name in `schema` -> the member of the archive."""


class Evidence:
    """Collects findings while a model's files are analysed."""

    def __init__(self) -> None:
        self._imports: dict[tuple[str, str], ImportedName] = {}
        self.model: Reading | None = None
        """The first pickle of the model. It was checked completely if its ``end`` is `End.STOP`."""
        self.skops: SkopsArchive | None = None
        """The checked part of the model, if the model is a skops archive."""
        self._attributes_of_name: dict[tuple[str, str], set[str]] = {}
        self._reasons: dict[Verdict, dict[str, None]] = {}
        self.class_attributes: dict[tuple[str, str], set[str]] = {}
        """(module, name) of a class that is not in the policy -> the attributes set on its objects."""

    def add_import(self, module: str, name: str, place: str) -> None:
        """Record that loading the file at ``place`` imports a name."""
        if len(module) + len(name) > _MAX_NAME_LENGTH or not (is_utf8(module) and is_utf8(name)):
            self.add_reasons(Verdict.UNREADABLE, place, ["it imports an invalid name"])
        elif len(self._imports) < _MAX_NAMES:
            self._imports.setdefault((module, name), ImportedName(module, name, verdict_of(module, name), place))
        elif (module, name) not in self._imports:
            self.add_reasons(Verdict.UNREADABLE, "", [f"it imports more than {_MAX_NAMES} names"])

    def add_reasons(self, verdict: Verdict, place: str, sentences: Iterable[str]) -> None:
        """Record reasons for ``verdict`` or a worse one, found in the file at ``place``."""
        for sentence in sentences:
            reasons = self._reasons.setdefault(verdict, {})  # not before the loop: a key counts as a verdict
            if len(reasons) < _MAX_REASONS:
                sentence = sentence[:_MAX_REASON_LENGTH]
                reasons[storable(f"{place[:_MAX_NAME_LENGTH]}: {sentence}" if place else sentence)] = None

    def add_judgement(self, judgement: Judgement, place: str) -> None:
        """Record the result of checking the objects in the file at ``place`` against the policy."""
        self.add_reasons(Verdict.UNKNOWN, place, judgement.findings)
        self.add_reasons(Verdict.UNREADABLE, place, (f"it {problem}" for problem in judgement.unreadable))
        for pair, attributes in judgement.unlisted_names.items():
            self._attributes_of_name.setdefault(pair, set()).update(attributes)
        for pair, attributes in judgement.class_attributes.items():
            self.class_attributes.setdefault(pair, set()).update(attributes)

    def scan(self) -> Scan:
        """The verdict with its imported names and reasons, worst first."""
        verdicts = {imported.verdict for imported in self._imports.values()} | self._reasons.keys()
        worst = next((verdict for verdict in _WORST_FIRST if verdict in verdicts), Verdict.SAFE)
        reasons = [sentence for verdict in _WORST_FIRST for sentence in self._reasons.get(verdict, ())]
        imports = sorted(self._imports.values(), key=lambda name: (_WORST_FIRST.index(name.verdict), name.dotted))
        return Scan(worst, tuple(map(self._with_attributes, imports)), tuple(reasons))

    def _with_attributes(self, imported: ImportedName) -> ImportedName:
        attributes = self._attributes_of_name.get((imported.module, imported.name), set())
        if "" in attributes or len(attributes) > _MAX_ATTRIBUTES:  # an empty string stands for any other use
            return imported
        return replace(imported, attributes=tuple(sorted(attributes)))


_WORST_FIRST = (Verdict.DANGEROUS, Verdict.UNREADABLE, Verdict.UNKNOWN, Verdict.SAFE)
