"""The bytes come out: as a read-only checkout, as a copy, as a stream; whole and checked, or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from pathlib import Path

import pytest

from modelreg import Registry
from modelreg.errors import BlobDamaged, DestinationExists, InvalidInput, StorageFailure, WriteFailed

FILES = {"model.bin": b"m" * 100_000, "deep/down/b.txt": b"", "README.md": b"read me"}


@pytest.fixture
def folder_version(registry, model_folder):
    registry.register(model_folder(FILES), "churn")
    return registry


def files_below(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Checkouts


def test_a_file_is_checked_out_under_its_own_name(registry, model_file):
    digest = registry.register(model_file(b"bytes", "my model.pkl"), "churn").digest
    path = registry.path("churn/1")
    assert path == registry.folder / "checkouts" / digest.replace(":", "-") / "my model.pkl"
    assert path.read_bytes() == b"bytes"


def test_a_folder_is_checked_out_with_its_files_under_their_names(folder_version):
    assert files_below(folder_version.path("churn/1")) == FILES


def test_a_checkout_is_read_only_and_never_a_hard_link(folder_version, blob_path):
    checkout = folder_version.path("churn/1")
    for file in folder_version.version("churn/1").files:
        found = (checkout / file.path).stat()
        assert found.st_nlink == 1
        assert found.st_ino != blob_path(file.digest).stat().st_ino
        assert stat.S_IMODE(found.st_mode) == 0o444
    for folder in (checkout, checkout / "deep", checkout / "deep" / "down"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755  # so that 'rm -rf' takes it away


def test_a_checkout_that_is_intact_is_used_again(folder_version):
    first = (folder_version.path("churn/1") / "model.bin").stat()
    assert (folder_version.path("churn/1") / "model.bin").stat().st_ino == first.st_ino


def change(path, content):
    os.chmod(path, 0o644)
    path.write_bytes(content)


def swap_for_a_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def swap_folder_for_a_link(path):
    shutil.copytree(path.parent, path.parent.parent.with_name("copied"))
    shutil.rmtree(path.parent)
    path.parent.symlink_to(path.parent.parent.with_name("copied"))


TAMPERING = {
    "altered": lambda checkout: change(checkout / "model.bin", b"M" * 100_000),
    "longer": lambda checkout: change(checkout / "model.bin", b"m" * 100_001),
    "removed": lambda checkout: (checkout / "model.bin").unlink(),
    "with an extra file": lambda checkout: (checkout / "extra").write_bytes(b"x"),
    "with an extra file deep down": lambda checkout: (checkout / "deep" / "extra").write_bytes(b"x"),
    "with an extra link": lambda checkout: (checkout / "extra").symlink_to("model.bin"),
    "with a link for a file": lambda checkout: swap_for_a_link(checkout / "model.bin"),
    "with a link for a folder": lambda checkout: swap_folder_for_a_link(checkout / "deep" / "down"),
    "with a FIFO for a file": lambda checkout: ((checkout / "model.bin").unlink(), os.mkfifo(checkout / "model.bin")),
    "empty": lambda checkout: [shutil.rmtree(checkout), checkout.mkdir()],
    "gone": shutil.rmtree,
    "a file": lambda checkout: [shutil.rmtree(checkout), checkout.write_text("x")],
    "a link": lambda checkout: [checkout.rename(checkout.with_name("x")), checkout.symlink_to("x")],
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_a_checkout_that_is_not_as_it_was_is_made_anew(folder_version, kind):
    checkout = folder_version.path("churn/1")
    for path in [checkout, *(each for each in checkout.rglob("*") if each.is_dir())]:
        os.chmod(path, 0o755)
    TAMPERING[kind](checkout)
    assert folder_version.path("churn/1") == checkout
    assert not checkout.is_symlink()
    assert files_below(checkout) == FILES
    assert not [path for path in checkout.rglob("*") if path.is_symlink()]
    assert list(folder_version.verify()) == []


def test_what_was_made_writable_is_read_only_again(folder_version):
    checkout = folder_version.path("churn/1")
    os.chmod(checkout / "model.bin", 0o666)
    os.chmod(checkout, 0o777)
    folder_version.path("churn/1")
    assert stat.S_IMODE((checkout / "model.bin").stat().st_mode) == 0o444
    assert stat.S_IMODE(checkout.stat().st_mode) == 0o755


@pytest.mark.parametrize("damage", [b"the bytes of A model", b"cut", None], ids=["flipped", "cut", "gone"])
def test_a_blob_that_is_damaged_after_its_checkout_was_made_is_refused(registry, model_file, blob_path, damage):
    registry.register(model_file(b"the bytes of a model"), "churn")
    assert registry.path("churn/1").read_bytes() == b"the bytes of a model"
    blob = blob_path(registry.version("churn/1").files[0].digest)
    os.chmod(blob, 0o644)
    if damage is None:
        blob.unlink()
    else:
        blob.write_bytes(damage)
    for _ in range(2):
        with pytest.raises(BlobDamaged):
            registry.path("churn/1")
    registry.register(model_file(b"the bytes of a model"), "churn")  # which heals it
    assert registry.path("churn/1").read_bytes() == b"the bytes of a model"


def test_a_blob_that_was_touched_and_is_sound_stands_in_nobodys_way(registry, model_file, blob_path):
    registry.register(model_file(), "churn")
    first = registry.path("churn/1").stat()
    os.utime(blob_path(registry.version("churn/1").files[0].digest))
    assert registry.path("churn/1").stat().st_ino == first.st_ino


@pytest.mark.slow
def test_processes_that_find_one_damaged_checkout_all_get_a_good_one(folder_version, at_once):
    script = """
