"""A catalog that is missing, foreign, truncated, damaged or too new: every command reports it and changes nothing."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from contextlib import closing

import pytest

from .conftest import EXHAUSTIVE, stderr_of, tree

pytestmark = pytest.mark.fault

READING = (
    ["list"], ["list", "c*", "--json"], ["versions", "churn"], ["versions", "churn", "--filter", "metrics.auc > 0"],
    ["show", "churn/1"], ["show", "churn"], ["history"], ["history", "--head"], ["info"], ["verify"],
    ["diff", "churn/1", "churn/2"], ["load", "churn/Production"], ["load", "churn/1", "-o", "{out}"],
    ["export", "churn/1", "{out}"], ["gate", "list"],
)  # fmt: skip
CHANGING = (
    ["register", "fresh.bin", "--name", "churn"], ["register", "one.bin", "--name", "churn"],
    ["register", "bert", "--name", "other"], ["transition", "churn", "2", "Production", "--archive-existing"],
    ["rollback", "churn"], ["delete", "churn/2", "--yes"], ["alias", "churn/2", "challenger"],
    ["tag", "churn/1", "a=b"],
    ["describe", "churn", "new"], ["rename", "churn", "other"], ["approve", "churn/1"],
    ["gate", "add", "churn", "Production", "metrics.auc > 0.5"],
    ["evaluate", "churn/1", "--as", "test", "--metric", "auc=0.5"], ["init", "{registry}"],
)  # fmt: skip


def commands(run, tmp_path, stride=1):
    for arguments in (READING + CHANGING)[:: 1 if EXHAUSTIVE else stride]:
        filled = [argument.format(out=tmp_path / "out", registry=run.registry) for argument in arguments]
        yield filled, run(*filled)


def remove(catalog):
    catalog.unlink()


def replace_by_foreign_database(catalog):
    catalog.unlink()
    with closing(sqlite3.connect(catalog)) as other, other:
        other.execute("CREATE TABLE recipes (name TEXT)")


def change_application_id(catalog):
    with closing(sqlite3.connect(catalog)) as database:
        database.execute("PRAGMA application_id = 1234")


def replace_by_dangling_link(catalog):
    catalog.unlink()
    catalog.symlink_to("nowhere.db")


def replace_by_folder(catalog):
    catalog.unlink()
    catalog.mkdir()


def replace_by_fifo(catalog):
    catalog.unlink()
    os.mkfifo(catalog)


REPLACEMENTS = {
    "missing beside blobs": remove,
    "empty": lambda catalog: catalog.write_bytes(b""),
    "of SQLite, but foreign": replace_by_foreign_database,
    "marked as another program's": change_application_id,
    "text": lambda catalog: catalog.write_text("name,version\nchurn,1\n" * 100),
    "random bytes": lambda catalog: catalog.write_bytes(random.Random(1).randbytes(50_000)),
    "zeros": lambda catalog: catalog.write_bytes(bytes(catalog.stat().st_size)),
    "cut to half": lambda catalog: os.truncate(catalog, catalog.stat().st_size // 2),
    "cut to its first page": lambda catalog: os.truncate(catalog, 4096),
    "cut in its header": lambda catalog: os.truncate(catalog, 60),
    "a link to nowhere": replace_by_dangling_link,
    "a folder": replace_by_folder,
    "a FIFO": replace_by_fifo,
}


WITH_EVERY_COMMAND = ("missing beside blobs", "of SQLite, but foreign", "cut to half")
"""Tried with every command; the others with every second command."""


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_replaced_catalog_is_reported_and_not_changed(copy_registry, tmp_path, kind):
    run = copy_registry()
    REPLACEMENTS[kind](run.registry / "catalog.db")
    before = tree(run.registry)
    for arguments, result in commands(run, tmp_path, 1 if kind in WITH_EVERY_COMMAND else 2):
        stderr = stderr_of(result)
        assert result.returncode == 6, (arguments, result.returncode, stderr)
        assert arguments == ["verify"] or result.stdout == "", arguments
        assert stderr.startswith("{" if "--json" in arguments else "error: "), (arguments, stderr)
        assert "catalog" in stderr + result.stdout, (arguments, stderr)
        assert tree(run.registry) == before, arguments
    assert not (tmp_path / "out").exists()


def test_catalog_of_a_newer_release_is_refused_by_every_command(copy_registry, tmp_path):
    run = copy_registry()
    with closing(sqlite3.connect(run.registry / "catalog.db")) as catalog:
        catalog.execute("PRAGMA user_version = 99")
        catalog.execute("PRAGMA writable_schema = ON")
        catalog.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE of the future' WHERE name = 'models'")
    before = tree(run.registry)
    for arguments, result in commands(run, tmp_path):
        assert (result.returncode, result.stdout) == (10, ""), (arguments, result.stdout, result.stderr)
        assert "schema 99" in stderr_of(result)
        assert tree(run.registry) == before, arguments


PAGE = 4096
READS = (["list", "--json"], ["versions", "churn", "--json"], ["show", "intent/1", "--json"], ["history", "--json"])
CHANGES = (
    ["register", "fresh.bin", "--name", "churn"],
    ["transition", "churn", "2", "Production", "--archive-existing"],
    ["delete", "churn/2", "--yes"],
)
FLIPS = 8 if EXHAUSTIVE else 1
"""Bits to flip in each damaged page, one at a time."""
EVERY = 1 if EXHAUSTIVE else 4
"""Every n-th page is damaged."""
PARTS = 4
DOCUMENTED_STATUSES = {0, 2, 3, 4, 6, 8, 10}


@pytest.mark.parametrize("part", range(PARTS))
def test_flipped_bit_in_any_page_is_found_or_changes_no_output(copy_registry, part):
    """Every command ends with a documented exit status, and none outputs other data than was registered."""
    run = copy_registry()
    catalog = run.registry / "catalog.db"
    original, outputs = catalog.read_bytes(), [run(*arguments).stdout for arguments in READS]
    random_generator = random.Random(part)
    for page in range(part * EVERY, len(original) // PAGE, PARTS * EVERY):
        for _ in range(FLIPS):
            content = bytearray(original)
            bit = random_generator.randrange(page * PAGE * 8, (page + 1) * PAGE * 8)
            content[bit // 8] ^= 1 << bit % 8
            catalog.write_bytes(content)
            position = f"bit {bit % 8} of byte {bit // 8}, in page {page}"
            verification = run("verify")
            stderr_of(verification)
            assert verification.returncode in (0, 6, 10), (position, verification.stderr)
            for arguments, output in zip(READS, outputs, strict=True):
                result = run(*arguments)
                assert result.returncode in DOCUMENTED_STATUSES, (position, arguments, result.stderr, stderr_of(result))
                assert verification.returncode != 0 or result.stdout == output, (position, arguments)
            assert catalog.read_bytes() == content, position
            arguments = CHANGES[page % len(CHANGES)]
            result = run(*arguments)
            assert result.returncode in DOCUMENTED_STATUSES, (position, arguments, result.stderr, stderr_of(result))
            catalog.write_bytes(original)
            (catalog.parent / "catalog.db-journal").unlink(missing_ok=True)


def test_foreign_sqlite_journal_is_ignored(copy_registry):
    """A file that is not a hot journal of this catalog is not rolled back."""
    run = copy_registry()
    before = run("list", "-q").stdout
    for content in (b"", b"text", bytes(5000), random.Random(2).randbytes(5000)):
        (run.registry / "catalog.db-journal").write_bytes(content)
        assert run("list", "-q").stdout == before
        assert run("tag", "churn/1", "a=b").returncode == 0
        assert run("tag", "churn/1", "a", "--remove").returncode in (0, 2)
        assert run("verify").returncode == 0
    assert json.loads(run("list", "--json").stdout)[0]["versions"] == 2
