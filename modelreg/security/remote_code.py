"""Folders that bring Python code of their own, and say that it is to be run when they are loaded."""

from __future__ import annotations

from modelreg.containers.content import Files, text
from modelreg.containers.json_text import parse_object
from modelreg.containers.yaml_text import texts_of_mappings
from modelreg.records.scan import Verdict
from modelreg.security.evidence import Evidence

_MOST_TEXT = 32 << 20  # bytes


def examine(files: Files, evidence: Evidence) -> None:
    """Name what Hugging Face's ``trust_remote_code`` and MLflow's ``loader_module`` would run."""
    for path, location in files.items():
        if path.endswith(".json"):
            _examine_hugging_face(path, text(location, _MOST_TEXT), evidence)
        elif path.rpartition("/")[2] == "MLmodel":
            _examine_mlflow(path, text(location, _MOST_TEXT), evidence)


def _examine_hugging_face(path: str, content: str | None, evidence: Evidence) -> None:
    if content is None or '"auto_map"' not in content:
        return
    own = (parse_object(content) or {}).get("auto_map")
    for name in _names(own):
        evidence.speaks(Verdict.UNKNOWN, path, [f"with trust_remote_code it runs {name!r} of its own Python files"])


def _names(auto_map: object) -> list[str]:
    values = list(auto_map.values()) if isinstance(auto_map, dict) else [auto_map]
    return sorted({str(name) for value in values for name in (value if isinstance(value, list) else [value]) if name})


def _examine_mlflow(path: str, content: str | None, evidence: Evidence) -> None:
    described = None if content is None else texts_of_mappings(content)
    if described is None:
        evidence.speaks(Verdict.UNREADABLE, path, ["it is damaged or too large to be looked at"])
    for key, value in described or ():
        if key == "loader_module" and value.partition(".")[0] != "mlflow":
            evidence.speaks(Verdict.UNKNOWN, path, [f"MLflow loads it by {value!r}, a module of its own"])
        elif key == "loader_module" and value == "mlflow.pyfunc.model":
            evidence.speaks(Verdict.UNKNOWN, path, ["it is a Python model, whose class is code of its own"])
        elif key == "code" and value not in ("", "null", "~"):
            evidence.speaks(Verdict.UNKNOWN, path, [f"MLflow puts its folder {value!r} before all Python modules"])
