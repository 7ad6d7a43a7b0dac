"""CatBoost's format: ``CBM1``, the length of the core in four bytes, the core (``model/model.cpp``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelreg.analysis.containers.content import Files, OpenModel, head, only_file
from modelreg.domain.registrations import RecognisedModel
from modelreg.loading.libraries import library_errors

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

FORMATS = ("catboost-cbm",)

_MAGIC = b"CBM1"
_HEADER = 8  # bytes


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """Recognise a single file with CatBoost's magic number that is long enough for its core."""
    path = only_file(files, is_folder)
    if path is None:
        return None
    start, size = head(path, _HEADER), path.stat().st_size
    core = int.from_bytes(start[4:], "little")
    if len(start) < _HEADER or start[:4] != _MAGIC or not 0 < core <= size - _HEADER:
        return None
    return RecognisedModel("catboost", "catboost-cbm")


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Load a ``catboost.CatBoost``; raises `UnloadableModel`."""
    with library_errors():
        from catboost import CatBoost

        loaded: object = CatBoost().load_model(blob=model.read(), format="cbm")
    return loaded
