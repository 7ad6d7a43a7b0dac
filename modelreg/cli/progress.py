"""Progress bars on stderr, if it is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from modelreg.cli.output import is_terminal
from modelreg.store.artifacts.copying import Progress

Count = Callable[[int, int | None], None]

_LARGE = 64 * 1024 * 1024  # bytes; smaller transfers end before a bar is useful


@contextmanager
def transfer_bar(verb: str) -> Iterator[Progress | None]:
    """A function that updates a bar with the bytes done and their total; None if stderr is no terminal."""
    if not is_terminal(sys.stderr):
        yield None
        return
    with ExitStack() as stack:
        bars: list[Progress] = []  # at most one, once the transfer is known to be large

        def advance(done: int, total: int) -> None:
            if not bars and total >= _LARGE:
                bars.append(stack.enter_context(_byte_bar(verb)))
            for update in bars:
                update(done, total)

        yield advance


@contextmanager
def count_bar(verb: str, unit: str) -> Iterator[Count | None]:
    """A function that updates a bar with the items done and their total, if known; None if stderr is no terminal."""
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(verb, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def _byte_bar(verb: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(verb)
        yield lambda done, total: progress.update(task, completed=done, total=total)
