"""ONNX: a protobuf ``ModelProto`` without a mark of its own, known by its fields (``onnx/onnx.proto``).

Fields are a number, a wire type (0: a varint, 2: bytes of a stated length) and a value, as protobuf's encoding guide
describes; only the top level is walked, and what it holds is passed over.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from modelreg.flavors.content import Files, only_file
from modelreg.records.registration import Description
from modelreg.security.libraries import loading

FORMATS = ("onnx",)

_VARINT, _BYTES = 0, 2
_IR_VERSION, _GRAPH, _OPSET_IMPORT = 1, 7, 8
_WIRE_TYPES = {
    _IR_VERSION: _VARINT,
    2: _BYTES,  # producer_name
    3: _BYTES,  # producer_version
    4: _BYTES,  # domain
    5: _VARINT,  # model_version
    6: _BYTES,  # doc_string
    _GRAPH: _BYTES,
    _OPSET_IMPORT: _BYTES,
    14: _BYTES,  # metadata_props
    20: _BYTES,  # training_info
    25: _BYTES,  # functions
    26: _BYTES,  # configuration
}
_MOST_FIELDS = 10_000
_LONGEST_VARINT = 10  # bytes


class _NotProtobuf(Exception):
    """The bytes are not the fields of a message."""


def recognise(files: Files, is_folder: bool) -> Description | None:
    """A file that is, from its first byte to its last, the fields of a ``ModelProto`` with a graph."""
    path = only_file(files, is_folder)
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            numbers = {number for number, _ in _fields(file, path.stat().st_size)}
    except _NotProtobuf:
        return None
    return Description("onnx", "onnx") if {_IR_VERSION, _GRAPH, _OPSET_IMPORT} <= numbers else None


def load(path: Path, format: str) -> object:
    """An ``onnxruntime.InferenceSession`` on the CPU; raises `UnloadableModel`."""
    with loading():
        from onnxruntime import InferenceSession

        session: object = InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session


def _fields(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Each field's number and where its value begins."""
    for _ in range(_MOST_FIELDS):
        if file.tell() == size:
            return
        key = _varint(file)
        if _WIRE_TYPES.get(key >> 3) != key & 7:
            raise _NotProtobuf
        value = _varint(file)
        if key & 7 == _BYTES:
            if value > size - file.tell():
                raise _NotProtobuf
            file.seek(value, os.SEEK_CUR)
        yield key >> 3, value
    raise _NotProtobuf


def _varint(file: BinaryIO) -> int:
    value = 0
    for place in range(_LONGEST_VARINT):
        byte = file.read(1)
        if not byte:
            raise _NotProtobuf
        value |= (byte[0] & 0x7F) << 7 * place
        if byte[0] < 0x80:
            return value
    raise _NotProtobuf
