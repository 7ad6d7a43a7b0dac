"""A catalog that is missing, foreign, cut, flipped or too new: said in words by every command, and nothing touched."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from contextlib import closing

import pytest

from .conftest import EXHAUSTIVE, said, tree

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
    for words in (READING + CHANGING)[:: 1 if EXHAUSTIVE else stride]:
        filled = [word.format(out=tmp_path / "out", registry=run.registry) for word in words]
        yield filled, run(*filled)


def without(catalog):
    catalog.unlink()


def foreign(catalog):
    catalog.unlink()
    with closing(sqlite3.connect(catalog)) as other, other:
        other.execute("CREATE TABLE recipes (name TEXT)")


def of_another_program(catalog):
    """With all our tables, but another program's mark."""
    with closing(sqlite3.connect(catalog)) as ours:
        ours.execute("PRAGMA application_id = 1234")


def to_nowhere(catalog):
    catalog.unlink()
    catalog.symlink_to("nowhere.db")


def a_folder(catalog):
    catalog.unlink()
    catalog.mkdir()


def a_fifo(catalog):
    catalog.unlink()
    os.mkfifo(catalog)


WHOLE = {
    "missing beside blobs": without,
    "empty": lambda catalog: catalog.write_bytes(b""),
    "of SQLite, but foreign": foreign,
    "marked as another program's": of_another_program,
    "text": lambda catalog: catalog.write_text("name,version\nchurn,1\n" * 100),
    "random bytes": lambda catalog: catalog.write_bytes(random.Random(1).randbytes(50_000)),
    "zeros": lambda catalog: catalog.write_bytes(bytes(catalog.stat().st_size)),
    "cut to half": lambda catalog: os.truncate(catalog, catalog.stat().st_size // 2),
    "cut to its first page": lambda catalog: os.truncate(catalog, 4096),
    "cut in its header": lambda catalog: os.truncate(catalog, 60),
    "a link to nowhere": to_nowhere,
    "a folder": a_folder,
    "a FIFO": a_fifo,
}


TRIED_IN_FULL = ("missing beside blobs", "of SQLite, but foreign", "cut to half")
"""By every command; what else may stand there, by every second."""


@pytest.mark.parametrize("kind", WHOLE)
def test_a_catalog_that_is_none_is_said_by_commands_and_nothing_is_touched(stock, tmp_path, kind):
    run = stock()
    WHOLE[kind](run.registry / "catalog.db")
    known = tree(run.registry)
    for words, done in commands(run, tmp_path, 1 if kind in TRIED_IN_FULL else 2):
        words_said = said(done)
        assert done.returncode == 6, (words, done.returncode, words_said)
        assert words == ["verify"] or done.stdout == "", words
        assert words_said.startswith("{" if "--json" in words else "error: "), (words, words_said)
        assert "catalog" in words_said + done.stdout, (words, words_said)
        assert tree(run.registry) == known, words
    assert not (tmp_path / "out").exists()


def test_a_catalog_of_a_newer_program_is_not_read_by_any_command(stock, tmp_path):
    run = stock()
    with closing(sqlite3.connect(run.registry / "catalog.db")) as catalog:
        catalog.execute("PRAGMA user_version = 99")
        catalog.execute("PRAGMA writable_schema = ON")
        catalog.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE of the future' WHERE name = 'models'")
    known = tree(run.registry)
    for words, done in commands(run, tmp_path):
        assert (done.returncode, done.stdout) == (10, ""), (words, done.stdout, done.stderr)
        assert "schema 99" in said(done)
        assert tree(run.registry) == known, words


PAGE = 4096
ASKED = (["list", "--json"], ["versions", "churn", "--json"], ["show", "intent/1", "--json"], ["history", "--json"])
CHANGED = (
    ["register", "fresh.bin", "--name", "churn"],
    ["transition", "churn", "2", "Production", "--archive-existing"],
    ["delete", "churn/2", "--yes"],
)
FLIPS = 8 if EXHAUSTIVE else 1
"""How many bits are flipped in each page that is damaged, one at a time."""
EVERY = 1 if EXHAUSTIVE else 2
"""Which pages are damaged."""
PARTS = 4
DOCUMENTED = {0, 2, 3, 4, 6, 8, 10}


@pytest.mark.parametrize("part", range(PARTS))
def test_a_flipped_bit_in_any_page_is_found_or_changes_no_answer(stock, part):
    """And whatever is asked or done then, it ends in words: nothing is ever handed out that was not registered."""
    run = stock()
    catalog = run.registry / "catalog.db"
    sound, answers = catalog.read_bytes(), [run(*words).stdout for words in ASKED]
    chance = random.Random(part)
    for page in range(part * EVERY, len(sound) // PAGE, PARTS * EVERY):
        for _ in range(FLIPS):
            content = bytearray(sound)
            place = chance.randrange(page * PAGE * 8, (page + 1) * PAGE * 8)
            content[place // 8] ^= 1 << place % 8
            catalog.write_bytes(content)
            what = f"bit {place % 8} of byte {place // 8}, in page {page}"
            found = run("verify")
            said(found)
            assert found.returncode in (0, 6, 10), (what, found.stderr)
            for words, answer in zip(ASKED, answers, strict=True):
                done = run(*words)
                assert done.returncode in DOCUMENTED, (what, words, done.stderr, said(done))
                assert found.returncode != 0 or done.stdout == answer, (what, words)
            assert catalog.read_bytes() == content, what
            words = CHANGED[page % len(CHANGED)]
            done = run(*words)
            assert done.returncode in DOCUMENTED, (what, words, done.stderr, said(done))
            catalog.write_bytes(sound)
            (catalog.parent / "catalog.db-journal").unlink(missing_ok=True)


def test_a_journal_of_sqlite_that_is_not_its_own_spoils_nothing(stock):
    """Left by a crash of something else, or copied there: what is no hot journal is not played back."""
    run = stock()
    before = run("list", "-q").stdout
    for content in (b"", b"text", bytes(5000), random.Random(2).randbytes(5000)):
        (run.registry / "catalog.db-journal").write_bytes(content)
        assert run("list", "-q").stdout == before
        assert run("tag", "churn/1", "a=b").returncode == 0
        assert run("tag", "churn/1", "a", "--remove").returncode in (0, 2)
        assert run("verify").returncode == 0
    assert json.loads(run("list", "--json").stdout)[0]["versions"] == 2
