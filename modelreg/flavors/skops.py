"""skops: a zip with ``schema.json``, whose top node names the class (``skops/io/_persist.py``)."""

from __future__ import annotations

from pathlib import Path

from modelreg.flavors.archive import opened_archive
from modelreg.flavors.content import Files, only_file
from modelreg.flavors.json_text import parse_object, text_at
from modelreg.flavors.pickles import flavor_of
from modelreg.records.registration import Description
from modelreg.security.libraries import loading

FORMATS = ("skops",)

_MOST_SCHEMA = 32 << 20  # bytes; 3 KiB a tree


def recognise(files: Files, is_folder: bool) -> Description | None:
    """A zip whose ``schema.json`` is that of skops."""
    path = only_file(files, is_folder)
    return None if path is None else describe(path)


def describe(path: Path) -> Description | None:
    """What the skops file at ``path`` says of itself; None when it is none."""
    with opened_archive(path) as archive:
        schema = None if archive is None else parse_object(archive.read("schema.json", _MOST_SCHEMA))
    if schema is None:
        return None
    module, name = text_at(schema, "__module__"), text_at(schema, "__class__")
    if module is None or name is None or "__loader__" not in schema:
        return None
    model_class = f"{module}.{name}"
    return Description(flavor_of(model_class), "skops", model_class)


def load(path: Path, format: str) -> object:
    """The object; raises `UnloadableModel`, also for classes that skops doesn't trust by itself."""
    with loading():
        from skops.io import load as load_skops

        model: object = load_skops(path)
    return model
