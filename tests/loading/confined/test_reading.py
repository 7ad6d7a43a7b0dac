"""A model reads only importable files of folders on ``sys.path``, and never the registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

import pytest
from world import TRUSTED

from modelreg import Registry
from modelreg.loading.confined.conditions import RunConditions
from modelreg.loading.confined.mounts import list_mounts

READS = """
import json
results = {}
for path in PATHS:
    try:
        results[path] = open(path, "rb").read(20).decode("latin-1")
    except OSError as error:
        results[path] = type(error).__name__
print("results", json.dumps(list(results.values())))
"""


def read_in_model(world, paths, **environment) -> list[str]:
    """Let a model read these files; returns the start of each, or the class of the error."""
    reference = world.register(READS.replace("PATHS", repr([str(path) for path in paths])))
    result = world.predict(reference, environment=environment)
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("results ")]
    return json.loads(line.removeprefix("results "))


def write_files(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("private")
    return [folder / name for name in names]


DENIED = "PermissionError"


@pytest.mark.slow
def test_links_and_archives_beside_modules_are_not_readable(world):
    write_files(world.home, "own.py", "keys/id", "backup.zip", "old.egg", "other/module.py")
    os.symlink(world.home / "keys" / "id", world.home / "linked.py")
    os.symlink(world.folder / "data.csv", world.home / "data.py")
    os.symlink(world.home / "own.py", world.home / "same.py")
    names = ["own.py", "same.py", "linked.py", "data.py", "backup.zip", "old.egg"]
    results = read_in_model(world, [world.home / name for name in names], PYTHONPATH=str(world.home))
    assert results == ["private", "private", DENIED, DENIED, DENIED, DENIED]


@pytest.mark.slow
def test_modules_in_an_archive_on_the_path_are_importable(world):
    archive = world.folder / "own.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped.py", "NAME = 'zipped'")
    result = world.predict(
        world.register("import zipped; print(zipped.NAME)"), environment={"PYTHONPATH": str(archive)}
    )
    assert result.stderr.startswith("zipped\n"), result.stderr


@pytest.mark.slow
def test_only_shared_libraries_of_the_library_path_are_readable(world):
    paths = write_files(world.home, "libown.so.1.2", "libown.so", "secret.key", "usr/x")
    os.symlink(world.home / "secret.key", world.home / "libkey.so")
    paths.append(world.home / "libkey.so")
    environment = {"LD_LIBRARY_PATH": str(world.home), "PYTHONPYCACHEPREFIX": str(world.home)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    assert read_in_model(world, paths[:3] + paths[4:], **environment) == ["private", "private", DENIED, DENIED]


@pytest.mark.slow
def test_a_project_folder_that_is_a_virtual_environment_stays_private(world):
    project = world.folder / "project"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project], check=True)
    (packages,) = project.glob("lib/python*/site-packages")
    (packages / "all.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path) + "\n")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    (packages / "own.pth").write_text(root + "\n")
    paths = write_files(project, ".env", "taxes/2025.txt", "lib/text")
    world.registry = Registry(project / ".modelreg")
    reference = world.register(READS.replace("PATHS", repr([*map(str, paths), str(project / ".modelreg/catalog.db")])))
    arguments = ["predict", reference, "-i", world.data, "-o", world.output, "--trust", "full", "-m", "why"]
    result = subprocess.run(
        [project / "bin" / "python", "-m", "modelreg", *arguments],
        env=os.environ | {"MODELREG_HOME": str(world.registry.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert f'results ["{DENIED}", "{DENIED}", "private", "{DENIED}"]' in result.stderr


@pytest.mark.slow
def test_modules_beside_the_registry_are_importable_and_the_registry_is_not_readable(world):
    project = world.folder / "project"
    write_files(project, "notes.txt")
    for name in ("own.py", "package/__init__.py", "package/inner.py", "spaces/module.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("NAME = __name__\n")
    world.registry = Registry(project / ".modelreg")
    code = "import own, package.inner, spaces.module, os\nprint(own.NAME, package.inner.NAME, spaces.module.NAME)\n"
    code += f"os.listdir({str(project / '.modelreg' / 'artifacts')!r})"
    result = world.predict(world.register(code), environment={"PYTHONPATH": str(project)})
    assert result.stderr.startswith("own package.inner spaces.module\n"), result.stderr
    assert DENIED in result.stderr


def get_refusal(world, path) -> str:
    """The error message for allowing a model to read this path."""
    result = world.predict("model/1", "--allow-read", path)
    assert result.returncode == 2, result.stderr
    assert "load" not in [entry.action for entry in world.registry.history()]
    return result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", [".", "artifacts", "artifacts/blobs/sha256", "catalog.db"])
def test_allowing_a_part_of_the_registry_is_refused(world, name):
    world.register("pass")
    os.symlink(world.registry.folder / name, world.home / "linked")
    for path in (world.registry.folder / name, world.home / "linked"):
        assert "is inside the registry" in get_refusal(world, path)


@pytest.mark.slow
def test_allowing_a_folder_that_contains_the_registry_is_refused(world):
    world.register("pass")
    os.symlink(world.folder, world.home / "linked")
    for path in (world.folder, world.home / "linked", "/"):
        assert "contains the registry" in get_refusal(world, path)


@pytest.mark.slow
def test_allowing_devices_is_refused(world):
    world.register("pass")
    assert "is neither a folder nor a regular file" in get_refusal(world, "/dev/zero")
    if any(mount.file_system == "devtmpfs" and mount.path == "/dev" for mount in list_mounts()):
        assert "'/dev' contains device files" in get_refusal(world, "/dev")


MOUNTED = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if os.getuid() and libc.unshare(0x10000000):
    sys.exit(77)
if libc.unshare(0x20000) or libc.mount(b"none", b"/", None, 0x44000, None):
    sys.exit(77)
for source, target in json.loads(sys.argv[1]):
    if libc.mount(source.encode(), target.encode(), None, 0x1000, None):
        sys.exit(77)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Runs a program with bind mounts: ``CLONE_NEWNS``, ``MS_REC | MS_PRIVATE``, ``MS_BIND``."""


