"""Reading stored files: read-only checkouts, copies, exports and streams, completely and checked or not at all."""

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


def test_checkout_of_a_file_keeps_its_name(registry, model_file):
    digest = registry.register(model_file(b"bytes", "my model.pkl"), "churn").digest
    path = registry.path("churn/1")
    assert path == registry.folder / "checkouts" / digest.replace(":", "-") / "my model.pkl"
    assert path.read_bytes() == b"bytes"


def test_checkout_of_a_folder_contains_its_files(folder_version):
    assert files_below(folder_version.path("churn/1")) == FILES


def test_checkout_is_read_only_and_has_no_hard_links(folder_version, blob_path):
    checkout = folder_version.path("churn/1")
    for file in folder_version.version("churn/1").files:
        status = (checkout / file.path).stat()
        assert status.st_nlink == 1
        assert status.st_ino != blob_path(file.digest).stat().st_ino
        assert stat.S_IMODE(status.st_mode) == 0o444
    for folder in (checkout, checkout / "deep", checkout / "deep" / "down"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755  # so that 'rm -rf' works


def test_intact_checkout_is_reused(folder_version):
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
    "changed content": lambda checkout: change(checkout / "model.bin", b"M" * 100_000),
    "changed length": lambda checkout: change(checkout / "model.bin", b"m" * 100_001),
    "missing file": lambda checkout: (checkout / "model.bin").unlink(),
    "extra file": lambda checkout: (checkout / "extra").write_bytes(b"x"),
    "extra file in a subfolder": lambda checkout: (checkout / "deep" / "extra").write_bytes(b"x"),
    "extra link": lambda checkout: (checkout / "extra").symlink_to("model.bin"),
    "link in place of a file": lambda checkout: swap_for_a_link(checkout / "model.bin"),
    "link in place of a folder": lambda checkout: swap_folder_for_a_link(checkout / "deep" / "down"),
    "FIFO in place of a file": lambda checkout: ((checkout / "model.bin").unlink(), os.mkfifo(checkout / "model.bin")),
    "empty folder": lambda checkout: [shutil.rmtree(checkout), checkout.mkdir()],
    "deleted folder": shutil.rmtree,
    "file in place of the checkout": lambda checkout: [shutil.rmtree(checkout), checkout.write_text("x")],
    "link to the moved checkout": lambda checkout: [checkout.rename(checkout.with_name("x")), checkout.symlink_to("x")],
}


@pytest.mark.parametrize("kind", TAMPERING)
def test_tampered_checkout_is_replaced(folder_version, kind):
    checkout = folder_version.path("churn/1")
    for path in [checkout, *(folder for folder in checkout.rglob("*") if folder.is_dir())]:
        os.chmod(path, 0o755)
    TAMPERING[kind](checkout)
    assert folder_version.path("churn/1") == checkout
    assert not checkout.is_symlink()
    assert files_below(checkout) == FILES
    assert not [path for path in checkout.rglob("*") if path.is_symlink()]
    assert list(folder_version.verify()) == []


def test_writable_checkout_is_replaced_by_a_read_only_one(folder_version):
    checkout = folder_version.path("churn/1")
    os.chmod(checkout / "model.bin", 0o666)
    os.chmod(checkout, 0o777)
    folder_version.path("churn/1")
    assert stat.S_IMODE((checkout / "model.bin").stat().st_mode) == 0o444
    assert stat.S_IMODE(checkout.stat().st_mode) == 0o755


@pytest.mark.parametrize("damage", [b"the bytes of A model", b"cut", None], ids=["flipped bit", "truncated", "removed"])
def test_blob_damaged_after_its_checkout_is_refused(registry, model_file, blob_path, damage):
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
    registry.register(model_file(b"the bytes of a model"), "churn")  # repairs the blob
    assert registry.path("churn/1").read_bytes() == b"the bytes of a model"


def test_checkout_is_reused_if_its_blob_was_only_touched(registry, model_file, blob_path):
    registry.register(model_file(), "churn")
    first = registry.path("churn/1").stat()
    os.utime(blob_path(registry.version("churn/1").files[0].digest))
    assert registry.path("churn/1").stat().st_ino == first.st_ino


@pytest.mark.slow
def test_concurrent_processes_all_repair_a_damaged_checkout(folder_version, run_concurrently):
    script = """
import modelreg.store.artifacts.checkout
from modelreg import Registry
ready()
print(Registry(sys.argv[1]).path("churn/1"))
"""
    checkout = folder_version.path("churn/1")
    for _ in range(3):
        change(checkout / "model.bin", b"damaged")
        assert set(run_concurrently(script, [(folder_version.folder,)] * 8)) == {f"{checkout}\n"}
        assert files_below(checkout) == FILES
    assert os.listdir(folder_version.folder / "checkouts") == [checkout.name]


