"""Tar archives: all members that `tarfile` extracts are scan_tar, and hidden data is found or reported."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict

HOSTILE = b"cposix\nsystem\n(S'true'\ntR."
RECORD = 512


@pytest.fixture
def scan_tar(tmp_path):
    def scan_bytes(content: bytes):
        (tmp_path / "file").write_bytes(content)
        return scan({"m": tmp_path / "file"}, False, "file")

    return scan_bytes


def make_tar(content: bytes = b"text", format_: int = tarfile.GNU_FORMAT, **fields: object) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format_) as archive:
        member = tarfile.TarInfo("model.pkl")
        member.size = len(content)
        for name, value in fields.items():
            setattr(member, name, value)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def make_header(type_: bytes, size: int, content: bytes = b"") -> bytes:
    member = tarfile.TarInfo("x")
    member.type, member.size = type_, size
    return member.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % RECORD)


def make_zip(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inner.pkl", content)
    return file.getvalue()


def make_tar_named(name: bytes, archive: bytes | None = None) -> bytes:
    """Return an archive whose first member has this name."""
    archive = archive or make_tar()
    record = bytearray(archive[:RECORD])
    record[: len(name)] = name
    record[148:156] = b" " * 8
    record[148:156] = b"%06o\0 " % sum(record)
    return bytes(record) + archive[RECORD:]


def names_in(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return opened.getnames()


PACKINGS = {"plain": bytes, "gzip": gzip.compress, "in a zip": make_zip}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(
    "archive",
    [
        make_tar_named(HOSTILE),
        make_tar_named(b"\x80\x02" + HOSTILE),
        make_tar_named(b"V", make_tar(b"a" * (2 << 20) + b"\n0" + HOSTILE)),
    ],
    ids=["protocol 0", "protocol 2", "a long text"],
)
def test_a_tar_archive_that_is_also_a_pickle_is_scanned_as_a_pickle(scan_tar, packing, archive):
    assert len(names_in(archive)) == 1
    assert "posix.system" in [imported.dotted for imported in scan_tar(PACKINGS[packing](archive)).imports]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("type_", [b"0", b"\0", b"7", b"Z", b"D", b"V"])
def test_every_member_that_tarfile_extracts_is_scanned(scan_tar, packing, type_):
    content = make_tar(HOSTILE, type=type_)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.extractfile("model.pkl").read() == HOSTILE
    assert scan_tar(PACKINGS[packing](content)).verdict is Verdict.DANGEROUS


GENUINE = {
    "GNU": make_tar(format_=tarfile.GNU_FORMAT),
    "ustar": make_tar(format_=tarfile.USTAR_FORMAT),
    "pax": make_tar(format_=tarfile.PAX_FORMAT, mtime=0.5, pax_headers={"size": "4", "comment": "of = us\n\n"}),
    "a long name in GNU": make_tar(format_=tarfile.GNU_FORMAT, name="n" * 300),
    "a long name in pax": make_tar(format_=tarfile.PAX_FORMAT, name="ä" * 300),
    "folder and links": make_header(b"5", 0) + make_header(b"1", 0) + make_header(b"2", 0) + make_tar(),
    "member name that begins with an opcode": make_tar_named(b"Bert/model.pkl"),
    "member name that begins like a string opcode": make_tar_named(b"Vectors"),
    "without an end": make_tar()[: 2 * RECORD],
    "much padding": make_tar() + bytes(3 << 20),
    "empty member": make_tar(b""),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("archive", GENUINE)
def test_genuine_archives_are_safe(scan_tar, packing, archive):
    assert scan_tar(PACKINGS[packing](GENUINE[archive])).verdict is Verdict.SAFE


TRAILING_DATA = {
    "zip archive in the last record": make_tar()[: 4 * RECORD] + make_zip(HOSTILE) + bytes(tarfile.RECORDSIZE),
    "zip archive after the end": make_tar()[: 4 * RECORD] + make_zip(HOSTILE),
    "after zeros": make_tar() + bytes(2 << 20) + make_zip(HOSTILE),
    "after an incomplete record": make_tar()[: 2 * RECORD] + make_zip(HOSTILE)[:100],
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("label", TRAILING_DATA)
def test_data_after_the_end_of_an_archive_is_reported(scan_tar, packing, label):
    result = scan_tar(PACKINGS[packing](TRAILING_DATA[label]))
    assert result.verdict in (Verdict.UNREADABLE, Verdict.DANGEROUS)
    assert "data after its end" in " ".join(result.reasons)


def test_a_zip_archive_after_the_end_is_scanned(scan_tar):
    assert scan_tar(TRAILING_DATA["zip archive after the end"]).verdict is Verdict.DANGEROUS


AMBIGUOUS = {
    **{
        f"a long header {type_!r}": make_header(type_, 2 << 20, bytes(2 << 20)) + make_tar()
        for type_ in (b"x", b"g", b"L", b"K")
    },
    "sparse file": make_header(b"S", 0) + make_tar(),
    "a sparse file of pax": make_tar(format_=tarfile.PAX_FORMAT, pax_headers={"GNU.sparse.map": "0,4"}),
    "two sizes": make_header(b"x", 13, b"13 size=1024\n") + make_tar(),
    "truncated size record": make_header(b"x", 13, b"10 size=1024\n") + make_tar(b""),
    "global size record": make_header(b"g", 13, b"13 size=1024\n") + make_tar(),
    "folder with content": make_header(b"5", 512, b"a" * 512) + make_tar(),
    "a member that is cut off": make_tar(b"a" * 2000)[:1500],
    "truncated header": make_header(b"L", 600, b"a" * 10),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("label", AMBIGUOUS)
def test_ambiguous_archives_are_unreadable(scan_tar, packing, label):
    assert scan_tar(PACKINGS[packing](AMBIGUOUS[label])).verdict is Verdict.UNREADABLE


def test_many_consecutive_long_names_are_read(scan_tar):
    assert scan_tar(make_header(b"L", 0) * 2000 + make_tar(HOSTILE)).verdict is Verdict.DANGEROUS
