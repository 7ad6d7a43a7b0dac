"""The system calls of a command: counted in one run by strace, and in the next made to fail, to kill or to stop it."""

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
"""Everything that the program changes files with, or waits for a disk or for others."""

_LINE = re.compile(r"(?P<process>\d+) +(?P<call>\w+)\((?P<rest>.*)")
_ANSWER = re.compile(r"[12][<,]")  # what is written to stdout and stderr


@dataclass(frozen=True)
class Moment:
    """Just before a command's system call of this name and number."""

    call: str
    nth: int
    """Counted from 1 among the command's calls of this name."""
    arguments: str
    """As strace shows them."""

    @property
    def is_answer(self) -> bool:
        """Whether something is written to stdout or stderr."""
        return self.call == "write" and _ANSWER.match(self.arguments) is not None

    def __str__(self) -> str:
        return f"{self.call} no. {self.nth} ({self.arguments[:160]})"


def moments(command: Sequence[object], environment: Mapping[str, str], folder: Path, log: Path) -> list[Moment]:
    """Run ``command`` to its end and return its moments: calls that change something below ``folder``, and answers.

    Only the first process's own calls are looked at, which is the one that others are told to fail in.
    """
    words = ["strace", "-f", "-y", "-s", "0", "-o", log, "-e", f"trace={_known(CHANGING)}", *command]
    done = subprocess.run(list(map(str, words)), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [found for line in log.read_text().splitlines() if (found := _LINE.match(line))]
    first, counted, found = lines[0]["process"], dict.fromkeys(CHANGING, 0), []
    for line in lines:
        if line["process"] != first:
            continue
        counted[line["call"]] += 1
        if _matters(line["call"], line["rest"], folder):
            found.append(Moment(line["call"], counted[line["call"]], line["rest"]))
    assert found, "strace saw nothing that the command changes"
    return found


def at(moment: Moment, fault: str, *, from_then_on: bool = False) -> list[str]:
    """What to put before a command so that ``fault`` (``signal=KILL``, ``error=ENOSPC``) comes at ``moment``.

    The command is a child of whoever starts this, under its own process number, as if nobody traced it.
    """
    when = f"{moment.nth}{'+' if from_then_on else ''}"
    inject = f"inject={moment.call}:{fault}:when={when}"
    return ["strace", "-D", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={moment.call}", "-e", inject]


def thinned(found: Sequence[Moment], stride: int, stride_of_pages: int | None = None) -> list[Moment]:
    """Every ``stride``-th moment, and of SQLite's many writes of pages every ``stride_of_pages``-th."""
    pages = [each for each in found if each.call == "pwrite64"]
    others = [each for each in found if each.call != "pwrite64"]
    kept = {*others[::stride], *pages[:: stride_of_pages or stride]}
    return [each for each in found if each in kept]


def why_not() -> str | None:
    """Why nothing can be traced here; None when it can."""
    try:
        harmless = at(Moment("rename", 999, ""), "error=EIO")
        done = subprocess.run([*harmless, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "strace is not installed (apt-get install strace)"
    return f"nobody may trace here: {done.stderr.strip()}" if done.returncode else None


def _known(calls: Sequence[str]) -> str:
    return ",".join(f"?{call}" for call in calls)  # not every architecture has all of them


def _matters(call: str, rest: str, folder: Path) -> bool:
    if call == "openat" and "O_CREAT" not in rest:
        return False
    return str(folder) in rest or Moment(call, 0, rest).is_answer
