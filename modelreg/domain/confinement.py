"""Permissions and limits of a running model, and the sandbox that the kernel offers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a model may do beyond computing; nothing by default."""

    allow_read: tuple[str, ...] = ()
    """Absolute paths of folders and files that it may read."""
    allow_network: bool = False
    """Whether it may connect to other machines."""

    def __bool__(self) -> bool:
        return bool(self.allow_read or self.allow_network)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on memory and time."""

    memory: int | None = None
    """Bytes of address space; None for the memory of the machine."""
    time: float | None = None
    """Seconds from the start of loading; None for no limit."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """The sandbox features of the kernel."""

    landlock: int
    """The Landlock ABI version; 0 without Landlock."""
    seccomp: bool
    """Whether system calls are filtered."""

    @property
    def is_complete(self) -> bool:
        """Whether everything in docs/security.md can be enforced."""
        return self.landlock > 0 and self.seccomp

    @property
    def described(self) -> str:
        """``complete (Landlock 7, seccomp)``, ``incomplete (…)`` or ``none``."""
        parts = [f"Landlock {self.landlock}"] * (self.landlock > 0) + ["seccomp"] * self.seccomp
        return f"{'complete' if self.is_complete else 'incomplete'} ({', '.join(parts)})" if parts else "none"

    @property
    def missing(self) -> str:
        """The missing features, for a message."""
        lacking = [name for name, there in (("Landlock", self.landlock), ("seccomp", self.seccomp)) if not there]
        return f"no {' and no '.join(lacking)} here"
