"""What the analysis of a model's files says of them; nothing of them was run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """How far files may be trusted, as found without running them."""

    SAFE = "safe"
    """They hold no code, and import names from the allow-list alone."""
    UNKNOWN = "unknown"
    """They import names that are not on the allow-list, or do what models do not do."""
    UNREADABLE = "unreadable"
    """Something in them is not understood, so anything may be in them."""
    DANGEROUS = "dangerous"
    """They import names that run code, or change what other code does."""


@dataclass(frozen=True, slots=True)
class ImportedName:
    """A name that loading would import."""

    module: str
    name: str
    """The qualified name inside the module: ``Encoder``, ``Outer.Inner``."""
    verdict: Verdict
    """Never ``unreadable``."""
    place: str = ""
    """The file that imports it first; empty where a model is one file, and for what was read from the catalog."""
    attributes: tuple[str, ...] = ()
    """The attributes that hold it as a value, each as ``package.module.Class.attribute``; empty for any other use."""

    @property
    def trust_subjects(self) -> tuple[str, ...]:
        """What ``modelreg trust add`` takes to admit it, and no more: the name, at its attributes if it has any."""
        return tuple(f"{each}={self.dotted}" for each in self.attributes) or (self.dotted,)

    @property
    def dotted(self) -> str:
        """``module.name``, and ``module:Outer.Inner`` where the name has dots of its own."""
        return f"{self.module}{':' if '.' in self.name else '.'}{self.name}"


@dataclass(frozen=True, slots=True)
class Scan:
    """The verdict on a version's files, with what it rests on."""

    verdict: Verdict
    imports: tuple[ImportedName, ...]
    reasons: tuple[str, ...]
    """What else there is to say against them, as sentences that begin with a file's name."""

    @property
    def findings(self) -> tuple[str, ...]:
        """What speaks against the files, as clauses."""
        return (
            *self._importing(Verdict.DANGEROUS, "which can run anything", "which can run anything"),
            *self.reasons,
            *self._importing(Verdict.UNKNOWN, "which is not on the allow-list", "which are not on the allow-list"),
        )

    def _importing(self, verdict: Verdict, why_one: str, why_several: str) -> Iterator[str]:
        """What each file imports of one verdict, with a clause that says why that counts."""
        found = [each for each in self.imports if each.verdict is verdict]
        for place in dict.fromkeys(each.place for each in found):
            names = [each.dotted for each in found if each.place == place]
            why = why_one if len(names) == 1 else why_several
            yield f"{place}{': ' if place else ''}it imports {', '.join(names)}, {why}"

    def trusting(self, trusted: Collection[tuple[str, str]]) -> Scan:
        """The verdict when these pairs of module and name are trusted, too (see `TrustedName`)."""
        unknown = [each for each in self.imports if each.verdict is Verdict.UNKNOWN]
        if self.verdict is Verdict.UNKNOWN and not self.reasons and all(self.trusts(each, trusted) for each in unknown):
            return replace(self, verdict=Verdict.SAFE)
        return self

    @staticmethod
    def trusts(imported: ImportedName, trusted: Collection[tuple[str, str]]) -> bool:
        """Whether a name is on the allow-list, or among the trusted pairs, if only at the attributes that hold it."""
        places = [(f"{each}={imported.module}", imported.name) for each in imported.attributes]
        return (
            imported.verdict is Verdict.SAFE
            or (imported.module, imported.name) in trusted
            or (bool(places) and all(each in trusted for each in places))
        )


@dataclass(frozen=True, slots=True)
class TrustedName:
    """A name that users of this registry trust, anywhere in a model or as the value of one attribute."""

    module: str
    name: str
    """The qualified name inside the module: ``Encoder``, ``Outer.Inner``."""
    message: str
    """Why."""
    created_by: str
    created_at: datetime
    attribute: str = ""
    """Where the name is trusted as the value of one attribute alone: that, as ``package.Class.attribute``."""

    @property
    def pair(self) -> tuple[str, str]:
        """Module and name as verdicts compare them, with the attribute before: ``package.Class.attribute=module``."""
        return (f"{self.attribute}={self.module}" if self.attribute else self.module), self.name

    @property
    def dotted(self) -> str:
        """As `modelreg.domain.scans.ImportedName.dotted`, with the attribute before it."""
        return f"{self.pair[0]}{':' if '.' in self.name else '.'}{self.name}"
