"""Read the Python version and the libraries of a model from the files that MLflow writes beside it."""

from __future__ import annotations

import re

from modelreg.analysis.containers.content import Files, read_text
from modelreg.analysis.containers.yaml_text import parse_mapping
from modelreg.domain.versions import Environment

_MAX_BYTES = 1 << 20
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;,]+)")


def read_environment(files: Files) -> Environment:
    """The environment in ``python_env.yaml`` and the exact pins of ``requirements.txt``; empty without these files."""
    python = parse_mapping(_read_text(files, "python_env.yaml")) or {}
    lines = _read_text(files, "requirements.txt").splitlines()
    pins = (_PIN.match(line.strip()) for line in lines)
    return Environment(str(python.get("python", "")), {pin[1].lower(): pin[2] for pin in pins if pin})


def _read_text(files: Files, name: str) -> str:
    path = files.get(name)
    return "" if path is None else read_text(path, _MAX_BYTES) or ""
