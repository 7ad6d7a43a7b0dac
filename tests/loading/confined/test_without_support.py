"""Where the kernel cannot confine a model it is said once, shown, and refused where that is wanted.

The kernel is this one, with a filter of system calls before the command that answers as an older one does.
"""

from __future__ import annotations

import json
import sys

import pytest

from modelreg.loading.confined.sandbox import offered

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not offered().is_complete, reason="nothing is confined here anyway"),
]

OLD_KERNEL = """
import ctypes, os, platform, sys
from modelreg.loading.confined import kernel, seccomp
number = {"landlock": 444, "seccomp": {"x86_64": 157, "aarch64": 167}[platform.machine()]}[sys.argv[1]]
program = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7FFF0000)]
if sys.argv[1] == "seccomp":  # prctl(PR_SET_SECCOMP) alone
    program[2:2] = [(0x20, 0, 0, 16), (0x15, 0, 1, 22)]
    program[1] = (0x15, 0, 3, number)
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
seccomp.load(program)
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture(params=["landlock", pytest.param("seccomp", marks=pytest.mark.slow)])
def without(request):
    """What to put before a command so that the kernel lacks one of the two."""
    return (sys.executable, "-c", OLD_KERNEL, request.param)


def test_it_is_said_once(world, without):
    done = world.predict(world.register("pass"), before=without)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("without complete confinement") == 1
    assert f"(no {'Landlock' if 'landlock' in without else 'seccomp'} here)" in done.stderr
    assert "without complete confinement" not in world.predict("model/1").stderr


def test_no_setting_of_warnings_silences_it(world):
    before = (sys.executable, "-c", OLD_KERNEL, "landlock")
    done = world.predict(world.register("pass"), before=before, environment={"PYTHONWARNINGS": "ignore"})
    assert "warning: the model runs without complete confinement (no Landlock here)" in done.stderr


def test_info_shows_it(world):
    world.register("pass")
    before = (sys.executable, "-c", OLD_KERNEL, "landlock")
    assert json.loads(world.run("info", "--json", before=before).stdout)["sandbox"] == "incomplete (seccomp)"
    assert json.loads(world.run("info", "--json").stdout)["sandbox"].startswith("complete (Landlock ")


def test_what_is_there_is_used_all_the_same(world):
    before = (sys.executable, "-c", OLD_KERNEL, "landlock")
    done = world.predict(world.register("import os; os.fork()"), before=before)
    assert "PermissionError" in done.stderr


@pytest.mark.parametrize("words", [("--require-sandbox",), pytest.param((), marks=pytest.mark.slow)])
def test_it_is_refused_where_that_is_wanted(world, without, words):
    reference = world.register("print('run')")
    if not words:
        assert world.run("init", world.registry.folder, "--require-sandbox").returncode == 0
    done = world.predict(reference, *words, "--json", before=without)
    assert done.returncode == 7
    assert json.loads(done.stderr)["error"]["code"] == "sandbox_unavailable"
    assert not world.output.exists()
    assert world.predict(reference, *words).returncode == 0


def test_the_setting_is_changed_and_journalled(world):
    reference = world.register("pass")
    folder = world.registry.folder
    assert not world.registry.requires_sandbox
    done = world.run("init", folder, "--require-sandbox", "--message", "models of others")
    assert "its models run only on systems that can confine them" in done.stderr
    assert world.registry.requires_sandbox
    assert "nothing was changed" in world.run("init", folder, "--require-sandbox").stderr
    entry = world.registry.history()[-1]
    assert (entry.action, entry.message) == ("set", "models of others")
    assert "sandbox: required" in world.run("history").stdout
    assert json.loads(world.run("info", "--json").stdout)["sandbox_required"] is True
    assert list(world.registry.verify()) == []
    assert world.registry.require_sandbox(False)
    assert world.predict(reference).returncode == 0
    assert json.loads(world.run("init", folder, "--no-require-sandbox", "--json").stdout)["sandbox_required"] is False
    assert list(world.registry.verify()) == []


def test_a_new_registry_may_begin_with_it(world):
    done = world.run("init", world.folder / "new", "--require-sandbox", "--json")
    assert json.loads(done.stdout) == {
        "path": str(world.folder / "new"),
        "created": True,
        "shared": False,
        "stages": "strict",
        "sandbox_required": True,
    }
