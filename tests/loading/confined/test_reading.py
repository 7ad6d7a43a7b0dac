"""A model reads only importable files of folders on ``sys.path``, and never the registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

import pytest
from workspace import TRUSTED

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


def read_in_model(workspace, paths, **environment) -> list[str]:
    """Let a model read these files; returns the start of each, or the class of the error."""
    reference = workspace.register(READS.replace("PATHS", repr([str(path) for path in paths])))
    result = workspace.predict(reference, environment=environment)
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
def test_links_and_archives_beside_modules_are_not_readable(workspace):
    write_files(workspace.home, "own.py", "keys/id", "backup.zip", "old.egg", "other/module.py")
    os.symlink(workspace.home / "keys" / "id", workspace.home / "linked.py")
    os.symlink(workspace.folder / "data.csv", workspace.home / "data.py")
    os.symlink(workspace.home / "own.py", workspace.home / "same.py")
    names = ["own.py", "same.py", "linked.py", "data.py", "backup.zip", "old.egg"]
    results = read_in_model(workspace, [workspace.home / name for name in names], PYTHONPATH=str(workspace.home))
    assert results == ["private", "private", DENIED, DENIED, DENIED, DENIED]


@pytest.mark.slow
def test_modules_in_an_archive_on_the_path_are_importable(workspace):
    archive = workspace.folder / "own.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped.py", "NAME = 'zipped'")
    result = workspace.predict(
        workspace.register("import zipped; print(zipped.NAME)"), environment={"PYTHONPATH": str(archive)}
    )
    assert result.stderr.startswith("zipped\n"), result.stderr


@pytest.mark.slow
def test_only_shared_libraries_of_the_library_path_are_readable(workspace):
    paths = write_files(workspace.home, "libown.so.1.2", "libown.so", "secret.key", "usr/x")
    os.symlink(workspace.home / "secret.key", workspace.home / "libkey.so")
    paths.append(workspace.home / "libkey.so")
    environment = {"LD_LIBRARY_PATH": str(workspace.home), "PYTHONPYCACHEPREFIX": str(workspace.home)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    assert read_in_model(workspace, paths[:3] + paths[4:], **environment) == ["private", "private", DENIED, DENIED]


@pytest.mark.slow
def test_a_project_folder_that_is_a_virtual_environment_stays_private(workspace):
    project = workspace.folder / "project"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project], check=True)
    (packages,) = project.glob("lib/python*/site-packages")
    (packages / "all.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path) + "\n")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    (packages / "own.pth").write_text(root + "\n")
    paths = write_files(project, ".env", "taxes/2025.txt", "lib/text")
    workspace.registry = Registry(project / ".modelreg")
    reference = workspace.register(
        READS.replace("PATHS", repr([*map(str, paths), str(project / ".modelreg/catalog.db")]))
    )
    arguments = ["predict", reference, "-i", workspace.data, "-o", workspace.output, "--trust", "full", "-m", "why"]
    result = subprocess.run(
        [project / "bin" / "python", "-m", "modelreg", *arguments],
        env=os.environ | {"MODELREG_HOME": str(workspace.registry.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert f'results ["{DENIED}", "{DENIED}", "private", "{DENIED}"]' in result.stderr


@pytest.mark.slow
def test_modules_beside_the_registry_are_importable_and_the_registry_is_not_readable(workspace):
    project = workspace.folder / "project"
    write_files(project, "notes.txt")
    for name in ("own.py", "package/__init__.py", "package/inner.py", "spaces/module.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("NAME = __name__\n")
    workspace.registry = Registry(project / ".modelreg")
    code = "import own, package.inner, spaces.module, os\nprint(own.NAME, package.inner.NAME, spaces.module.NAME)\n"
    code += f"os.listdir({str(project / '.modelreg' / 'artifacts')!r})"
    result = workspace.predict(workspace.register(code), environment={"PYTHONPATH": str(project)})
    assert result.stderr.startswith("own package.inner spaces.module\n"), result.stderr
    assert DENIED in result.stderr


def get_refusal(workspace, path) -> str:
    """The error message for allowing a model to read this path."""
    result = workspace.predict("model/1", "--allow-read", path)
    assert result.returncode == 2, result.stderr
    assert "load" not in [entry.action for entry in workspace.registry.history()]
    return result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", [".", "artifacts", "artifacts/blobs/sha256", "catalog.db"])
def test_allowing_a_part_of_the_registry_is_refused(workspace, name):
    workspace.register("pass")
    os.symlink(workspace.registry.folder / name, workspace.home / "linked")
    for path in (workspace.registry.folder / name, workspace.home / "linked"):
        assert "is inside the registry" in get_refusal(workspace, path)


@pytest.mark.slow
def test_allowing_a_folder_that_contains_the_registry_is_refused(workspace):
    workspace.register("pass")
    os.symlink(workspace.folder, workspace.home / "linked")
    for path in (workspace.folder, workspace.home / "linked", "/"):
        assert "contains the registry" in get_refusal(workspace, path)


@pytest.mark.slow
def test_allowing_devices_is_refused(workspace):
    workspace.register("pass")
    assert "is neither a folder nor a regular file" in get_refusal(workspace, "/dev/zero")
    if any(mount.file_system == "devtmpfs" and mount.path == "/dev" for mount in list_mounts()):
        assert "'/dev' contains device files" in get_refusal(workspace, "/dev")


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


def build_mount_prefix(workspace, **mounts: str):
    """Return a command prefix that bind-mounts the sources on the targets, all below the workspace folder."""
    pairs = [(str(workspace.folder / source), str(workspace.folder / target)) for target, source in mounts.items()]
    for source, target in pairs:
        os.makedirs(target) if os.path.isdir(source) else open(target, "x").close()
    prefix = (sys.executable, "-c", MOUNTED, json.dumps(pairs))
    if subprocess.run([*prefix, "/bin/true"], check=False).returncode == 77:
        pytest.skip("this user cannot mount here")
    return prefix


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "is_around"),
    [("registry", False), ("registry/artifacts", False), ("registry/catalog.db", False), (".", True)],
)
def test_allowing_a_bind_mount_of_the_registry_is_refused(workspace, source, is_around):
    reference = workspace.register("pass")
    prefix = build_mount_prefix(workspace, mounted=source)
    relation = "contains" if is_around else "is inside"
    result = workspace.predict(reference, "--allow-read", workspace.folder / "mounted", prefix=prefix)
    assert result.returncode == 2, result.stderr
    assert f"{relation} the registry" in result.stderr


@pytest.mark.slow
def test_allowing_a_folder_with_a_mount_of_the_registry_is_refused(workspace):
    reference = workspace.register("pass")
    (workspace.folder / "share").mkdir()
    prefix = build_mount_prefix(workspace, **{"share/models": "registry"})
    for registry in (workspace.registry.folder, workspace.folder / "share" / "models"):
        arguments = (
            "--registry",
            registry,
            "predict",
            reference,
            "-i",
            workspace.data,
            "-o",
            workspace.output,
            *TRUSTED,
        )
        for name in ("share", "registry"):
            result = workspace.run(*arguments, "--allow-read", workspace.folder / name, prefix=prefix)
            assert result.returncode == 2, result.stderr
            assert "the registry, which models may not read" in result.stderr


@pytest.mark.slow
def test_a_folder_on_the_path_inside_the_registry_is_not_readable(workspace):
    """The folder on ``sys.path`` is in the registry, or in a mount of it."""
    folder = workspace.registry.folder
    blobs = folder / "artifacts" / "blobs" / "sha256"
    write_files(folder / "artifacts", "own.py")
    prefix = build_mount_prefix(workspace, mounted="registry")
    paths = [folder / "artifacts" / "own.py", workspace.folder / "mounted" / "artifacts" / "own.py"]
    reference = workspace.register(
        READS.replace("PATHS", repr([str(path) for path in paths])) + f"print(__import__('os').listdir({str(blobs)!r}))"
    )
    python_path = os.pathsep.join(str(path.parent) for path in paths)
    result = workspace.predict(reference, environment={"PYTHONPATH": python_path}, prefix=prefix)
    assert f'results ["{DENIED}", "{DENIED}"]' in result.stderr, result.stderr
    assert DENIED in result.stderr.splitlines()[1], result.stderr


def test_an_allowed_path_that_is_replaced_later_is_not_followed(workspace):
    """Each path is opened once, so the folder that takes its place later is not readable."""
    allowed = workspace.folder / "maps"
    allowed.mkdir()
    (allowed / "zones").write_text("zone 7")
    with RunConditions.open({"allow_read": str(allowed)}, str(workspace.registry.folder)) as conditions:
        allowed.rename(workspace.folder / "moved")
        os.symlink(workspace.home, allowed)
        (descriptor,) = conditions.granted
        assert os.stat("zones", dir_fd=descriptor).st_size == len("zone 7")
        assert conditions.permissions.allow_read == (str(allowed),)


@pytest.mark.slow
def test_secret_variables_with_prefixes_of_libraries_are_hidden(workspace):
    names = ["TF_VAR_pat", "MLFLOW_S3_PASS", "PYTHON_DB_DSN", "LC_SSHPASS", "ONNXTOOL_PW", "TF_ENCRYPTION"]
    code = "import os; print('seen', [k for k, v in os.environ.items() if v == 'hush'], os.environ['OMP_NUM_THREADS'])"
    environment = dict.fromkeys(names, "hush") | {"OMP_NUM_THREADS": "1"}
    result = workspace.predict(workspace.register(code), environment=environment)
    assert result.stderr.startswith("seen [] 1\n"), result.stderr
