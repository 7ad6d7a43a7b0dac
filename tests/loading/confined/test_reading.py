"""Of folders that hold more than Python's modules a model reads what can be imported, and never the registry."""

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
found = {}
for path in PLACES:
    try:
        found[path] = open(path, "rb").read(20).decode("latin-1")
    except OSError as error:
        found[path] = type(error).__name__
print("found", json.dumps(list(found.values())))
"""


def read_by(world, places, *words, **environment) -> list[str]:
    """What a model reads of files."""
    reference = world.register(READS.replace("PLACES", repr([str(place) for place in places])))
    done = world.predict(reference, *words, environment=environment)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("found ")]
    return json.loads(line.removeprefix("found "))


def write(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("private")
    return [folder / name for name in names]


DENIED = "PermissionError"


@pytest.mark.slow
def test_links_and_archives_beside_modules_are_not_read(world):
    write(world.home, "own.py", "keys/id", "backup.zip", "old.egg", "other/module.py")
    os.symlink(world.home / "keys" / "id", world.home / "linked.py")
    os.symlink(world.folder / "data.csv", world.home / "data.py")
    os.symlink(world.home / "own.py", world.home / "same.py")
    names = ["own.py", "same.py", "linked.py", "data.py", "backup.zip", "old.egg"]
    found = read_by(world, [world.home / name for name in names], PYTHONPATH=str(world.home))
    assert found == ["private", "private", DENIED, DENIED, DENIED, DENIED]


@pytest.mark.slow
def test_an_archive_on_the_path_is_imported_from(world):
    archive = world.folder / "own.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped.py", "NAME = 'zipped'")
    done = world.predict(world.register("import zipped; print(zipped.NAME)"), environment={"PYTHONPATH": str(archive)})
    assert done.stderr.startswith("zipped\n"), done.stderr


@pytest.mark.slow
def test_folders_of_libraries_and_of_compiled_modules_hold_nothing_else(world):
    places = write(world.home, "libown.so.1.2", "libown.so", "secret.key", "usr/x")
    os.symlink(world.home / "secret.key", world.home / "libkey.so")
    places.append(world.home / "libkey.so")
    environment = {"LD_LIBRARY_PATH": str(world.home), "PYTHONPYCACHEPREFIX": str(world.home)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    assert read_by(world, places[:3] + places[4:], **environment) == ["private", "private", DENIED, DENIED]


@pytest.mark.slow
def test_a_virtual_environment_that_is_the_folder_of_a_project(world):
    project = world.folder / "project"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", project], check=True)
    (packages,) = project.glob("lib/python*/site-packages")
    (packages / "all.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path) + "\n")
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    (packages / "own.pth").write_text(here + "\n")
    places = write(project, ".env", "taxes/2025.txt", "lib/text")
    world.registry = Registry(project / ".modelreg")
    reference = world.register(
        READS.replace("PLACES", repr([*map(str, places), str(project / ".modelreg/store/catalog.db")]))
    )
    words = ["predict", reference, "-i", world.data, "-o", world.output, "--trust", "full", "-m", "why"]
    done = subprocess.run(
        [project / "bin" / "python", "-m", "modelreg", *words],
        env=os.environ | {"MODELREG_HOME": str(world.registry.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f'found ["{DENIED}", "{DENIED}", "private", "{DENIED}"]' in done.stderr


@pytest.mark.slow
def test_a_project_with_the_registry_in_it_is_imported_from_and_the_registry_not_read(world):
    project = world.folder / "project"
    write(project, "notes.txt")
    for name in ("own.py", "package/__init__.py", "package/inner.py", "spaces/module.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("NAME = __name__\n")
    world.registry = Registry(project / ".modelreg")
    code = "import own, package.inner, spaces.module, os\nprint(own.NAME, package.inner.NAME, spaces.module.NAME)\n"
    code += f"os.listdir({str(project / '.modelreg' / 'artifacts')!r})"
    done = world.predict(world.register(code), environment={"PYTHONPATH": str(project)})
    assert done.stderr.startswith("own package.inner spaces.module\n"), done.stderr
    assert DENIED in done.stderr


def refused(world, place) -> str:
    """Why a model may not be allowed to read this."""
    done = world.predict("model/1", "--allow-read", place)
    assert done.returncode == 2, done.stderr
    assert "load" not in [entry.action for entry in world.registry.history()]
    return done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("place", [".", "artifacts", "artifacts/blobs/sha256", "catalog.db"])
def test_no_part_of_the_registry_may_be_allowed(world, place):
    world.register("pass")
    os.symlink(world.registry.folder / place, world.home / "linked")
    for named in (world.registry.folder / place, world.home / "linked"):
        assert "is in the registry, which a model may not read" in refused(world, named)


@pytest.mark.slow
def test_no_folder_around_the_registry_may_be_allowed(world):
    world.register("pass")
    os.symlink(world.folder, world.home / "linked")
    for named in (world.folder, world.home / "linked", "/"):
        assert "contains the registry, which a model may not read" in refused(world, named)


@pytest.mark.slow
def test_devices_may_not_be_allowed(world):
    world.register("pass")
    assert "is neither a folder nor a file" in refused(world, "/dev/zero")
    if any(mount.file_system == "devtmpfs" and mount.path == "/dev" for mount in list_mounts()):
        assert "'/dev' contains devices, such as disks" in refused(world, "/dev")


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
"""A program is run where folders are bound to others as well: ``CLONE_NEWNS``, ``MS_REC | MS_PRIVATE``, ``MS_BIND``."""


def mounting(world, **places: str):
    """What to put before a command so that parts of the world are mounted at other places of it."""
    pairs = [(str(world.folder / source), str(world.folder / target)) for target, source in places.items()]
    for source, target in pairs:
        os.makedirs(target) if os.path.isdir(source) else open(target, "x").close()
    before = (sys.executable, "-c", MOUNTED, json.dumps(pairs))
    if subprocess.run([*before, "/bin/true"], check=False).returncode == 77:
        pytest.skip("nothing can be mounted here")
    return before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "is_around"),
    [("registry", False), ("registry/artifacts", False), ("registry/catalog.db", False), (".", True)],
)
def test_another_mount_of_the_registry_may_not_be_allowed(world, source, is_around):
    reference = world.register("pass")
    before = mounting(world, mounted=source)
    word = "contains" if is_around else "is in"
    done = world.predict(reference, "--allow-read", world.folder / "mounted", before=before)
    assert done.returncode == 2, done.stderr
    assert f"{word} the registry, which a model may not read" in done.stderr


@pytest.mark.slow
def test_a_folder_in_which_the_registry_is_mounted_may_not_be_allowed(world):
    reference = world.register("pass")
    (world.folder / "share").mkdir()
    before = mounting(world, **{"share/models": "registry"})
    for registry in (world.registry.folder, world.folder / "share" / "models"):
        words = ("--registry", registry, "predict", reference, "-i", world.data, "-o", world.output, *TRUSTED)
        for place in ("share", "registry"):
            done = world.run(*words, "--allow-read", world.folder / place, before=before)
            assert done.returncode == 2, done.stderr
            assert "the registry, which a model may not read" in done.stderr


@pytest.mark.slow
def test_folders_of_modules_show_nothing_of_the_registry(world):
    """A folder on ``sys.path`` may lie in the registry, or be a mount of it."""
    folder = world.registry.folder
    blobs = folder / "artifacts" / "blobs" / "sha256"
    write(folder / "artifacts", "own.py")
    before = mounting(world, mounted="registry")
    places = [folder / "artifacts" / "own.py", world.folder / "mounted" / "artifacts" / "own.py"]
    reference = world.register(
        READS.replace("PLACES", repr([str(place) for place in places]))
        + f"print(__import__('os').listdir({str(blobs)!r}))"
    )
    path = os.pathsep.join(str(place.parent) for place in places)
    done = world.predict(reference, environment={"PYTHONPATH": path}, before=before)
    assert f'found ["{DENIED}", "{DENIED}"]' in done.stderr, done.stderr
    assert DENIED in done.stderr.splitlines()[1], done.stderr


def test_what_was_allowed_stays_what_it_was(world):
    """A path is opened once: what takes its place afterwards is another folder."""
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
def test_secrets_with_names_like_those_of_libraries_are_not_seen(world):
    names = ["TF_VAR_pat", "MLFLOW_S3_PASS", "PYTHON_DB_DSN", "LC_SSHPASS", "ONNXTOOL_PW", "TF_ENCRYPTION"]
    code = "import os; print('seen', [k for k, v in os.environ.items() if v == 'hush'], os.environ['OMP_NUM_THREADS'])"
    environment = dict.fromkeys(names, "hush") | {"OMP_NUM_THREADS": "1"}
    done = world.predict(world.register(code), environment=environment)
    assert done.stderr.startswith("seen [] 1\n"), done.stderr
