"""``python -m modelreg``: the same as ``modelreg``."""

import sys

from modelreg.cli.main import main

sys.exit(main())
