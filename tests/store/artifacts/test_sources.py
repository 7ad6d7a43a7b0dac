"""Files and folders to register: which are accepted, and which are refused, such as links and changing files."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from modelreg.errors import InvalidInput, SourceChanged, SourceNotFound, UnusableSource

BLOCK = 1024 * 1024
SMALL, LARGE = BLOCK // 4, 8 * BLOCK
"""Files up to SMALL and from LARGE on are copied in other ways than those between."""


def paths(version):
    return {file.path for file in version.files}


def is_empty(registry):
    blobs = registry.folder / "artifacts" / "blobs" / "sha256"
    ingest = registry.folder / "artifacts" / "ingest"
    return not registry.folder.exists() or (
        registry.models() == [] and os.listdir(blobs) == [] and os.listdir(ingest) == []
    )


def test_register_stores_all_files_of_a_folder(registry, model_folder):
    files = {
        "a.bin": b"same",
        "b.bin": b"same",
        "deep/er/c.bin": b"c",
        "deep/empty": b"",
        ".hidden": b"h",
        "ä ö\n": b"x",
    }
    version = registry.register(model_folder(files), "churn")
    assert paths(version) == set(files)
    checkout = registry.path("churn/1")
    assert {name: (checkout / name).read_bytes() for name in files} == files


def test_equal_files_are_stored_once(registry, model_folder):
    version = registry.register(model_folder({"a": b"same", "b": b"same", "c/d": b"same"}), "churn")
    assert len({file.digest for file in version.files}) == 1
    assert len(os.listdir(registry.folder / "artifacts" / "blobs" / "sha256")) == 3  # the file, config and manifest


@pytest.mark.parametrize("size", [1, SMALL, SMALL + 1, BLOCK, LARGE - 1, LARGE, LARGE + 1, 17 * BLOCK + 7])
def test_file_of_any_size_is_stored_and_loaded(registry, model_file, size):
    content = os.urandom(size)
    registry.register(model_file(content), "churn")
    assert registry.path("churn/1").read_bytes() == content
    assert list(registry.verify()) == []


def test_folder_with_more_files_than_are_synced_one_by_one(registry, model_folder):
    files = {f"{number % 7}/{number}": b"%d" % number for number in range(100)}
    assert paths(registry.register(model_folder(files), "churn")) == set(files)
    assert list(registry.verify()) == []


def test_deeply_nested_folder_is_stored(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deep" / ("d/" * 300)).mkdir(parents=True)
    (tmp_path / "deep" / ("d/" * 300) / "f").write_bytes(b"x")
    assert registry.register("deep", "churn").size == 1
    assert registry.path("churn/1").is_dir()


# Refused


def test_missing_path_is_refused(registry, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("missing", "file/below", "link"):
        with pytest.raises(SourceNotFound) as error_info:
            registry.register(tmp_path / name, "churn")
        assert error_info.value.exit == 2
    assert not registry.folder.exists()


@pytest.mark.parametrize("path", ["", "a\0b", "x" * 5000, "\udcff"])
def test_invalid_path_is_refused(registry, path, tmp_path):
    (tmp_path / "work" / "important").write_text("must not be registered: an unset shell variable gives an empty path")
    with pytest.raises(InvalidInput):
        registry.register(path, "churn")
    assert not registry.folder.exists()


def test_empty_file_is_refused(registry, model_file):
    with pytest.raises(UnusableSource, match="empty file"):
        registry.register(model_file(b""), "churn")
    assert not registry.folder.exists()


def test_folder_without_files_is_refused(registry, tmp_path):
    (tmp_path / "model" / "deep").mkdir(parents=True)
    with pytest.raises(UnusableSource, match="no files"):
        registry.register(tmp_path / "model", "churn")
    assert not registry.folder.exists()


def test_folder_of_empty_files_is_stored(registry, model_folder):
    assert registry.register(model_folder({"__init__.py": b""}), "churn").size == 0
    assert list(registry.verify()) == []


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


SPECIAL = {
    "a FIFO": os.mkfifo,
    "a socket": make_socket,
    "a symbolic link": lambda path: path.symlink_to("model.bin"),
    "a character device": lambda path: os.mknod(path, 0o20666, os.makedev(1, 3)),
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_file_is_refused_without_blocking(registry, model_folder, kind, monkeypatch):
    folder = model_folder({"model.bin": b"x"})
    monkeypatch.chdir(folder)
    try:
        SPECIAL[kind](folder.__class__("odd"))
    except PermissionError:
        pytest.skip("only root can create a device")
    for source in (folder, folder / "odd"):
        if kind == "a symbolic link" and source != folder:
            continue
        with pytest.raises(UnusableSource, match=rf"odd.* is {kind}") as error_info:
            registry.register(source, "churn")
        assert error_info.value.exit == 2
    assert not registry.folder.exists()


def test_file_name_that_is_not_utf8_is_refused(registry, model_folder):
    folder = model_folder({"model.bin": b"x"})
    with open(os.fsencode(folder) + b"/caf\xe9", "wb") as file:
        file.write(b"x")
    with pytest.raises(UnusableSource, match=r"udce9.*not UTF-8"):
        registry.register(folder, "churn")
    assert not registry.folder.exists()


def test_folder_that_contains_the_registry_is_refused(registry, model_file, tmp_path):
    registry.register(model_file(), "churn")
    for folder in (registry.folder, tmp_path):
        with pytest.raises(UnusableSource, match="registry itself"):
            registry.register(folder, "all")
    assert [model.name for model in registry.models()] == ["churn"]


# Links


def test_link_given_as_the_path_is_followed(registry, model_folder, tmp_path):
    folder = model_folder({"model.bin": b"x"})
    (tmp_path / "to-file.bin").symlink_to(folder / "model.bin")
    (tmp_path / "to-folder").symlink_to(folder)
    assert paths(registry.register(tmp_path / "to-file.bin", "file")) == {"to-file.bin"}
    assert paths(registry.register(tmp_path / "to-folder", "folder")) == {"model.bin"}


def test_links_in_a_folder_are_followed_only_with_follow_symlinks(registry, model_folder, tmp_path):
    outside = model_folder({"weights.bin": b"w", "deep/x": b"x"}, "outside")
    folder = model_folder({"own.bin": b"o"})
    (folder / "weights.bin").symlink_to(outside / "weights.bin")
    (folder / "linked").symlink_to("../outside/deep")
    with pytest.raises(UnusableSource, match="symbolic link") as error_info:
        registry.register(folder, "churn")
    assert "--follow-symlinks" in error_info.value.hint
    version = registry.register(folder, "churn", follow_symlinks=True)
    assert paths(version) == {"own.bin", "weights.bin", "linked/x"}
    assert (registry.path("churn/1") / "linked" / "x").read_bytes() == b"x"
    assert not (registry.path("churn/1") / "linked").is_symlink()


@pytest.mark.parametrize(
    ("link", "target"), [("loop", "."), ("loop", "loop"), ("deep/loop", ".."), ("deep/loop", "../deep"), ("up", "..")]
)
def test_circular_links_are_refused(registry, model_folder, link, target):
    folder = model_folder({"model.bin": b"x", "deep/x": b"x"}, "around/model")
    (folder / link).symlink_to(target)
    with pytest.raises(UnusableSource, match=rf"link '[^']*{link}'"):
        registry.register(folder, "churn", follow_symlinks=True)
    assert not registry.folder.exists()


def test_link_to_a_parent_folder_is_named(registry, model_folder):
    folder = model_folder({"model.bin": b"x"})
    (folder / "loop").symlink_to(".")
    with pytest.raises(UnusableSource, match="the link 'loop' leads back"):
        registry.register(folder, "churn", follow_symlinks=True)


def test_two_links_to_the_same_folder_are_followed(registry, model_folder):
    folder, outside = model_folder({"model.bin": b"x"}), model_folder({"y": b"y"}, "outside")
    for name in ("a", "b"):
        (folder / name).symlink_to(outside)
    assert paths(registry.register(folder, "churn", follow_symlinks=True)) == {"model.bin", "a/y", "b/y"}


@pytest.mark.parametrize("kind", ["a FIFO", "a socket"])
def test_followed_link_to_a_special_file_is_refused_with_its_type(registry, model_folder, kind, monkeypatch):
    folder = model_folder({"model.bin": b"x"})
    outside = model_folder({"x": b"x"}, "outside")
    monkeypatch.chdir(outside)
    SPECIAL[kind](outside.__class__("odd"))
    (folder / "link").symlink_to(outside / "odd")
    with pytest.raises(UnusableSource, match=rf"link.* {kind}"):
        registry.register(folder, "churn", follow_symlinks=True)


# Changes while it is read


def append(path):
    with open(path, "ab") as file:
        file.write(b"more")


def rewrite(path):
    with open(path, "r+b") as file:
        file.write(b"other")


def replace(path):
    path.with_name("new").write_bytes(path.read_bytes())
    os.replace(path.with_name("new"), path)


CHANGES = {
    "appended to": append,
    "rewritten": rewrite,
    "truncated": lambda path: os.truncate(path, 3 * BLOCK),
    "replaced": replace,
    "deleted": os.unlink,
}


@pytest.mark.parametrize("kind", CHANGES)
def test_file_that_changes_while_it_is_read_is_refused(registry, model_file, kind):
    path = model_file(os.urandom(6 * BLOCK))
    halfway, changed = threading.Event(), threading.Event()

    def change_halfway():
        halfway.wait()
        CHANGES[kind](path)
        changed.set()

    def progress(done, total):
        if done >= total // 2:
            halfway.set()
            changed.wait()

    thread = threading.Thread(target=change_halfway)
    thread.start()
    with pytest.raises(SourceChanged, match=r"model\.bin") as error_info:
        registry.register(path, "churn", progress=progress)
    thread.join()
    assert error_info.value.exit == 2
    assert is_empty(registry)


def test_file_removed_while_its_folder_is_read_is_refused(registry, model_folder):
    folder = model_folder({"a": os.urandom(2 * BLOCK), "b": b"b"})

    def progress(done, total):
        (folder / "b").unlink(missing_ok=True)

    with pytest.raises(InvalidInput, match="'b'"):
        registry.register(folder, "churn", progress=progress)
    assert is_empty(registry)


def test_file_that_keeps_growing_is_refused(registry, model_file):
    path = model_file(os.urandom(4 * BLOCK))

    class StillReading(Exception):
        pass

    def progress(done, total):
        if done > 16 * total:
            raise StillReading
        with open(path, "ab") as file:
            file.write(bytes(BLOCK))

    with pytest.raises(SourceChanged):
        registry.register(path, "churn", progress=progress)
    assert is_empty(registry)


@pytest.mark.parametrize("size", [10, 6 * BLOCK])
def test_exception_in_the_progress_callback_registers_nothing(registry, model_file, size):
    def progress(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        registry.register(model_file(os.urandom(size)), "churn", progress=progress)
    assert is_empty(registry)
    assert registry.register(model_file(), "churn").version == 1
