"""Model files: what they are, told from their content alone, and how they are loaded.

Each family of formats is a small module with the shape of `Flavor`, found by an entry point of the group
``modelreg.loading.flavors``; another package adds its own by declaring one.
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

_OWN = "modelreg.loading.flavors."
_GENERIC = "modelreg.loading.flavors.pickles"
_LONGEST_NAME = 1000  # characters of a class, or of a run
_MOST_BESIDE = 100  # files right in a folder, of which one may be its model


class Flavor(Protocol):
    """A module that knows one family of formats."""

    FORMATS: tuple[str, ...]
    """The formats that it recognises and loads, as `Description.format` names them."""

    def recognise(self, files: Files, is_folder: bool) -> RecognisedModel | None:
        """What the model is, or None when it is of another family.

        Told by the bytes, never by a file's name (a folder's structure may count); nothing is imported from the
        model or executed, whatever the bytes are it does not raise, and time and memory are bounded.
        """

    def load(self, model: OpenModel, format: str, trust: Trust) -> object:
        """The model, ready to predict; raises `UnloadableModel`.

        Where loading runs what the files say, it raises `UntrustedModel` unless ``trust`` admits it.
        """


def recognise(files: Files, is_folder: bool) -> RecognisedModel:
    """What a model is, by its content; ``file`` or ``folder`` when nobody knows it.

    A folder that nobody knows, with a single model among the files right in it, is what that model is.

    ``files`` maps the path inside the model, with ``/``, to where its bytes lie, under any name.
    """
    for flavor in _flavors():
        description = flavor.recognise(files, is_folder)
        if description is not None:
            return _storable(description)
    only = _only_model(files) if is_folder else None
    if only is not None:
        path, description = only
        return _storable(replace(description, notes=(f"its model is the file {path}", *description.notes)))
    kind = "folder" if is_folder else "file"
    return RecognisedModel(flavor=kind, format=kind)


def _storable(described: RecognisedModel) -> RecognisedModel:
    """The same without what no catalog can keep: files may say anything of themselves."""
    fields = () if described.signature is None else (*described.signature.inputs, *described.signature.outputs)
    return replace(
        described,
        model_class=_kept(described.model_class),
        run_id=_kept(described.run_id),
        signature=described.signature if all(is_utf8(str(field.name)) for field in fields) else None,
        notes=tuple(map(storable, described.notes)),
    )


def _kept(name: str | None) -> str | None:
    return name if name is not None and len(name) <= _LONGEST_NAME and is_utf8(name) else None


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """The model, ready to predict, by the loader of its format and no other.

    Imports the library of the model. Raises `UnloadableModel` when the format is not known, the library is not
    installed, or the library refuses the files, and `UntrustedModel` when it would import what is not admitted.
    """
    for flavor in _flavors():
        if format in flavor.FORMATS:
            with _as_known(model, flavor) as opened:
                return flavor.load(opened, format, trust)
    raise UnloadableModel(
        f"a model of the format {format!r} cannot be loaded: nothing here knows it",
        "'modelreg load' hands out its files; a package can add the format with an entry point",
    )


def _only_model(files: Files) -> tuple[str, RecognisedModel] | None:
    """The model that lies in a folder beside code and notes, by its path; None for a folder with none or several.

    A folder of very many files is a data set or the like, and is not searched.
    """
    paths = [path for path in files if "/" not in path]
    found: list[tuple[str, RecognisedModel]] = []
    for path in paths if len(paths) <= _MOST_BESIDE else ():
        described = recognise({path: files[path]}, False)
        if described.flavor != "file":
            found.append((path, described))
        if len(found) > 1:
            return None
    return found[0] if found else None


@contextmanager
def _as_known(model: OpenModel, flavor: Flavor) -> Iterator[OpenModel]:
    """The model as its flavor recognised it: the folder, or the one file in it that is a model."""
    files = {} if model.file is not None else model.files()
    if not files or flavor.recognise(files, True) is not None:
        yield model
        return
    only = _only_model(files)
    if only is None:
        raise UnloadableModel("the folder has more or less than one model in it", "register the file of the model")
    with files[only[0]].open("rb") as file:
        yield OpenModel(file, None)


def _flavors() -> list[Flavor]:
    """The specific before the generic: any pickle is one of ``pickles``, so that it is asked last.

    Before it our own come in the order of their names, then those of other packages; the first that recognises a
    model has it.
    """
    return _flavors_on(tuple(sys.path))


@functools.lru_cache(maxsize=1)  # it reads a file of every distribution that is installed
def _flavors_on(path: tuple[str, ...]) -> list[Flavor]:
    """The flavors of the distributions on ``path``, which is `sys.path`."""
    from importlib.metadata import entry_points  # about 20 ms, and only registering and loading need it

    return [cast("Flavor", point.load()) for point in sorted(entry_points(group=GROUP), key=_place)]


def _place(point: EntryPoint) -> tuple[bool, bool, str, str]:
    return point.value == _GENERIC, not point.value.startswith(_OWN), point.name, point.value
