"""Write what is generated from the program: docs/commands.md, and the marked parts of README.md, docs/ci.md
and CONTRIBUTING.md.

``--check`` writes nothing and fails when something is not current.
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
    """Write or check every generated text."""
    current = True
    ci, contributing = ROOT / "docs" / "ci.md", ROOT / "CONTRIBUTING.md"
    written = {
        ROOT / "docs" / "commands.md": reference(),
        ROOT / "README.md": _replace_generated_part(ROOT / "README.md", "commands", _command_table()),
        ci: _replace_generated_part(ci, "exit codes", _exit_code_table()),
        contributing: _replace_generated_part(contributing, "map", _package_map()),
    }
    for path, text in written.items():
        if path.exists() and path.read_text() == text:
            continue
        current = False
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is not current: make docs", file=sys.stderr)
        else:
            path.write_text(text)
    return int("--check" in sys.argv and not current)


def reference() -> str:
    """The reference of all commands, generated from their help."""
    parts = ["# Commands\n\nWritten by `make docs` from the program's own help.\n", _help_of()]
    for name in COMMANDS:
        parts.append(f"## {name}\n\n{_help_of(name)}")
        parts += [f"### {name} {each}\n\n{_help_of(name, each)}" for each in _parse_command_list(_help_of(name))]
    return "\n".join(parts)


def _replace_generated_part(path: Path, name: str, part: str) -> str:
    """The document with its generated part renewed."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    return re.sub(f"{start}.*?{end}", lambda _: f"{start}\n{part}\n{end}", path.read_text(), flags=re.DOTALL)


@functools.cache
def _help_of(*command: str) -> str:
    modelreg = Path(sys.executable).with_name("modelreg")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MODELREG_")}
    shown = subprocess.run(
        [modelreg, *command, "--help"], env=plain | {"COLUMNS": "100"}, capture_output=True, text=True, check=True
    )
    return f"```text\n{shown.stdout.rstrip()}\n```\n"


def _command_table() -> str:
    rows = _parse_command_list(_help_of()).items()
    return "\n".join(["| command | does |", "| --- | --- |", *(f"| `{name}` | {does} |" for name, does in rows)])


def _parse_command_list(help_text: str) -> dict[str, str]:
    """The commands that a help lists, with what they do."""
    _, _, listed = help_text.partition("Commands:\n")
    return dict(re.findall(r"^  ([\w-]+)  +(\S.*)$", listed.split("\n\n")[0], flags=re.MULTILINE))


def _exit_code_table() -> str:
    rows = (f"| {status} | {meaning} |" for status, meaning in EXIT_CODES.items())
    return "\n".join(["| code | means |", "| --- | --- |", *rows])


def _package_map() -> str:
    """The packages of the program, and modules beside them, each with the first line of its docstring."""
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
