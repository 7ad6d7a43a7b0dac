"""``python -m modelreg``: the same as ``modelreg``."""

from modelreg.cli.entry import run

run()