def test_concurrent_threads_all_repair_a_damaged_checkout(folder_version):
    failures = []

    def load_path():
        try:
            folder_version.path("churn/1")
        except Exception as error:  # reported by the assertion
            failures.append(error)

    for _ in range(10):
        change(folder_version.path("churn/1") / "model.bin", b"damaged")
        threads = [threading.Thread(target=load_path) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.fixture
def read_only(folder_version):
    """A read-only registry; writable again at the end."""
    paths = [folder_version.folder, *folder_version.folder.rglob("*")]
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in paths}
    for path, mode in modes.items():
        os.chmod(path, mode & ~0o222)
    yield folder_version
    for path, mode in modes.items():
        os.chmod(path, mode)


def test_read_only_registry_is_readable(read_only, tmp_path, run, without_privilege):
    script = """
import sys
from modelreg import Registry
registry = Registry(sys.argv[1])
version = registry.version("churn/latest")
print(len(registry.models()), version.version, len(registry.history()), list(registry.verify()))
registry.information()
print(registry.path("churn/1"))
print(registry.path("churn/1"))
registry.copy("churn/1", "copied")
registry.export("churn/1", "exported")
"""
    status, out, err = run(script, read_only.folder, prefix=without_privilege)
    assert status == 0, err
    summary, first, second = out.splitlines()
    assert summary == "1 1 1 []"
    assert first == second
    assert first.startswith(str(tmp_path / "user-cache" / "modelreg"))
    assert files_below(tmp_path / first) == FILES


def test_read_only_registry_refuses_changes_with_a_storage_failure(read_only, run, without_privilege, model_file):
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
    status, out, err = run(script, read_only.folder, model_file(b"2"), prefix=without_privilege)
    assert status == 0, err
    assert [line.split()[0] for line in out.splitlines()] == ["8"] * 3
    assert [version.version for version in read_only.versions("churn")] == [1]


# Copies


def test_copy_of_a_file_writes_to_a_new_name_or_into_a_folder(registry, model_file, tmp_path):
    registry.register(model_file(b"bytes", "model.pkl"), "churn")
    assert registry.copy("churn/1", tmp_path / "new.pkl") == tmp_path / "new.pkl"
    (tmp_path / "folder").mkdir()
    assert registry.copy("churn/1", tmp_path / "folder") == tmp_path / "folder" / "model.pkl"
    assert (tmp_path / "new.pkl").read_bytes() == (tmp_path / "folder" / "model.pkl").read_bytes() == b"bytes"
    assert (tmp_path / "new.pkl").stat().st_nlink == 1
    assert os.access(tmp_path / "new.pkl", os.W_OK)


def test_copy_overwrites_only_if_asked(registry, model_file, tmp_path):
    registry.register(model_file(b"bytes", "model.pkl"), "churn")
    (tmp_path / "existing").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("existing", "link"):
        with pytest.raises(DestinationExists) as error_info:
            registry.copy("churn/1", tmp_path / name)
        assert error_info.value.exit == 4
    assert (tmp_path / "existing").read_text() == "mine"
    registry.copy("churn/1", tmp_path / "existing", overwrite=True)
    assert (tmp_path / "existing").read_bytes() == b"bytes"


OBSTACLES = {
    "a FIFO": os.mkfifo,
    "a device": lambda path: os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3)),
    "a folder": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("kind", OBSTACLES)
def test_copy_never_overwrites_a_special_file_or_folder(registry, model_file, tmp_path, kind):
    registry.register(model_file(b"bytes", "model.pkl"), "churn")
    (tmp_path / "folder").mkdir()
    try:
        OBSTACLES[kind](tmp_path / "folder" / "model.pkl")
    except PermissionError:
        pytest.skip("only root can create a device")
    before = os.lstat(tmp_path / "folder" / "model.pkl")
    with pytest.raises(DestinationExists) as error_info:
        registry.copy("churn/1", tmp_path / "folder", overwrite=True)
    assert (error_info.value.exit, "not a regular file" in error_info.value.hint) == (4, True)
    assert os.lstat(tmp_path / "folder" / "model.pkl") == before
    assert os.listdir(tmp_path / "folder") == ["model.pkl"]


