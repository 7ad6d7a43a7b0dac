"""What a confined process may read: the Python installation, modules that can be imported, and system libraries."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress

from modelreg.domain.confinement import Permissions
from modelreg.loading.confined.landlock import Right
from modelreg.loading.confined.mounts import is_below
from modelreg.loading.confined.places import RegistryPlaces, identity

READ = Right.READ_FILE | Right.READ_DIR

_SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/timezone", "/etc/mime.types"),
    *("/etc/ssl/openssl.cnf", "/etc/crypto-policies"),
    *("/dev/zero", "/dev/random", "/dev/urandom"),
    # what libraries ask to decide how many threads and how much memory they use
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems"),
    *("/proc/sys/vm", "/sys/devices/system/cpu", "/sys/devices/system/node"),
    *("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/memory.max"),
    *("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)
_NETWORK = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services"),
    *("/etc/ssl/certs", "/etc/pki", "/etc/ca-certificates"),
)
_INSTALLATION = re.compile(r"bin|lib(32|64|x32|exec)?|include|share|pyvenv\.cfg")
"""What belongs to Python in its folder, which may be that of a project as well: ``python -m venv .``."""
_MODULES = (".py", ".pyc", ".so")
_METADATA = (".dist-info", ".egg-info")
_SHARED_LIBRARY = re.compile(r".+\.so(\.\d+)*")
_MOST_FOLDERS, _DEEPEST = 1000, 6  # that are looked into for modules of namespace packages


def rules(permissions: Permissions) -> Iterator[tuple[str, Right]]:
    """Paths with the rights on them.

    What ``permissions`` lets the model read is not among them: the parent has opened that.
    """
    yield "/dev/null", Right.READ_FILE | Right.WRITE_FILE | Right.TRUNCATE
    for path in (*_SYSTEM, *_libraries(), *_editable()):
        yield path, READ
    for path in (*_NETWORK, *_certificates()) if permissions.allow_network else ():
        yield path, READ
    yield from _importable()


def without(descriptor: int, rights: Right, places: RegistryPlaces) -> Iterator[tuple[int, Right]]:
    """A rule, or those that stand for it where it covers the registry: of the other entries of such a folder.

    Descriptors that are opened here are closed when the next is asked for.
    """
    found = identity(os.fstat(descriptor))
    if found in places.inside:
        return
    if found not in places.around:
        yield descriptor, rights
    elif rights & Right.READ_FILE:
        for name in _names_in(descriptor):
            try:
                entry = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
            except OSError:  # it has gone, or may not be seen
                continue
            try:
                yield from without(entry, rights, places)
            finally:
                os.close(entry)


def unlisted(places: RegistryPlaces) -> list[str]:
    """The folders on ``sys.path`` whose names cannot be listed, since the registry is in them."""
    found = []
    for path in filter(os.path.isabs, sys.path):
        with suppress(OSError):
            if identity(os.stat(path)) in places.around:
                found.append(path)
    return found


def _names_in(folder: int) -> list[str]:
    try:
        listing = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return []
    try:
        return os.listdir(listing)
    finally:
        os.close(listing)


def _libraries() -> Iterator[str]:
    """The shared libraries where the dynamic linker looks for them."""
    for folder in filter(os.path.isabs, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)):
        for entry in _listed(folder):
            target = os.path.realpath(entry.path)
            names = entry.name, os.path.basename(target)
            is_new = not target.startswith(("/usr/", "/lib/"))
            if is_new and all(map(_SHARED_LIBRARY.fullmatch, names)) and os.path.isfile(target):
                yield target


def _certificates() -> Iterator[str]:
    """The certificates of authorities that conda has beside its OpenSSL."""
    yield from (f"{prefix}/ssl/{name}" for prefix in _prefixes() for name in ("cacert.pem", "cert.pem"))


def _editable() -> Iterator[str]:
    """Where setuptools' editable installations have their packages."""
    for finder in sys.meta_path:
        name = getattr(finder, "__module__", "")
        if name.startswith("__editable__"):  # package or module -> its place, a module's without ending
            for path in getattr(sys.modules[name], "MAPPING", {}).values():
                yield from (str(path), f"{path}.py")


def _importable() -> Iterator[tuple[str, Right]]:
    """The installation; of other folders on ``sys.path`` what can be imported from them.

    Such a folder may be somebody's project, with the registry, credentials and data in it, or their home. Names that
    are no paths belong to import hooks.
    """
    installed = list(_installed())
    for path in installed:
        yield path, READ
        if sys.pycache_prefix and os.path.isabs(sys.pycache_prefix):  # the folders of sources, by their whole paths
            yield f"{sys.pycache_prefix}{path}", READ
    for path in filter(os.path.isabs, sys.path):
        if os.path.isfile(path):  # a zip file or egg
            yield path, READ
        elif not any(is_below(path, folder) for folder in installed):
            yield path, Right.READ_DIR  # names, which looking for a module takes
            yield from _importable_from(path)


def _importable_from(folder: str) -> Iterator[tuple[str, Right]]:
    for entry in _listed(folder):
        if entry.name.isidentifier() and _is_dir(entry) and _stays_in(entry.path, folder):
            yield entry.path, Right.READ_DIR  # where the registry is in this folder, whose names are not listed then
    yield from ((found, READ) for found in _modules_in(folder))


def _prefixes() -> list[str]:
    return sorted({sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix})


def _installed() -> Iterator[str]:
    for prefix in _prefixes():
        yield from (entry.path for entry in _listed(prefix) if _INSTALLATION.fullmatch(entry.name))
    for path in filter(os.path.isabs, sys.path):
        if os.path.basename(path) in ("site-packages", "dist-packages"):
            yield path


def _modules_in(folder: str) -> Iterator[str]:
    """What can be imported from a folder: modules, packages and metadata that really are in it."""
    namespaces = []
    for entry in sorted(_listed(folder), key=lambda entry: entry.name):
        if _is_dir(entry) and entry.name.isidentifier():
            namespaces.append(entry.path)
        elif _is_module(entry) or (entry.name.endswith(_METADATA) and _stays_in(entry.path, folder)):
            yield entry.path
    yield from _in_namespaces([path for path in namespaces if _stays_in(path, folder)], folder)


def _in_namespaces(folders: list[str], top: str) -> Iterator[str]:
    """Packages among these folders, as a whole, and of others the modules and packages in them.

    A folder without ``__init__.py`` is a namespace package, for Python; it may as well be one with private files.
    Those nearest to the top are looked into first.
    """
    left = _MOST_FOLDERS
    for _ in range(_DEEPEST):
        below: list[str] = []
        for folder in folders[:left]:
            entries = _listed(folder)
            if any(entry.name.startswith("__init__.") and _is_module(entry) for entry in entries):
                yield folder
                continue
            inner = [entry.path for entry in entries if entry.name.isidentifier() and _is_dir(entry)]
            below += [path for path in inner if _stays_in(path, top)]
            yield from (entry.path for entry in entries if _is_module(entry))
        left -= len(folders[:left])
        folders = below


def _is_module(entry: os.DirEntry[str]) -> bool:
    """Whether this is the file of a module, or a link to one in the same folder or below."""
    try:
        if not entry.name.endswith(_MODULES) or not entry.is_file():
            return False
        if not entry.is_symlink():
            return True
    except OSError:
        return False
    return os.path.realpath(entry.path).endswith(_MODULES) and _stays_in(entry.path, os.path.dirname(entry.path))


def _stays_in(path: str, folder: str) -> bool:
    return is_below(os.path.realpath(path), os.path.realpath(folder))


def _is_dir(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _listed(folder: str) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except OSError:
        return []
