"""The one place where files that can hold code are turned into an object.

A pickle is looked through first, from the very file that is then unpickled; and while it is unpickled, each import is
asked for once more. So a name has to get past both, and no other loader is tried when one refuses.
"""

from __future__ import annotations

import pickle
from functools import partial
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from modelreg.containers.compressed import decompressing, is_compressed
from modelreg.errors import UnloadableModel, shown
from modelreg.security.libraries import how_to_get, loading
from modelreg.security.pickle_state import names_in_python_3
from modelreg.security.scan import scan_opened
from modelreg.security.trust import Trust

if TYPE_CHECKING:
    from joblib.numpy_pickle import NumpyUnpickler

_STANDS_FOR = {("numpy", "memmap"): ("numpy", "ndarray")}
"""Names that are imported as others: the bytes of an array are in the pickle, and no file is to be opened for it."""
_MODULES = {"_loss": "sklearn._loss._loss"}
"""What scikit-learn 1.5 to 1.7 call a module of theirs, by which Python would find a file of anybody's."""
_WRAPPER = "joblib.numpy_pickle", "NumpyArrayWrapper"


def load_pickle(file: BinaryIO, format: str, trust: Trust) -> object:
    """The object in a ``pickle``, ``joblib`` or ``cloudpickle`` file, which is read from its beginning.

    Raises `UntrustedModel` before anything is imported that is not admitted, and `UnloadableModel` when a library is
    missing or the file can't be read.
    """
    trust.require(scan_opened(file))
    file.seek(0)
    with loading():
        if format != "joblib":
            return _Unpickler(file, trust).load()
        start = file.read(8)
        file.seek(0)
        return _load_joblib(decompressing(file) if is_compressed(start) else file, trust)


def load_mlflow(folder: Path, trust: Trust) -> object:
    """The model in a folder of MLflow's, which MLflow loads as it sees fit."""
    trust.require_full("MLflow runs what the model's folder says")
    with loading():
        from mlflow import pyfunc  # about 1 s

        model: object = pyfunc.load_model(str(folder))
    return model


class _Unpickler(pickle.Unpickler):
    """Python's own, in C, which imports admitted names alone."""

    def __init__(self, file: BinaryIO, trust: Trust) -> None:
        super().__init__(file)
        self._trust = trust

    def find_class(self, module: str, name: str) -> Any:
        """The class or function of this name; raises `UntrustedModel`."""
        return super().find_class(module, name) if self._trust.full else _admitted(module, name, self._trust)


def _admitted(module: str, name: str, trust: Trust) -> Any:
    """What an admitted name stands for: this very name, or the one that Python 3 has for one of Python 2."""
    for pair in ((module, name), names_in_python_3(module, name)):
        if pair == ("builtins", "getattr"):
            return partial(_admitted_attribute, trust)
        if trust.admits(*pair):
            return _found(*_STANDS_FOR.get(pair, pair))
    raise trust.refuse(module, name)


def _admitted_attribute(trust: Trust, owner: Any, attribute: str) -> Any:
    """``getattr`` for a class that was imported, of which this very attribute is admitted."""
    if not isinstance(owner, type) or not trust.admits(owner.__module__, f"{owner.__qualname__}.{attribute}"):
        raise trust.refuse("builtins", "getattr")
    return getattr(owner, attribute)


def _found(module: str, name: str) -> Any:
    """What has this name; raises `UnloadableModel` where the module has nothing of this name."""
    found: Any = import_module(_MODULES.get(module, module))
    for part in name.split("."):
        if not hasattr(found, part):
            raise UnloadableModel(
                f"the model needs {shown(f'{module}.{name}')}, which is not there", how_to_get(module)
            )
        found = getattr(found, part)
    return found


def _load_joblib(file: BinaryIO, trust: Trust) -> object:
    """As ``joblib.load``, with both unpicklers that it uses held to what is admitted."""
    from joblib import numpy_pickle  # imports NumPy: about 100 ms

    class ArrayWrapper(numpy_pickle.NumpyArrayWrapper):  # type: ignore[misc]  # joblib has no types
        """joblib up to 1.5 reads an array of objects by a plain ``pickle.load``."""

        def read_array(self, unpickler: Any, *arguments: Any) -> Any:
            if self.dtype.hasobject:
                return _Unpickler(unpickler.file_handle, trust).load()
            return super().read_array(unpickler, *arguments)

    class Unpickler(numpy_pickle.NumpyUnpickler):  # type: ignore[misc]  # joblib has no types
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) == _WRAPPER:
                return ArrayWrapper
            return super().find_class(module, name) if trust.full else _admitted(module, name, trust)

    more = {"ensure_native_byte_order": True} if "ensure_native_byte_order" in signature(Unpickler).parameters else {}
    return cast("NumpyUnpickler", Unpickler("", file, **more)).load()
