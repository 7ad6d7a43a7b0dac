"""Finds Python code in Hugging Face model folders that their configuration asks to run (``trust_remote_code``)."""

from __future__ import annotations

from pathlib import Path

from modelreg.analysis.containers.content import Files, head
from modelreg.analysis.containers.json_text import MAX_JSON_SIZE, find_objects, is_within_limits, parse_object
from modelreg.analysis.evidence import Evidence
from modelreg.domain.scans import Verdict

_CONFIGURATION_FILES = ("config.json", "model_index.json")
"""Suffixes of configuration files, which must be scanned. Other JSON may be too large, such as vocabularies."""


def examine(files: Files, evidence: Evidence) -> None:
    """Report the code in the model's files that ``trust_remote_code`` would run."""
    for path, location in files.items():
        if path.endswith(".json"):
            _report_file(path, location, evidence)


def _report_file(path: str, location: Path, evidence: Evidence) -> None:
    content = head(location, MAX_JSON_SIZE + 1)
    if not is_within_limits(content):
        if path.endswith(_CONFIGURATION_FILES):
            evidence.add_reasons(Verdict.UNREADABLE, path, ["it is too large to scan"])
        return
    for configuration in find_objects(parse_object(content)):
        for name in _find_code_files(configuration):
            evidence.add_reasons(Verdict.UNKNOWN, path, [f"with trust_remote_code it runs its file {name!r}"])


def _find_code_files(configuration: dict[str, object]) -> list[str]:
    """The code that a configuration names: ``auto_map``, ``custom_pipelines``, and classes of diffusers."""
    names = _find_names(configuration.get("auto_map"))
    pipelines = configuration.get("custom_pipelines")
    for pipeline in pipelines.values() if isinstance(pipelines, dict) else ():
        names += _find_names(pipeline.get("impl") if isinstance(pipeline, dict) else pipeline)
    if isinstance(configuration.get("_class_name"), list):
        names += _find_names(configuration["_class_name"])[:1]
    return sorted(set(names))


def _find_names(content: object) -> list[str]:
    """The names in a configuration value: a class, a list of classes, or one of these per task."""
    entries = list(content.values()) if isinstance(content, dict) else [content]
    return [str(name) for entry in entries for name in (entry if isinstance(entry, list) else [entry]) if name]
