"""Files written by earlier releases of scikit-learn, pandas and NumPy are safe.

They were created by ``make_files_of_earlier_releases.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from sklearn._loss import _loss

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict
from modelreg.loading.trust import Trust
from modelreg.loading.unpickle import load_pickle

FILES = sorted(Path(__file__).with_name("earlier_releases").glob("*.pkl.gz"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".pkl.gz"))
def test_models_of_earlier_releases_are_safe(file):
    result = scan({"model": file}, False, "pickle")
    assert (result.verdict, result.findings) == (Verdict.SAFE, ())
    assert len(result.imports) > 100


def test_files_of_five_releases_exist():
    assert len(FILES) == 5


def test_the_module_name_loss_means_scikit_learns_own_module(tmp_path, monkeypatch):
    (tmp_path / "_loss.py").write_text("raise SystemExit('this is a file of somebody else')")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "model").write_bytes(b"c_loss\nCyHalfBinomialLoss\n(tR.")
    with (tmp_path / "model").open("rb") as file:
        assert type(load_pickle(file, Trust("churn/1"))) is _loss.CyHalfBinomialLoss
    assert "_loss" not in sys.modules
