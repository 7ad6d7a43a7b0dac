"""The commands that change a registry, for the fault tests. A new command is one more entry."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from .conftest import EXHAUSTIVE, PARENT_FOLDER


@dataclass(frozen=True)
class ChangingCommand:
    """A command that changes the copied registry."""

    arguments: tuple[str, ...]
    creates_registry: bool = False
    """Whether it is run in a folder without a registry."""
    repeated_status: tuple[int, ...] = (0,)
    """Possible exit statuses of a second run after a successful one."""
    stride: int = 8
    """Faults are injected at every n-th system call."""
    stride_of_pages: int = 24
    """The same for page writes of SQLite."""

    @property
    def command(self) -> str:
        """The name of the command."""
        return self.arguments[0]


_REGISTER = ("register", "fresh.bin", "--name", "churn")

CHANGING_COMMANDS = {
    "register into a new registry": ChangingCommand(_REGISTER, creates_registry=True, stride=12, stride_of_pages=60),
    "register": ChangingCommand((*_REGISTER, "--stage", "Production", "--archive-existing", "--alias", "champion")),
    "register a folder": ChangingCommand(("register", "bert", "--name", "churn", "--tag", "a=b"), stride=11),
    "transition": ChangingCommand(("transition", "churn", "2", "Production", "--archive-existing"), stride_of_pages=6),
    "require a sandbox": ChangingCommand(("init", "--require-sandbox"), stride_of_pages=6),
    "delete": ChangingCommand(("delete", "churn/2", "--yes"), repeated_status=(0, 3), stride_of_pages=18),
    "prune": ChangingCommand(("prune", "--stage", "None", "--grace", "0", "--yes")),
    "backup": ChangingCommand(("backup", f"{PARENT_FOLDER}/backup")),
    "restore into a new registry": ChangingCommand(
        ("restore", "backup"), creates_registry=True, repeated_status=(4,), stride=20, stride_of_pages=60
    ),
    "restore": ChangingCommand(("restore", "backup", "--force"), stride=20, stride_of_pages=60),
}

SINGLE_TRANSACTION_COMMANDS = {
    arguments[0]: ChangingCommand(arguments, repeated_status=(0, 3, 4))
    for arguments in (
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
"""Commands with one transaction or only a checkout, like 'transition' or 'load'; only in exhaustive runs."""

TESTED_COMMANDS = CHANGING_COMMANDS | (SINGLE_TRANSACTION_COMMANDS if EXHAUSTIVE else {})

every_command = pytest.mark.parametrize("case", TESTED_COMMANDS.values(), ids=TESTED_COMMANDS)
"""Parametrises a test with every command."""