def test_copy_overwrites_a_link_and_not_its_target(registry, model_file, tmp_path):
    registry.register(model_file(b"bytes", "model.pkl"), "churn")
    (tmp_path / "existing").write_text("mine")
    (tmp_path / "link").symlink_to("existing")
    registry.copy("churn/1", tmp_path / "link", overwrite=True)
    assert (tmp_path / "existing").read_text() == "mine"
    assert (tmp_path / "link").read_bytes() == b"bytes"


def test_copy_refuses_a_file_with_a_trailing_slash(registry, model_file, tmp_path):
    registry.register(model_file(b"bytes", "model.pkl"), "churn")
    (tmp_path / "existing").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(DestinationExists) as error_info:
            registry.copy("churn/1", f"{tmp_path}/existing/", overwrite=overwrite)
        assert "not a folder" in error_info.value.hint
    assert (tmp_path / "existing").read_text() == "mine"


@pytest.mark.parametrize("destination", ["existing/copy", "existing/deeper/copy", "existing/deeper/"])
def test_destination_below_a_file_is_refused(folder_version, model_file, destination):
    folder_version.register(model_file(), "file")
    Path("existing").write_text("mine")
    for reference in ("churn/1", "file/1"):
        for deliver in (folder_version.copy, folder_version.export):
            with pytest.raises(InvalidInput, match="existing' is not a folder"):
                deliver(reference, destination)
    assert Path("existing").read_text() == "mine"


def test_empty_destination_is_refused(folder_version, model_file):
    folder_version.register(model_file(), "file")
    for reference in ("churn/1", "file/1"):
        for deliver in (folder_version.copy, folder_version.export):
            with pytest.raises(InvalidInput, match="path is empty"):
                deliver(reference, "")
    assert os.listdir(".") == []


def test_copy_of_a_folder_needs_a_new_or_empty_folder(folder_version, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        assert files_below(folder_version.copy("churn/1", tmp_path / name)) == FILES
        assert os.access(tmp_path / name / "model.bin", os.W_OK)
    for existing in ("new", "file"):
        (tmp_path / "file").write_text("mine")
        with pytest.raises(DestinationExists):
            folder_version.copy("churn/1", tmp_path / existing)
    with pytest.raises(DestinationExists):
        folder_version.export("churn/1", tmp_path / "new")
    assert (tmp_path / "file").read_text() == "mine"
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def test_copy_of_a_folder_into_an_empty_current_folder(folder_version, tmp_path, monkeypatch):
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path / "current")
    folder_version.copy("churn/1", ".")
    assert files_below(tmp_path / "current") == FILES


@pytest.mark.parametrize("destination", ["nowhere/there", "file/there", "/", ""])
def test_impossible_destination_is_refused(folder_version, model_file, tmp_path, destination):
    folder_version.register(model_file(), "file")
    (tmp_path / "work" / "file").write_text("a file")
    for deliver in (folder_version.copy, folder_version.export):
        with pytest.raises((StorageFailure, InvalidInput, DestinationExists)) as error_info:
            deliver("churn/1", destination)
        assert ".there-" not in str(error_info.value)  # the temporary name must not appear
    assert os.listdir(tmp_path / "work") == ["file"]


def test_stream_writes_one_file_and_refuses_a_folder(registry, model_file, folder_version, tmp_path):
    content = os.urandom(3_000_000)
    registry.register(model_file(content), "one")
    with open(tmp_path / "out", "wb") as out:
        registry.stream("one/1", out.fileno())
        with pytest.raises(InvalidInput, match="folder"):
            registry.stream("churn/1", out.fileno())
    assert (tmp_path / "out").read_bytes() == content


def test_stream_to_a_full_disk_raises_write_failed(registry, model_file):
    registry.register(model_file(b"x" * 100_000), "churn")
    with open("/dev/full", "wb") as full, pytest.raises(WriteFailed):
        registry.stream("churn/1", full.fileno())


def test_checkout_of_a_folder_with_one_file_is_a_folder(registry, model_folder):
    registry.register(model_folder({"only.bin": b"1"}), "churn")
    assert os.listdir(Registry(registry.folder).path("churn/1")) == ["only.bin"]


@pytest.mark.parametrize("method", ["path", "copy", "export"])
def test_progress_is_reported_in_bytes(registry, model_file, tmp_path, method):
    version = registry.register(model_file(os.urandom(3 << 20)), "churn")
    calls = []
    destination = () if method == "path" else (tmp_path / "new",)
    getattr(registry, method)("churn/1", *destination, progress=lambda done, total: calls.append((done, total)))
    assert {total for _, total in calls} == {version.size}
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert calls[-1][0] >= version.size
