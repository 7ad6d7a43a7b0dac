"""A process gives up everything but computing, for good."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from modelreg.domain.confinement import Confinement, Limits, Permissions
from modelreg.errors import ConfinementFailed
from modelreg.loading.confined import inherited, landlock, limits, readable, unlisted
from modelreg.loading.confined.landlock import Right
from modelreg.loading.confined.places import RegistryPlaces


def offered() -> Confinement:
    """What this system confines a process by."""
    from modelreg.loading.confined import seccomp

    try:
        version = landlock.abi()
    except OSError:  # a model is not run then; see `confine`
        version = 0
    return Confinement(version, seccomp.is_known_machine() and _knows_seccomp())


def confine(
    permissions: Permissions, limit: Limits, model_folder: str | None, registry: str, granted: Sequence[int] = ()
) -> Confinement:
    """Confine this process, which must have one thread: other threads would keep their rights.

    ``granted`` are open descriptors of what ``permissions`` lets the model read. Returns what is in force. Limits are
    applied on every system. Raises `ConfinementFailed` where the system can confine a process, and this failed.
    """
    if sys.platform != "linux":
        limits.apply(limit)
        return Confinement(0, False)
    _require_one_thread()
    inherited.require_nothing_shared()
    try:  # listed first: an error from then on is an error of the kernel's calls
        places = RegistryPlaces.of(registry)
        paths = list(readable.rules(permissions))
    except OSError as error:
        raise ConfinementFailed(f"what it may read could not be listed ({error})") from error
    unlisted.find_modules_in(readable.unlisted(places))
    limits.apply(limit)
    return _give_up(permissions, _rules(model_folder, granted, paths, places))


def _rules(
    model_folder: str | None, granted: Iterable[int], paths: Iterable[tuple[str, Right]], places: RegistryPlaces
) -> Iterator[tuple[int, Right]]:
    """Descriptors with the rights on them, each closed when the next is asked for.

    None covers the registry or a part of it, but for the model itself where that is a folder.
    """
    if model_folder is not None:
        with suppress(OSError), _opened(model_folder) as descriptor:  # its loader says that it is not there
            yield descriptor, readable.READ
    for descriptor in granted:
        yield from readable.without(descriptor, readable.READ, places)
    for path, rights in paths:
        with suppress(OSError), _opened(path) as descriptor:  # it is not there, or may not be seen even now
            if not places.contains(descriptor):
                yield from readable.without(descriptor, rights, places)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _give_up(permissions: Permissions, rules: Iterable[tuple[int, Right]]) -> Confinement:
    from modelreg.loading.confined.kernel import PR_SET_NO_NEW_PRIVS, drop_capabilities, prctl

    try:
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        version = landlock.abi()
        if version:
            landlock.restrict(version, rules, may_connect=permissions.allow_network)
        drop_capabilities()
        return Confinement(version, _filter_calls(permissions))
    except OSError as error:
        raise ConfinementFailed(f"the kernel refused it ({error.strerror})") from error


def _filter_calls(permissions: Permissions) -> bool:
    """Whether system calls are filtered from now on; False where there is no filter for this system."""
    from modelreg.loading.confined import seccomp

    if not seccomp.is_known_machine():
        return False
    try:
        seccomp.install(network=permissions.allow_network)
    except OSError as error:
        is_missing = error.errno == errno.ENOSYS or (error.errno == errno.EINVAL and not _knows_seccomp())
        if not is_missing:
            raise
        return False
    return True


def _require_one_thread() -> None:
    """Raise `ConfinementFailed` for a second thread on a system that can confine: it would keep every right."""
    try:
        count = len(os.listdir("/proc/self/task"))
    except OSError:  # without /proc
        count = 0
    found = offered()
    if count != 1 and (found.landlock or found.seccomp):
        reason = "a module that Python imports at its start started a thread" if count else "/proc is not mounted"
        hint = "look for threads in sitecustomize, usercustomize and .pth files: python -m site shows their folders"
        raise ConfinementFailed(reason, hint if count else None)


def _knows_seccomp() -> bool:
    """Whether the kernel has filters of system calls; asked without setting one."""
    return os.path.exists("/proc/sys/kernel/seccomp/actions_avail")
