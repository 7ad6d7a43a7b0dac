"""What modules that Python imports at its start have opened: a model must get nothing of it.

``sitecustomize``, ``usercustomize`` and ``.pth`` files run before a child can confine itself. An open log, socket or
shared mapping of theirs would stay with the model, since Landlock judges files when they are opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress

from modelreg.errors import ConfinementFailed

_FIRST = 3  # beyond stdin, stdout and stderr
_STARTED = "look into sitecustomize, usercustomize and .pth files: python -m site shows their folders"


def let_go_of_descriptors(kept: Sequence[int]) -> None:
    """Let every descriptor but the standard streams and ``kept`` lead to ``/dev/null``.

    None is closed: its number would be given to the next file, and an object of such a module, such as a log, would
    write into that.
    """
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        for descriptor in _open_descriptors():
            if descriptor >= _FIRST and descriptor != nowhere and descriptor not in kept:
                os.dup2(nowhere, descriptor, inheritable=False)
    finally:
        os.close(nowhere)


def require_nothing_shared() -> None:
    """Raise `ConfinementFailed` for memory that is shared with a file or a process, and could be written.

    Closing the file does not end a mapping. Without ``/proc/self/smaps`` this is not checked.
    """
    with suppress(FileNotFoundError), open("/proc/self/maps", "rb") as file:
        if not any(line.split(None, 2)[1].endswith(b"s") for line in file):
            return
        name = next(_shared_mappings(), None)
        if name is not None:
            reason = f"a module that Python imports at its start shares memory ({name})"
            raise ConfinementFailed(reason, _STARTED)


def _open_descriptors() -> list[int]:
    """The numbers of the descriptors that are open; that of listing them is closed again."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            found = [int(name) for name in os.listdir(folder) if name.isdecimal()]
            return [descriptor for descriptor in found if _is_open(descriptor)]
    return []


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _shared_mappings() -> Iterator[str]:
    """The names of mappings with ``VM_SHARED``, which those of files that are open to read do not have (proc(5))."""
    name = ""
    with open("/proc/self/smaps", encoding="utf-8", errors="backslashreplace") as file:
        for line in file:
            first, *others = line.split(None, 5)
            if not first.endswith(":"):
                name = others[4].strip() if len(others) > 4 else "without a name"
            elif first == "VmFlags:" and "sh" in line.split()[1:]:
                yield name
