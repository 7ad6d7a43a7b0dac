"""Under which conditions a model runs, as they are asked for, checked at the border."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from modelreg.confinement.limits import parse_memory, parse_time
from modelreg.errors import InvalidInput, shown
from modelreg.records.confinement import Limits, Permissions


class ConfinementOptions(TypedDict, total=False):
    """What may be asked for where a model is run; `Registry.predict` says what each means."""

    allow_read: Sequence[str | os.PathLike[str]]
    allow_network: bool
    memory_limit: int | str | None
    time_limit: float | None
    require_sandbox: bool


@dataclass(frozen=True, slots=True)
class Conditions:
    """Permissions and limits of one run."""

    permissions: Permissions
    limits: Limits
    is_required: bool
    """Whether the model is not to run unless it can be confined."""

    @classmethod
    def checked(cls, options: ConfinementOptions) -> Conditions:
        """Raises `InvalidInput` for a path that is not there, or a limit that is none."""
        paths = options.get("allow_read", ())
        if isinstance(paths, (str, os.PathLike)):
            paths = [paths]
        return cls(
            Permissions(tuple(map(_existing, paths)), options.get("allow_network", False)),
            Limits(parse_memory(options.get("memory_limit")), parse_time(options.get("time_limit"))),
            options.get("require_sandbox", False),
        )


def _existing(path: str | os.PathLike[str]) -> str:
    if not os.fspath(path) or not os.path.exists(path):
        raise InvalidInput(f"there is no folder or file {shown(os.fspath(path))} to be read by the model")
    return os.path.realpath(path)
