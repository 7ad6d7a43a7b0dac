"""A progress bar on stderr, for work that takes long enough to be watched."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from modelreg.cli.output import is_terminal
from modelreg.store.artifacts.copying import Progress

Count = Callable[[int, int | None], None]

_LARGE = 64 * 1024 * 1024  # bytes; less than this is done before anybody looks


@contextmanager
def transfer_bar(verb: str) -> Iterator[Progress | None]:
    """A function that shows how many bytes are done, of how many; None where nobody watches."""
    if not is_terminal(sys.stderr):
        yield None
        return
    with ExitStack() as shown:
        bar: list[Progress] = []

        def advance(done: int, total: int) -> None:
            if not bar and total >= _LARGE:
                bar.append(shown.enter_context(_bar(verb)))
            for update in bar:
                update(done, total)

        yield advance


@contextmanager
def row_bar(verb: str) -> Iterator[Count | None]:
    """A function that shows how many rows are done, of how many where that is known; None where nobody watches."""
    with _count_bar(verb, "rows") as advance:
        yield advance


@contextmanager
def version_bar(verb: str) -> Iterator[Count | None]:
    """A function that shows how many versions are done, of how many; None where nobody watches."""
    with _count_bar(verb, "versions") as advance:
        yield advance


@contextmanager
def _count_bar(verb: str, what: str) -> Iterator[Count | None]:
    if not is_terminal(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(what),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(verb, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def _bar(verb: str) -> Iterator[Progress]:
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
