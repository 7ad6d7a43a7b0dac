"""The error of a version that did not pass its gates."""

from __future__ import annotations

from typing import Any

from modelreg.errors.base import (
    RefusedByGate,
)


class GateRefused(RefusedByGate):
    """A version did not pass the gates of a stage."""

    code = "gate_refused"

    def __init__(self, message: str, hint: str, python_hint: str, check: Any) -> None:
        super().__init__(message, hint, python_hint=python_hint)
        self.check = check
        """The `modelreg.domain.gates.GateCheck`: the result of each gate."""
