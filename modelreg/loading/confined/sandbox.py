"""Confine this process permanently: from then on it can compute, and reach nothing that it was not granted."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from modelreg.domain.confinement import Confinement, Limits, Permissions
from modelreg.errors import ConfinementFailed
from modelreg.loading.confined import landlock, module_finder, readable, seccomp, startup_resources
from modelreg.loading.confined.kernel import PR_SET_NO_NEW_PRIVS, drop_capabilities, prctl
from modelreg.loading.confined.landlock import Right
from modelreg.loading.confined.limits import apply_limits
from modelreg.loading.confined.registry_location import RegistryLocation


def get_available_confinement() -> Confinement:
    """The kernel features that this system has for confining a process."""
    try:
        version = landlock.get_abi_version()
    except OSError:  # not a sign of a missing Landlock: `confine` fails then
        version = 0
    return Confinement(version, seccomp.is_supported_machine() and _has_seccomp())


def confine(
    permissions: Permissions, limits: Limits, model_folder: str | None, registry: str, granted: Sequence[int] = ()
) -> Confinement:
    """Confine this process, and return what is in force. Limits are applied on every system.

    ``granted`` are open descriptors of the paths that ``permissions`` lets the model read. The process must have one
    thread only: other threads would keep their rights. Raises `ConfinementFailed` when the system can confine a
    process but an attempt fails.
    """
    if sys.platform != "linux":
        apply_limits(limits)
        return Confinement(0, False)
    _check_one_thread()
    startup_resources.check_no_shared_memory()
    try:  # list the paths first, so that a later OSError can only come from the kernel calls
        location = RegistryLocation.find(registry)
        paths = list(readable.list_rules(permissions))
    except OSError as error:
        raise ConfinementFailed(f"the files that it may read could not be listed ({error})") from error
    module_finder.install_finder(readable.find_unlistable_folders(location))
    apply_limits(limits)
    return _drop_rights(permissions, _open_rules(model_folder, granted, paths, location))


def _open_rules(
    model_folder: str | None, granted: Iterable[int], paths: Iterable[tuple[str, Right]], location: RegistryLocation
) -> Iterator[tuple[int, Right]]:
    """Open the readable paths: descriptors with the rights on them, each closed when the next one is requested.

    No rule covers the registry or a part of it, except the model itself when that is a folder.
    """
    if model_folder is not None:
        with suppress(OSError), _open_path(model_folder) as descriptor:  # the loader reports a missing folder
            yield descriptor, readable.READ
    for descriptor in granted:
        yield from readable.exclude_registry(descriptor, readable.READ, location)
    for path, rights in paths:
        with suppress(OSError), _open_path(path) as descriptor:  # it does not exist, or is not readable anyway
            if not location.contains(descriptor):
                yield from readable.exclude_registry(descriptor, rights, location)


@contextmanager
def _open_path(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _drop_rights(permissions: Permissions, rules: Iterable[tuple[int, Right]]) -> Confinement:
    try:
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        version = landlock.get_abi_version()
        if version:
            landlock.restrict(version, rules, may_connect=permissions.allow_network)
        drop_capabilities()
        return Confinement(version, _filter_system_calls(permissions))
    except OSError as error:
        raise ConfinementFailed(f"a kernel call failed ({error.strerror})") from error


def _filter_system_calls(permissions: Permissions) -> bool:
    """Install the seccomp filter; returns False when this system has none."""
    if not seccomp.is_supported_machine():
        return False
    try:
        seccomp.install(network=permissions.allow_network)
    except OSError as error:
        is_missing = error.errno == errno.ENOSYS or (error.errno == errno.EINVAL and not _has_seccomp())
        if not is_missing:
            raise
        return False
    return True


def _check_one_thread() -> None:
    """Raise `ConfinementFailed` for a second thread on a system that can confine: that thread would keep all rights."""
    try:
        count = len(os.listdir("/proc/self/task"))
    except OSError:  # without /proc
        count = 0
    available = get_available_confinement()
    if count != 1 and (available.landlock or available.seccomp):
        reason = "a module that Python imports at startup started a thread" if count else "/proc is not mounted"
        hint = "look for threads in sitecustomize, usercustomize and .pth files; python -m site lists their folders"
        raise ConfinementFailed(reason, hint if count else None)


def _has_seccomp() -> bool:
    """Whether the kernel supports seccomp filters, found out without installing one."""
    return os.path.exists("/proc/sys/kernel/seccomp/actions_avail")
