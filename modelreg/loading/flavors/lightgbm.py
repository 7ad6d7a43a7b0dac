"""LightGBM's text format (``src/boosting/gbdt_model_text.cpp``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelreg.analysis.containers.content import Files, OpenModel, head, only_file, tail
from modelreg.domain.registrations import RecognisedModel
from modelreg.errors import UnloadableModel
from modelreg.loading.libraries import library_errors

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

FORMATS = ("lightgbm-text",)

_START = re.compile(rb"tree\r?\nversion=v\d+\r?\nnum_class=\d+\r?\nnum_tree_per_iteration=\d+\r?\n")
_SIZES = re.compile(rb"^tree_sizes=([\d ]*)$", re.MULTILINE)
_END_OF_TEXT = 1 << 20  # bytes, which contain the parameters and categories
_FIRST_TREE, _END_OF_TREES = b"\nTree=0\n", b"end of trees\n"


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """Recognise a single file that begins and ends like LightGBM's text."""
    path = only_file(files, is_folder)
    if path is None or not _START.match(head(path, 256)) or not _is_complete(tail(path, _END_OF_TEXT)):
        return None
    return RecognisedModel("lightgbm", "lightgbm-text")


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Load a ``lightgbm.Booster``; raises `UnloadableModel`."""
    content = model.read().replace(b"\r\n", b"\n")  # the stated sizes of trees count these line ends
    _check_complete(content)
    with library_errors():
        from lightgbm import Booster

        booster: object = Booster(model_str=content.decode())
    return booster


def _is_complete(end: bytes) -> bool:
    """Whether the text after the trees is complete. Older versions write no parameters there."""
    has_parameters = b"\nparameters:" in end
    has_end = b"end of parameters" in end or b"\npandas_categorical:" in end
    return has_end if has_parameters else has_end or b"end of trees" in end


def _check_complete(content: bytes) -> None:
    """Raise `UnloadableModel` if the trees are not as long as the header says: LightGBM would abort the process."""
    sizes, first, end = _SIZES.search(content), content.find(_FIRST_TREE), content.find(_END_OF_TREES)
    if sizes is None:  # LightGBM before 2.1 wrote no sizes
        return
    expected = sum(map(int, sizes.group(1).split()))
    start = end if first < 0 else first + 1
    if end < 0 or end - start != expected or not _is_complete(content[end:]):
        raise UnloadableModel(
            "the model's text was cut off or changed: its trees are not as long as its header says",
            "save it again with booster.save_model, and register that file",
        )
