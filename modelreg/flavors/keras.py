"""Keras 3's archive: a zip with ``config.json``, ``metadata.json`` and weights (``keras/src/saving/saving_lib.py``)."""

from __future__ import annotations

from pathlib import Path

from modelreg.flavors.archive import opened_archive
from modelreg.flavors.content import Files, only_file
from modelreg.flavors.json_text import parse_object, text_at
from modelreg.records.registration import Description
from modelreg.security.libraries import loading

FORMATS = ("keras",)

_MOST_CONFIG = 32 << 20  # bytes
_METADATA = "metadata.json"


def recognise(files: Files, is_folder: bool) -> Description | None:
    """A zip with Keras's configuration; the class is the one that it names."""
    path = only_file(files, is_folder)
    if path is None:
        return None
    with opened_archive(path) as archive:
        if archive is None or _METADATA not in archive.names:
            return None
        config = parse_object(archive.read("config.json", _MOST_CONFIG))
    if config is None or "config" not in config or text_at(config, "class_name") is None:
        return None
    return Description("keras", "keras", _class(config))


def load(path: Path, format: str) -> object:
    """The model, in Keras's safe mode, which runs no code from the file; raises `UnloadableModel`.

    Keras goes by a file's name, which need not end as it wants: it reads from a link with an ending it knows.
    """
    from tempfile import TemporaryDirectory

    with loading(), TemporaryDirectory(prefix="modelreg-") as folder:
        from keras.saving import load_model  # imports the backend: seconds

        link = Path(folder, "model.keras")
        link.symlink_to(path.absolute())
        model: object = load_model(link)
    return model


def _class(config: dict[str, object]) -> str | None:
    module, name = text_at(config, "module"), text_at(config, "class_name")
    return f"{module}.{name}" if module else name