def build_mount_prefix(world, **mounts: str):
    """A prefix for a command that runs it with bind mounts, given as target and source below the world's folder."""
    pairs = [(str(world.folder / source), str(world.folder / target)) for target, source in mounts.items()]
    for source, target in pairs:
        os.makedirs(target) if os.path.isdir(source) else open(target, "x").close()
    before = (sys.executable, "-c", MOUNTED, json.dumps(pairs))
    if subprocess.run([*before, "/bin/true"], check=False).returncode == 77:
        pytest.skip("this user cannot mount here")
    return before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "is_around"),
    [("registry", False), ("registry/artifacts", False), ("registry/catalog.db", False), (".", True)],
)
def test_allowing_a_bind_mount_of_the_registry_is_refused(world, source, is_around):
    reference = world.register("pass")
    before = build_mount_prefix(world, mounted=source)
    relation = "contains" if is_around else "is inside"
    result = world.predict(reference, "--allow-read", world.folder / "mounted", before=before)
    assert result.returncode == 2, result.stderr
    assert f"{relation} the registry" in result.stderr


@pytest.mark.slow
def test_allowing_a_folder_with_a_mount_of_the_registry_is_refused(world):
    reference = world.register("pass")
    (world.folder / "share").mkdir()
    before = build_mount_prefix(world, **{"share/models": "registry"})
    for registry in (world.registry.folder, world.folder / "share" / "models"):
        arguments = ("--registry", registry, "predict", reference, "-i", world.data, "-o", world.output, *TRUSTED)
        for name in ("share", "registry"):
            result = world.run(*arguments, "--allow-read", world.folder / name, before=before)
            assert result.returncode == 2, result.stderr
            assert "the registry, which models may not read" in result.stderr


@pytest.mark.slow
def test_a_folder_on_the_path_inside_the_registry_is_not_readable(world):
    """The folder on ``sys.path`` is in the registry, or in a mount of it."""
    folder = world.registry.folder
    blobs = folder / "artifacts" / "blobs" / "sha256"
    write_files(folder / "artifacts", "own.py")
    before = build_mount_prefix(world, mounted="registry")
    paths = [folder / "artifacts" / "own.py", world.folder / "mounted" / "artifacts" / "own.py"]
    reference = world.register(
        READS.replace("PATHS", repr([str(path) for path in paths])) + f"print(__import__('os').listdir({str(blobs)!r}))"
    )
    python_path = os.pathsep.join(str(path.parent) for path in paths)
    result = world.predict(reference, environment={"PYTHONPATH": python_path}, before=before)
    assert f'results ["{DENIED}", "{DENIED}"]' in result.stderr, result.stderr
    assert DENIED in result.stderr.splitlines()[1], result.stderr


def test_an_allowed_path_that_is_replaced_later_is_not_followed(world):
    """Each path is opened once, so the folder that takes its place later is not readable."""
    allowed = world.folder / "maps"
    allowed.mkdir()
    (allowed / "zones").write_text("zone 7")
    with RunConditions.open({"allow_read": str(allowed)}, str(world.registry.folder)) as conditions:
        allowed.rename(world.folder / "moved")
        os.symlink(world.home, allowed)
        (descriptor,) = conditions.granted
        assert os.stat("zones", dir_fd=descriptor).st_size == len("zone 7")
        assert conditions.permissions.allow_read == (str(allowed),)


@pytest.mark.slow
def test_secret_variables_with_prefixes_of_libraries_are_hidden(world):
    names = ["TF_VAR_pat", "MLFLOW_S3_PASS", "PYTHON_DB_DSN", "LC_SSHPASS", "ONNXTOOL_PW", "TF_ENCRYPTION"]
    code = "import os; print('seen', [k for k, v in os.environ.items() if v == 'hush'], os.environ['OMP_NUM_THREADS'])"
    environment = dict.fromkeys(names, "hush") | {"OMP_NUM_THREADS": "1"}
    result = world.predict(world.register(code), environment=environment)
    assert result.stderr.startswith("seen [] 1\n"), result.stderr
