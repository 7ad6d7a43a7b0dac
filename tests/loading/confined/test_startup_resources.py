"""Files that Python's startup modules have opened are closed to the model."""

from __future__ import annotations

import pytest

OPENS = """
import logging, socket, sys
logging.getLogger("agent").addHandler(logging.FileHandler(LOG))
sys.pair = [end.detach() for end in socket.socketpair()]
sys.secret = open(SECRET)
"""
USES = """
import logging, os, stat, sys
for name in map(int, os.listdir("/proc/self/fd")):
    try:
        target = os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        continue
    if target.startswith("socket:") or LOG in target or SECRET in target:
        print("still open", name, target)
    if LOG in target:
        os.write(name, b"the model was here")
logging.getLogger("agent").error("a line")
os.write(sys.pair[0], b"x")
print("read", repr(sys.secret.read()))
"""


@pytest.mark.slow
def test_descriptors_of_startup_modules_lead_to_dev_null(workspace):
    log, secret = workspace.folder / "agent.log", workspace.home / "secret"
    log.write_text("started\n")
    names = {"LOG": repr(str(log)), "SECRET": repr(str(secret))}
    opens, uses = OPENS, USES
    for name, value in names.items():
        opens, uses = opens.replace(name, value), uses.replace(name, value)
    result = workspace.predict(
        workspace.register(uses), "--require-sandbox", environment=workspace.write_sitecustomize(opens)
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("read ''\n"), result.stderr
    assert log.read_text() == "started\n"


@pytest.mark.slow
def test_a_startup_modules_log_does_not_write_into_the_output(workspace):
    """Its log keeps writing to its descriptor's number, which must not become the output's number."""
    opens = "import os, sys\nsys.numbers = [os.dup(2) for _ in range(20)]\n"
    uses = "import os, sys\nfor number in sys.numbers:\n    os.write(number, b'a line\\n')\n"
    result = workspace.predict(workspace.register(uses), environment=workspace.write_sitecustomize(opens))
    assert result.returncode == 0, result.stderr
    assert workspace.output.read_text() == "prediction\n1.0\n1.0\n"
    assert "a line" not in result.stderr
