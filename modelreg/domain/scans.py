"""Scans: the verdict on a model's files, found without running them, and the names that users trust."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from modelreg.domain.display import Displayed


class Verdict(StrEnum):
    """The verdict of a scan."""

    SAFE = "safe"
    """The files hold no code and import only names on the allow-list."""
    UNKNOWN = "unknown"
    """The files import names that are not on the allow-list, or hold values that genuine models do not have."""
    UNREADABLE = "unreadable"
    """A part of the files could not be scanned, so they may hold anything."""
    DANGEROUS = "dangerous"
    """The files import names that run code, or change what other code does."""


@dataclass(frozen=True, slots=True)
class ImportedName:
    """A name that loading would import."""

    module: str
    name: str
    """The qualified name inside the module: ``Encoder``, ``Outer.Inner``."""
    verdict: Verdict
    """Never ``unreadable``."""
    place: str = ""
    """The file that imports it first; empty for a model of one file, and when read from the catalog."""
    attributes: tuple[str, ...] = ()
    """The attributes that hold it as a value, each as ``package.module.Class.attribute``; empty for any other use."""

    @property
    def trust_subjects(self) -> tuple[str, ...]:
        """The narrowest arguments of ``modelreg trust add`` that allow it: the name, or the name at its attributes."""
        return tuple(f"{attribute}={self.dotted}" for attribute in self.attributes) or (self.dotted,)

    @property
    def dotted(self) -> str:
        """``module.name``, and ``module:Outer.Inner`` where the name has dots of its own."""
        return f"{self.module}{':' if '.' in self.name else '.'}{self.name}"


@dataclass(frozen=True, slots=True)
class Scan:
    """The verdict on a version's files, with its reasons."""

    verdict: Verdict
    imports: tuple[ImportedName, ...]
    reasons: tuple[str, ...]
    """Other reasons, as sentences that start with a file name."""

    @property
    def findings(self) -> tuple[str, ...]:
        """The reasons for the verdict, as clauses."""
        return (
            *self._describe_imports(Verdict.DANGEROUS, "which can run any code", "which can run any code"),
            *self.reasons,
            *self._describe_imports(
                Verdict.UNKNOWN, "which is not on the allow-list", "which are not on the allow-list"
            ),
        )

    def _describe_imports(self, verdict: Verdict, singular_reason: str, plural_reason: str) -> Iterator[str]:
        """One clause for each file that imports names with this verdict."""
        imports = [imported for imported in self.imports if imported.verdict is verdict]
        for place in dict.fromkeys(imported.place for imported in imports):
            names = [imported.dotted for imported in imports if imported.place == place]
            reason = singular_reason if len(names) == 1 else plural_reason
            yield f"{place}{': ' if place else ''}it imports {', '.join(names)}, {reason}"

    def trusting(self, trusted: Collection[tuple[str, str]]) -> Scan:
        """The scan with these pairs of module and name trusted (see `TrustedName`)."""
        unknown = [imported for imported in self.imports if imported.verdict is Verdict.UNKNOWN]
        is_trusted = not self.reasons and all(self.trusts(imported, trusted) for imported in unknown)
        return replace(self, verdict=Verdict.SAFE) if self.verdict is Verdict.UNKNOWN and is_trusted else self

    @staticmethod
    def trusts(imported: ImportedName, trusted: Collection[tuple[str, str]]) -> bool:
        """Whether a name is on the allow-list or trusted, in general or at all the attributes that hold it."""
        pairs_at_attributes = [(f"{attribute}={imported.module}", imported.name) for attribute in imported.attributes]
        return (
            imported.verdict is Verdict.SAFE
            or (imported.module, imported.name) in trusted
            or (bool(pairs_at_attributes) and all(pair in trusted for pair in pairs_at_attributes))
        )


@dataclass(frozen=True, slots=True, repr=False)
class TrustedName(Displayed):
    """A name that users of this registry trust, anywhere or only as the value of one attribute."""

    table_columns = ("dotted", "message", "created_by", "created_at")

    module: str
    name: str
    """The qualified name inside the module: ``Encoder``, ``Outer.Inner``."""
    message: str
    """The reason."""
    created_by: str
    created_at: datetime
    attribute: str = ""
    """The only attribute at which the name is trusted, as ``package.Class.attribute``; empty for any use."""

    def label(self) -> str:
        """The identity and most important values."""
        return self.dotted

    @property
    def pair(self) -> tuple[str, str]:
        """Module and name; an attribute precedes the module, as in ``package.Class.attribute=module``."""
        return (f"{self.attribute}={self.module}" if self.attribute else self.module), self.name

    @property
    def dotted(self) -> str:
        """The name as in `ImportedName.dotted`, after the attribute if there is one."""
        return f"{self.pair[0]}{':' if '.' in self.name else '.'}{self.name}"
