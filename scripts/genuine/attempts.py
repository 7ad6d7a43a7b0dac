"""Make candidates one by one: a candidate that a release lacks or refuses is reported and left out."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Candidate = tuple[str, Callable[[], object]]
"""A description and a function without arguments that makes the object."""

Report = Callable[[str, str], None]
"""Called with the description of what was left out, and the reason."""

SECONDS_PER_OBJECT = 6


class TookTooLong(Exception):
    """One object was not made within `SECONDS_PER_OBJECT`."""


def print_reason(description: str, reason: str) -> None:
    """Print on stderr what was left out."""
    print(f"skipped {description}: {reason}", file=sys.stderr)


def fit(estimator: Any, inputs: Any, target: Any = None, **arguments: Any) -> Any:
    """Return a fitted copy of an estimator: no two objects that are yielded share parts."""
    from sklearn.base import clone

    given = (inputs,) if target is None else (inputs, target)  # encoders of labels take one argument
    return clone(estimator).fit(*given, **arguments)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide warnings and what estimators print."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TookTooLong` in the block after this time."""

    def stop(*_: object) -> None:
        raise TookTooLong(f"it takes longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def make_all(
    groups: Iterable[Callable[..., Iterable[Candidate]]], data: Any, report: Report
) -> Iterator[tuple[str, object]]:
    """Make each candidate of each group; a group that raises while it lists its candidates ends early."""
    for group in groups:
        candidates = iter(group(data))
        while True:
            try:
                with quiet():
                    description, make = next(candidates)
            except StopIteration:
                break
            except Exception as error:
                report(f"the rest of {group.__module__}.{group.__name__}", short(error))
                break
            try:
                with quiet(), time_limit(SECONDS_PER_OBJECT):
                    made = make()
            except Exception as error:  # libraries say in many ways that they lack or refuse something
                report(description, short(error))
                continue
            yield description, made


def short(error: BaseException) -> str:
    """The class of an error and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"
