"""Trust names that models import, and take that back."""

from __future__ import annotations

from collections.abc import Sequence

from modelreg.analysis.denied_names import trust_refusal
from modelreg.errors import NotFound, Untrusted, did_you_mean, shown
from modelreg.errors.text import listed
from modelreg.loading.trust import parse_trusted_name
from modelreg.store.folder import RegistryFolder
from modelreg.store.transactions import writing


def trust_names(folder: RegistryFolder, names: Sequence[str], message: str | None) -> tuple[str, ...]:
    """Trust all of ``names``, or none; returns those that were not trusted before.

    Raises `InvalidInput` for text that is not a name, and `Untrusted` for a name on the deny-list.
    """
    parsed = {parse_trusted_name(name): name for name in names}
    for pair, name in parsed.items():
        refusal = trust_refusal(pair[0].rpartition("=")[2], pair[1])
        if refusal is not None:
            once = f"{refusal.instead}; or load one model once:"
            raise Untrusted(
                f"{shown(name)} cannot be trusted: it {refusal.reason}",
                f"{once} --trust full --message WHY",
                python_hint=f"{once} trust='full', message='why'",
                code="dangerous_name",
            )
    with writing(folder, message) as writer:
        new = parsed.keys() - {trusted.pair for trusted in writer.trusted_names()}
        for pair in sorted(new):
            writer.trust(*pair)
    return tuple(name for pair, name in parsed.items() if pair in new)


def distrust_names(folder: RegistryFolder, names: Sequence[str], message: str | None) -> None:
    """Stop trusting all of ``names``, or none; raises `NotFound`."""
    parsed = {parse_trusted_name(name): name for name in names}
    with writing(folder, message) as writer:
        for pair, name in parsed.items():
            trusted_names = writer.trusted_names()
            if all(trusted.pair != pair for trusted in trusted_names):
                names = [trusted.dotted for trusted in trusted_names]
                has = (
                    f"the trusted names are {listed(names)}" if names else "no names are trusted beyond the allow-list"
                )
                raise NotFound(
                    f"{shown(name)} is not trusted", did_you_mean(name, names) or has, code="name_not_trusted"
                )
            writer.distrust(*pair)
