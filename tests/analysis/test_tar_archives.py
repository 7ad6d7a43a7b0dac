"""Tar archives: what `tarfile` extracts is looked at, and what hides before, behind or between is found or doubted."""

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


def tarred(content: bytes = b"text", how: int = tarfile.GNU_FORMAT, **fields: object) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=how) as archive:
        member = tarfile.TarInfo("model.pkl")
        member.size = len(content)
        for name, value in fields.items():
            setattr(member, name, value)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def header(kind: bytes, size: int, content: bytes = b"") -> bytes:
    member = tarfile.TarInfo("x")
    member.type, member.size = kind, size
    return member.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % RECORD)


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inner.pkl", content)
    return file.getvalue()


def beginning_with(name: bytes, archive: bytes | None = None) -> bytes:
    """An archive whose first member has that name."""
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
def test_a_pickle_that_is_a_tar_archive_too_is_named(scanned, packing, archive):
    assert len(names_in(archive)) == 1
    assert "posix.system" in [each.dotted for each in scanned(PACKINGS[packing](archive)).imports]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("kind", [b"0", b"\0", b"7", b"Z", b"D", b"V"])
def test_every_member_that_tarfile_extracts_is_looked_at(scanned, packing, kind):
    content = tarred(HOSTILE, type=kind)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.extractfile("model.pkl").read() == HOSTILE
    assert scanned(PACKINGS[packing](content)).verdict is Verdict.DANGEROUS


GENUINE = {
    "GNU": tarred(how=tarfile.GNU_FORMAT),
    "ustar": tarred(how=tarfile.USTAR_FORMAT),
    "pax": tarred(how=tarfile.PAX_FORMAT, mtime=0.5, pax_headers={"size": "4", "comment": "of = us\n\n"}),
    "a long name in GNU": tarred(how=tarfile.GNU_FORMAT, name="n" * 300),
    "a long name in pax": tarred(how=tarfile.PAX_FORMAT, name="ä" * 300),
    "a folder and a link": header(b"5", 0) + header(b"1", 0) + header(b"2", 0) + tarred(),
    "a name that is an operation": beginning_with(b"Bert/model.pkl"),
    "a name that is a line": beginning_with(b"Vectors"),
    "without an end": tarred()[: 2 * RECORD],
    "much padding": tarred() + bytes(3 << 20),
    "nothing": tarred(b""),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("archive", GENUINE)
def test_a_genuine_archive_is_safe(scanned, packing, archive):
    assert scanned(PACKINGS[packing](GENUINE[archive])).verdict is Verdict.SAFE


BEHIND = {
    "in the last record": tarred()[: 4 * RECORD] + zipped(HOSTILE) + bytes(tarfile.RECORDSIZE),
    "behind the end": tarred()[: 4 * RECORD] + zipped(HOSTILE),
    "behind zeros": tarred() + bytes(2 << 20) + zipped(HOSTILE),
    "behind a part of a record": tarred()[: 2 * RECORD] + zipped(HOSTILE)[:100],
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("way", BEHIND)
def test_what_stands_behind_an_archive_is_doubted(scanned, packing, way):
    found = scanned(PACKINGS[packing](BEHIND[way]))
    assert found.verdict in (Verdict.UNREADABLE, Verdict.DANGEROUS)
    assert "data after its end" in " ".join(found.reasons)


def test_a_zip_archive_behind_an_archive_is_looked_into(scanned):
    assert scanned(BEHIND["behind the end"]).verdict is Verdict.DANGEROUS


DOUBTED = {
    **{
        f"a long header {kind!r}": header(kind, 2 << 20, bytes(2 << 20)) + tarred() for kind in (b"x", b"g", b"L", b"K")
    },
    "a sparse file": header(b"S", 0) + tarred(),
    "a sparse file of pax": tarred(how=tarfile.PAX_FORMAT, pax_headers={"GNU.sparse.map": "0,4"}),
    "two sizes": header(b"x", 13, b"13 size=1024\n") + tarred(),
    "a size that ends early": header(b"x", 13, b"10 size=1024\n") + tarred(b""),
    "a size for all": header(b"g", 13, b"13 size=1024\n") + tarred(),
    "a folder with content": header(b"5", 512, b"a" * 512) + tarred(),
    "a member that is cut off": tarred(b"a" * 2000)[:1500],
    "a header that is cut off": header(b"L", 600, b"a" * 10),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("way", DOUBTED)
def test_an_archive_about_which_readers_differ_is_unreadable(scanned, packing, way):
    assert scanned(PACKINGS[packing](DOUBTED[way])).verdict is Verdict.UNREADABLE


def test_any_number_of_long_names_is_read_in_a_row(scanned):
    assert scanned(header(b"L", 0) * 2000 + tarred(HOSTILE)).verdict is Verdict.DANGEROUS
