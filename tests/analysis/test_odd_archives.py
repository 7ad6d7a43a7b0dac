"""Zip archives that no writer creates: hidden members are found or reported, in little time and memory."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import numpy as np
import pytest

from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.evidence import Evidence
from modelreg.analysis.examination import Examination, Place
from modelreg.analysis.pickle.reader import Budget
from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict

HOSTILE = b"cposix\nsystem\n(S'true'\ntR."
LIMIT_REASON = "too large to scan"


@pytest.fixture
def scanned(tmp_path):
    def scan_bytes(content: bytes, name: str = "m"):
        (tmp_path / "file").write_bytes(content)
        return scan({name: tmp_path / "file"}, False, "file")

    return scan_bytes


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return file.getvalue()


def header(name: bytes, compressed: bytes, size: int) -> bytes:
    """A deflated member with its local header."""
    fields = (b"PK\x03\x04", 20, 0, 8, 0, 0, 0, len(compressed), size, len(name), 0)
    return struct.pack("<4sHHHHHLLLHH", *fields) + name + compressed


def deflated_zeros(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(mebibytes)) + packer.flush()


def overlapping(entries: int, mebibytes: int) -> bytes:
    """An archive whose directory lists the same member many times."""
    compressed = deflated_zeros(mebibytes)
    member = header(b"m", compressed, mebibytes << 20)
    fields = (20, 20, 0, 8, 0, 0, 0, len(compressed), mebibytes << 20, 2, 0, 0, 0, 0, 0, 0)
    directory = b"".join(
        struct.pack("<4sHHHHHHLLLHHHHHLL", b"PK\x01\x02", *fields) + b"%02d" % number for number in range(entries)
    )
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, entries, entries, len(directory), len(member), 0)
    return member + directory + end


def test_a_member_between_the_last_one_and_the_directory_is_scanned(scanned):
    archive, hidden = zipped(a__txt=b"text"), zipped(m__pkl=HOSTILE)
    member = hidden[: hidden.index(b"PK\x01\x02")]
    directory = archive.index(b"PK\x01\x02")
    content = bytearray(archive[:directory] + member + archive[directory:])
    struct.pack_into("<L", content, content.index(b"PK\x05\x06") + 16, directory + len(member))
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["a.txt"]
    assert "posix.system" in [imported.dotted for imported in scanned(bytes(content)).imports]


def test_overlapping_members_are_unreadable_and_read_once(scanned):
    result = scanned(overlapping(60, 80))
    assert result.verdict is Verdict.UNREADABLE
    assert not [reason for reason in result.reasons if LIMIT_REASON in reason]


@pytest.mark.parametrize(
    "content",
    [
        header(b"", b"", 0) * 40,
        header(b"a" * 100, b"", 0) * 2_000,
        b"PK\x03\x04" + b"a" * 40 + header(b"", b"", 0) * 2_000,
    ],
)
def test_many_headers_without_a_directory_are_unreadable(scanned, content):
    assert scanned(content).verdict is Verdict.UNREADABLE


def test_an_end_record_that_crashes_zipfile_is_unreadable(scanned):
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 1, 0, 2)
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 0, 0, 0, 0, 0)
    assert scanned(b"\xfe" * 100 + locator + end).verdict is Verdict.UNREADABLE


@pytest.mark.parametrize("name", ["config.json", "schema.json"])
@pytest.mark.parametrize("value", [b"[],", b"{},", b"0,"])
def test_json_with_too_many_values_is_unreadable(scanned, name, value):
    content = zipped(**{name: b'{"a":[' + value * 2_100_000 + b"0]}"})
    assert scanned(content).verdict is Verdict.UNREADABLE


def test_too_many_arrays_with_many_fields_are_unreadable(scanned):
    file = io.BytesIO()
    np.save(file, np.zeros(0, [(f"f{number}", "f8") for number in range(1500)]))
    assert scanned(zipped(one=file.getvalue())).verdict is Verdict.SAFE
    assert scanned(zipped(**{f"{number}": file.getvalue() for number in range(300)})).verdict is Verdict.UNREADABLE


CONTENTS = {
    "a stream": zlib.compress(bytes(1 << 20)),
    "a stream twice": zlib.compress(zlib.compress(bytes(1 << 20))),
    "an archive": zipped(a=bytes(1 << 20)),
    "two members": zipped(a=bytes(600_000), b=bytes(600_000)),
    "an archive in an archive": zipped(a=zipped(b=bytes(600_000)), b=zipped(b=bytes(600_000))),
}


@pytest.mark.parametrize("label", CONTENTS)
def test_the_limit_covers_all_containers_together(label):
    evidence, content = Evidence(), CONTENTS[label]
    Examination(evidence, Budget(1000), Bounds(1_000_000)).examine(io.BytesIO(content), len(content), Place(""))
    assert LIMIT_REASON in " ".join(evidence.scan().reasons)
    assert evidence.scan().verdict is Verdict.UNREADABLE


def test_the_limits_allow_genuine_models():
    assert Bounds.of_model(1000).take(bytes=250 << 20)
    assert Bounds.of_model(2 << 30).take(bytes=40 << 30)
    assert Bounds.of_model(25 << 20).take(members=100_000, values=4_000_000, unlisted_members=1_000)


@pytest.mark.parametrize(
    "amount",
    [{"bytes": 1 << 30}, {"members": 3_000}, {"unlisted_members": 200}, {"values": 100_000}],
    ids=str,
)
def test_the_limits_of_a_small_model_are_low(amount):
    assert not Bounds.of_model(6_000).take(**amount)


def test_nested_archives_reach_the_limit(scanned):
    content = zipped(a=b" " * (20 << 20))
    for _ in range(4):
        content = zipped(**{f"m{number}": content for number in range(8)})
    assert len(content) < 10_000
    assert LIMIT_REASON in " ".join(scanned(content).reasons)
