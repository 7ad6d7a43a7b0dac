"""Python and the libraries with which a model was made, as MLflow wrote them beside it."""

from __future__ import annotations

import re

from modelreg.analysis.containers.content import Files, text
from modelreg.analysis.containers.yaml_text import parse_mapping
from modelreg.domain.versions import Environment

_MOST_TEXT = 1 << 20  # bytes
_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;,]+)")


def read_environment(files: Files) -> Environment:
    """What ``python_env.yaml`` and the exact pins of ``requirements.txt`` say; empty where they are not there."""
    python = parse_mapping(_content(files, "python_env.yaml")) or {}
    lines = _content(files, "requirements.txt").splitlines()
    pins = (_PIN.match(line.strip()) for line in lines)
    return Environment(str(python.get("python", "")), {pin[1].lower(): pin[2] for pin in pins if pin})


def _content(files: Files, name: str) -> str:
    path = files.get(name)
    return "" if path is None else text(path, _MOST_TEXT) or ""
