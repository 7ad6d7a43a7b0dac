"""Generate docs/commands.md, and the marked parts of README.md, docs/ci.md and CONTRIBUTING.md.

``--check`` writes nothing, and fails if a file is outdated.
"""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

from modelreg.cli.application import COMMANDS, EXIT_CODES

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Write or check all generated files; returns the exit status."""
    is_current = True
    ci, contributing = ROOT / "docs" / "ci.md", ROOT / "CONTRIBUTING.md"
    generated = {
        ROOT / "docs" / "commands.md": _command_reference(),
        ROOT / "README.md": _replace_generated_part(ROOT / "README.md", "commands", _command_table()),
        ci: _replace_generated_part(ci, "exit codes", _exit_code_table()),
        contributing: _replace_generated_part(contributing, "map", _package_map()),
    }
    for path, text in generated.items():
        if path.exists() and path.read_text() == text:
            continue
        is_current = False
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is outdated: make docs", file=sys.stderr)
        else:
            path.write_text(text)
    return int("--check" in sys.argv and not is_current)


def _command_reference() -> str:
    """The reference of all commands, from their help texts."""
    parts = ["# Commands\n\nWritten by `make docs` from the program's own help.\n", _get_help()]
    for name in COMMANDS:
        parts.append(f"## {name}\n\n{_get_help(name)}")
        subcommands = _parse_command_list(_get_help(name))
        parts += [f"### {name} {subcommand}\n\n{_get_help(name, subcommand)}" for subcommand in subcommands]
    return "\n".join(parts)


def _replace_generated_part(path: Path, name: str, part: str) -> str:
    """The text of the file with a new generated part."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    return re.sub(f"{start}.*?{end}", lambda _: f"{start}\n{part}\n{end}", path.read_text(), flags=re.DOTALL)


@functools.cache
def _get_help(*command: str) -> str:
    modelreg = Path(sys.executable).with_name("modelreg")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MODELREG_")}
    process = subprocess.run(
        [modelreg, *command, "--help"], env=environment | {"COLUMNS": "100"}, capture_output=True, text=True, check=True
    )
    return f"```text\n{process.stdout.rstrip()}\n```\n"


def _command_table() -> str:
    rows = _parse_command_list(_get_help()).items()
    return "\n".join(["| command | does |", "| --- | --- |", *(f"| `{name}` | {summary} |" for name, summary in rows)])


def _parse_command_list(help_text: str) -> dict[str, str]:
    """The commands in a help text, each with its summary."""
    _, _, commands = help_text.partition("Commands:\n")
    return dict(re.findall(r"^  ([\w-]+)  +(\S.*)$", commands.split("\n\n")[0], flags=re.MULTILINE))


def _exit_code_table() -> str:
    rows = (f"| {status} | {meaning} |" for status, meaning in EXIT_CODES.items())
    return "\n".join(["| code | means |", "| --- | --- |", *rows])


def _package_map() -> str:
    """The packages and top-level modules, each with the first paragraph of its docstring."""
    package = ROOT / "modelreg"
    lines = ["modelreg/"]
    for path in sorted(package.iterdir()):
        if path.suffix == ".py" and not path.name.startswith("__"):
            lines.append(f"  {path.name:<19}{_summary(path)}")
        elif (path / "__init__.py").exists():
            lines.append(f"  {path.name + '/':<19}{_summary(path / '__init__.py')}")
            for inner in sorted(path.iterdir()):
                if (inner / "__init__.py").exists():
                    lines.append(f"    {inner.name + '/':<17}{_summary(inner / '__init__.py')}")
    layers = re.search(r"layers = \[\n(.*?)\]", (ROOT / "pyproject.toml").read_text(), flags=re.DOTALL)
    order = " > ".join(re.findall(r'"(.*?)"', layers[1])) if layers else ""
    return "\n".join(["```text", *lines, "```", "", f"Imports run downward: {order}."])


def _summary(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return " ".join(docstring.split("\n\n")[0].split())


if __name__ == "__main__":
    sys.exit(main())
