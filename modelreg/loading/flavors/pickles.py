"""Pickles of ``pickle``, joblib (with its compressions) and cloudpickle, described without executing them."""

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
_RELEASE_PATTERN = re.compile(r"\d+(\.\w+){1,3}([+-][\w.]{1,20})?", re.ASCII)
_RELEASE_ATTRIBUTE = "_sklearn_version"
_MAX_SEARCHED = 2_000  # values that are searched for an estimator
_PROTOCOL_MARK = b"\x80"
_UNREADABLE_NOTE = (
    "it begins like a pickle, but cannot be read to its end: it is cut off, damaged or in an unusual form"
)


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """Recognise a pickle in a single file."""
    path = only_file(files, is_folder)
    return None if path is None else describe(path)


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Unpickle the model; see `modelreg.loading.unpickle.load_pickle`."""
    from modelreg.loading.unpickle import load_pickle

    return load_pickle(model.only_file, trust)


def describe(path: Path) -> RecognisedModel | None:
    """Describe the pickle in the file at ``path``; None if it is not a pickle."""
    start = head(path, 8)
    compressed = is_compressed(start)
    try:
        with _open_pickle(path, compressed) as (file, size):
            reading = read_pickle(file, size)
    except MissingDecompressor as missing:
        note = f"its class is unknown, because {missing.package} is not installed: pip install {missing.package}"
        return RecognisedModel("python", "joblib", notes=(note,))
    except BadCompression:
        return None
    has_mark = compressed or start[:1] == _PROTOCOL_MARK
    if not _is_pickle(reading, has_mark):
        return _describe_unreadable(reading) if has_mark and reading.protocol >= 2 else None
    model_class = class_of(reading.top)
    return RecognisedModel(
        flavor_of(model_class),
        _get_format(reading, compressed),
        model_class,
        notes=_list_notes(reading),
        libraries=_find_libraries(reading.top),
    )


def _describe_unreadable(reading: Reading) -> RecognisedModel:
    """A pickle that cannot be read to its end. With full trust it can be loaded, if it imports any name."""
    flavor, file_format = ("python", "pickle") if reading.globals else ("file", "file")
    return RecognisedModel(flavor, file_format, notes=(_UNREADABLE_NOTE,))


def is_release(text: str) -> bool:
    """Whether a string is a version number: ``1.5.2``, ``1.9.dev0``."""
    return _RELEASE_PATTERN.fullmatch(text) is not None


def flavor_of(model_class: str | None) -> str:
    """The library of a class; ``python`` for a class of any other library."""
    return _LIBRARIES.get((model_class or "").partition(".")[0], "python")


def _find_libraries(top: Node) -> dict[str, str]:
    """The version of scikit-learn in the state of the first estimator among `_MAX_SEARCHED` values."""
    pending, searched = deque([top]), 0
    while pending and searched < _MAX_SEARCHED:
        node, searched = pending.popleft(), searched + 1
        state = resolved(node.state) if isinstance(node, Object) else None
        release = state.get(_RELEASE_ATTRIBUTE) if isinstance(state, dict) else None
        if isinstance(release, str) and is_release(release):
            return {"scikit-learn": release}
        pending.extend(islice(parts_of(node), _MAX_SEARCHED))
    return {}


@contextmanager
def _open_pickle(path: Path, compressed: bool) -> Iterator[tuple[BinaryIO, int | None]]:
    with path.open("rb") as file:
        if compressed:
            with open_decompressed(file, Bounds.of_model(path.stat().st_size)) as content:
                yield content, None
        else:
            yield file, path.stat().st_size


def _is_pickle(reading: Reading, has_mark: bool) -> bool:
    """Whether the bytes are a pickle. Protocols 0 and 1 have no mark, so such a pickle has to be read to its end."""
    if reading.end is End.UNREADABLE:
        return False
    return (has_mark and reading.protocol >= 2) or (reading.end is End.STOP and reading.whole)


def _get_format(reading: Reading, compressed: bool) -> str:
    modules = {imported.module.partition(".")[0] for imported in reading.globals}
    has_wrapper = any(imported.module.startswith("joblib.numpy_pickle") for imported in reading.globals)
    if compressed or has_wrapper:
        return "joblib"
    return "cloudpickle" if "cloudpickle" in modules else "pickle"


def _list_notes(reading: Reading) -> tuple[str, ...]:
    notes = []
    own = [imported.name for imported in reading.globals if imported.module == "__main__"]
    if own:
        notes.append(
            f"it needs {', '.join(own[:5])} from __main__, which is a different module in every program: "
            "define them in an importable module"
        )
    if reading.end is End.LIMIT and isinstance(reading.top, Object):
        notes.append("it is too large to be read to its end; its class is that of its first object")
    return tuple(notes)
