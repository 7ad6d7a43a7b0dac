"""Time a task and its baseline in turn (A B A B …), so that changes of the machine's speed affect both alike."""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Task = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The median times of a task and its baseline, in seconds, and the median of their ratios, pair by pair."""

    time: float
    baseline_time: float
    ratio: float


def compare(
    task: Task, *baselines: Task, runs: int, before_task: Task | None = None, before_baseline: Task | None = None
) -> Comparison:
    """Time the task and the baselines ``runs`` times, after a warm-up run that is not counted.

    The preparations before each run are not timed. Of several baselines, the slowest counts in each run.
    """
    pairs = []
    for _ in range(runs + 1):
        pairs.append((_measure(task, before_task), max(_measure(baseline, before_baseline) for baseline in baselines)))
    counted_pairs = pairs[1:]
    return Comparison(
        time=statistics.median(pair[0] for pair in counted_pairs),
        baseline_time=statistics.median(pair[1] for pair in counted_pairs),
        ratio=statistics.median(seconds / baseline_seconds for seconds, baseline_seconds in counted_pairs),
    )


def command_task(*words: str, **environment: str) -> Task:
    """A task that runs a command, with stdout discarded; the command must succeed."""

    def run() -> None:
        subprocess.run(
            words, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True
        )

    return run


def terminal_task(*words: str, **environment: str) -> Task:
    """A task that runs a command on a terminal of 120 columns, and reads all its output; the command must succeed."""

    def run() -> None:
        reading_end, terminal = pty.openpty()
        process = subprocess.Popen(words, stdout=terminal, env=os.environ | {"COLUMNS": "120"} | environment)
        os.close(terminal)
        _read_to_end(reading_end)
        os.close(reading_end)
        if process.wait() != 0:
            raise RuntimeError(f"{words} failed")

    return run


def concurrent_task(scripts: Sequence[Sequence[Sequence[str]]]) -> Task:
    """A task that runs several shells at once; each runs its commands one after another."""

    def run() -> None:
        processes = [
            subprocess.Popen(
                ["sh", "-ec", "\n".join(" ".join(words) for words in commands)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for commands in scripts
        ]
        if any(process.wait() for process in processes):
            raise RuntimeError("a process failed")

    return run


def _measure(task: Task, prepare: Task | None) -> float:
    """The duration of one run, in seconds."""
    if prepare is not None:
        prepare()
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def _read_to_end(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65536):
            pass
    except OSError:  # Linux reports EIO when the other side was closed
        return
