"""Predictions appear whole or not at all, and stdout has nothing but them."""

from __future__ import annotations

import os

import numpy as np
import pytest
from in_process import predict

from modelreg.errors import DataChanged


class Doing:
    """Does something else while it predicts."""

    def __init__(self, act):
        self.act = act

    def predict(self, frame):
        self.act()
        return np.zeros(len(frame))


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data.csv").write_text("a\n1\n")
    (tmp_path / "out.csv").write_text("as it was")
    return tmp_path / "data.csv"


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("error", [DataChanged, KeyboardInterrupt])
def test_what_was_there_stays_when_data_changes_or_somebody_interrupts(data, tmp_path, error):
    act = interrupt if error is KeyboardInterrupt else lambda: data.write_text("a\n1\n2\n")
    with pytest.raises(error):
        predict(Doing(act), None, data, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "as it was"
    assert sorted(os.listdir(tmp_path)) == ["data.csv", "out.csv", "work"]


def test_a_link_stays_a_link(data, tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "out.csv")
    predict(Doing(lambda: None), None, data, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "out.csv").read_text() == "prediction\n0.0\n"
