"""Load files that can hold code: the only module that unpickles models.

A pickle is scanned first, through the same open file that is unpickled afterwards, and every import is checked again
during unpickling. The scan accepts only pickles that Python's unpicklers can read in one way, so the object that is
built is the object that was scanned (see `modelreg.analysis.pickle.reader`). If one loader refuses, no other is tried.
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
from modelreg.analysis.policy import allowed_names
from modelreg.analysis.scan import examine_file
from modelreg.domain.python_models import PythonFunction, PythonModelContext
from modelreg.errors import UnloadableModel, shown
from modelreg.loading import texts_as_data
from modelreg.loading.libraries import hint_for_module, library_errors
from modelreg.loading.trust import Trust

if TYPE_CHECKING:
    from joblib.numpy_pickle import NumpyUnpickler

_REPLACEMENTS = {("numpy", "memmap"): ("numpy", "ndarray")}
"""Name -> the name that is imported instead. The data of an array is in the pickle, so no file may be mapped for it."""
_MODULE_PATHS = {"_loss": "sklearn._loss._loss"}
"""Module name in pickles of scikit-learn 1.5 to 1.7 -> its real path. Python would import any file of that name."""
_CYTHON_PREFIX = "__pyx_unpickle_"
_CALL_REFUSAL = "{} is called: trusted functions may only be stored as values"
_GETATTR = "builtins", "getattr"
_WRAPPER = "joblib.numpy_pickle", "NumpyArrayWrapper"


def load_pickle(file: BinaryIO, trust: Trust) -> object:
    """Load the object in a file of pickle, joblib or cloudpickle, from its beginning.

    Raises `UntrustedModel` before it imports a name that ``trust`` does not allow, and `UnloadableModel` if a library
    is missing or the file cannot be read.
    """
    evidence = examine_trusted_file(file, trust)
    reading = evidence.model
    if not trust.full and (reading is None or reading.end is not End.STOP):
        raise UnloadableModel("the model file does not begin with a pickle", "register a file of pickle or joblib")
    names = _NameResolver(trust, reading)
    file.seek(0)
    start = file.read(8)
    file.seek(0)
    with library_errors():
        if is_compressed(start):
            return _load_joblib(open_decompressed(file), names)
        if any((imported.module, imported.name) == _WRAPPER for imported in evidence.scan().imports):
            return _load_joblib(file, names)
        return _Unpickler(file, names).load()


def examine_trusted_file(file: BinaryIO, trust: Trust) -> Evidence:
    """Scan an opened file and return the evidence; raises `UntrustedModel` unless the file may be loaded.

    Imports the classes that are trusted by name, to check that no attribute of their objects hides a method.
    """
    evidence = examine_file(file)
    trust.check_scan(evidence.scan())
    if not trust.full:
        with library_errors():
            for pair, attributes in evidence.class_attributes.items():
                _check_no_hidden_methods(pair, attributes, trust)
            texts_as_data.disallow_paths_as_data(imported.module for imported in evidence.scan().imports)
    return evidence


def _check_no_hidden_methods(pair: tuple[str, str], attributes: Collection[str], trust: Trust) -> None:
    cls = _import_name(*pair)
    if not isinstance(cls, type) and not pair[1].startswith(_CYTHON_PREFIX):
        raise trust.build_error(_CALL_REFUSAL.format(shown(".".join(pair))))
    if isinstance(cls, type) and issubclass(cls, partial):  # the attributes in its state are not checked
        raise trust.build_error(f"{pair[1]} is derived from functools.partial")
    for attribute in attributes:
        member = inspect.getattr_static(cls, attribute, None)
        if callable(member) or isinstance(member, property | classmethod | staticmethod):
            raise trust.build_error(f"{pair[1]}.{attribute} hides a method of its class")


def load_mlflow(folder: Path, trust: Trust) -> object:
    """Load an MLflow folder with MLflow, which runs any code that the folder names; raises `UntrustedModel`."""
    trust.check_full("MLflow runs any code that the model folder names")
    with library_errors():
        from mlflow import pyfunc  # about 1 s

        model: object = pyfunc.load_model(str(folder))
    return model


def load_python_model(file: Path, context: PythonModelContext, trust: Trust) -> PythonFunction:
    """Load a Python model from a file of cloudpickle that holds the code of its class; raises `UntrustedModel`."""
    trust.check_full("it is a Python model, which contains its own code")
    with library_errors(), file.open("rb") as opened:
        return PythonFunction(pickle.load(opened), context)


class _NameResolver:
    """Resolves names while one file is unpickled: only names that were scanned and that the trust allows."""

    def __init__(self, trust: Trust, reading: Reading | None) -> None:
        self._trust = trust
        self._scanned = {(name.module, name.name) for name in reading.globals} if reading else set()
        self._used = reading.used if reading else NameUses()

    @property
    def is_unrestricted(self) -> bool:
        """Whether the file may import any name."""
        return self._trust.full

    def find(self, module: str, name: str) -> Any:
        """Import an allowed name, or the Python 3 equivalent of a Python 2 name.

        Raises `UntrustedModel` for other names, and `UnloadableModel` if the name does not exist.
        """
        for pair in ((module, name), translate_python_2_name(module, name)):
            if pair == _GETATTR:
                return self._getattr
            if pair in self._scanned and self._trust.admits(*pair):
                value = _import_name(*_REPLACEMENTS.get(pair, pair))
                self._check_not_called(pair, value)
                return value
        raise self._trust.build_name_error(module, name)

    def _check_not_called(self, pair: tuple[str, str], value: object) -> None:
        """Raise `UntrustedModel` if the file calls a trusted function, because its result was not scanned.

        Trusted functions may only be stored as values. Classes and Cython's reconstructors may be called.
        """
        is_called = pair in self._used.called and pair not in allowed_names()
        if is_called and not isinstance(value, type) and not pair[1].startswith(_CYTHON_PREFIX):
            raise self._trust.build_error(_CALL_REFUSAL.format(shown(".".join(pair))))

    def _getattr(self, owner: Any, attribute: str) -> Any:
        """A restricted ``getattr``: attributes of classes if the name is allowed, and methods that were scanned."""
        if isinstance(owner, type):
            is_allowed = self._trust.admits(owner.__module__, f"{owner.__qualname__}.{attribute}")
        else:
            member = inspect.getattr_static(type(owner), attribute, None)
            is_method = inspect.isfunction(member) or (
                isinstance(owner, re.Pattern) and inspect.ismethoddescriptor(member)
            )
            is_allowed = is_method and attribute in self._used.looked_up
        if not is_allowed:
            raise self._trust.build_name_error(*_GETATTR)
        return getattr(owner, attribute)


class _Unpickler(pickle.Unpickler):
    """Python's unpickler in C, restricted to allowed names."""

    def __init__(self, file: BinaryIO, names: _NameResolver) -> None:
        super().__init__(file)
        self._names = names

    def find_class(self, module: str, name: str) -> Any:
        """Import a class or function; raises `UntrustedModel`."""
        return super().find_class(module, name) if self._names.is_unrestricted else self._names.find(module, name)


