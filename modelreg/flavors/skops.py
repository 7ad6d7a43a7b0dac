"""skops: a zip with ``schema.json``, whose top node names the class (``skops/io/_persist.py``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelreg.containers.archive import opened_archive
from modelreg.containers.content import Files, OpenModel, only_file
from modelreg.containers.json_text import parse_object, text_at
from modelreg.errors import UntrustedModel
from modelreg.flavors.pickles import flavor_of
from modelreg.records.registration import Description
from modelreg.security.libraries import loading
from modelreg.security.names import allowed

if TYPE_CHECKING:
    from modelreg.security.trust import Trust

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


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """The object; raises `UnloadableModel`, and `UntrustedModel` for classes that skops doesn't trust by itself."""
    with loading():
        from skops.io import get_untrusted_types, loads

        data = model.read()
        untrusted = get_untrusted_types(data=data)
        named = {f"{module}.{name}" for module, name in trust.names | allowed()}
        refused = sorted(set(untrusted) - named)
        if refused and not trust.full:
            raise UntrustedModel(trust.model, (f"skops does not trust {', '.join(refused)}",), refused)
        loaded: object = loads(data, trusted=untrusted)
    return loaded
