"""Tar archives: all members that `tarfile` extracts are scanned, and hidden data is found or reported."""

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
def scanned(tmp_path):
    def scan_bytes(content: bytes):
        (tmp_path / "file").write_bytes(content)
        return scan({"m": tmp_path / "file"}, False, "file")

    return scan_bytes


def tarred(content: bytes = b"text", format_: int = tarfile.GNU_FORMAT, **fields: object) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format_) as archive:
        member = tarfile.TarInfo("model.pkl")
        member.size = len(content)
        for name, value in fields.items():
            setattr(member, name, value)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def header(type_: bytes, size: int, content: bytes = b"") -> bytes:
    member = tarfile.TarInfo("x")
    member.type, member.size = type_, size
    return member.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % RECORD)


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inner.pkl", content)
    return file.getvalue()


def beginning_with(name: bytes, archive: bytes | None = None) -> bytes:
    """An archive whose first member has this name."""
    archive = archive or tarred()
    record = bytearray(archive[:RECORD])
    record[: len(name)] = name
    record[148:156] = b" " * 8
    record[148:156] = b"%06o\0 " % sum(record)
    return bytes(record) + archive[RECORD:]


def names_in(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return opened.getnames()


PACKINGS = {"plain": bytes, "gzip": gzip.compress, "in a zip": zipped}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(
    "archive",
    [
        beginning_with(HOSTILE),
        beginning_with(b"\x80\x02" + HOSTILE),
        beginning_with(b"V", tarred(b"a" * (2 << 20) + b"\n0" + HOSTILE)),
    ],
    ids=["protocol 0", "protocol 2", "a long text"],
)
def test_a_tar_archive_that_is_also_a_pickle_is_scanned_as_a_pickle(scanned, packing, archive):
    assert len(names_in(archive)) == 1
    assert "posix.system" in [imported.dotted for imported in scanned(PACKINGS[packing](archive)).imports]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("type_", [b"0", b"\0", b"7", b"Z", b"D", b"V"])
def test_every_member_that_tarfile_extracts_is_scanned(scanned, packing, type_):
    content = tarred(HOSTILE, type=type_)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.extractfile("model.pkl").read() == HOSTILE
    assert scanned(PACKINGS[packing](content)).verdict is Verdict.DANGEROUS


GENUINE = {
    "GNU": tarred(format_=tarfile.GNU_FORMAT),
    "ustar": tarred(format_=tarfile.USTAR_FORMAT),
    "pax": tarred(format_=tarfile.PAX_FORMAT, mtime=0.5, pax_headers={"size": "4", "comment": "of = us\n\n"}),
    "a long name in GNU": tarred(format_=tarfile.GNU_FORMAT, name="n" * 300),
    "a long name in pax": tarred(format_=tarfile.PAX_FORMAT, name="ä" * 300),
    "a folder and a link": header(b"5", 0) + header(b"1", 0) + header(b"2", 0) + tarred(),
    "a name that is an operation": beginning_with(b"Bert/model.pkl"),
    "a name that is a line": beginning_with(b"Vectors"),
    "without an end": tarred()[: 2 * RECORD],
    "much padding": tarred() + bytes(3 << 20),
    "nothing": tarred(b""),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("archive", GENUINE)
def test_genuine_archives_are_safe(scanned, packing, archive):
    assert scanned(PACKINGS[packing](GENUINE[archive])).verdict is Verdict.SAFE


TRAILING_DATA = {
    "in the last record": tarred()[: 4 * RECORD] + zipped(HOSTILE) + bytes(tarfile.RECORDSIZE),
    "behind the end": tarred()[: 4 * RECORD] + zipped(HOSTILE),
    "behind zeros": tarred() + bytes(2 << 20) + zipped(HOSTILE),
    "behind a part of a record": tarred()[: 2 * RECORD] + zipped(HOSTILE)[:100],
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("label", TRAILING_DATA)
def test_data_after_the_end_of_an_archive_is_reported(scanned, packing, label):
    result = scanned(PACKINGS[packing](TRAILING_DATA[label]))
    assert result.verdict in (Verdict.UNREADABLE, Verdict.DANGEROUS)
    assert "data after its end" in " ".join(result.reasons)


def test_a_zip_archive_after_the_end_is_scanned(scanned):
    assert scanned(TRAILING_DATA["behind the end"]).verdict is Verdict.DANGEROUS


AMBIGUOUS = {
    **{
        f"a long header {type_!r}": header(type_, 2 << 20, bytes(2 << 20)) + tarred()
        for type_ in (b"x", b"g", b"L", b"K")
    },
    "a sparse file": header(b"S", 0) + tarred(),
    "a sparse file of pax": tarred(format_=tarfile.PAX_FORMAT, pax_headers={"GNU.sparse.map": "0,4"}),
    "two sizes": header(b"x", 13, b"13 size=1024\n") + tarred(),
    "a size that ends early": header(b"x", 13, b"10 size=1024\n") + tarred(b""),
    "a size for all": header(b"g", 13, b"13 size=1024\n") + tarred(),
    "a folder with content": header(b"5", 512, b"a" * 512) + tarred(),
    "a member that is cut off": tarred(b"a" * 2000)[:1500],
    "a header that is cut off": header(b"L", 600, b"a" * 10),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("label", AMBIGUOUS)
def test_ambiguous_archives_are_unreadable(scanned, packing, label):
    assert scanned(PACKINGS[packing](AMBIGUOUS[label])).verdict is Verdict.UNREADABLE


def test_many_consecutive_long_names_are_read(scanned):
    assert scanned(header(b"L", 0) * 2000 + tarred(HOSTILE)).verdict is Verdict.DANGEROUS