def register_loss_module() -> None:
    """Make ``import _loss`` return scikit-learn's module instead of any file of that name (see `_MODULE_PATHS`)."""
    sys.modules.setdefault("_loss", import_module(_MODULE_PATHS["_loss"]))


def _import_name(module: str, name: str) -> Any:
    """Import a qualified name from a module; raises `UnloadableModel` if the module does not have it."""
    value: Any = import_module(_MODULE_PATHS.get(module, module))
    for part in name.split("."):
        if not hasattr(value, part):
            raise UnloadableModel(
                f"the model needs {shown(f'{module}.{name}')}, which does not exist", hint_for_module(module)
            )
        value = getattr(value, part)
    return value


def _load_joblib(file: BinaryIO, names: _NameResolver) -> object:
    """Load like ``joblib.load``, with both of its unpicklers restricted to allowed names."""
    from joblib import numpy_pickle  # imports NumPy: about 100 ms

    class ArrayWrapper(numpy_pickle.NumpyArrayWrapper):  # type: ignore[misc]  # joblib has no types
        """Restricts arrays of objects, which joblib up to 1.5 reads with plain ``pickle.load``."""

        def read_array(self, unpickler: Any, *arguments: Any) -> Any:
            if self.dtype.hasobject:
                return _Unpickler(unpickler.file_handle, names).load()
            return super().read_array(unpickler, *arguments)

    class Unpickler(numpy_pickle.NumpyUnpickler):  # type: ignore[misc]  # joblib has no types
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) == _WRAPPER:
                return ArrayWrapper
            return super().find_class(module, name) if names.is_unrestricted else names.find(module, name)

    option = "ensure_native_byte_order"  # since joblib 1.5
    options = {option: True} if option in inspect.signature(Unpickler).parameters else {}
    return cast("NumpyUnpickler", Unpickler("", file, **options)).load()
