"""How far a model is trusted while it is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from modelreg.analysis.denied_names import is_trustable, trust_refusal
from modelreg.analysis.policy import Pairs, allowed
from modelreg.domain.scans import ImportedName, Scan, TrustedName, Verdict
from modelreg.errors import InvalidInput, UntrustedModel, shown


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
        return self.full or (module, name) in allowed() or (module, name) in self._trusted()

    def _trusted(self) -> Pairs:
        """The names without the attributes that hold them, which the verdict has taken into account."""
        return frozenset((module.rpartition("=")[2], name) for module, name in self.names)

    def require(self, scan: Scan) -> None:
        """Raise `UntrustedModel` unless what was found in the files may be run."""
        found = scan.trusting(self.names)
        if not self.full and found.verdict is not Verdict.SAFE:
            refused = tuple(each for each in found.imports if not found.trusts(each, self.names))
            left = replace(found, imports=refused)
            raise UntrustedModel(self.model, left.findings, trustable(left), to_be_moved(refused))

    def require_full(self, reason: str) -> None:
        """Raise `UntrustedModel` for a format that cannot be looked through."""
        if not self.full:
            raise UntrustedModel(self.model, (reason,))

    def refuse(self, module: str, name: str) -> UntrustedModel:
        """The error for a name that is not admitted."""
        dotted = f"{module}.{name}"
        names = (dotted,) if is_trustable(module, name) else ()
        return UntrustedModel(self.model, (f"it imports {dotted}, which is not on the allow-list",), names)

    def refuse_because(self, reason: str) -> UntrustedModel:
        """The error for what is found while a model is loaded."""
        return UntrustedModel(self.model, (reason,))


def honoured(stored: Iterable[TrustedName]) -> Pairs:
    """Those of a registry's trusted names that may be trusted.

    Whoever can write to its catalog can name anything there, and the deny-list grows.
    """
    return frozenset(each.pair for each in stored if trust_refusal(each.module, each.name) is None)


def to_be_moved(imports: Iterable[ImportedName]) -> tuple[str, ...]:
    """What has to be defined in a module that can be imported before the model can be loaded anywhere."""
    found = dict.fromkeys(
        "a named function instead of each lambda"
        if "<" in each.name
        else "the code of the notebook, script or lambda"
        if "cloudpickle" in each.module
        else each.name
        for each in imports
        if each.module == "__main__" or "<" in each.name or "cloudpickle" in each.module
    )
    return tuple(found)


def trustable(scan: Scan) -> tuple[str, ...]:
    """The names that have to be trusted one by one for the verdict to be safe; empty where that does not do."""
    unknown = [each for each in scan.imports if each.verdict is Verdict.UNKNOWN]
    only_names = scan.verdict is Verdict.UNKNOWN and not scan.reasons
    if not only_names or not all(is_trustable(each.module, each.name) for each in unknown):
        return ()
    return tuple(subject for each in unknown for subject in each.trust_subjects)


def parse_trusted_name(text: str) -> tuple[str, str]:
    """Module and qualified name from ``mypackage.features.Encoder`` or ``mypackage:Outer.Inner``.

    ``package.Class.attribute=NAME`` stands for the name as the value of this attribute alone; then the attribute goes
    before the module, as `TrustedName` has it. Raises `InvalidInput`.
    """
    attribute, separator, text = text.rpartition("=")
    if separator:
        from modelreg.analysis.policy import attribute_for_functions

        attribute = attribute_for_functions(attribute)
    module, _, name = text.partition(":") if ":" in text else text.rpartition(".")
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise InvalidInput(
            f"{shown(text)} does not name a class or function", "write mypackage.features.Encoder, or pkg:Outer.Inner"
        )
    return f"{attribute}{separator}{module}", name
