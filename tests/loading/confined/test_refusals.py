"""A model is not run when the system can confine it but an attempt to do so fails."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest
from world import MODELREG, TRUSTED

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


def test_a_thread_of_a_startup_module_prevents_the_run(world):
    environment = world.write_sitecustomize(THREAD) | {"PYTHONWARNINGS": "ignore"}
    result = world.predict(world.register("print('run')"), "--json", environment=environment)
    assert result.returncode == 7
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "confinement_failed"
    assert "thread" in error["message"]
    assert "sitecustomize" in error["hint"]
    assert not world.output.exists()


@pytest.mark.parametrize("kind", ["a file", "nothing"])
def test_shared_memory_of_a_startup_module_prevents_the_run(world, kind):
    """A mapping stays writable after its file is closed, and nobody can remove it."""
    file = world.home / "counters"
    file.write_bytes(bytes(4096))
    source = f"os.open({str(file)!r}, os.O_RDWR)" if kind == "a file" else "-1"
    environment = world.write_sitecustomize(f"import mmap, os, sys\nsys.counters = mmap.mmap({source}, 4096)\n")
    result = world.predict(world.register("print('run')"), "--json", environment=environment)
    assert result.returncode == 7
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "confinement_failed"
    assert "memory" in error["message"]
    assert (str(file) in error["message"]) == (kind == "a file")
    assert "sitecustomize" in error["hint"]


@pytest.mark.slow
def test_read_only_memory_of_a_startup_module_does_not_prevent_the_run(world):
    text = "import mmap, os, sys\nsys.held = mmap.mmap(os.open(os.__file__, 0), 100, prot=mmap.PROT_READ)\n"
    result = world.predict(world.register("pass"), environment=world.write_sitecustomize(text))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("call", [444, 445, 446], ids=["create a rule set", "add a rule", "restrict itself"])
def test_a_failing_landlock_call_prevents_the_run(world, call):
    before = (sys.executable, "-c", REFUSING_KERNEL, str(call))
    result = world.predict(world.register("print('run')"), "--json", before=before)
    assert result.returncode == 7
    assert json.loads(result.stderr)["error"]["code"] == "confinement_failed"


HOOK = "import sys; sys.path.append('__editable__.own.finder.__path_hook__')"


@pytest.mark.parametrize("hook", ["", pytest.param(HOOK, marks=pytest.mark.slow)], ids=["plain", "with an import hook"])
def test_a_removed_current_folder_does_not_weaken_confinement(world, hook):
    reference = world.register(f"open({str(world.home / 'secret')!r})")
    arguments = shlex.join(["predict", reference, "-i", str(world.data), "-o", str(world.output), *TRUSTED])
    gone = world.folder / "gone"
    gone.mkdir()
    line = f"cd {gone} && rmdir {gone} && exec {MODELREG} {arguments}"
    environment = os.environ | {"MODELREG_HOME": str(world.registry.folder)} | world.write_sitecustomize(hook)
    result = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 2, result.stderr
    assert "PermissionError" in result.stderr


@pytest.mark.parametrize("program", ["", None, "/nowhere/python"])
def test_a_python_that_cannot_be_started_is_reported(world, monkeypatch, program):
    reference = world.register("pass")
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(ConfinementFailed, match=r"sys\.executable|cannot be started"):
        world.registry.predict(reference, world.data, world.output, trust="full", message="a test")
