"""Flavors: recognise the format of model files by their content, and load them.

Each family of formats is a module with the interface `Flavor`, found through an entry point of the group `GROUP`. Other
packages add formats by declaring such an entry point.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, cast

from modelreg.analysis.containers.content import Files, OpenModel
from modelreg.domain.references import is_utf8, storable
from modelreg.domain.registrations import RecognisedModel
from modelreg.errors import UnloadableModel

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from modelreg.loading.trust import Trust

__all__ = ["GROUP", "Flavor", "load", "recognise"]

GROUP = "modelreg.flavors"

_OWN_PREFIX = "modelreg.loading.flavors."
_GENERIC = "modelreg.loading.flavors.pickles"
_MAX_NAME_LENGTH = 1000  # characters, of a class or a run id
_MAX_FILES_IN_FOLDER = 100  # files directly in a folder that are searched for a model


class Flavor(Protocol):
    """The interface of a module for one family of formats."""

    FORMATS: tuple[str, ...]
    """The values of `RecognisedModel.format` that this flavor recognises and loads."""

    def recognise(self, files: Files, is_folder: bool) -> RecognisedModel | None:
        """Recognise a model of this family; None for any other file.

        Decides by content, never by the name of a file; the structure of a folder may count. Imports and executes
        nothing from the model. Never raises because of the content. Time and memory are bounded.
        """

    def load(self, model: OpenModel, format: str, trust: Trust) -> object:
        """Load the model, ready to predict; raises `UnloadableModel`.

        Raises `UntrustedModel` if loading could run code that ``trust`` does not allow.
        """


def recognise(files: Files, is_folder: bool) -> RecognisedModel:
    """Recognise a model by its content. The flavor of unknown content is ``file`` or ``folder``.

    An unknown folder with exactly one model among the files directly in it is recognised as that model.

    ``files`` maps each path inside the model, with ``/``, to the location of its bytes, which may have any name.
    """
    for flavor in _list_flavors():
        description = flavor.recognise(files, is_folder)
        if description is not None:
            return _make_storable(description)
    only_model = _find_only_model(files) if is_folder else None
    if only_model is not None:
        path, description = only_model
        return _make_storable(replace(description, notes=(f"its model is the file {path}", *description.notes)))
    kind = "folder" if is_folder else "file"
    return RecognisedModel(flavor=kind, format=kind)


def _make_storable(description: RecognisedModel) -> RecognisedModel:
    """Remove what the catalog cannot store: names that are too long or not UTF-8."""
    signature = description.signature
    fields = () if signature is None else (*signature.inputs, *signature.outputs)
    return replace(
        description,
        model_class=_storable_name(description.model_class),
        run_id=_storable_name(description.run_id),
        signature=signature if all(is_utf8(str(field.name)) for field in fields) else None,
        notes=tuple(map(storable, description.notes)),
    )


def _storable_name(name: str | None) -> str | None:
    return name if name is not None and len(name) <= _MAX_NAME_LENGTH and is_utf8(name) else None


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Load a model, ready to predict, with the loader of its format and no other.

    Imports the library of the model. Raises `UnloadableModel` if the format is unknown, the library is not installed or
    the library rejects the files, and `UntrustedModel` if the model would import a name that ``trust`` does not allow.
    """
    for flavor in _list_flavors():
        if format in flavor.FORMATS:
            with _open_recognised(model, flavor) as opened:
                return flavor.load(opened, format, trust)
    raise UnloadableModel(
        f"a model of the format {format!r} cannot be loaded: no installed flavor supports it",
        f"'modelreg load' returns its files; a package can add the format with an entry point in {GROUP!r}",
    )


def _find_only_model(files: Files) -> tuple[str, RecognisedModel] | None:
    """The path and description of the only model directly in a folder; None if there is none, or more than one.

    A folder with very many files is probably a data set and is not searched.
    """
    paths = [path for path in files if "/" not in path]
    models: list[tuple[str, RecognisedModel]] = []
    for path in paths if len(paths) <= _MAX_FILES_IN_FOLDER else ():
        description = recognise({path: files[path]}, False)
        if description.flavor != "file":
            models.append((path, description))
        if len(models) > 1:
            return None
    return models[0] if models else None


@contextmanager
def _open_recognised(model: OpenModel, flavor: Flavor) -> Iterator[OpenModel]:
    """Open a model as its flavor recognised it: the folder, or the only model file in the folder."""
    files = {} if model.file is not None else model.files()
    if not files or flavor.recognise(files, True) is not None:
        yield model
        return
    only_model = _find_only_model(files)
    if only_model is None:
        raise UnloadableModel("the folder does not contain exactly one model", "register the file of the model")
    with files[only_model[0]].open("rb") as file:
        yield OpenModel(file, None)


def _list_flavors() -> list[Flavor]:
    """All flavors, in the order in which they are asked: the first that recognises a model is used.

    Our own come first, by name, then those of other packages. ``pickles`` comes last, because it recognises any pickle.
    """
    return _flavors_on(tuple(sys.path))


@functools.lru_cache(maxsize=1)  # entry_points() reads a file of every installed distribution
def _flavors_on(path: tuple[str, ...]) -> list[Flavor]:
    """The flavors of the distributions on ``path``, which is `sys.path`: the key of the cache."""
    from importlib.metadata import entry_points  # about 20 ms, and only registering and loading need it

    return [cast("Flavor", point.load()) for point in sorted(entry_points(group=GROUP), key=_sort_key)]


def _sort_key(point: EntryPoint) -> tuple[bool, bool, str, str]:
    return point.value == _GENERIC, not point.value.startswith(_OWN_PREFIX), point.name, point.value
