"""A clock that was set back: versions keep their order, and times in the journal never decrease."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from modelreg import Registry

from .conftest import BLOBS, assert_sound, said

pytestmark = pytest.mark.fault

# What libfaketime does, for the three calls that Python and SQLite ask for the time.
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
def at_another_time(tmp_path):
    """Environment variables for a command whose clock is so many seconds off."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler to make a wrong clock with")
    (tmp_path / "clock.c").write_text(CLOCK)
    library = tmp_path / "clock.so"
    made = subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", library, tmp_path / "clock.c"], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no wrong clock can be made: {made.stderr.strip()[-200:]}")
    return lambda seconds: {"LD_PRELOAD": str(library), "CLOCK_SHIFT": str(seconds)}


def test_a_clock_that_is_set_back_changes_no_order_and_no_time_decreases(stock, at_another_time):
    run = stock()
    registry = Registry(run.registry)
    for number, shift in enumerate((YEAR, 0, 2 * YEAR, -5 * YEAR, 0), start=3):
        run.environment = at_another_time(shift)
        done = run("register", "fresh.bin", "--name", "churn", "--new-version")
        assert done.stdout == f"churn/{number}\n", said(done)
        assert run("transition", "churn", number, "Production", "--archive-existing").returncode == 0
    run.environment = {}
    times = [entry.at for entry in registry.history()]
    assert times == sorted(times)
    assert (times[-1] - times[0]).days >= 700, "the clock was not wrong at all"
    assert [version.version for version in registry.versions("churn")] == [7, 6, 5, 4, 3, 2, 1]
    assert registry.version("churn/latest").version == 7
    assert registry.version("churn/Production").version == 7
    assert run("rollback", "churn").stdout.startswith("churn/6 -> Production")
    assert_sound(run)


def test_a_blob_that_is_registered_again_is_young_by_the_disk_s_own_clock(stock, at_another_time):
    """What cleaning goes by; a process whose clock is wrong makes no file old before its time."""
    run = stock()
    digest = Registry(run.registry).version("churn/1").files[0].digest
    blob = run.registry / BLOBS / digest.removeprefix("sha256:")
    now = blob.stat().st_mtime
    run.environment = at_another_time(-5 * YEAR)
    assert run("register", "one.bin", "--name", "churn").returncode == 0
    assert run("register", "fresh.bin", "--name", "churn").returncode == 0
    run.environment = {}
    for path in (run.registry / BLOBS).iterdir():
        assert path.stat().st_mtime > now - 60, path
