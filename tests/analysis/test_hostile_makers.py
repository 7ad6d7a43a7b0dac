"""Hostile files have their effect if they are loaded without protection, and no scan calls them safe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import HostileFile, Trigger, hostile_files
from hostile.exhausting import exhausting_files

from modelreg.analysis.scan import scan
from modelreg.domain.scans import Verdict
from modelreg.loading.flavors import recognise

FILES = {file.name: file for file in hostile_files("/nonexistent/marker")}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_no_hostile_file_is_safe(file: HostileFile, tmp_path: Path) -> None:
    path = tmp_path / file.file_name
    path.write_bytes(file.content)
    files = {path.name: path}
    assert scan(files, False, recognise(files, False).format).verdict is not Verdict.SAFE


MEASURE_SCAN = """if True:
    import sys, time
    from pathlib import Path
    from modelreg.analysis.scan import scan
    path = Path(sys.argv[1])
    begin = time.process_time()
    verdict = scan({path.name: path}, False, "pickle").verdict
    took = time.process_time() - begin
    most = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(verdict, took < 10, int(most.split()[1]) < 300 << 10)
"""
SLOW_IN_PREDICT = ("a tree with a cycle", "a pattern of exponential time")
"""Files that only take long in ``predict``, which the limits of the confined process stop."""


@pytest.mark.parametrize("file", list(exhausting_files()), ids=lambda file: file.name)
def test_the_scan_of_a_small_exhausting_file_takes_little_time_and_memory(file: HostileFile, tmp_path: Path) -> None:
    (tmp_path / file.file_name).write_bytes(file.content)
    command = [sys.executable, "-c", MEASURE_SCAN, str(tmp_path / file.file_name)]
    process = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    verdict, in_time, in_memory = process.stdout.split()
    assert (in_time, in_memory) == ("True", "True")
    assert verdict != "safe" or file.name in SLOW_IN_PREDICT


@pytest.mark.slow
def test_every_hostile_file_has_its_effect_if_loaded_without_protection() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-W", "ignore", "-m", "hostile.naive"]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    results = json.loads(process.stdout)
    assert results["not run"] == []
    assert len(results["run"]) == sum(file.trigger is not Trigger.OTHER for file in FILES.values())
