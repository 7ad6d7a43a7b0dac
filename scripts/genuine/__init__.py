"""Genuine models: objects as people fit and save them with the installed libraries, made anew from a seed."""

from __future__ import annotations

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
    os.environ.setdefault(_variable, "1")  # read once, when NumPy and joblib are imported

from collections.abc import Iterator  # noqa: E402
from itertools import islice  # noqa: E402

from genuine.attempts import Candidate, Report, make_all, print_reason  # noqa: E402
from genuine.datasets import Data  # noqa: E402
from genuine.parameters import variations  # noqa: E402
from genuine.subjects import GROUPS  # noqa: E402


def genuine_models(seed: int, report: Report = print_reason, share: int = 1) -> Iterator[tuple[str, object]]:
    """Yield a description and an object for each genuine model.

    ``report`` is called with what is left out, and why. With ``share``, only one of so many variants of parameters
    is made; the seed decides which.
    """

    def some_variations(data: Data) -> Iterator[Candidate]:
        return islice(variations(data), seed % share, None, share)

    yield from make_all((*GROUPS, some_variations), Data(seed), report)
