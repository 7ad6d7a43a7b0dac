"""Two things timed in turn, A B A B …, so that a machine whose speed drifts is unfair to neither."""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Work = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How long both sides took, in seconds (medians), and the median of their ratios, pair by pair."""

    ours: float
    theirs: float
    ratio: float


def compare(
    ours: Work, *theirs: Work, runs: int, before_ours: Work | None = None, before_theirs: Work | None = None
) -> Outcome:
    """Time both sides ``runs`` times after a warm-up; what is done before each run is not counted.

    Of several on their side the slowest counts, each time.
    """
    pairs = []
    for _ in range(runs + 1):
        pairs.append((_timed(ours, before_ours), max(_timed(their, before_theirs) for their in theirs)))
    counted = pairs[1:]
    return Outcome(
        ours=statistics.median(pair[0] for pair in counted),
        theirs=statistics.median(pair[1] for pair in counted),
        ratio=statistics.median(ours / theirs for ours, theirs in counted),
    )


def command(*words: str, **environment: str) -> Work:
    """Run a command line to its end, in a pipe; it must succeed."""

    def work() -> None:
        subprocess.run(
            words, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True
        )

    return work


def on_terminal(*words: str, **environment: str) -> Work:
    """Run a command line whose stdout is a terminal of 120 columns, and read all that it shows."""

    def work() -> None:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(words, stdout=theirs, env=os.environ | {"COLUMNS": "120"} | environment)
        os.close(theirs)
        _read_to_end(ours)
        os.close(ours)
        if process.wait() != 0:
            raise RuntimeError(f"{words} failed")

    return work


def at_once(commands: Sequence[Sequence[Sequence[str]]]) -> Work:
    """Run several processes at once, each a shell that runs its command lines one after another."""

    def work() -> None:
        processes = [
            subprocess.Popen(
                ["sh", "-ec", "\n".join(" ".join(words) for words in lines)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for lines in commands
        ]
        if any(process.wait() for process in processes):
            raise RuntimeError("a process failed")

    return work


def _timed(work: Work, before: Work | None) -> float:
    if before is not None:
        before()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _read_to_end(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65536):
            pass
    except OSError:  # Linux says EIO when the other side has closed
        return
