"""Without kernel support a model runs with a warning, and is refused with ``--require-sandbox``.

A seccomp filter, installed before the command starts, makes this kernel answer like an older one.
"""

from __future__ import annotations

import json
import sys

import pytest

from modelreg.loading.confined.sandbox import get_available_confinement

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not get_available_confinement().is_complete, reason="this system cannot confine models"),
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
seccomp.load_filter(program)
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture(params=["landlock", pytest.param("seccomp", marks=pytest.mark.slow)])
def without(request):
    """A prefix for a command that runs it without Landlock or seccomp."""
    return (sys.executable, "-c", OLD_KERNEL, request.param)


def test_incomplete_confinement_is_warned_of_once(workspace, without):
    result = workspace.predict(workspace.register("pass"), prefix=without)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("without complete confinement") == 1
    assert f"(no {'Landlock' if 'landlock' in without else 'seccomp'} here)" in result.stderr
    assert "without complete confinement" not in workspace.predict("model/1").stderr


def test_pythonwarnings_does_not_silence_the_warning(workspace):
    prefix = (sys.executable, "-c", OLD_KERNEL, "landlock")
    result = workspace.predict(workspace.register("pass"), prefix=prefix, environment={"PYTHONWARNINGS": "ignore"})
    assert "warning: the model runs without complete confinement (no Landlock here)" in result.stderr


def test_info_shows_the_available_confinement(workspace):
    workspace.register("pass")
    prefix = (sys.executable, "-c", OLD_KERNEL, "landlock")
    assert json.loads(workspace.run("info", "--json", prefix=prefix).stdout)["sandbox"] == "incomplete (seccomp)"
    assert json.loads(workspace.run("info", "--json").stdout)["sandbox"].startswith("complete (Landlock ")


def test_seccomp_is_used_without_landlock(workspace):
    prefix = (sys.executable, "-c", OLD_KERNEL, "landlock")
    result = workspace.predict(workspace.register("import os; os.fork()"), prefix=prefix)
    assert "PermissionError" in result.stderr


@pytest.mark.parametrize("options", [("--require-sandbox",), pytest.param((), marks=pytest.mark.slow)])
def test_require_sandbox_refuses_to_run_the_model(workspace, without, options):
    reference = workspace.register("print('run')")
    if not options:
        assert workspace.run("init", workspace.registry.folder, "--require-sandbox").returncode == 0
    result = workspace.predict(reference, *options, "--json", prefix=without)
    assert result.returncode == 7
    assert json.loads(result.stderr)["error"]["code"] == "sandbox_unavailable"
    assert not workspace.output.exists()
    assert workspace.predict(reference, *options).returncode == 0


def test_the_registrys_setting_is_recorded_in_the_journal(workspace):
    reference = workspace.register("pass")
    folder = workspace.registry.folder
    assert not workspace.registry.requires_sandbox
    result = workspace.run("init", folder, "--require-sandbox", "--message", "models of others")
    assert "its models run only on systems that can confine them" in result.stderr
    assert workspace.registry.requires_sandbox
    assert "nothing was changed" in workspace.run("init", folder, "--require-sandbox").stderr
    entry = workspace.registry.history()[-1]
    assert (entry.action, entry.message) == ("set", "models of others")
    assert "sandbox: required" in workspace.run("history").stdout
    assert json.loads(workspace.run("info", "--json").stdout)["sandbox_required"] is True
    assert list(workspace.registry.verify()) == []
    assert workspace.registry.require_sandbox(False)
    assert workspace.predict(reference).returncode == 0
    assert (
        json.loads(workspace.run("init", folder, "--no-require-sandbox", "--json").stdout)["sandbox_required"] is False
    )
    assert list(workspace.registry.verify()) == []


def test_a_new_registry_can_require_the_sandbox(workspace):
    result = workspace.run("init", workspace.folder / "new", "--require-sandbox", "--json")
    assert json.loads(result.stdout) == {
        "path": str(workspace.folder / "new"),
        "created": True,
        "shared": False,
        "stages": "strict",
        "sandbox_required": True,
    }
