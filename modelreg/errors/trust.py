"""A model could run code that nobody allowed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from modelreg.errors.base import (
    Untrusted,
)
from modelreg.errors.text import listed, shown


class UnsafeModel(Untrusted):
    """Files that were to be registered run code when they are loaded."""

    code = "unsafe_model"

    def __init__(self, path: os.PathLike[str] | str, findings: Sequence[str]) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} is dangerous to load, and was not registered: {listed(findings)}",
            "if you know why it is so: --allow-unsafe WHY",
        )
        self.findings = tuple(findings)


class UntrustedModel(Untrusted):
    """A model would import names that are neither on the allow-list nor trusted, or is not understood."""

    code = "untrusted_model"

    def __init__(
        self, model: str, findings: Sequence[str], trustable: Sequence[str] = (), to_be_moved: Sequence[str] = ()
    ) -> None:
        """``findings`` say what speaks against it; ``trustable`` are names that may be trusted one by one.

        ``to_be_moved`` is what no other program can import: names of ``__main__``, lambdas, the code of notebooks.
        """
        once = "once, on the record: --trust full --message WHY"
        if to_be_moved:
            code = ", ".join(to_be_moved)
            instead = f"define {code} in a module that can be imported, and register a model made with that"
        else:
            instead = f"modelreg trust add {shlex.join(trustable)}; or {once}" if trustable else once
        super().__init__(f"{model} was not loaded: {listed(findings)}", instead)
        self.findings = tuple(findings)
        self.trustable = tuple(trustable)


class DangerousName(Untrusted):
    """A name on the deny-list cannot be trusted."""

    code = "dangerous_name"

    def __init__(self, name: str, reason: str, instead: str) -> None:
        """``reason`` is a clause whose subject is the name; ``instead`` is an imperative."""
        super().__init__(
            f"{shown(name)} cannot be trusted: it {reason}",
            f"{instead}; or load one model, once: --trust full --message WHY",
        )
        self.reason = reason


class ModelStopped(Untrusted):
    """A model reached a limit or crashed while it ran in its own process."""

    code = "model_stopped"

    def __init__(self, model: str, reason: str, hint: str | None = None) -> None:
        super().__init__(f"{model} was stopped: {reason}; nothing was written", hint)


class SandboxUnavailable(Untrusted):
    """A model was to run only where it can be confined, and that is not here."""

    code = "sandbox_unavailable"

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"models are to run in complete confinement only, and this system cannot do that ({missing})",
            "run it on Linux 5.13 or newer with Landlock; 'modelreg info' shows what there is",
        )


class ConfinementFailed(Untrusted):
    """This system can confine a model, and could not do so now."""

    code = "confinement_failed"

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(f"the model was not run, since it could not be confined: {reason}", hint)
