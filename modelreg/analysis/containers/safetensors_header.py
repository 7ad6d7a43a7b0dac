"""The header of a safetensors file: eight bytes with its length, and JSON that describes tensors (see its README)."""

from __future__ import annotations

from modelreg.analysis.containers.json_text import parse_object

LENGTH = 8
"""Bytes before the header."""

_TENSOR = {"dtype", "shape", "data_offsets"}


def length_of_header(start: bytes) -> int:
    """The bytes of the header as a file that starts with ``start`` has them."""
    return int.from_bytes(start[:LENGTH], "little")


def describes_tensors(header: bytes) -> bool:
    """Whether ``header`` is one, rather than bytes that begin like one."""
    described = parse_object(header)
    if described is None:
        return False
    tensors = [value for name, value in described.items() if name != "__metadata__"]
    return all(isinstance(tensor, dict) and tensor.keys() >= _TENSOR for tensor in tensors)
