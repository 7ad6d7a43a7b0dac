"""Generate genuine models: objects that users fit and save with the installed libraries, reproducible from a seed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genuine.attempts import Candidate
    from genuine.datasets import Data


def use_one_core() -> None:
    """Limit NumPy, OpenMP and joblib to one core. Call this before importing them."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
        os.environ.setdefault(variable, "1")


def genuine_models(
    seed: int, report: Callable[[str, str], None] | None = None, share: int = 1
) -> Iterator[tuple[str, object]]:
    """Yield the description and the object of each genuine model.

    ``report`` is called with the description of a skipped object and the reason; by default both are printed on stderr.
    With ``share`` N, only one in N of the estimators by form of data and of the parameter variants is created; ``seed``
    selects which.
    """
    from genuine.attempts import make_all, print_reason
    from genuine.datasets import Data
    from genuine.estimators import estimators
    from genuine.parameters import variations
    from genuine.subjects import GROUPS

    def some_estimators(data: Data) -> Iterator[Candidate]:
        return islice(chain(estimators(data), variations(data)), seed % share, None, share)

    yield from make_all((*GROUPS, some_estimators), Data(seed), report or print_reason)
