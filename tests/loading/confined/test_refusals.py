"""A model is not run when the system can confine it but an attempt to do so fails."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest
from workspace import MODELREG, TRUSTED

from modelreg.errors import ConfinementFailed
from modelreg.loading.confined.sandbox import get_available_confinement

pytestmark = pytest.mark.skipif(not get_available_confinement().is_complete, reason="this system cannot confine models")

THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n"
REFUSING_KERNEL = """
import ctypes, os, sys
from modelreg.loading.confined import kernel, seccomp
program = [(0x20, 0, 0, 0), (0x15, 0, 1, int(sys.argv[1])), (0x06, 0, 0, 0x00050000 | 1), (0x06, 0, 0, 0x7FFF0000)]
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
seccomp.load_filter(program)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Runs a program for which one system call fails with EPERM."""


def test_a_thread_of_a_startup_module_prevents_the_run(workspace):
    environment = workspace.write_sitecustomize(THREAD) | {"PYTHONWARNINGS": "ignore"}
    result = workspace.predict(workspace.register("print('run')"), "--json", environment=environment)
    assert result.returncode == 7
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "confinement_failed"
    assert "thread" in error["message"]
    assert "sitecustomize" in error["hint"]
    assert not workspace.output.exists()


@pytest.mark.parametrize("kind", ["a file", "nothing"])
def test_shared_memory_of_a_startup_module_prevents_the_run(workspace, kind):
    """A mapping stays writable after its file is closed, and nobody can remove it."""
    file = workspace.home / "counters"
    file.write_bytes(bytes(4096))
    source = f"os.open({str(file)!r}, os.O_RDWR)" if kind == "a file" else "-1"
    environment = workspace.write_sitecustomize(f"import mmap, os, sys\nsys.counters = mmap.mmap({source}, 4096)\n")
    result = workspace.predict(workspace.register("print('run')"), "--json", environment=environment)
    assert result.returncode == 7
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "confinement_failed"
    assert "memory" in error["message"]
    assert (str(file) in error["message"]) == (kind == "a file")
    assert "sitecustomize" in error["hint"]


@pytest.mark.slow
def test_read_only_memory_of_a_startup_module_does_not_prevent_the_run(workspace):
    text = "import mmap, os, sys\nsys.held = mmap.mmap(os.open(os.__file__, 0), 100, prot=mmap.PROT_READ)\n"
    result = workspace.predict(workspace.register("pass"), environment=workspace.write_sitecustomize(text))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("call", [444, 445, 446], ids=["create a rule set", "add a rule", "restrict itself"])
def test_a_failing_landlock_call_prevents_the_run(workspace, call):
    prefix = (sys.executable, "-c", REFUSING_KERNEL, str(call))
    result = workspace.predict(workspace.register("print('run')"), "--json", prefix=prefix)
    assert result.returncode == 7
    assert json.loads(result.stderr)["error"]["code"] == "confinement_failed"


HOOK = "import sys; sys.path.append('__editable__.own.finder.__path_hook__')"


@pytest.mark.parametrize("hook", ["", pytest.param(HOOK, marks=pytest.mark.slow)], ids=["plain", "with an import hook"])
def test_a_removed_current_folder_does_not_weaken_confinement(workspace, hook):
    reference = workspace.register(f"open({str(workspace.home / 'secret')!r})")
    arguments = shlex.join(["predict", reference, "-i", str(workspace.data), "-o", str(workspace.output), *TRUSTED])
    removed = workspace.folder / "removed"
    removed.mkdir()
    script = f"cd {removed} && rmdir {removed} && exec {MODELREG} {arguments}"
    environment = os.environ | {"MODELREG_HOME": str(workspace.registry.folder)} | workspace.write_sitecustomize(hook)
    result = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 2, result.stderr
    assert "PermissionError" in result.stderr


@pytest.mark.parametrize("program", ["", None, "/nowhere/python"])
def test_a_python_that_cannot_be_started_is_reported(workspace, monkeypatch, program):
    reference = workspace.register("pass")
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(ConfinementFailed, match=r"sys\.executable|cannot be started"):
        workspace.registry.predict(reference, workspace.data, workspace.output, trust="full", message="a test")
