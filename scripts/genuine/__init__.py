"""Genuine models: objects as people fit and save them with the installed libraries, made anew from a seed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genuine.attempts import Candidate
    from genuine.datasets import Data


def use_one_core() -> None:
    """Let NumPy, OpenMP and joblib use one core; to be called before they are imported."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
        os.environ.setdefault(variable, "1")


def genuine_models(
    seed: int, report: Callable[[str, str], None] | None = None, share: int = 1
) -> Iterator[tuple[str, object]]:
    """Yield a description and an object for each genuine model.

    ``report`` is called with what is left out, and why; without it, that is printed on stderr. With ``share``, only
    one of so many estimators on a form of data, and one of so many variants of parameters, is made; the seed decides
    which.
    """
    from genuine.attempts import make_all, print_reason
    from genuine.datasets import Data
    from genuine.estimators import estimators
    from genuine.parameters import variations
    from genuine.subjects import GROUPS

    def some_estimators(data: Data) -> Iterator[Candidate]:
        return islice(chain(estimators(data), variations(data)), seed % share, None, share)

    yield from make_all((*GROUPS, some_estimators), Data(seed), report or print_reason)
