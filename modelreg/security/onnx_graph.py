"""ONNX graphs: files that they read besides their own, and operators that need a library of somebody's.

Only the fields of ``onnx/onnx.proto`` that lead to those are followed; see `modelreg.containers.protobuf`.
"""

from __future__ import annotations

from typing import BinaryIO

from modelreg.containers.protobuf import NotProtobuf, fields
from modelreg.records.scan import Verdict
from modelreg.security.evidence import Evidence

_STANDARD = frozenset(
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
"""Domains of operators that ONNX Runtime has itself."""

_PARTS = {
    "model": {7: "graph", 8: "operators", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 9: "operators", 10: "domain"},
    "operators": {1: "domain"},
    "tensor": {13: "external"},
}
"""Message -> number of a field -> what it is."""

_MOST_PARTS, _PARTS_OF_ANY_FILE, _BYTES_OF_A_PART = 5_000_000, 100_000, 4
_LONGEST_TEXT = 4096  # bytes


def examine(file: BinaryIO, size: int, place: str, beside: frozenset[str], evidence: Evidence) -> bool:
    """Say what the model in ``file`` needs besides itself; ``beside`` are the files that were registered with it.

    Returns whether it reads other files.
    """
    waiting = [("model", 0, size)]
    left = min(_MOST_PARTS, _PARTS_OF_ANY_FILE + size // _BYTES_OF_A_PART)
    domains: set[str] = set()
    own: set[str] = set()
    locations: set[str] = set()
    try:
        while waiting:
            message, start, end = waiting.pop()
            for number, begin, length in fields(file, start, end):
                left -= 1
                part = _PARTS[message].get(number)
                if part == "domain":
                    (own if message == "function" else domains).add(_text(file, begin, length))
                elif part == "external":
                    key, value = _entry(file, begin, length)
                    locations |= {value} if key == "location" else set()
                elif part is not None:
                    waiting.append((part, begin, begin + length))
            if left < 0:
                evidence.add_reasons(Verdict.UNREADABLE, place, ["its graph is too large to be looked at"])
                return True
    except NotProtobuf:
        evidence.add_reasons(Verdict.UNREADABLE, place, ["its graph is cut off or damaged"])
    for domain in sorted(domains - own - _STANDARD):
        evidence.add_reasons(Verdict.UNKNOWN, place, [f"it needs operators of {domain!r}, another library"])
    for location in sorted(locations):
        _judge(location, place, beside, evidence)
    return bool(locations)


def _judge(location: str, place: str, beside: frozenset[str], evidence: Evidence) -> None:
    folder = place.rpartition("/")[0]
    whole = f"{folder}/{location}" if folder else location
    if location.startswith("/") or "\\" in location or ".." in location.split("/"):
        evidence.add_reasons(Verdict.DANGEROUS, place, [f"it reads {location!r}, a file outside of its folder"])
    elif whole not in beside:
        evidence.add_reasons(Verdict.UNKNOWN, place, [f"it reads {location!r}, which was not registered with it"])


def _text(file: BinaryIO, begin: int, length: int) -> str:
    file.seek(begin)
    return file.read(min(length, _LONGEST_TEXT)).decode("utf-8", "replace")


def _entry(file: BinaryIO, begin: int, length: int) -> tuple[str, str]:
    """A key and its value."""
    texts = {number: _text(file, at, size) for number, at, size in fields(file, begin, begin + length)}
    return texts.get(1, ""), texts.get(2, "")
