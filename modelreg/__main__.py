"""``python -m modelreg``: the same as ``modelreg``."""

import sys

if not sys.flags.safe_path:
    sys.path.pop(0)  # the current folder: a file in it that is named like a library is not that library

from modelreg.cli.entry import run

run()
