"""List what a confined process may read: the Python installation, importable modules and system libraries."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress

from modelreg.domain.confinement import Permissions
from modelreg.loading.confined.landlock import Right
from modelreg.loading.confined.mounts import is_below
from modelreg.loading.confined.registry_location import RegistryLocation, get_identity

READ = Right.READ_FILE | Right.READ_DIR

_SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/timezone", "/etc/mime.types"),
    *("/etc/ssl/openssl.cnf", "/etc/crypto-policies"),
    *("/dev/zero", "/dev/random", "/dev/urandom"),
    # libraries read these to choose how many threads and how much memory they use
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
"""Names of Python's own entries in its prefix, which may also be a project's folder: ``python -m venv .``."""
_MODULES = (".py", ".pyc", ".so")
_METADATA = (".dist-info", ".egg-info")
_SHARED_LIBRARY = re.compile(r".+\.so(\.\d+)*")
_MAX_FOLDERS, _MAX_DEPTH = 1000, 6  # of the search for modules in namespace packages


def list_rules(permissions: Permissions) -> Iterator[tuple[str, Right]]:
    """List readable paths with the rights on them.

    The paths in ``permissions`` are not among them: the parent has opened those already.
    """
    yield "/dev/null", Right.READ_FILE | Right.WRITE_FILE | Right.TRUNCATE
    for path in (*_SYSTEM, *_list_shared_libraries(), *_list_editable_installs()):
        yield path, READ
    for path in (*_NETWORK, *_list_certificates()) if permissions.allow_network else ():
        yield path, READ
    yield from _list_importable()


def exclude_registry(descriptor: int, rights: Right, location: RegistryLocation) -> Iterator[tuple[int, Right]]:
    """Return the rule as it is, or rules for all other entries of the folder when it contains the registry.

    Each descriptor that is opened here is closed when the next rule is requested.
    """
    identity = get_identity(os.fstat(descriptor))
    if identity in location.inside:
        return
    if identity not in location.parents:
        yield descriptor, rights
    elif rights & Right.READ_FILE:
        for name in _list_names(descriptor):
            try:
                entry = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
            except OSError:  # it was removed, or is not accessible
                continue
            try:
                yield from exclude_registry(entry, rights, location)
            finally:
                os.close(entry)


def find_unlistable_folders(location: RegistryLocation) -> list[str]:
    """Find the folders on ``sys.path`` that must not be listed because they contain the registry."""
    folders = []
    for path in filter(os.path.isabs, sys.path):
        with suppress(OSError):
            if get_identity(os.stat(path)) in location.parents:
                folders.append(path)
    return folders


def _list_names(folder: int) -> list[str]:
    try:
        listing = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return []
    try:
        return os.listdir(listing)
    finally:
        os.close(listing)


def _list_shared_libraries() -> Iterator[str]:
    """List the shared libraries on ``LD_LIBRARY_PATH``."""
    for folder in filter(os.path.isabs, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)):
        for entry in _scan_folder(folder):
            target = os.path.realpath(entry.path)
            names = entry.name, os.path.basename(target)
            is_new = not target.startswith(("/usr/", "/lib/"))
            if is_new and all(map(_SHARED_LIBRARY.fullmatch, names)) and os.path.isfile(target):
                yield target


def _list_certificates() -> Iterator[str]:
    """List the CA certificates of conda's OpenSSL."""
    yield from (f"{prefix}/ssl/{name}" for prefix in _list_prefixes() for name in ("cacert.pem", "cert.pem"))


def _list_editable_installs() -> Iterator[str]:
    """List the packages that setuptools installed in editable mode."""
    for finder in sys.meta_path:
        name = getattr(finder, "__module__", "")
        if name.startswith("__editable__"):  # package or module -> path, a module's without suffix
            for path in getattr(sys.modules[name], "MAPPING", {}).values():
                yield from (str(path), f"{path}.py")


def _list_importable() -> Iterator[tuple[str, Right]]:
    """List the folders of the installation, and only importable files in the other folders on ``sys.path``.

    Such a folder may be a project, with the registry, credentials and data in it, or a home folder. Entries of
    ``sys.path`` that are not absolute paths belong to import hooks.
    """
    installed = list(_list_installed())
    for path in installed:
        yield path, READ
        if sys.pycache_prefix and os.path.isabs(sys.pycache_prefix):  # caches are below it, under full paths
            yield f"{sys.pycache_prefix}{path}", READ
    for path in filter(os.path.isabs, sys.path):
        if os.path.isfile(path):  # a zip file or egg
            yield path, READ
        elif not any(is_below(path, folder) for folder in installed):
            yield path, Right.READ_DIR  # Python's finder lists the folder
            for entry in _scan_folder(path):
                if entry.name.isidentifier() and _is_dir(entry) and _stays_in(entry.path, path):
                    yield entry.path, Right.READ_DIR  # needed when the folder contains the registry: it is not listed
            yield from ((module, READ) for module in _list_modules(path))


def _list_prefixes() -> list[str]:
    return sorted({sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix})


def _list_installed() -> Iterator[str]:
    for prefix in _list_prefixes():
        yield from (entry.path for entry in _scan_folder(prefix) if _INSTALLATION.fullmatch(entry.name))
    for path in filter(os.path.isabs, sys.path):
        if os.path.basename(path) in ("site-packages", "dist-packages"):
            yield path


def _list_modules(folder: str) -> Iterator[str]:
    """List modules, packages and metadata in a folder, without links that lead out of it."""
    namespaces = []
    for entry in sorted(_scan_folder(folder), key=lambda entry: entry.name):
        if _is_dir(entry) and entry.name.isidentifier():
            namespaces.append(entry.path)
        elif _is_module(entry) or (entry.name.endswith(_METADATA) and _stays_in(entry.path, folder)):
            yield entry.path
    yield from _search_namespaces([path for path in namespaces if _stays_in(path, folder)], folder)


def _search_namespaces(folders: list[str], top: str) -> Iterator[str]:
    """List regular packages as whole folders; in other folders, list only the modules and packages.

    To Python, a folder without ``__init__.py`` is a namespace package, but it may just as well hold private files.
    The search is breadth-first.
    """
    remaining = _MAX_FOLDERS
    for _ in range(_MAX_DEPTH):
        below: list[str] = []
        for folder in folders[:remaining]:
            entries = _scan_folder(folder)
            if any(entry.name.startswith("__init__.") and _is_module(entry) for entry in entries):
                yield folder
                continue
            inner = [entry.path for entry in entries if entry.name.isidentifier() and _is_dir(entry)]
            below += [path for path in inner if _stays_in(path, top)]
            yield from (entry.path for entry in entries if _is_module(entry))
        remaining -= len(folders[:remaining])
        folders = below


def _is_module(entry: os.DirEntry[str]) -> bool:
    """Whether this is a module's file, or a link to one in the same folder or below."""
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


def _scan_folder(folder: str) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except OSError:
        return []
