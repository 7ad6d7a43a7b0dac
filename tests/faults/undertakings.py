"""The commands that change a registry and that every fault is tried on: a new command is one more row."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from .conftest import BESIDE, EXHAUSTIVE


@dataclass(frozen=True)
class Undertaking:
    """A command that changes the stocked registry."""

    words: tuple[str, ...]
    makes_registry: bool = False
    """Whether it is run where no registry is yet."""
    again: tuple[int, ...] = (0,)
    """How it may end when it is run again after it was done."""
    stride: int = 8
    """Of its moments, every so many are tried."""
    stride_of_pages: int = 24
    """The same, for the pages that SQLite writes."""

    @property
    def command(self) -> str:
        """Its first word."""
        return self.words[0]


_REGISTER = ("register", "fresh.bin", "--name", "churn")

UNDERTAKINGS = {
    "register into a new registry": Undertaking(_REGISTER, makes_registry=True, stride=12, stride_of_pages=60),
    "register": Undertaking((*_REGISTER, "--stage", "Production", "--archive-existing", "--alias", "champion")),
    "register a folder": Undertaking(("register", "bert", "--name", "churn", "--tag", "a=b"), stride=11),
    "transition": Undertaking(("transition", "churn", "2", "Production", "--archive-existing"), stride_of_pages=6),
    "require a sandbox": Undertaking(("init", "--require-sandbox"), stride_of_pages=6),
    "delete": Undertaking(("delete", "churn/2", "--yes"), again=(0, 3), stride_of_pages=18),
    "prune": Undertaking(("prune", "--stage", "None", "--grace", "0", "--yes")),
    "backup": Undertaking(("backup", f"{BESIDE}/backup")),
    "restore into a new registry": Undertaking(
        ("restore", "backup"), makes_registry=True, again=(4,), stride=20, stride_of_pages=60
    ),
    "restore": Undertaking(("restore", "backup", "--force"), stride=20, stride_of_pages=60),
}

OF_ONE_TRANSACTION = {
    words[0]: Undertaking(words, again=(0, 3, 4))
    for words in (
        ("evaluate", "churn/1", "--as", "holdout", "--metric", "auc=0.5"),
        ("gate", "add", "churn", "Staging", "version > 0"),
        ("approve", "churn/1"),
        ("trust", "add", "mypackage.Encoder"),
        ("alias", "churn/2", "challenger"),
        ("tag", "churn", "team=search"),
        ("describe", "churn/1", "the first"),
        ("rename", "churn", "renamed"),
        ("rollback", "churn"),
        ("load", "churn/2"),
    )
}
"""Commands that write as 'transition' does, or write a checkout alone: tried when everything is."""

TRIED = UNDERTAKINGS | (OF_ONE_TRANSACTION if EXHAUSTIVE else {})

every_undertaking = pytest.mark.parametrize("undertaking", TRIED.values(), ids=TRIED)
"""Tries a test on each of them."""
