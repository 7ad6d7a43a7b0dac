"""The one place where files that can hold code are turned into an object.

A pickle is judged first, from the very file that is then unpickled; and while it is unpickled, each import is checked
once more. The form of pickles that is accepted leaves Python's unpicklers one way to read them, so what is built is
what was judged (see `modelreg.analysis.pickle.reader`). When one loader refuses, no other is tried.
"""

from __future__ import annotations

import inspect
import pickle
import re
import sys
from collections.abc import Collection
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from modelreg.analysis.containers.compressed import is_compressed, open_decompressed
from modelreg.analysis.evidence import Evidence
from modelreg.analysis.pickle.reader import End, NameUses, Reading, translate_python_2_name
from modelreg.analysis.policy import allowed
from modelreg.analysis.scan import examined
from modelreg.domain.python_models import PythonFunction, PythonModelContext
from modelreg.errors import UnloadableModel, shown
from modelreg.loading import texts_as_data
from modelreg.loading.libraries import how_to_get, loading
from modelreg.loading.trust import Trust

if TYPE_CHECKING:
    from joblib.numpy_pickle import NumpyUnpickler

_STANDS_FOR = {("numpy", "memmap"): ("numpy", "ndarray")}
"""Names that are imported as others: the bytes of an array are in the pickle, and no file is to be opened for it."""
_MODULES = {"_loss": "sklearn._loss._loss"}
"""What scikit-learn 1.5 to 1.7 call a module of theirs, by which Python would find a file of anybody's."""
_OF_CYTHON = "__pyx_unpickle_"
_CALLS = "it calls {}: a trusted function may only be held as a value"
_GETATTR = "builtins", "getattr"
_WRAPPER = "joblib.numpy_pickle", "NumpyArrayWrapper"


def load_pickle(file: BinaryIO, trust: Trust) -> object:
    """The object in a file of pickle, joblib or cloudpickle, which is read from its beginning.

    Raises `UntrustedModel` before anything is imported that is not admitted, and `UnloadableModel` when a library is
    missing or the file can't be read.
    """
    evidence = require_trust(file, trust)
    reading = evidence.model
    if not trust.full and (reading is None or reading.end is not End.STOP):
        raise UnloadableModel("the model's file does not begin with a pickle", "register what pickle or joblib wrote")
    names = _Names(trust, reading)
    file.seek(0)
    start = file.read(8)
    file.seek(0)
    with loading():
        if is_compressed(start):
            return _load_joblib(open_decompressed(file), names)
        if any((each.module, each.name) == _WRAPPER for each in evidence.scan().imports):
            return _load_joblib(file, names)
        return _Unpickler(file, names).load()


def require_trust(file: BinaryIO, trust: Trust) -> Evidence:
    """What there is in an opened file; raises `UntrustedModel` unless it may be loaded.

    Classes that are trusted by name are imported here: their objects may have no attribute in the place of a method.
    """
    evidence = examined(file)
    trust.require(evidence.scan())
    if not trust.full:
        with loading():
            for pair, attributes in evidence.attributes.items():
                _refuse_hidden_methods(pair, attributes, trust)
            texts_as_data.refuse_texts(each.module for each in evidence.scan().imports)
    return evidence


def _refuse_hidden_methods(pair: tuple[str, str], attributes: Collection[str], trust: Trust) -> None:
    cls = _imported(*pair)
    if not isinstance(cls, type) and not pair[1].startswith(_OF_CYTHON):
        raise trust.refuse_because(_CALLS.format(shown(".".join(pair))))
    if isinstance(cls, type) and issubclass(cls, partial):  # whose state has attributes that nobody judges as such
        raise trust.refuse_because(f"{pair[1]} is derived from functools.partial")
    for attribute in attributes:
        found = inspect.getattr_static(cls, attribute, None)
        if callable(found) or isinstance(found, property | classmethod | staticmethod):
            raise trust.refuse_because(f"{pair[1]}.{attribute} hides a method of its class")


def load_mlflow(folder: Path, trust: Trust) -> object:
    """The model in a folder of MLflow's, which MLflow loads as it sees fit."""
    trust.require_full("MLflow runs what the model's folder says")
    with loading():
        from mlflow import pyfunc  # about 1 s

        model: object = pyfunc.load_model(str(folder))
    return model


def load_python_model(file: Path, context: PythonModelContext, trust: Trust) -> PythonFunction:
    """The Python model in a file of cloudpickle, whose class is code of its own; raises `UntrustedModel`."""
    trust.require_full("it is a Python model, whose class is code of its own")
    with loading(), file.open("rb") as opened:
        return PythonFunction(pickle.load(opened), context)