import modelreg.store.artifacts.checkout
from modelreg import Registry
ready()
print(Registry(sys.argv[1]).path("churn/1"))
"""
    checkout = folder_version.path("churn/1")
    for _ in range(3):
        change(checkout / "model.bin", b"damaged")
        assert set(at_once(script, [(folder_version.folder,)] * 8)) == {f"{checkout}\n"}
        assert files_below(checkout) == FILES
    assert os.listdir(folder_version.folder / "checkouts") == [checkout.name]


def test_threads_that_find_one_damaged_checkout_all_get_a_good_one(folder_version):
    failures = []

    def ask():
        try:
            folder_version.path("churn/1")
        except Exception as error:  # whatever it is, the test shows it
            failures.append(error)

    for _ in range(10):
        change(folder_version.path("churn/1") / "model.bin", b"damaged")
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.fixture
def read_only(folder_version):
    """A registry that its owner has made read-only; writable again at the end."""
    paths = [folder_version.folder, *folder_version.folder.rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in paths}
    for path, mode in modes.items():
        os.chmod(path, mode & ~0o222)
    yield folder_version
    for path, mode in modes.items():
        os.chmod(path, mode)


def test_in_a_registry_that_cannot_be_written_reading_works(read_only, tmp_path, run, without_privilege):
    script = """
import sys
from modelreg import Registry
registry = Registry(sys.argv[1])
found = registry.models(), registry.version("churn/latest"), registry.history(), list(registry.verify())
print(len(found[0]), found[1].version, len(found[2]), found[3])
registry.information()
print(registry.path("churn/1"))
print(registry.path("churn/1"))
registry.copy("churn/1", "copied")
registry.export("churn/1", "exported")
"""
    status, out, err = run(script, read_only.folder, before=without_privilege)
    assert status == 0, err
    asked, first, second = out.splitlines()
    assert asked == "1 1 1 []"
    assert first == second
    assert first.startswith(str(tmp_path / "user-cache" / "modelreg"))
    assert files_below(tmp_path / first) == FILES


def test_in_a_registry_that_cannot_be_written_changes_are_refused_in_words(
    read_only, run, without_privilege, model_file
):
    script = """
import sys
from modelreg import Registry
from modelreg.errors import StorageFailure
registry = Registry(sys.argv[1])
for change in (
    lambda: registry.register(sys.argv[2], "churn"),
    lambda: registry.transition("churn", 1, "Staging"),
    lambda: registry.delete("churn/1"),
):
    try:
        change()
    except StorageFailure as error:
        print(error.exit, error.message)
