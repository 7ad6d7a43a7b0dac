"""How far a model is trusted while it is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from modelreg.errors import UntrustedModel
from modelreg.records.scan import Scan, Verdict
from modelreg.security.names import Pairs, allowed


@dataclass(frozen=True, slots=True)
class Trust:
    """Which names one model may import."""

    model: str
    """The version as messages name it."""
    names: Pairs = frozenset()
    """Besides those of the allow-list."""
    full: bool = False
    """Whether it may do whatever it does."""

    def admits(self, module: str, name: str) -> bool:
        """Whether exactly this name may be imported."""
        return self.full or (module, name) in allowed() or (module, name) in self.names

    def require(self, scan: Scan) -> None:
        """Raise `UntrustedModel` unless what was found in the files may be run."""
        found = scan.trusting(self.names)
        if not self.full and found.verdict is not Verdict.SAFE:
            unknown = tuple(each.dotted for each in found.imports if not self.admits(each.module, each.name))
            only_names = found.verdict is Verdict.UNKNOWN and not found.reasons
            raise UntrustedModel(self.model, found.findings, unknown if only_names else ())

    def require_full(self, reason: str) -> None:
        """Raise `UntrustedModel` for a format that cannot be looked through."""
        if not self.full:
            raise UntrustedModel(self.model, (reason,))

    def refuse(self, module: str, name: str) -> UntrustedModel:
        """The error for a name that is not admitted."""
        dotted = f"{module}.{name}"
        return UntrustedModel(self.model, (f"it imports {dotted}, which nobody vouches for",), (dotted,))
