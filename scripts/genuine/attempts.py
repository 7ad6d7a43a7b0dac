"""Create candidates one by one. A candidate that the installed release lacks or refuses is reported and skipped."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Candidate = tuple[str, Callable[[], object]]
"""A description, and a function without arguments that creates the object."""

Report = Callable[[str, str], None]
"""Called with the description of a skipped candidate, and the reason."""

SECONDS_PER_OBJECT = 6


class TimeLimitReached(Exception):
    """Creating one object took longer than `SECONDS_PER_OBJECT`."""


def print_reason(description: str, reason: str) -> None:
    """Print a skipped candidate and the reason on stderr."""
    print(f"skipped {description}: {reason}", file=sys.stderr)


def fit(estimator: Any, inputs: Any, target: Any = None, **arguments: Any) -> Any:
    """Return a fitted copy of an estimator, so that no two candidates share parts."""
    from sklearn.base import clone

    data = (inputs,) if target is None else (inputs, target)  # label encoders take one argument
    return clone(estimator).fit(*data, **arguments)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide warnings and output of estimators."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitReached` in the block after ``seconds``."""

    def stop(*_: object) -> None:
        raise TimeLimitReached(f"took longer than {seconds} s")

    previous_handler = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous_handler)


def make_all(
    groups: Iterable[Callable[..., Iterable[Candidate]]], data: Any, report: Report
) -> Iterator[tuple[str, object]]:
    """Create every candidate of every group. A group that raises while it lists its candidates ends early."""
    for group in groups:
        candidates = iter(group(data))
        while True:
            try:
                with quiet():
                    description, make = next(candidates)
            except StopIteration:
                break
            except Exception as error:
                report(f"the rest of {group.__module__}.{group.__name__}", summarize(error))
                break
            try:
                with quiet(), time_limit(SECONDS_PER_OBJECT):
                    value = make()
            except Exception as error:  # libraries raise many classes for a missing or refused feature
                report(description, summarize(error))
                continue
            yield description, value


def summarize(error: BaseException) -> str:
    """The class of an error and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"
