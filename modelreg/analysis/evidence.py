"""What the analysis has found in a model's files: imported names, and reasons for each verdict."""

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

_MOST_NAMES = 2000
_LONGEST_NAME = 1000  # characters of module and name
_LONGEST_REASON = 2000
_MOST_REASONS = 50
_MOST_ATTRIBUTES = 5  # of more, a name is trusted as a whole


class SkopsArchive(NamedTuple):
    """What was read of a skops archive, and what of it is loaded."""

    schema: dict[str, Any]
    """As it was read, and nothing else."""
    members: Mapping[str, Member]
    """The members that the schema names, by the names that it gives them."""


class Evidence:
    """Collects findings while a model's files are analysed."""

    def __init__(self) -> None:
        self._imports: dict[tuple[str, str], ImportedName] = {}
        self.model: Reading | None = None
        """The pickle with which the model begins, of which everything was judged if its end is `End.STOP`."""
        self.skops: SkopsArchive | None = None
        """The skops archive that the model is, as it may be loaded if the verdict admits that."""
        self._held_by: dict[tuple[str, str], set[str]] = {}
        self._reasons: dict[Verdict, dict[str, None]] = {}
        self.attributes: dict[tuple[str, str], set[str]] = {}
        """Classes that are not in the policy, by module and name -> the attributes that their objects are given."""

    def imports(self, module: str, name: str, place: str) -> None:
        """Loading the file at ``place`` would import this name."""
        if len(module) + len(name) > _LONGEST_NAME or not (is_utf8(module) and is_utf8(name)):
            self.add_reasons(Verdict.UNREADABLE, place, ["it imports a name that no class or function has"])
        elif len(self._imports) < _MOST_NAMES:
            self._imports.setdefault((module, name), ImportedName(module, name, verdict_of(module, name), place))
        elif (module, name) not in self._imports:
            self.add_reasons(Verdict.UNREADABLE, "", [f"more than {_MOST_NAMES} names are imported"])

    def add_reasons(self, verdict: Verdict, place: str, sentences: Iterable[str]) -> None:
        """Reasons, found in the file at ``place``, for ``verdict`` or a worse one."""
        for sentence in sentences:
            kept = self._reasons.setdefault(verdict, {})
            if len(kept) < _MOST_REASONS:
                sentence = sentence[:_LONGEST_REASON]
                kept[storable(f"{place[:_LONGEST_NAME]}: {sentence}" if place else sentence)] = None

    def judged(self, judgement: Judgement, place: str) -> None:
        """What the policy says of the objects in the file at ``place``."""
        self.add_reasons(Verdict.UNKNOWN, place, judgement.findings)
        self.add_reasons(Verdict.UNREADABLE, place, (f"it {problem}" for problem in judgement.unreadable))
        for pair, attributes in judgement.places.items():
            self._held_by.setdefault(pair, set()).update(attributes)
        for pair, names in judgement.attributes.items():
            self.attributes.setdefault(pair, set()).update(names)

    def scan(self) -> Scan:
        """The verdict, the names and the reasons, the worst first."""
        verdicts = {each.verdict for each in self._imports.values()} | self._reasons.keys()
        worst = next((each for each in _WORST_FIRST if each in verdicts), Verdict.SAFE)
        reasons = [sentence for verdict in _WORST_FIRST for sentence in self._reasons.get(verdict, ())]
        imports = sorted(self._imports.values(), key=lambda each: (_WORST_FIRST.index(each.verdict), each.dotted))
        return Scan(worst, tuple(map(self._with_attributes, imports)), tuple(reasons))

    def _with_attributes(self, imported: ImportedName) -> ImportedName:
        held_by = self._held_by.get((imported.module, imported.name), set())
        if "" in held_by or len(held_by) > _MOST_ATTRIBUTES:
            return imported
        return replace(imported, attributes=tuple(sorted(held_by)))


_WORST_FIRST = (Verdict.DANGEROUS, Verdict.UNREADABLE, Verdict.UNKNOWN, Verdict.SAFE)
