"""Write what is generated from the program: docs/commands.md, and the marked parts of README.md.

``--check`` writes nothing and fails when something is not current.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

from modelreg.cli.application import COMMANDS, EXIT_CODES

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Write or check every generated text."""
    current = True
    for path, text in {ROOT / "docs" / "commands.md": reference(), ROOT / "README.md": readme()}.items():
        if path.exists() and path.read_text() == text:
            continue
        current = False
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is not current: make docs", file=sys.stderr)
        else:
            path.write_text(text)
    return int("--check" in sys.argv and not current)


def reference() -> str:
    """The reference of all commands, as their help tells it."""
    parts = ["# Commands\n\nWritten by `make docs` from the program's own help.\n", _help_of()]
    for name in COMMANDS:
        parts.append(f"## {name}\n\n{_help_of(name)}")
        parts += [f"### {name} {each}\n\n{_help_of(name, each)}" for each in _listed(_help_of(name))]
    return "\n".join(parts)


def readme() -> str:
    """README.md with its generated parts renewed."""
    text = (ROOT / "README.md").read_text()
    for name, part in {"commands": _command_table(), "exit codes": _exit_code_table()}.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        text = re.sub(f"{start}.*?{end}", lambda _, s=start, p=part, e=end: f"{s}\n{p}\n{e}", text, flags=re.DOTALL)
    return text


@functools.cache
def _help_of(*command: str) -> str:
    modelreg = Path(sys.executable).with_name("modelreg")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MODELREG_")}
    shown = subprocess.run(
        [modelreg, *command, "--help"], env=plain | {"COLUMNS": "100"}, capture_output=True, text=True, check=True
    )
    return f"```text\n{shown.stdout.rstrip()}\n```\n"


def _command_table() -> str:
    rows = _listed(_help_of()).items()
    return "\n".join(["| command | does |", "| --- | --- |", *(f"| `{name}` | {does} |" for name, does in rows)])


def _listed(help_text: str) -> dict[str, str]:
    """The commands that a help lists, with what they do."""
    _, _, listed = help_text.partition("Commands:\n")
    return dict(re.findall(r"^  ([\w-]+)  +(\S.*)$", listed.split("\n\n")[0], flags=re.MULTILINE))


def _exit_code_table() -> str:
    rows = (f"| {status} | {meaning} |" for status, meaning in EXIT_CODES.items())
    return "\n".join(["| code | means |", "| --- | --- |", *rows])


if __name__ == "__main__":
    sys.exit(main())
