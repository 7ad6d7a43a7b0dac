"""The groups of genuine models, in the order in which they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from genuine.attempts import Candidate
from genuine.datasets import Data
from genuine.estimators import estimators
from genuine.kernels import gaussian_processes
from genuine.parameters import variations

GROUPS: tuple[Callable[[Data], Iterator[Candidate]], ...] = (estimators, variations, gaussian_processes)
