"""Errors about models that could run code that is not allowed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from modelreg.errors.base import (
    Untrusted,
)
from modelreg.errors.text import listed, shown


class UnsafeModel(Untrusted):
    """The files run code when they are loaded, and were not registered."""

    code = "unsafe_model"

    def __init__(self, path: os.PathLike[str] | str, findings: Sequence[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} is dangerous to load and was not registered: {listed(findings)}",
            "to register it anyway, say why: --allow-unsafe WHY",
            python_hint="to register it anyway, say why: allow_unsafe='why'",
        )
        self.findings = tuple(findings)


class UntrustedModel(Untrusted):
    """The model imports names that are not allowed or trusted, or its format was not scanned."""

    code = "untrusted_model"

    def __init__(
        self, model: str, findings: Sequence[str], trustable: Sequence[str] = (), to_be_moved: Sequence[str] = ()
    ) -> None:
        """``findings`` are the reasons; ``trustable`` are the names that can be trusted one by one.

        ``to_be_moved`` are names that no other program can import: those of ``__main__``, lambdas, code in notebooks.
        """
        once, once_in_python = (
            "allow it once with --trust full --message WHY",
            "allow it once with trust='full', message='why'",
        )
        if to_be_moved:
            code = ", ".join(to_be_moved)
            hint = python_hint = f"define {code} in an importable module, and register the model again"
        elif trustable:
            hint = f"modelreg trust add {shlex.join(trustable)}; or {once}"
            python_hint = f"registry.trust({', '.join(map(repr, trustable))}); or {once_in_python}"
        else:
            hint, python_hint = once, once_in_python
        super().__init__(f"{model} was not loaded: {listed(findings)}", hint, python_hint=python_hint)
        self.findings = tuple(findings)
        self.trustable = tuple(trustable)


class ModelStopped(Untrusted):
    """The model reached a limit or crashed in its process."""

    code = "model_stopped"

    def __init__(self, model: str, reason: str, hint: str | None = None) -> None:
        super().__init__(f"{model} was stopped: {reason}; nothing was written", hint)


class SandboxUnavailable(Untrusted):
    """The registry requires a sandbox, and this system has no complete one."""

    code = "sandbox_unavailable"

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"models of this registry run only in a complete sandbox, which this system lacks ({missing})",
            "use Linux 5.13 or newer with Landlock; 'modelreg info' shows what this system offers",
            python_hint="use Linux 5.13 or newer with Landlock; registry.information().sandbox has what there is",
        )


class ConfinementFailed(Untrusted):
    """Confining the model failed."""

    code = "confinement_failed"

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(f"the model was not run, because it could not be confined: {reason}", hint)
