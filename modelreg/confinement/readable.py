"""What a confined process may read: the Python installation, modules that can be imported, and system libraries."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from modelreg.confinement.landlock import Right
from modelreg.records.confinement import Permissions

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
_MODULES = (".py", ".pyc", ".so", ".zip", ".egg")
_METADATA = (".dist-info", ".egg-info")
_FILES_OF_NAMESPACES = (".py", ".pyc", ".so")
_MOST_FOLDERS, _DEEPEST = 1000, 6  # that are looked into for modules of namespace packages


def rules(permissions: Permissions, model_folder: str | None) -> Iterator[tuple[str, Right]]:
    """Paths with the rights on them; ``model_folder`` is the model itself where it is a folder."""
    yield "/dev/null", Right.READ_FILE | Right.WRITE_FILE | Right.TRUNCATE
    for path in (*_SYSTEM, *permissions.allow_read, *_library_folders(), *([model_folder] if model_folder else ())):
        yield path, READ
    for path in _NETWORK if permissions.allow_network else ():
        yield path, READ
    yield from _importable()


def _library_folders() -> Iterator[str]:
    """Where the dynamic linker looks, compiled modules are kept, and editable installations have their packages."""
    if sys.pycache_prefix:
        yield sys.pycache_prefix
    yield from filter(os.path.isabs, os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep))
    for finder in sys.meta_path:
        name = getattr(finder, "__module__", "")
        if name.startswith("__editable__"):  # of setuptools: package or module -> its place, a module's without ending
            for path in getattr(sys.modules[name], "MAPPING", {}).values():
                yield from (str(path), f"{path}.py")


def _importable() -> Iterator[tuple[str, Right]]:
    """The installation as a whole; of other folders on ``sys.path`` what can be imported from them.

    Such a folder may be somebody's project, with the registry, credentials and data in it, or their home.
    """
    installation = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    for path in installation:
        yield path, READ
    for path in sys.path:
        absolute = os.path.abspath(path)
        if os.path.basename(absolute) in ("site-packages", "dist-packages") or os.path.isfile(absolute):
            yield absolute, READ
        elif not any(_is_below(absolute, folder) for folder in installation):
            yield absolute, Right.READ_DIR  # names, which looking for a module takes
            yield from ((found, READ) for found in _modules_in(absolute))


def _is_below(path: str, folder: str) -> bool:
    return os.path.commonpath((path, os.path.abspath(folder))) == os.path.abspath(folder)


def _modules_in(folder: str) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    namespaces = []
    for entry in entries:
        if _is_dir(entry) and entry.name.isidentifier():
            namespaces.append(entry.path)
        elif entry.name.endswith(_METADATA) or (entry.name.endswith(_MODULES) and not _is_dir(entry)):
            yield entry.path
    yield from _in_namespaces(namespaces)


def _in_namespaces(folders: list[str]) -> Iterator[str]:
    """Packages among these folders, as a whole, and of others the modules and packages in them.

    A folder without ``__init__.py`` is a namespace package, for Python; it may as well be one with private files.
    Those nearest to the top are looked into first.
    """
    left = _MOST_FOLDERS
    for _ in range(_DEEPEST):
        below: list[str] = []
        for folder in folders[:left]:
            entries = _listed(folder)
            if any(
                entry.name.startswith("__init__.") and entry.name.endswith(_FILES_OF_NAMESPACES) for entry in entries
            ):
                yield folder
                continue
            below += [entry.path for entry in entries if entry.name.isidentifier() and _is_dir(entry)]
            yield from (
                entry.path for entry in entries if entry.name.endswith(_FILES_OF_NAMESPACES) and not _is_dir(entry)
            )
        left -= len(folders[:left])
        folders = below


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
