"""Finds the external data files and custom operator libraries that an ONNX graph needs.

All fields of ``onnx/onnx.proto`` (release 1.19) are listed here. Fields that can contain file names or operators are
followed; unknown fields are reported. See `modelreg.analysis.containers.protobuf`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from modelreg.analysis.containers.protobuf import NotProtobuf, read_fields
from modelreg.analysis.evidence import Evidence
from modelreg.domain.scans import Verdict

_STANDARD_DOMAINS = frozenset(
    {
        "",
        "ai.onnx",
        "ai.onnx.ml",
        "ai.onnx.training",
        "ai.onnx.preview",
        "ai.onnx.preview.training",
        "com.microsoft",
        "com.microsoft.experimental",
        "com.microsoft.nchwc",
        "org.pytorch.aten",
    }
)
"""Domains of ONNX Runtime's built-in operators."""

_SUBMESSAGES = {
    "model": {7: "graph", 8: "operators", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 9: "operators", 10: "domain", 11: "attribute"},
    "operators": {1: "domain"},
    "tensor": {13: "external"},
}
"""Message -> field number -> type of its content."""
_PLAIN_FIELDS = {
    "model": {1, 2, 3, 4, 5, 6, 14, 26},
    "training": {3, 4},
    "graph": {2, 10, 11, 12, 13, 14, 16},
    "node": {1, 2, 3, 4, 6, 7, 8, 9, 10},
    "attribute": {1, 2, 3, 4, 7, 8, 9, 13, 14, 15, 20, 21},
    "sparse": {3},
    "function": {1, 4, 5, 6, 8, 12, 13, 14},
    "operators": {2},
    "tensor": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16},
}
"""Message -> numbers of fields with plain data."""
_ORT_FORMAT_MARK = b"ORTM"  # at the fifth byte: ONNX Runtime's own format
_MEMORY_ADDRESS_MARK = "_ORT_MEM_ADDR_"  # a location that ONNX Runtime reads as a memory address

_MAX_PARTS, _MIN_PARTS, _BYTES_PER_PART = 5_000_000, 100_000, 4
_MAX_TEXT_SIZE = 4096  # bytes


@dataclass(slots=True)
class _Requirements:
    """The operators and files that a model needs."""

    operator_domains: set[str] = field(default_factory=set)
    """Domains of the operators in use."""
    function_domains: set[str] = field(default_factory=set)
    """Domains of the functions that the model defines."""
    data_files: set[str] = field(default_factory=set)
    """Paths of external data files."""
    unknown_messages: set[str] = field(default_factory=set)
    """Messages that have a field that is not in the format."""


class _TooLarge(Exception):
    """A graph has too many parts to scan."""


def examine(file: BinaryIO, size: int, place: str, registered_files: frozenset[str], evidence: Evidence) -> bool:
    """Report the operators and files that the model in ``file`` needs; returns whether it reads other files.

    ``registered_files`` are the paths of all files that were registered with it.
    """
    file.seek(len(_ORT_FORMAT_MARK))
    if file.read(len(_ORT_FORMAT_MARK)) == _ORT_FORMAT_MARK:
        evidence.add_reasons(Verdict.UNREADABLE, place, ["ONNX Runtime would read it in its ORT format"])
    requirements = _Requirements()
    try:
        _collect_requirements(file, size, requirements)
    except NotProtobuf:
        evidence.add_reasons(Verdict.UNREADABLE, place, ["its graph is cut off or damaged"])
    except _TooLarge:
        evidence.add_reasons(Verdict.UNREADABLE, place, ["its graph is too large to scan"])
        return True
    for message in sorted(requirements.unknown_messages):
        evidence.add_reasons(Verdict.UNREADABLE, place, [f"its graph has an unknown field in a {message}"])
    for domain in sorted(requirements.operator_domains - requirements.function_domains - _STANDARD_DOMAINS):
        evidence.add_reasons(Verdict.UNKNOWN, place, [f"it needs operators of {domain!r}, from another library"])
    for location in sorted(requirements.data_files):
        _report_data_file(location, place, registered_files, evidence)
    return bool(requirements.data_files)


def _collect_requirements(file: BinaryIO, size: int, requirements: _Requirements) -> None:
    """Collect the requirements of the model in ``file``; raises `NotProtobuf` and `_TooLarge`."""
    remaining = [("model", 0, size)]
    parts_left = min(_MAX_PARTS, _MIN_PARTS + size // _BYTES_PER_PART)
    while remaining:
        message, message_start, end = remaining.pop()
        for number, start, length in read_fields(file, message_start, end):
            parts_left -= 1
            content_type = _SUBMESSAGES[message].get(number)
            if content_type == "domain":
                is_own = message == "function"
                domains = requirements.function_domains if is_own else requirements.operator_domains
                domains.add(_read_text(file, start, length))
            elif content_type == "external":
                key, value = _read_entry(file, start, length)
                if key == "location":
                    requirements.data_files.add(value)
            elif content_type is not None:
                remaining.append((content_type, start, start + length))
            elif number not in _PLAIN_FIELDS[message]:
                requirements.unknown_messages.add(message)
        if parts_left < 0:
            raise _TooLarge


def _report_data_file(location: str, place: str, registered_files: frozenset[str], evidence: Evidence) -> None:
    folder = place.rpartition("/")[0]
    path = f"{folder}/{location}" if folder else location
    if _MEMORY_ADDRESS_MARK in location:
        evidence.add_reasons(Verdict.DANGEROUS, place, ["it has a memory address instead of a file"])
    elif location.startswith("/") or "\\" in location or ".." in location.split("/"):
        evidence.add_reasons(Verdict.DANGEROUS, place, [f"it reads {location!r}, a file outside of its folder"])
    elif path not in registered_files:
        evidence.add_reasons(Verdict.UNKNOWN, place, [f"it reads {location!r}, which was not registered with it"])


def _read_text(file: BinaryIO, start: int, length: int) -> str:
    file.seek(start)
    return file.read(min(length, _MAX_TEXT_SIZE)).decode("utf-8", "replace")


def _read_entry(file: BinaryIO, start: int, length: int) -> tuple[str, str]:
    """Read a key and its value."""
    texts = {number: _read_text(file, at, size) for number, at, size in read_fields(file, start, start + length)}
    return texts.get(1, ""), texts.get(2, "")
