"""The header of a safetensors file: its length in eight bytes, then JSON that describes the tensors."""

from __future__ import annotations

from modelreg.analysis.containers.json_text import parse_object

LENGTH_SIZE = 8
"""Size of the header length in bytes, which precedes the header."""

_TENSOR_KEYS = {"dtype", "shape", "data_offsets"}


def read_header_length(start: bytes) -> int:
    """The header length in bytes that the first bytes of a file state."""
    return int.from_bytes(start[:LENGTH_SIZE], "little")


def describes_tensors(header: bytes) -> bool:
    """Whether ``header`` is JSON that describes tensors."""
    described = parse_object(header)
    if described is None:
        return False
    tensors = [value for name, value in described.items() if name != "__metadata__"]
    return all(isinstance(tensor, dict) and tensor.keys() >= _TENSOR_KEYS for tensor in tensors)
