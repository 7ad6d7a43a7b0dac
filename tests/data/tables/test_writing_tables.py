"""Output files are replaced atomically."""

from __future__ import annotations

import os

import numpy as np
import pytest
from in_process import predict

from modelreg.errors import InvalidData


class CallbackModel:
    """Calls a function while it predicts."""

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


@pytest.mark.parametrize("error", [InvalidData, KeyboardInterrupt])
def test_the_previous_file_stays_if_the_data_changes_or_on_an_interrupt(data, tmp_path, error):
    act = interrupt if error is KeyboardInterrupt else lambda: data.write_text("a\n1\n2\n")
    with pytest.raises(error) as raised:
        predict(CallbackModel(act), None, data, tmp_path / "out.csv")
    assert error is KeyboardInterrupt or raised.value.code == "data_changed"
    assert (tmp_path / "out.csv").read_text() == "as it was"
    assert sorted(os.listdir(tmp_path)) == ["data.csv", "out.csv", "work"]


def test_writing_through_a_symbolic_link_keeps_the_link(data, tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "out.csv")
    predict(CallbackModel(lambda: None), None, data, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "out.csv").read_text() == "prediction\n0.0\n"
