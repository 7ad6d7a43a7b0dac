"""A process gives up everything but computing, for good."""

from __future__ import annotations

import os
import sys

from modelreg.confinement import landlock, limits, readable
from modelreg.records.confinement import Confinement, Limits, Permissions


def offered() -> Confinement:
    """What this system confines a process by."""
    from modelreg.confinement import seccomp

    return Confinement(landlock.abi(), seccomp.is_known_machine() and _knows_seccomp())


def confine(permissions: Permissions, limit: Limits, model_folder: str | None) -> Confinement:
    """Confine this process, which must have one thread: those that were made before would keep their rights.

    Returns what is in force. Limits are applied on every system.
    """
    if sys.platform != "linux":
        limits.apply(limit)
        return Confinement(0, False)
    from modelreg.confinement import seccomp
    from modelreg.confinement.kernel import PR_SET_NO_NEW_PRIVS, drop_capabilities, prctl

    alone = _has_one_thread()
    limits.apply(limit)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    version = _restrict_files(permissions, model_folder) if alone else 0
    try:
        drop_capabilities()
        if alone and seccomp.is_known_machine():
            seccomp.install(network=permissions.allow_network)
            return Confinement(version, True)
    except OSError:
        pass
    return Confinement(version, False)


def _has_one_thread() -> bool:
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:  # without /proc nothing tells
        return False


def _restrict_files(permissions: Permissions, model_folder: str | None) -> int:
    """The version of Landlock that is in force now; 0 for none."""
    version = landlock.abi()
    try:
        if version:
            landlock.restrict(version, readable.rules(permissions, model_folder), may_connect=permissions.allow_network)
    except OSError:  # a container may have used up the layers, or refuse the call
        return 0
    return version


def _knows_seccomp() -> bool:
    """Whether the kernel has filters of system calls; asked without setting one."""
    return os.path.exists("/proc/sys/kernel/seccomp/actions_avail")
