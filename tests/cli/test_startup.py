"""Modules that commands import."""

from __future__ import annotations

import os
import subprocess

from .conftest import MODELREG


def test_common_commands_import_no_heavy_library(churn, registry):
    program = (
        "import sys; from modelreg.cli.main import main; status = main(sys.argv[1:]);"
        "print([name for name in ('pandas', 'numpy', 'sklearn', 'joblib', 'sqlite_utils', 'pydantic', 'rich')"
        " if name in sys.modules], file=sys.stderr); sys.exit(status)"
    )
    for arguments in (
        ["list"],
        ["versions", "churn"],
        ["show", "churn/1"],
        ["load", "churn/1"],
        ["transition", "churn/2", "Staging"],
    ):
        result = subprocess.run(
            [str(MODELREG.with_name("python")), "-c", program, *arguments],
            env=os.environ | {"MODELREG_HOME": str(registry)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stderr.splitlines()[-1] == "[]", arguments
