"""LightGBM's text format (``src/boosting/gbdt_model_text.cpp``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelreg.containers.content import Files, OpenModel, head, only_file
from modelreg.records.registration import Description
from modelreg.security.libraries import loading

if TYPE_CHECKING:
    from modelreg.security.trust import Trust

FORMATS = ("lightgbm-text",)

_START = re.compile(rb"tree\r?\nversion=v\d+\r?\nnum_class=\d+\r?\nnum_tree_per_iteration=\d+\r?\n")


def recognise(files: Files, is_folder: bool) -> Description | None:
    """A single file that begins as LightGBM's text does."""
    path = only_file(files, is_folder)
    if path is None or not _START.match(head(path, 256)):
        return None
    return Description("lightgbm", "lightgbm-text")


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """A ``lightgbm.Booster``; raises `UnloadableModel`."""
    with loading():
        from lightgbm import Booster

        booster: object = Booster(model_str=model.read().decode())
    return booster
