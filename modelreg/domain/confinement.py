"""What a model may do while it runs, and what the kernel keeps it from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a model may do beyond computing: nothing, unless it is asked for by name."""

    allow_read: tuple[str, ...] = ()
    """Absolute paths of folders and files that it may read."""
    allow_network: bool = False
    """Whether it may connect to other machines."""

    def __bool__(self) -> bool:
        return bool(self.allow_read or self.allow_network)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model may use up."""

    memory: int | None = None
    """Bytes of address space; None stands for the machine's memory."""
    time: float | None = None
    """Seconds from the moment in which it may be loaded; None for any time."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What the kernel confines a process by."""

    landlock: int
    """The version of Landlock's interface; 0 where there is none."""
    seccomp: bool
    """Whether system calls are filtered."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing of what docs/security.md promises is missing."""
        return self.landlock > 0 and self.seccomp

    @property
    def described(self) -> str:
        """``complete (Landlock 7, seccomp)``, ``incomplete (…)`` or ``none``."""
        parts = [f"Landlock {self.landlock}"] * (self.landlock > 0) + ["seccomp"] * self.seccomp
        return f"{'complete' if self.is_complete else 'incomplete'} ({', '.join(parts)})" if parts else "none"

    @property
    def missing(self) -> str:
        """What is missing, for a sentence."""
        lacking = [name for name, there in (("Landlock", self.landlock), ("seccomp", self.seccomp)) if not there]
        return f"no {' and no '.join(lacking)} here"
