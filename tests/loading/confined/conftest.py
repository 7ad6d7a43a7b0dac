"""Fixtures for the tests of confined models; `workspace` defines their classes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from workspace import Workspace


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """An empty folder outside of /dev: a model is never allowed to read folders of /dev, so /dev/shm will not do."""
    if not tmp_path.is_relative_to("/dev"):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="modelreg-") as folder:
        yield Path(folder).resolve()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)
