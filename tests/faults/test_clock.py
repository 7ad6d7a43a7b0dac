"""A clock that is set back: versions keep their order, and times in the journal never decrease."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from modelreg import Registry

from .conftest import BLOBS, assert_sound, stderr_of

pytestmark = pytest.mark.fault

# Like libfaketime, for the three functions that Python and SQLite call.
CLOCK = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long shift(void) { const char *by = getenv("CLOCK_SHIFT"); return by ? atol(by) : 0; }
int clock_gettime(clockid_t clock, struct timespec *now) {
    int status = syscall(SYS_clock_gettime, clock, now);
    if (status == 0 && clock == CLOCK_REALTIME) now->tv_sec += shift();
    return status;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
"""
YEAR = 365 * 24 * 3600


@pytest.fixture
def with_clock_offset(tmp_path):
    """A function from a clock offset in seconds to environment variables for a command with that clock."""
    if shutil.which("cc") is None:
        pytest.skip("a C compiler is needed")
    (tmp_path / "clock.c").write_text(CLOCK)
    library = tmp_path / "clock.so"
    compilation = subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", library, tmp_path / "clock.c"], capture_output=True, text=True, check=False
    )
    if compilation.returncode:
        pytest.skip(f"the library does not compile: {compilation.stderr.strip()[-200:]}")
    return lambda seconds: {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(seconds)}


def test_clock_set_back_keeps_versions_and_journal_in_order(copy_registry, with_clock_offset):
    run = copy_registry()
    registry = Registry(run.registry)
    for number, shift in enumerate((YEAR, 0, 2 * YEAR, -5 * YEAR, 0), start=3):
        run.environment = with_clock_offset(shift)
        result = run("register", "fresh.bin", "--name", "churn", "--new-version")
        assert result.stdout == f"churn/{number}\n", stderr_of(result)
        assert run("transition", "churn", number, "Production", "--archive-existing").returncode == 0
    run.environment = {}
    times = [entry.at for entry in registry.history()]
    assert times == sorted(times)
    assert (times[-1] - times[0]).days >= 700, "the clock offset had no effect"
    assert [version.version for version in registry.versions("churn")] == [7, 6, 5, 4, 3, 2, 1]
    assert registry.version("churn/latest").version == 7
    assert registry.version("churn/Production").version == 7
    assert run("rollback", "churn").stdout.startswith("churn/6 -> Production")
    assert_sound(run)


def test_blob_registered_again_gets_the_time_of_the_file_system(copy_registry, with_clock_offset):
    """Pruning uses these times; a process with a wrong clock must not make a blob look old."""
    run = copy_registry()
    digest = Registry(run.registry).version("churn/1").files[0].digest
    blob = run.registry / BLOBS / digest.removeprefix("sha256:")
    now = blob.stat().st_mtime
    run.environment = with_clock_offset(-5 * YEAR)
    assert run("register", "one.bin", "--name", "churn").returncode == 0
    assert run("register", "fresh.bin", "--name", "churn").returncode == 0
    run.environment = {}
    for path in (run.registry / BLOBS).iterdir():
        assert path.stat().st_mtime > now - 60, path
