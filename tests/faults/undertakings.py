"""The commands that change a registry and that every fault is tried on: a new command is one more row."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from .conftest import BESIDE


@dataclass(frozen=True)
class Undertaking:
    """A command that changes the stocked registry."""

    words: tuple[str, ...]
    makes_registry: bool = False
    """Whether it is run where no registry is yet."""
    again: tuple[int, ...] = (0,)
    """How it may end when it is run again after it was done."""
    stride: int = 5
    """Of its moments, every so many are tried."""
    stride_of_pages: int = 16
    """The same, for the pages that SQLite writes."""

    @property
    def command(self) -> str:
        """Its first word."""
        return self.words[0]


_REGISTER = ("register", "fresh.bin", "--name", "churn")

UNDERTAKINGS = {
    "register into a new registry": Undertaking(_REGISTER, makes_registry=True, stride=8, stride_of_pages=40),
    "register": Undertaking((*_REGISTER, "--stage", "Production", "--archive-existing", "--alias", "champion")),
    "register a folder": Undertaking(("register", "bert", "--name", "churn", "--tag", "a=b"), stride=7),
    "transition": Undertaking(("transition", "churn", "2", "Production", "--archive-existing"), stride_of_pages=4),
    "require a sandbox": Undertaking(("init", "--require-sandbox"), stride_of_pages=4),
    "delete": Undertaking(("delete", "churn/2", "--yes"), again=(0, 3), stride_of_pages=12),
    "prune": Undertaking(("prune", "--stage", "None", "--grace", "0", "--yes"), stride_of_pages=16),
    "backup": Undertaking(("backup", f"{BESIDE}/backup"), stride_of_pages=16),
}

every_undertaking = pytest.mark.parametrize("undertaking", UNDERTAKINGS.values(), ids=UNDERTAKINGS)
"""Tries a test on each of them."""