class _Names:
    """The names that may be imported while one file is unpickled: those that were judged, and are admitted."""

    def __init__(self, trust: Trust, reading: Reading | None) -> None:
        self._trust = trust
        self._judged = {(each.module, each.name) for each in reading.globals} if reading else set()
        self._used = reading.used if reading else NameUses()

    @property
    def are_free(self) -> bool:
        """Whether the file may import whatever it says."""
        return self._trust.full

    def find(self, module: str, name: str) -> Any:
        """What an admitted name stands for: this very name, or the one that Python 3 has for one of Python 2.

        Raises `UntrustedModel`, and `UnloadableModel` where there is nothing of this name.
        """
        for pair in ((module, name), translate_python_2_name(module, name)):
            if pair == _GETATTR:
                return self._attribute
            if pair in self._judged and self._trust.admits(*pair):
                found = _imported(*_STANDS_FOR.get(pair, pair))
                self._refuse_calls(pair, found)
                return found
        raise self._trust.refuse(module, name)

    def _refuse_calls(self, pair: tuple[str, str], found: object) -> None:
        """Raise `UntrustedModel` for a function of the user's that the file calls with arguments of its own choice.

        What it returns was not judged. Functions are trusted as values; classes make objects, also those of Cython.
        """
        is_called = pair in self._used.called and pair not in allowed()
        if is_called and not isinstance(found, type) and not pair[1].startswith(_OF_CYTHON):
            raise self._trust.refuse_because(_CALLS.format(shown(".".join(pair))))

    def _attribute(self, owner: Any, attribute: str) -> Any:
        """``getattr`` for an attribute of a class that is admitted by its name, and for methods that were judged."""
        if isinstance(owner, type):
            is_admitted = self._trust.admits(owner.__module__, f"{owner.__qualname__}.{attribute}")
        else:
            found = inspect.getattr_static(type(owner), attribute, None)
            is_method = inspect.isfunction(found) or (
                isinstance(owner, re.Pattern) and inspect.ismethoddescriptor(found)
            )
            is_admitted = is_method and attribute in self._used.looked_up
        if not is_admitted:
            raise self._trust.refuse(*_GETATTR)
        return getattr(owner, attribute)


class _Unpickler(pickle.Unpickler):
    """Python's own, in C, which imports admitted names alone."""

    def __init__(self, file: BinaryIO, names: _Names) -> None:
        super().__init__(file)
        self._names = names

    def find_class(self, module: str, name: str) -> Any:
        """The class or function of this name; raises `UntrustedModel`."""
        return super().find_class(module, name) if self._names.are_free else self._names.find(module, name)


def offer_loss_module() -> None:
    """Let ``_loss`` mean scikit-learn's own module, and not a file of this name in some folder (see `_MODULES`)."""
    sys.modules.setdefault("_loss", import_module(_MODULES["_loss"]))


def _imported(module: str, name: str) -> Any:
    """What has this name; raises `UnloadableModel` where the module has nothing of this name."""
    found: Any = import_module(_MODULES.get(module, module))
    for part in name.split("."):
        if not hasattr(found, part):
            raise UnloadableModel(
                f"the model needs {shown(f'{module}.{name}')}, which is not there", how_to_get(module)
            )
        found = getattr(found, part)
    return found


def _load_joblib(file: BinaryIO, names: _Names) -> object:
    """As ``joblib.load``, with both unpicklers that it uses held to what is admitted."""
    from joblib import numpy_pickle  # imports NumPy: about 100 ms

    class ArrayWrapper(numpy_pickle.NumpyArrayWrapper):  # type: ignore[misc]  # joblib has no types
        """joblib up to 1.5 reads an array of objects by a plain ``pickle.load``."""

        def read_array(self, unpickler: Any, *arguments: Any) -> Any:
            if self.dtype.hasobject:
                return _Unpickler(unpickler.file_handle, names).load()
            return super().read_array(unpickler, *arguments)

    class Unpickler(numpy_pickle.NumpyUnpickler):  # type: ignore[misc]  # joblib has no types
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) == _WRAPPER:
                return ArrayWrapper
            return super().find_class(module, name) if names.are_free else names.find(module, name)

    more = (
        {"ensure_native_byte_order": True}
        if "ensure_native_byte_order" in inspect.signature(Unpickler).parameters
        else {}
    )
    return cast("NumpyUnpickler", Unpickler("", file, **more)).load()
