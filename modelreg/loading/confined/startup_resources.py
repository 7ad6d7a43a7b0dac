"""Take away files and memory that Python's startup modules opened, so that a model cannot use them.

``sitecustomize``, ``usercustomize`` and ``.pth`` files run before the child can confine itself. Landlock checks a file
only when it is opened, so a log, socket or shared mapping that they opened would stay usable by the model.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

from modelreg.errors import ConfinementFailed

_FIRST = 3  # the lowest descriptor after stdin, stdout and stderr
_STARTUP_HINT = "look into sitecustomize, usercustomize and .pth files; python -m site lists their folders"


def redirect_descriptors(kept: Sequence[int]) -> None:
    """Redirect all descriptors except the standard streams and ``kept`` to ``/dev/null``.

    They are not closed: the next file that is opened would get the number of a closed one, and an object of a startup
    module, such as a log handler, would then write into that file.
    """
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        for descriptor in _list_descriptors():
            if descriptor >= _FIRST and descriptor != null and descriptor not in kept:
                os.dup2(null, descriptor, inheritable=False)
    finally:
        os.close(null)


def check_no_shared_memory() -> None:
    """Raise `ConfinementFailed` for writable memory that is shared with a file or another process.

    Closing the file does not end a mapping. Without ``/proc/self/smaps`` this is not checked.
    """
    with suppress(FileNotFoundError), open("/proc/self/maps", "rb") as file:
        if not any(line.split(None, 2)[1].endswith(b"s") for line in file):
            return
        name = next(_list_shared_mappings(), None)
        if name is not None:
            reason = f"a module that Python imports at startup shares writable memory ({name})"
            raise ConfinementFailed(reason, _STARTUP_HINT)


def _list_descriptors() -> list[int]:
    """List the open descriptors, without the one that the listing itself used."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            descriptors = [int(name) for name in os.listdir(folder) if name.isdecimal()]
            return [descriptor for descriptor in descriptors if _is_open(descriptor)]
    return []


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _list_shared_mappings() -> Iterator[str]:
    """List the names of writable shared mappings.

    They have the flag ``VM_SHARED``; mappings of files that are open for reading only do not (proc(5)).
    """
    name = ""
    with open("/proc/self/smaps", encoding="utf-8", errors="backslashreplace") as file:
        for line in file:
            first, *rest = line.split(None, 5)
            if not first.endswith(":"):
                name = rest[4].strip() if len(rest) > 4 else "without a name"
            elif first == "VmFlags:" and "sh" in line.split()[1:]:
                yield name
