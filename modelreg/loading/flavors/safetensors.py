"""safetensors: the length of the header in eight bytes, the header as JSON, the tensors (its README, 'Format')."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelreg.analysis.containers.content import Files, OpenModel, head, only_file
from modelreg.analysis.containers.safetensors_header import LENGTH_SIZE, describes_tensors, read_header_length
from modelreg.domain.registrations import RecognisedModel
from modelreg.loading.libraries import library_errors

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

FORMATS = ("safetensors",)

_MAX_HEADER = 100_000_000  # bytes; safetensors itself refuses a longer one
_MAX_PARSED = 16 << 20  # bytes; of a longer header only the beginning is checked


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """Recognise a single file whose header describes tensors."""
    path = only_file(files, is_folder)
    if path is None:
        return None
    length = read_header_length(head(path, LENGTH_SIZE))
    if not 2 <= length <= min(_MAX_HEADER, path.stat().st_size - LENGTH_SIZE) or not _has_tensors(path, length):
        return None
    return RecognisedModel("safetensors", "safetensors")


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Load the tensors as NumPy arrays, by name; raises `UnloadableModel`."""
    with library_errors():
        from safetensors.numpy import load as load_tensors

        tensors: object = load_tensors(model.read())
    return tensors


def _has_tensors(path: Path, length: int) -> bool:
    if length > _MAX_PARSED:
        return head(path, LENGTH_SIZE + 2)[LENGTH_SIZE:] == b'{"'
    return describes_tensors(head(path, LENGTH_SIZE + length)[LENGTH_SIZE:])
