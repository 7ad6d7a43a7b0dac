"""Copying in the kernel, where that says odd things."""

from __future__ import annotations

import os
import sys
from hashlib import sha256

import pytest

from modelreg.store.artifacts.copying import copy_and_hash

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no other kernel copies for us")

PIECE = 8 * 1024 * 1024  # bytes that are copied at once
CONTENT = os.urandom(3 * PIECE + 5)


def interrupted(*_):
    raise InterruptedError


def ended(*_):
    return 0


@pytest.fixture(params=[CONTENT[: PIECE // 2], CONTENT], ids=["in one thread", "in two"])
def content(request):
    return request.param


@pytest.mark.parametrize("odd", [interrupted, ended])
@pytest.mark.parametrize("when", [1, 2])
def test_no_byte_is_lost_where_the_kernel_is_interrupted_or_sees_an_end_too_early(
    tmp_path, monkeypatch, content, odd, when
):
    calls = []

    def copy(*where, known=os.copy_file_range):
        calls.append(where)
        return (odd if len(calls) == when else known)(*where)

    monkeypatch.setattr(os, "copy_file_range", copy)
    (tmp_path / "source").write_bytes(content)
    with (tmp_path / "source").open("rb") as source, (tmp_path / "target").open("w+b") as target:
        digest, size = copy_and_hash(source.fileno(), target.fileno())
    assert (digest, size) == (f"sha256:{sha256(content).hexdigest()}", len(content))
    assert (tmp_path / "target").read_bytes() == content
