"""ONNX graphs: files that they read besides their own, and operators that need a library of somebody's.

Every field of ``onnx/onnx.proto`` (release 1.19) is known here: those that lead to such things are followed, and one
that is not known may lead anywhere. See `modelreg.analysis.containers.protobuf`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

from modelreg.analysis.containers.protobuf import NotProtobuf, read_fields
from modelreg.analysis.evidence import Evidence
from modelreg.domain.scans import Verdict

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
"""Message -> number of a field -> what it is."""
_LEAVES = {
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
"""Message -> numbers of fields that lead to nothing else."""
_OTHER_FORM = b"ORTM"  # at the fifth byte, by which ONNX Runtime knows its own format
_IN_MEMORY = "_ORT_MEM_ADDR_"  # in a location that ONNX Runtime takes for an address in its memory

_MOST_PARTS, _PARTS_OF_ANY_FILE, _BYTES_OF_A_PART = 5_000_000, 100_000, 4
_LONGEST_TEXT = 4096  # bytes


@dataclass(slots=True)
class _Found:
    """What a model needs besides itself."""

    domains: set[str] = field(default_factory=set)
    """Of its operators."""
    own: set[str] = field(default_factory=set)
    """Of the functions that it has itself."""
    locations: set[str] = field(default_factory=set)
    """Files with its data."""
    unknown: set[str] = field(default_factory=set)
    """Messages with a field that is not in the format."""


class _TooLarge(Exception):
    """A graph has more parts than are looked at."""


def examine(file: BinaryIO, size: int, place: str, beside: frozenset[str], evidence: Evidence) -> bool:
    """Say what the model in ``file`` needs besides itself; ``beside`` are the files that were registered with it.

    Returns whether it reads other files.
    """
    file.seek(len(_OTHER_FORM))
    if file.read(len(_OTHER_FORM)) == _OTHER_FORM:
        evidence.add_reasons(Verdict.UNREADABLE, place, ["ONNX Runtime takes it for a format of its own"])
    found = _Found()
    try:
        _walk(file, size, found)
    except NotProtobuf:
        evidence.add_reasons(Verdict.UNREADABLE, place, ["its graph is cut off or damaged"])
    except _TooLarge:
        evidence.add_reasons(Verdict.UNREADABLE, place, ["its graph is too large to be looked at"])
        return True
    unknown = [f"its graph has a part of an unknown form, in a {message}" for message in sorted(found.unknown)]
    evidence.add_reasons(Verdict.UNREADABLE, place, unknown)
    for domain in sorted(found.domains - found.own - _STANDARD):
        evidence.add_reasons(Verdict.UNKNOWN, place, [f"it needs operators of {domain!r}, another library"])
    for location in sorted(found.locations):
        _judge(location, place, beside, evidence)
    return bool(found.locations)


def _walk(file: BinaryIO, size: int, found: _Found) -> None:
    """Follow every field of the model in ``file``; raises `NotProtobuf` and `_TooLarge`."""
    waiting = [("model", 0, size)]
    left = min(_MOST_PARTS, _PARTS_OF_ANY_FILE + size // _BYTES_OF_A_PART)
    while waiting:
        message, start, end = waiting.pop()
        for number, begin, length in read_fields(file, start, end):
            left -= 1
            part = _PARTS[message].get(number)
            if part == "domain":
                (found.own if message == "function" else found.domains).add(_text(file, begin, length))
            elif part == "external":
                key, value = _entry(file, begin, length)
                found.locations |= {value} if key == "location" else set()
            elif part is not None:
                waiting.append((part, begin, begin + length))
            elif number not in _LEAVES[message]:
                found.unknown.add(message)
        if left < 0:
            raise _TooLarge


def _judge(location: str, place: str, beside: frozenset[str], evidence: Evidence) -> None:
    folder = place.rpartition("/")[0]
    whole = f"{folder}/{location}" if folder else location
    if _IN_MEMORY in location:
        evidence.add_reasons(Verdict.DANGEROUS, place, ["it has an address in memory in the place of a file"])
    elif location.startswith("/") or "\\" in location or ".." in location.split("/"):
        evidence.add_reasons(Verdict.DANGEROUS, place, [f"it reads {location!r}, a file outside of its folder"])
    elif whole not in beside:
        evidence.add_reasons(Verdict.UNKNOWN, place, [f"it reads {location!r}, which was not registered with it"])


def _text(file: BinaryIO, begin: int, length: int) -> str:
    file.seek(begin)
    return file.read(min(length, _LONGEST_TEXT)).decode("utf-8", "replace")


def _entry(file: BinaryIO, begin: int, length: int) -> tuple[str, str]:
    """A key and its value."""
    texts = {number: _text(file, at, size) for number, at, size in read_fields(file, begin, begin + length)}
    return texts.get(1, ""), texts.get(2, "")
