"""ONNX: a protobuf ``ModelProto``, which has no magic number and is recognised by its fields (``onnx/onnx.proto``).

A field is a number, a wire type (0: a varint, 2: bytes of a stated length) and a value (protobuf's encoding guide).
Only the fields of the top level are read; their values are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from modelreg.analysis.containers.content import Files, OpenModel
from modelreg.analysis.containers.protobuf import NotProtobuf, read_varint
from modelreg.analysis.evidence import Evidence
from modelreg.analysis.formats import onnx_graph
from modelreg.domain.registrations import RecognisedModel
from modelreg.domain.scans import Verdict
from modelreg.errors import UnloadableModel
from modelreg.loading.libraries import library_errors

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

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
_MAX_FIELDS = 10_000
_SUFFIX = ".onnx"


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """Recognise a file that consists only of the fields of a ``ModelProto`` with a graph.

    Also a folder with exactly one such file, which may have its data in other files.
    """
    models = [files[path] for path in files if path.lower().endswith(_SUFFIX)] if is_folder else list(files.values())
    return RecognisedModel("onnx", "onnx") if len(models) == 1 and _is_model(models[0]) else None


def _is_model(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            numbers = {number for number, _ in _read_fields(file, path.stat().st_size)}
    except NotProtobuf:
        return False
    return {_IR_VERSION, _GRAPH, _OPSET_IMPORT} <= numbers


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Load an ``onnxruntime.InferenceSession`` on the CPU; raises `UnloadableModel` and `UntrustedModel`.

    A model with data in other files has to be registered as a folder with them. No other files are read, even with full
    trust.
    """
    source = _read_checked(model, trust) if model.file is not None else str(_resolve_path(model.files(), trust))
    with library_errors():
        from onnxruntime import InferenceSession

        session: object = InferenceSession(source, providers=["CPUExecutionProvider"])
    return session


def _read_checked(model: OpenModel, trust: Trust) -> bytes:
    evidence = Evidence()
    if onnx_graph.examine(model.only_file, len(model.read()), "", frozenset(), evidence):
        raise UnloadableModel("the model reads data from another file", "register the folder that has both files")
    trust.check_scan(evidence.scan())
    return model.read()


def _resolve_path(files: Files, trust: Trust) -> Path:
    """The path of the model in a folder; raises `UnloadableModel` if it reads data outside the folder."""
    from modelreg.analysis.scan import scan

    result = scan(files, True, "onnx")
    if result.verdict is Verdict.DANGEROUS:
        raise UnloadableModel(f"the model reads data outside its folder: {result.findings[0]}")
    trust.check_scan(result)
    return next(path for name, path in files.items() if name.lower().endswith(_SUFFIX))


def _read_fields(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """The number of each field, with its value (a varint) or the length of its value (bytes)."""
    for _ in range(_MAX_FIELDS):
        if file.tell() == size:
            return
        key = read_varint(file)
        if _WIRE_TYPES.get(key >> 3) != key & 7:
            raise NotProtobuf
        value = read_varint(file)
        if key & 7 == _BYTES:
            if value > size - file.tell():
                raise NotProtobuf
            file.seek(value, os.SEEK_CUR)
        yield key >> 3, value
    raise NotProtobuf