"""
    status, out, err = run(script, read_only.folder, model_file(b"2"), before=without_privilege)
    assert status == 0, err
    assert [line.split()[0] for line in out.splitlines()] == ["8"] * 3
    assert [version.version for version in read_only.versions("churn")] == [1]


# Copies


def test_a_file_is_copied_to_a_new_name_or_into_a_folder(registry, model_file, tmp_path):
    registry.register(model_file(b"bytes", "model.pkl"), "churn")
    assert registry.copy("churn/1", tmp_path / "new.pkl") == tmp_path / "new.pkl"
    (tmp_path / "folder").mkdir()
    assert registry.copy("churn/1", tmp_path / "folder") == tmp_path / "folder" / "model.pkl"
    assert (tmp_path / "new.pkl").read_bytes() == (tmp_path / "folder" / "model.pkl").read_bytes() == b"bytes"
    assert (tmp_path / "new.pkl").stat().st_nlink == 1
    assert os.access(tmp_path / "new.pkl", os.W_OK)


def test_a_copy_never_overwrites_unless_told(registry, model_file, tmp_path):
    registry.register(model_file(b"bytes", "model.pkl"), "churn")
    (tmp_path / "there").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("there", "link"):
        with pytest.raises(DestinationExists) as refused:
            registry.copy("churn/1", tmp_path / name)
        assert refused.value.exit == 4
    assert (tmp_path / "there").read_text() == "mine"
    registry.copy("churn/1", tmp_path / "there", overwrite=True)
    assert (tmp_path / "there").read_bytes() == b"bytes"


KINDS = {
    "a FIFO": os.mkfifo,
    "a device": lambda path: os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3)),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_never_overwritten_though_told(registry, model_file, tmp_path, kind):
    registry.register(model_file(b"bytes", "model.pkl"), "churn")
    (tmp_path / "folder").mkdir()
    try:
        KINDS[kind](tmp_path / "folder" / "model.pkl")
    except PermissionError:
        pytest.skip("this user makes no devices")
    before = os.lstat(tmp_path / "folder" / "model.pkl")
    with pytest.raises(DestinationExists) as refused:
        registry.copy("churn/1", tmp_path / "folder", overwrite=True)
    assert (refused.value.exit, "no regular file" in refused.value.hint) == (4, True)
    assert os.lstat(tmp_path / "folder" / "model.pkl") == before
    assert os.listdir(tmp_path / "folder") == ["model.pkl"]


def test_a_link_is_overwritten_when_told_and_never_what_it_leads_to(registry, model_file, tmp_path):
    registry.register(model_file(b"bytes", "model.pkl"), "churn")
    (tmp_path / "there").write_text("mine")
    (tmp_path / "link").symlink_to("there")
    registry.copy("churn/1", tmp_path / "link", overwrite=True)
    assert (tmp_path / "there").read_text() == "mine"
    assert (tmp_path / "link").read_bytes() == b"bytes"


def test_a_file_is_no_folder_though_a_slash_says_so(registry, model_file, tmp_path):
    registry.register(model_file(b"bytes", "model.pkl"), "churn")
    (tmp_path / "there").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(DestinationExists) as refused:
            registry.copy("churn/1", f"{tmp_path}/there/", overwrite=overwrite)
        assert "no folder" in refused.value.hint
    assert (tmp_path / "there").read_text() == "mine"


@pytest.mark.parametrize("destination", ["there/copy", "there/deeper/copy", "there/deeper/"])
def test_a_destination_below_a_file_is_refused_with_the_name_of_that_file(folder_version, model_file, destination):
    folder_version.register(model_file(), "file")
    Path("there").write_text("mine")
    for reference in ("churn/1", "file/1"):
        for hand_out in (folder_version.copy, folder_version.export):
            with pytest.raises(InvalidInput, match="there' is not a folder"):
                hand_out(reference, destination)
    assert Path("there").read_text() == "mine"


def test_a_destination_without_a_name_is_not_the_current_folder(folder_version, model_file):
    folder_version.register(model_file(), "file")
    for reference in ("churn/1", "file/1"):
        for hand_out in (folder_version.copy, folder_version.export):
            with pytest.raises(InvalidInput, match="path is empty"):
                hand_out(reference, "")
    assert os.listdir(".") == []


def test_a_folder_is_copied_to_a_new_folder_or_an_empty_one(folder_version, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        assert files_below(folder_version.copy("churn/1", tmp_path / name)) == FILES
        assert os.access(tmp_path / name / "model.bin", os.W_OK)
    for taken in ("new", "file"):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(DestinationExists):
            folder_version.copy("churn/1", tmp_path / taken)
    with pytest.raises(DestinationExists):
        folder_version.export("churn/1", tmp_path / "new")
    assert (tmp_path / "file").read_text() == "mine"
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_a_folder_is_copied_into_the_current_folder_when_that_is_empty(folder_version, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    folder_version.copy("churn/1", ".")
    assert files_below(tmp_path / "here") == FILES


@pytest.mark.parametrize("destination", ["nowhere/there", "file/there", "/", ""])
def test_a_destination_that_cannot_be_is_refused_in_words(folder_version, model_file, tmp_path, destination):
    folder_version.register(model_file(), "file")
    (tmp_path / "work" / "file").write_text("a file")
    for hand_out in (folder_version.copy, folder_version.export):
        with pytest.raises((StorageFailure, InvalidInput, DestinationExists)) as refused:
            hand_out("churn/1", destination)
        assert ".there-" not in str(refused.value)  # its own temporary name says nothing to anybody
    assert os.listdir(tmp_path / "work") == ["file"]


def test_a_stream_has_the_bytes_and_only_of_one_file(registry, model_file, folder_version, tmp_path):
    content = os.urandom(3_000_000)
    registry.register(model_file(content), "one")
    with open(tmp_path / "out", "wb") as out:
        registry.stream("one/1", out.fileno())
        with pytest.raises(InvalidInput, match="folder"):
            registry.stream("churn/1", out.fileno())
    assert (tmp_path / "out").read_bytes() == content


def test_a_stream_that_cannot_be_written_is_a_failure_of_storage(registry, model_file):
    registry.register(model_file(b"x" * 100_000), "churn")
    with open("/dev/full", "wb") as full, pytest.raises(WriteFailed):
        registry.stream("churn/1", full.fileno())


def test_a_loaded_folder_of_one_file_is_a_folder(registry, model_folder):
    registry.register(model_folder({"only.bin": b"1"}), "churn")
    assert os.listdir(Registry(registry.folder).path("churn/1")) == ["only.bin"]


@pytest.mark.parametrize("wanted", ["path", "copy", "export"])
def test_whoever_hands_out_bytes_tells_how_many_are_done(registry, model_file, tmp_path, wanted):
    version = registry.register(model_file(os.urandom(3 << 20)), "churn")
    told = []
    place = () if wanted == "path" else (tmp_path / "new",)
    getattr(registry, wanted)("churn/1", *place, progress=lambda done, total: told.append((done, total)))
    assert {total for _, total in told} == {version.size}
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1][0] >= version.size
