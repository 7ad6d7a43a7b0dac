"""skops: a zip with ``schema.json``, whose top node names the class (``skops/io/_persist.py``)."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from modelreg.analysis.containers.archive import open_archive
from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.content import Files, OpenModel, only_file
from modelreg.analysis.containers.json_text import find_objects, parse_object, text_at
from modelreg.analysis.containers.zip_members import ZipMembers
from modelreg.domain.registrations import RecognisedModel
from modelreg.errors import UnloadableModel
from modelreg.loading.flavors.pickles import flavor_of, is_release
from modelreg.loading.libraries import library_errors

if TYPE_CHECKING:
    from modelreg.analysis.evidence import SkopsArchive
    from modelreg.loading.trust import Trust

FORMATS = ("skops",)

_MAX_SCHEMA = 32 << 20  # bytes; a tree takes 3 KiB


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """Recognise a zip with a ``schema.json`` of skops."""
    path = only_file(files, is_folder)
    return None if path is None else describe(path)


def describe(path: Path) -> RecognisedModel | None:
    """Describe the skops file at ``path``; None if it is not one."""
    with open_archive(path) as archive:
        bounds = Bounds.of_model(path.stat().st_size)
        schema = None if archive is None else parse_object(archive.read("schema.json", _MAX_SCHEMA), bounds)
    if schema is None:
        return None
    module, name = text_at(schema, "__module__"), text_at(schema, "__class__")
    if module is None or name is None or "__loader__" not in schema:
        return None
    model_class = f"{module}.{name}"
    return RecognisedModel(flavor_of(model_class), "skops", model_class, libraries=_find_libraries(schema))


def _find_libraries(schema: dict[str, object]) -> dict[str, str]:
    """The version of scikit-learn in the state of the first estimator of the schema."""
    for node in find_objects(schema):
        release = node.get("_sklearn_version")
        content = text_at(release, "content") if isinstance(release, dict) else None
        if content and is_release(content.strip('"')):
            return {"scikit-learn": content.strip('"')}
    return {}


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Load the object, which is checked like that of a pickle; raises `UnloadableModel` and `UntrustedModel`."""
    return load_file(model.only_file, trust)


def load_file(file: BinaryIO, trust: Trust) -> object:
    """Load the object in an opened file; see `load`."""
    from modelreg.loading.unpickle import examine_trusted_file, register_loss_module

    evidence = examine_trusted_file(file, trust)
    file.seek(0)
    data = file.read() if trust.full else _rebuild_checked(file, evidence.skops)
    with library_errors():
        from skops.io import get_untrusted_types, loads

        if any(imported.module == "_loss" for imported in evidence.scan().imports):
            register_loss_module()
        loaded: object = loads(data, trusted=get_untrusted_types(data=data))  # checked by our policy
    return loaded


def _read_all(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _rebuild_checked(file: BinaryIO, checked: SkopsArchive | None) -> bytes:
    """Write a new archive with only the checked parts of ``file``; raises `UnloadableModel` if there are none."""
    if checked is None:
        raise UnloadableModel("the model file holds no object", "register a file that skops.io.dump wrote")
    size = file.seek(0, os.SEEK_END)
    members, written = ZipMembers(file, size, Bounds.of_model(size)), io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("schema.json", json.dumps(checked.schema))
        for name, member in checked.members.items():
            opened = members.open(member)
            archive.writestr(name, b"" if opened is None else opened[0].read())
    return written.getvalue()
