"""Damaged blobs are reported, never loaded, and repaired by registering the file again."""

from __future__ import annotations

import os
import random
import shutil

import pytest

from modelreg import Registry

from .conftest import BLOBS, assert_sound, contents_of, stderr_of

pytestmark = pytest.mark.fault


def rewrite(path, content):
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)


def flip_bit(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    rewrite(path, content)


def swap(path, other):
    content, other_content = path.read_bytes(), other.read_bytes()
    rewrite(path, other_content)
    rewrite(other, content)


def replace_by_link(path):
    """A link to a file with the same bytes elsewhere."""
    elsewhere = path.parent.parent.parent / "elsewhere"
    shutil.move(path, elsewhere)
    path.symlink_to(elsewhere)


def replace_by_fifo(path):
    path.unlink()
    os.mkfifo(path)


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


DAMAGE = {
    "the first bit flipped": lambda path, _: flip_bit(path, 0),
    "the last bit flipped": lambda path, _: flip_bit(path, path.stat().st_size * 8 - 1),
    "some bit flipped": lambda path, _: flip_bit(path, random.Random(path.name).randrange(1 << 30)),
    "cut by a byte": lambda path, _: rewrite(path, path.read_bytes()[:-1]),
    "cut to half": lambda path, _: rewrite(path, path.read_bytes()[: path.stat().st_size // 2]),
    "emptied": lambda path, _: rewrite(path, b""),
    "a byte longer": lambda path, _: rewrite(path, path.read_bytes() + b"x"),
    "swapped with another": swap,
    "missing": lambda path, _: path.unlink(),
    "a link to the right bytes": lambda path, _: replace_by_link(path),
    "a FIFO": lambda path, _: replace_by_fifo(path),
    "a folder": lambda path, _: replace_by_folder(path),
}


DAMAGE_AFTER_LOADING = ("some bit flipped", "swapped with another", "missing")


@pytest.mark.parametrize(
    ("kind", "loaded_before"),
    [*((kind, False) for kind in DAMAGE), *((kind, True) for kind in DAMAGE_AFTER_LOADING)],
    ids=[*DAMAGE, *(f"{kind} after it was loaded" for kind in DAMAGE_AFTER_LOADING)],
)
def test_damaged_blob_is_reported_not_loaded_and_repaired(copy_registry, tmp_path, kind, loaded_before):
    run = copy_registry()
    registry = Registry(run.registry)
    before = contents_of(run.registry) if loaded_before else None
    digest, other = (registry.version(f"churn/{number}").files[0].digest for number in (1, 2))
    blob, other_blob = (run.registry / BLOBS / name.removeprefix("sha256:") for name in (digest, other))
    DAMAGE[kind](blob, other_blob)
    is_swap = kind.startswith("swapped")

    verification = run("verify")
    findings = [line.split("\t")[:2] for line in verification.stdout.splitlines()[1:]]
    assert verification.returncode == 6
    assert findings == [*([["churn/2", "two.bin"]] if is_swap else []), ["churn/1", "one.bin"]]

    for arguments in (
        ["load", "churn/1"],
        ["load", "churn/1", "-o", "-"],
        ["load", "churn/Production", "-o", tmp_path / "a"],
    ):
        result = run(*arguments)
        assert (result.returncode, result.stdout) == (6, ""), (arguments, result.stdout)
        assert "churn/1: 'one.bin'" in stderr_of(result)
    for arguments in (["export", "churn/1", tmp_path / "b"], ["load", "churn/1", "-o", tmp_path / "a", "--force"]):
        assert run(*arguments).returncode == 6
    assert not {"a", "b"} & set(os.listdir(tmp_path))
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []

    for reference in ("intent/1", *(() if is_swap else ("churn/2",))):
        assert run("load", reference).returncode == 0

    if kind == "a folder":  # remove it first
        blob.rmdir()
    registration = run("register", "one.bin", "--name", "churn")
    assert (registration.returncode, registration.stdout) == (0, "churn/1\n"), registration.stderr
    if is_swap:
        assert run("register", "two.bin", "--name", "churn", "--metric", "auc=0.9").stdout == "churn/2\n"
    assert_sound(run)
    assert run("load", "churn/1").returncode == 0
    assert before in (None, contents_of(run.registry))


def test_flipped_bit_in_any_blob_is_found(copy_registry):
    """One random bit of each model file, config and manifest."""
    random_generator = random.Random(20261004)
    run = copy_registry()
    for blob in sorted((run.registry / BLOBS).iterdir()):
        original = blob.read_bytes()
        flip_bit(blob, random_generator.randrange(len(original) * 8))
        verification = run("verify")
        assert verification.returncode == 6, blob
        assert len(verification.stdout.splitlines()) >= 2
        assert "Traceback" not in verification.stderr
        assert run("list").returncode == 0
        rewrite(blob, original)
    assert_sound(run)
