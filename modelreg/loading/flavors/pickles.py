"""Pickles: those of ``pickle``, joblib (with its compressions) and cloudpickle, read without being executed."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.compressed import (
    BadCompression,
    MissingDecompressor,
    is_compressed,
    open_decompressed,
)
from modelreg.analysis.containers.content import Files, OpenModel, head, only_file
from modelreg.analysis.pickle.object_graph import Node, Object, class_of, parts_of, resolved
from modelreg.analysis.pickle.reader import End, Reading, read_pickle
from modelreg.domain.registrations import RecognisedModel

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

FORMATS = ("pickle", "joblib", "cloudpickle")

_LIBRARIES = {
    "sklearn": "sklearn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "torch": "pytorch",
    "keras": "keras",
}
_A_RELEASE = re.compile(r"\d+(\.\w+){1,3}([+-][\w.]{1,20})?", re.ASCII)
_RELEASE = "_sklearn_version"
_LOOKED_AT = 2_000  # values, among which there is an estimator in any model that has one
_PROTOCOL_MARK = b"\x80"
_NOT_READ = "it begins as a pickle, but cannot be read as one to its end: it is cut off, damaged, or of an unusual form"


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """What the pickle in a single file says of itself."""
    path = only_file(files, is_folder)
    return None if path is None else describe(path)


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Unpickle the model; see `modelreg.loading.unpickle.load_pickle`."""
    from modelreg.loading.unpickle import load_pickle

    return load_pickle(model.only_file, trust)


def describe(path: Path) -> RecognisedModel | None:
    """What the pickle in the file at ``path`` says of itself; None when it is no pickle."""
    start = head(path, 8)
    compressed = is_compressed(start)
    try:
        with _opened(path, compressed) as (file, size):
            reading = read_pickle(file, size)
    except MissingDecompressor as missing:
        note = f"its class could not be read, since {missing.package} is not installed: pip install {missing.package}"
        return RecognisedModel("python", "joblib", notes=(note,))
    except BadCompression:
        return None
    marked = compressed or start[:1] == _PROTOCOL_MARK
    if not _is_convincing(reading, marked):
        return _not_read(reading) if marked and reading.protocol >= 2 else None
    model_class = class_of(reading.top)
    return RecognisedModel(
        flavor_of(model_class),
        _format(reading, compressed),
        model_class,
        notes=_notes(reading),
        libraries=_libraries(reading.top),
    )


def _not_read(reading: Reading) -> RecognisedModel:
    """A pickle that is not understood; whoever trusts it fully may load it, where it has any name to load."""
    flavor, known_as = ("python", "pickle") if reading.globals else ("file", "file")
    return RecognisedModel(flavor, known_as, notes=(_NOT_READ,))


def is_release(text: str) -> bool:
    """Whether a text can be the number of a release: ``1.5.2``, ``1.9.dev0``."""
    return _A_RELEASE.fullmatch(text) is not None


def flavor_of(model_class: str | None) -> str:
    """The library that a class belongs to; ``python`` for one that is none of a library we know."""
    return _LIBRARIES.get((model_class or "").partition(".")[0], "python")


def _libraries(top: Node) -> dict[str, str]:
    """The release of scikit-learn that one of the first estimators states, which each writes into its state."""
    waiting, looked_at = deque([top]), 0
    while waiting and looked_at < _LOOKED_AT:
        node, looked_at = waiting.popleft(), looked_at + 1
        state = resolved(node.state) if isinstance(node, Object) else None
        stated = state.get(_RELEASE) if isinstance(state, dict) else None
        if isinstance(stated, str) and is_release(stated):
            return {"scikit-learn": stated}
        waiting.extend(islice(parts_of(node), _LOOKED_AT))
    return {}


@contextmanager
def _opened(path: Path, compressed: bool) -> Iterator[tuple[BinaryIO, int | None]]:
    with path.open("rb") as file:
        if compressed:
            with open_decompressed(file, Bounds.of_model(path.stat().st_size)) as content:
                yield content, None
        else:
            yield file, path.stat().st_size


def _is_convincing(reading: Reading, marked: bool) -> bool:
    """Protocols 0 and 1 have no mark at the beginning: other files could begin as they do, but not end as well."""
    if reading.end is End.UNREADABLE:
        return False
    return (marked and reading.protocol >= 2) or (reading.end is End.STOP and reading.whole)


def _format(reading: Reading, compressed: bool) -> str:
    modules = {imported.module.partition(".")[0] for imported in reading.globals}
    wrapped = any(imported.module.startswith("joblib.numpy_pickle") for imported in reading.globals)
    if compressed or wrapped:
        return "joblib"
    return "cloudpickle" if "cloudpickle" in modules else "pickle"


def _notes(reading: Reading) -> tuple[str, ...]:
    notes = []
    own = [imported.name for imported in reading.globals if imported.module == "__main__"]
    if own:
        notes.append(
            f"it needs {', '.join(own[:5])} from __main__, which is another module wherever it is loaded: "
            "define what a model needs in a module that can be imported"
        )
    if reading.end is End.LIMIT and isinstance(reading.top, Object):
        notes.append("it is too large to be read to its end; its class is that of the first object in it")
    return tuple(notes)
