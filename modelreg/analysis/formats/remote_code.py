"""Folders that bring Python code of their own, and say that it is to be run when they are loaded: Hugging Face's."""

from __future__ import annotations

from pathlib import Path

from modelreg.analysis.containers.content import Files, head
from modelreg.analysis.containers.json_text import MAX_JSON_SIZE, find_objects, is_within_limits, parse_object
from modelreg.analysis.evidence import Evidence
from modelreg.domain.scans import Verdict

_CONFIGURATIONS = ("config.json", "model_index.json")
"""How the names of files end whose ``auto_map`` counts; other JSON may be of any size, as vocabularies are."""


def examine(files: Files, evidence: Evidence) -> None:
    """Name what ``trust_remote_code`` would run."""
    for path, location in files.items():
        if path.endswith(".json"):
            _examine(path, location, evidence)


def _examine(path: str, location: Path, evidence: Evidence) -> None:
    content = head(location, MAX_JSON_SIZE + 1)
    if not is_within_limits(content):
        if path.endswith(_CONFIGURATIONS):
            evidence.add_reasons(Verdict.UNREADABLE, path, ["it is too large to be looked at"])
        return
    for described in find_objects(parse_object(content)):
        for name in _files_of_its_own(described):
            evidence.add_reasons(Verdict.UNKNOWN, path, [f"with trust_remote_code it runs its file {name!r}"])


def _files_of_its_own(described: dict[str, object]) -> list[str]:
    """What transformers takes from files beside the configuration, and diffusers where a class is named with a file."""
    names = _texts(described.get("auto_map"))
    pipelines = described.get("custom_pipelines")
    for pipeline in pipelines.values() if isinstance(pipelines, dict) else ():
        names += _texts(pipeline.get("impl") if isinstance(pipeline, dict) else pipeline)
    if isinstance(described.get("_class_name"), list):
        names += _texts(described["_class_name"])[:1]
    return sorted(set(names))


def _texts(value: object) -> list[str]:
    """The texts that ``value`` is or holds, two levels deep: a class, a list of them, or a list for each task."""
    values = list(value.values()) if isinstance(value, dict) else [value]
    return [str(name) for each in values for name in (each if isinstance(each, list) else [each]) if name]
