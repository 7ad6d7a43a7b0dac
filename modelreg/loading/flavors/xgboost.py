"""XGBoost: JSON and UBJSON with ``learner`` and ``version`` (its documentation, 'Introduction to Model IO').

XGBoost writes its keys sorted, so that the first and the last bytes tell, whatever the size of the trees between.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelreg.analysis.containers.content import Files, OpenModel, head, only_file, tail
from modelreg.domain.registrations import RecognisedModel
from modelreg.loading.libraries import loading

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

FORMATS = ("xgboost-json", "xgboost-ubj")

_ENDS = 256  # bytes
_JSON_START = re.compile(rb'\{\s*"learner"\s*:\s*\{\s*"\w+"\s*:')
_JSON_END = re.compile(rb'"version"\s*:\s*\[\s*\d+\s*,\s*\d+\s*,\s*\d+\s*\]\s*\}\s*\Z')
_LENGTH = rb"L\x00{7}"  # a key's length as XGBoost writes it: an int64, big-endian, of which one byte is enough
_UBJ_START = re.compile(rb"\{" + _LENGTH + rb"\x07learner\{" + _LENGTH + rb".\w", re.DOTALL)
_UBJ_END = re.compile(_LENGTH + rb"\x07version\[.{1,40}\Z", re.DOTALL)


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """A single file with XGBoost's first and last keys."""
    path = only_file(files, is_folder)
    if path is None:
        return None
    start, end = head(path, _ENDS), tail(path, _ENDS)
    if _JSON_START.match(start) and _JSON_END.search(end):
        return RecognisedModel("xgboost", "xgboost-json")
    if _UBJ_START.match(start) and _UBJ_END.search(end):
        return RecognisedModel("xgboost", "xgboost-ubj")
    return None


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """An ``xgboost.Booster``; raises `UnloadableModel`."""
    with loading():
        from xgboost import Booster

        booster: object = Booster(model_file=bytearray(model.read()))  # bytes, since a name's ending would decide
    return booster
