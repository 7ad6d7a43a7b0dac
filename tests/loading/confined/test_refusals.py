"""A model is not run where the system can confine it, and confining it failed."""

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

pytestmark = pytest.mark.skipif(not get_available_confinement().is_complete, reason="nothing is confined here anyway")

THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n"
REFUSING_KERNEL = """
import ctypes, os, sys
from modelreg.loading.confined import kernel, seccomp
program = [(0x20, 0, 0, 0), (0x15, 0, 1, int(sys.argv[1])), (0x06, 0, 0, 0x00050000 | 1), (0x06, 0, 0, 0x7FFF0000)]
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
seccomp.load_filter(program)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""A program is run where one system call fails with EPERM."""


def test_a_thread_that_was_started_before(world):
    environment = world.site(THREAD) | {"PYTHONWARNINGS": "ignore"}
    done = world.predict(world.register("print('run')"), "--json", environment=environment)
    assert done.returncode == 7
    error = json.loads(done.stderr)["error"]
    assert error["code"] == "confinement_failed"
    assert "started a thread" in error["message"]
    assert "sitecustomize" in error["hint"]
    assert not world.output.exists()


@pytest.mark.parametrize("kind", ["a file", "nothing"])
def test_memory_that_a_module_of_the_start_shares(world, kind):
    """A mapping stays writable when its file is closed, and nothing ends it."""
    file = world.home / "counters"
    file.write_bytes(bytes(4096))
    source = f"os.open({str(file)!r}, os.O_RDWR)" if kind == "a file" else "-1"
    environment = world.site(f"import mmap, os, sys\nsys.counters = mmap.mmap({source}, 4096)\n")
    done = world.predict(world.register("print('run')"), "--json", environment=environment)
    assert done.returncode == 7
    error = json.loads(done.stderr)["error"]
    assert error["code"] == "confinement_failed"
    assert "shares memory" in error["message"]
    assert (str(file) in error["message"]) == (kind == "a file")
    assert "sitecustomize" in error["hint"]


@pytest.mark.slow
def test_memory_that_cannot_be_written_is_no_reason(world):
    text = "import mmap, os, sys\nsys.held = mmap.mmap(os.open(os.__file__, 0), 100, prot=mmap.PROT_READ)\n"
    done = world.predict(world.register("pass"), environment=world.site(text))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("call", [444, 445, 446], ids=["create a rule set", "add a rule", "restrict itself"])
def test_a_call_of_landlock_that_fails(world, call):
    before = (sys.executable, "-c", REFUSING_KERNEL, str(call))
    done = world.predict(world.register("print('run')"), "--json", before=before)
    assert done.returncode == 7
    assert json.loads(done.stderr)["error"]["code"] == "confinement_failed"


HOOK = "import sys; sys.path.append('__editable__.own.finder.__path_hook__')"


@pytest.mark.parametrize("hook", ["", pytest.param(HOOK, marks=pytest.mark.slow)], ids=["plain", "with an import hook"])
def test_a_current_folder_that_is_gone_changes_nothing(world, hook):
    reference = world.register(f"open({str(world.home / 'secret')!r})")
    words = shlex.join(["predict", reference, "-i", str(world.data), "-o", str(world.output), *TRUSTED])
    gone = world.folder / "gone"
    gone.mkdir()
    line = f"cd {gone} && rmdir {gone} && exec {MODELREG} {words}"
    environment = os.environ | {"MODELREG_HOME": str(world.registry.folder)} | world.site(hook)
    done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "PermissionError" in done.stderr


@pytest.mark.parametrize("program", ["", None, "/nowhere/python"])
def test_a_python_that_cannot_be_started(world, monkeypatch, program):
    reference = world.register("pass")
    monkeypatch.setattr(sys, "executable", program)
    with pytest.raises(ConfinementFailed, match=r"sys\.executable|cannot be started"):
        world.registry.predict(reference, world.data, world.output, trust="full", message="a test")
