"""Keras 3's archive: a zip with ``config.json``, ``metadata.json`` and weights (``keras/src/saving/saving_lib.py``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modelreg.analysis.containers.archive import open_archive
from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.content import Files, OpenModel, only_file
from modelreg.analysis.containers.json_text import parse_object, text_at
from modelreg.domain.registrations import RecognisedModel
from modelreg.loading.libraries import library_errors

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

FORMATS = ("keras",)

_MAX_CONFIG = 32 << 20  # bytes
_METADATA = "metadata.json"


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """Recognise a zip with Keras's configuration, which names the class of the model."""
    path = only_file(files, is_folder)
    if path is None:
        return None
    with open_archive(path) as archive:
        if archive is None or _METADATA not in archive.names:
            return None
        config = parse_object(archive.read("config.json", _MAX_CONFIG), Bounds.of_model(path.stat().st_size))
    name = None if config is None else text_at(config, "class_name")
    if config is None or "config" not in config or name is None:
        return None
    module = text_at(config, "module")
    return RecognisedModel("keras", "keras", f"{module}.{name}" if module else name)


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Load the model in Keras's safe mode, which runs no code from the file, unless trust is full.

    Keras requires a file name and reads the file twice, so it gets a private copy of the checked bytes. Raises
    `UnloadableModel` and `UntrustedModel`.
    """
    from tempfile import TemporaryDirectory

    from modelreg.loading.unpickle import examine_trusted_file

    examine_trusted_file(model.only_file, trust)
    with library_errors(), TemporaryDirectory(prefix="modelreg-") as folder:
        from keras.saving import load_model  # imports the backend: seconds

        copy = Path(folder, "model.keras")
        copy.write_bytes(model.read())
        loaded: object = load_model(copy, safe_mode=not trust.full)
    return loaded
