"""Stored bytes that are not what was registered: named, never handed out, and healed by registering them again."""

from __future__ import annotations

import os
import random
import shutil

import pytest

from modelreg import Registry

from .conftest import BLOBS, assert_sound, facts, said

pytestmark = pytest.mark.fault


def rewrite(path, content):
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def flip_a_bit(path, place):
    content = bytearray(path.read_bytes())
    content[place // 8 % len(content)] ^= 1 << place % 8
    rewrite(path, content)


def swap(path, other):
    mine, theirs = path.read_bytes(), other.read_bytes()
    rewrite(path, theirs)
    rewrite(other, mine)


def make_a_link(path):
    """To the very same bytes, elsewhere."""
    elsewhere = path.parent.parent.parent / "elsewhere"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)


def make_a_fifo(path):
    path.unlink()
    os.mkfifo(path)


def make_a_folder(path):
    path.unlink()
    path.mkdir()


DAMAGE = {
    "the first bit flipped": lambda path, _: flip_a_bit(path, 0),
    "the last bit flipped": lambda path, _: flip_a_bit(path, path.stat().st_size * 8 - 1),
    "some bit flipped": lambda path, _: flip_a_bit(path, random.Random(path.name).randrange(1 << 30)),
    "cut by a byte": lambda path, _: rewrite(path, path.read_bytes()[:-1]),
    "cut to half": lambda path, _: rewrite(path, path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path, _: rewrite(path, b""),
    "a byte longer": lambda path, _: rewrite(path, path.read_bytes() + b"x"),
    "swapped with another": swap,
    "missing": lambda path, _: path.unlink(),
    "a link to the right bytes": lambda path, _: make_a_link(path),
    "a FIFO": lambda path, _: make_a_fifo(path),
    "a folder": lambda path, _: make_a_folder(path),
}


LATER = ("some bit flipped", "swapped with another", "missing")


@pytest.mark.parametrize(
    ("kind", "loaded_before"),
    [*((kind, False) for kind in DAMAGE), *((kind, True) for kind in LATER)],
    ids=[*DAMAGE, *(f"{kind} after it was loaded" for kind in LATER)],
)
def test_damage_of_a_file_is_named_not_handed_out_and_healed(stock, tmp_path, kind, loaded_before):
    run = stock()
    registry = Registry(run.registry)
    known = facts(run.registry) if loaded_before else None
    digest, other = (registry.version(f"churn/{number}").files[0].digest for number in (1, 2))
    blob, another = (run.registry / BLOBS / each.removeprefix("sha256:") for each in (digest, other))
    DAMAGE[kind](blob, another)
    is_swap = kind.startswith("swapped")

    found = run("verify")
    named = [line.split("\t")[:2] for line in found.stdout.splitlines()[1:]]
    assert found.returncode == 6
    assert named == [*([["churn/2", "two.bin"]] if is_swap else []), ["churn/1", "one.bin"]]

    for words in (
        ["load", "churn/1"],
        ["load", "churn/1", "-o", "-"],
        ["load", "churn/Production", "-o", tmp_path / "a"],
    ):
        done = run(*words)
        assert (done.returncode, done.stdout) == (6, ""), (words, done.stdout)
        assert "churn/1: 'one.bin'" in said(done)
    for words in (["export", "churn/1", tmp_path / "b"], ["load", "churn/1", "-o", tmp_path / "a", "--force"]):
        assert run(*words).returncode == 6
    assert not {"a", "b"} & set(os.listdir(tmp_path))
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []

    for reference in ("intent/1", *(() if is_swap else ("churn/2",))):
        assert run("load", reference).returncode == 0

    if kind == "a folder":  # nothing that holds other things is ever replaced: this is for people to take away
        blob.rmdir()
    registered = run("register", "one.bin", "--name", "churn")
    assert (registered.returncode, registered.stdout) == (0, "churn/1\n"), registered.stderr
    if is_swap:
        assert run("register", "two.bin", "--name", "churn", "--metric", "auc=0.9").stdout == "churn/2\n"
    assert_sound(run)
    assert run("load", "churn/1").returncode == 0
    assert known in (None, facts(run.registry))


def test_any_flipped_bit_of_any_blob_is_found(stock):
    """Models, configs and manifests alike; a bit of each that chance takes."""
    chance = random.Random(20261004)
    run = stock()
    for blob in sorted((run.registry / BLOBS).iterdir()):
        sound = blob.read_bytes()
        flip_a_bit(blob, chance.randrange(len(sound) * 8))
        found = run("verify")
        assert found.returncode == 6, blob
        assert len(found.stdout.splitlines()) >= 2
        assert "Traceback" not in found.stderr
        assert run("list").returncode == 0
        rewrite(blob, sound)
    assert_sound(run)
