"""Generate docs/commands.md and the marked parts of README.md from the program.

``--check`` writes nothing and fails if a file is out of date.
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
    """Write or check the generated files; returns the exit code."""
    is_current = True
    for path, text in {ROOT / "docs" / "commands.md": render_reference(), ROOT / "README.md": render_readme()}.items():
        if path.exists() and path.read_text() == text:
            continue
        is_current = False
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is out of date: make docs", file=sys.stderr)
        else:
            path.write_text(text)
    return int("--check" in sys.argv and not is_current)


def render_reference() -> str:
    """Render docs/commands.md from the help of all commands."""
    parts = ["# Commands\n\nWritten by `make docs` from the program's own help.\n", _help_of()]
    for name in COMMANDS:
        parts.append(f"## {name}\n\n{_help_of(name)}")
        parts += [f"### {name} {sub}\n\n{_help_of(name, sub)}" for sub in _parse_commands(_help_of(name))]
    return "\n".join(parts)


def render_readme() -> str:
    """Render README.md with its generated parts replaced."""
    text = (ROOT / "README.md").read_text()
    for name, part in {"commands": _command_table(), "exit codes": _exit_code_table()}.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        text = re.sub(f"{start}.*?{end}", lambda _, s=start, p=part, e=end: f"{s}\n{p}\n{e}", text, flags=re.DOTALL)
    return text


@functools.cache
def _help_of(*command: str) -> str:
    modelreg = Path(sys.executable).with_name("modelreg")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODELREG_")}
    result = subprocess.run(
        [modelreg, *command, "--help"], env=environment | {"COLUMNS": "100"}, capture_output=True, text=True, check=True
    )
    return f"```text\n{result.stdout.rstrip()}\n```\n"


def _command_table() -> str:
    rows = _parse_commands(_help_of()).items()
    return "\n".join(["| command | does |", "| --- | --- |", *(f"| `{name}` | {summary} |" for name, summary in rows)])


def _parse_commands(help_text: str) -> dict[str, str]:
    """Parse the list of commands in a help text: name -> summary."""
    _, _, commands = help_text.partition("Commands:\n")
    return dict(re.findall(r"^  ([\w-]+)  +(\S.*)$", commands.split("\n\n")[0], flags=re.MULTILINE))


def _exit_code_table() -> str:
    rows = (f"| {status} | {meaning} |" for status, meaning in EXIT_CODES.items())
    return "\n".join(["| code | means |", "| --- | --- |", *rows])


if __name__ == "__main__":
    sys.exit(main())
