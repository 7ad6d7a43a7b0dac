"""Lists the system calls of a command with strace, and injects errors and signals at one of them in later runs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CHANGING = (
    "openat", "write", "writev", "pwrite64", "ftruncate", "copy_file_range", "rename", "renameat", "renameat2", "link",
    "linkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmod", "fchmodat", "utimensat", "fsync",
    "fdatasync", "syncfs", "flock",
)  # fmt: skip
"""The system calls that change files, or wait for a disk or a lock."""

_LINE = re.compile(r"(?P<process>\d+) +(?P<call>\w+)\((?P<rest>.*)")
_OUTPUT = re.compile(r"[12][<,]")  # file descriptors 1 and 2


@dataclass(frozen=True)
class Moment:
    """One system call of a command; faults are injected just before it."""

    call: str
    nth: int
    """Its number among the calls of this name, from 1."""
    arguments: str
    """In the format of strace."""

    @property
    def is_output(self) -> bool:
        """Whether it writes to stdout or stderr."""
        return self.call == "write" and _OUTPUT.match(self.arguments) is not None

    def __str__(self) -> str:
        return f"{self.call} no. {self.nth} ({self.arguments[:160]})"


def moments(command: Sequence[object], environment: Mapping[str, str], folder: Path, log: Path) -> list[Moment]:
    """Run ``command``; returns its calls that change something below ``folder``, and its output.

    Only calls of the first process count: faults are injected there.
    """
    command_line = ["strace", "-f", "-y", "-s", "0", "-o", log, "-e", f"trace={_optional(CHANGING)}", *command]
    result = subprocess.run(list(map(str, command_line)), env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    lines = [match for line in log.read_text().splitlines() if (match := _LINE.match(line))]
    first_process, counts, changing_calls = lines[0]["process"], dict.fromkeys(CHANGING, 0), []
    for line in lines:
        if line["process"] != first_process:
            continue
        counts[line["call"]] += 1
        if _matters(line["call"], line["rest"], folder):
            changing_calls.append(Moment(line["call"], counts[line["call"]], line["rest"]))
    assert changing_calls, "strace recorded no change by the command"
    return changing_calls


def at(moment: Moment, fault: str, *, from_then_on: bool = False) -> list[str]:
    """A command prefix that injects ``fault``, such as ``signal=KILL`` or ``error=ENOSPC``, at ``moment``.

    The traced command keeps the process id of the started process (strace -D).
    """
    when = f"{moment.nth}{'+' if from_then_on else ''}"
    inject = f"inject={moment.call}:{fault}:when={when}"
    return ["strace", "-D", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={moment.call}", "-e", inject]


def every_nth(moments: Sequence[Moment], stride: int, stride_of_pages: int | None = None) -> list[Moment]:
    """Every ``stride``-th call, and of the many page writes of SQLite every ``stride_of_pages``-th."""
    pages = [moment for moment in moments if moment.call == "pwrite64"]
    others = [moment for moment in moments if moment.call != "pwrite64"]
    selected = {*others[::stride], *pages[:: stride_of_pages or stride]}
    return [moment for moment in moments if moment in selected]


def why_unavailable() -> str | None:
    """Why strace cannot be used here; None if it can."""
    try:
        harmless = at(Moment("rename", 999, ""), "error=EIO")
        result = subprocess.run([*harmless, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "strace is not installed (apt-get install strace)"
    return f"tracing is not permitted here: {result.stderr.strip()}" if result.returncode else None


def _optional(calls: Sequence[str]) -> str:
    return ",".join(f"?{call}" for call in calls)  # some architectures lack some calls


def _matters(call: str, rest: str, folder: Path) -> bool:
    if call == "openat" and "O_CREAT" not in rest:
        return False
    return str(folder) in rest or Moment(call, 0, rest).is_output
