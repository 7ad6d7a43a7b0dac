"""XGBoost: JSON and UBJSON with ``learner`` and ``version`` (its documentation, 'Introduction to Model IO').

XGBoost sorts its keys, so the first and last bytes identify a model of any size.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelreg.analysis.containers.content import Files, OpenModel, head, only_file, tail
from modelreg.domain.registrations import RecognisedModel
from modelreg.loading.libraries import library_errors

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

FORMATS = ("xgboost-json", "xgboost-ubj")

_EDGE_LENGTH = 256  # bytes
_JSON_START = re.compile(rb'\{\s*"learner"\s*:\s*\{\s*"\w+"\s*:')
_JSON_END = re.compile(rb'"version"\s*:\s*\[\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\]\s*\}\s*\Z')
_LENGTH = rb"L\x00{7}"  # the length of a key: a big-endian int64 with one significant byte
_UBJ_START = re.compile(rb"\{" + _LENGTH + rb"\x07learner\{" + _LENGTH + rb".\w", re.DOTALL)
_UBJ_END = re.compile(_LENGTH + rb"\x07version\[.{1,40}\Z", re.DOTALL)


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """Recognise a single file with XGBoost's first and last keys."""
    path = only_file(files, is_folder)
    if path is None:
        return None
    start, end = head(path, _EDGE_LENGTH), tail(path, _EDGE_LENGTH)
    if _JSON_START.match(start) and _JSON_END.search(end):
        return RecognisedModel("xgboost", "xgboost-json")
    if _UBJ_START.match(start) and _UBJ_END.search(end):
        return RecognisedModel("xgboost", "xgboost-ubj")
    return None


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Load an ``xgboost.Booster``; raises `UnloadableModel`."""
    with library_errors():
        from xgboost import Booster

        # as bytes, because Booster chooses the format by the suffix of a file name
        booster: object = Booster(model_file=bytearray(model.read()))
    return booster
