"""Trust: which names a model may import when it is loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from modelreg.analysis.denied_names import is_trustable, trust_refusal
from modelreg.analysis.policy import Pairs, allowed_names, attribute_for_functions
from modelreg.domain.scans import ImportedName, Scan, TrustedName, Verdict
from modelreg.errors import InvalidInput, UntrustedModel, shown


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust in one model: the names that it may import."""

    model: str
    """The reference of the version, for messages."""
    names: Pairs = frozenset()
    """The trusted names, in addition to the allow-list."""
    full: bool = False
    """Whether the model may import and run anything."""

    def admits(self, module: str, name: str) -> bool:
        """Whether the model may import exactly this name.

        The attributes that some names are restricted to are ignored here: `check_scan` has checked them.
        """
        if self.full or (module, name) in allowed_names():
            return True
        return any((trusted.rpartition("=")[2], other) == (module, name) for trusted, other in self.names)

    def check_scan(self, scan: Scan) -> None:
        """Raise `UntrustedModel` if the scan found something that this trust does not cover."""
        scan = scan.trusting(self.names)
        if not self.full and scan.verdict is not Verdict.SAFE:
            refused = tuple(imported for imported in scan.imports if not scan.trusts(imported, self.names))
            scan = replace(scan, imports=refused)
            raise UntrustedModel(self.model, scan.findings, find_trustable(scan), find_unimportable(refused))

    def check_full(self, reason: str) -> None:
        """Raise `UntrustedModel` unless trust is full: for formats that cannot be scanned."""
        if not self.full:
            raise UntrustedModel(self.model, (reason,))

    def build_name_error(self, module: str, name: str) -> UntrustedModel:
        """The error for a name that the model may not import."""
        dotted = f"{module}.{name}"
        names = (dotted,) if is_trustable(module, name) else ()
        return UntrustedModel(self.model, (f"{dotted} is not on the allow-list",), names)

    def build_error(self, reason: str) -> UntrustedModel:
        """The error for a reason that is found only when the model is loaded."""
        return UntrustedModel(self.model, (reason,))


def filter_trusted(stored: Iterable[TrustedName]) -> Pairs:
    """The trusted names of a registry, without those on the deny-list.

    The catalog may hold such names, because other programs can write to it and because the deny-list grows.
    """
    return frozenset(trusted.pair for trusted in stored if trust_refusal(trusted.module, trusted.name) is None)


def find_unimportable(imports: Iterable[ImportedName]) -> tuple[str, ...]:
    """Describe the imported code that no other program can import: names of ``__main__``, lambdas, code of notebooks.

    The user has to move it to an importable module. Each description is a noun phrase.
    """
    descriptions = dict[str, None]()
    for imported in imports:
        if "<" in imported.name:
            descriptions["a named function instead of each lambda"] = None
        elif "cloudpickle" in imported.module:
            descriptions["the code of the notebook, script or lambda"] = None
        elif imported.module == "__main__":
            descriptions[imported.name] = None
    return tuple(descriptions)


def find_trustable(scan: Scan) -> tuple[str, ...]:
    """The names that make the verdict safe when the user trusts them; empty if trusting names is not enough."""
    unknown = [imported for imported in scan.imports if imported.verdict is Verdict.UNKNOWN]
    has_other_reasons = scan.verdict is not Verdict.UNKNOWN or bool(scan.reasons)
    if has_other_reasons or not all(is_trustable(imported.module, imported.name) for imported in unknown):
        return ()
    return tuple(subject for imported in unknown for subject in imported.trust_subjects)


def parse_trusted_name(text: str) -> tuple[str, str]:
    """Parse ``mypackage.features.Encoder`` or ``mypackage:Outer.Inner`` into module and qualified name.

    ``package.Class.attribute=NAME`` restricts the name to values of one attribute. Then the module is returned as
    ``package.Class.attribute=module``, as in `TrustedName.pair`. Raises `InvalidInput`.
    """
    attribute, separator, text = text.rpartition("=")
    if separator:
        attribute = attribute_for_functions(attribute)
    module, _, name = text.partition(":") if ":" in text else text.rpartition(".")
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise InvalidInput(
            f"{shown(text)} does not name a class or function", "write mypackage.features.Encoder, or pkg:Outer.Inner"
        )
    return f"{attribute}{separator}{module}", name
