"""Copying with copy_file_range(2) when the call is interrupted or reports the end too early."""

from __future__ import annotations

import os
import sys
from hashlib import sha256

import pytest

from modelreg.store.artifacts.copying import copy_and_hash

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copy_file_range exists only on Linux")

PIECE = 8 * 1024 * 1024  # bytes that are copied at once
CONTENT = os.urandom(3 * PIECE + 5)


def raise_interrupted(*_):
    raise InterruptedError


def report_end(*_):
    return 0


@pytest.fixture(params=[CONTENT[: PIECE // 2], CONTENT], ids=["in one thread", "in two"])
def content(request):
    return request.param


@pytest.mark.parametrize("fault", [raise_interrupted, report_end])
@pytest.mark.parametrize("when", [1, 2])
def test_copy_is_complete_if_a_call_is_interrupted_or_reports_the_end_too_early(
    tmp_path, monkeypatch, content, fault, when
):
    calls = []

    def copy(*arguments, real_call=os.copy_file_range):
        calls.append(arguments)
        return (fault if len(calls) == when else real_call)(*arguments)

    monkeypatch.setattr(os, "copy_file_range", copy)
    (tmp_path / "source").write_bytes(content)
    with (tmp_path / "source").open("rb") as source, (tmp_path / "target").open("w+b") as target:
        digest, size = copy_and_hash(source.fileno(), target.fileno())
    assert (digest, size) == (f"sha256:{sha256(content).hexdigest()}", len(content))
    assert (tmp_path / "target").read_bytes() == content
