"""Versions of the installed libraries, and a warning if they differ from those that created a model."""

from __future__ import annotations

import platform
from collections.abc import Iterable

from modelreg.domain.versions import Environment, ModelVersion

LIBRARIES = (
    "scikit-learn", "numpy", "scipy", "pandas", "joblib", "cloudpickle", "skops", "xgboost", "lightgbm",
    "catboost", "onnx", "onnxruntime", "torch", "keras", "tensorflow", "safetensors",
)  # fmt: skip
"""Distributions that pickles of the common flavors depend on."""

_ALTERNATIVE_NAMES = {
    "xgboost": ("xgboost-cpu",),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
    "tensorflow": ("tensorflow-cpu", "tensorflow-gpu", "tensorflow-macos", "intel-tensorflow"),
}
"""Distribution -> other distributions of the same library."""

_DISTRIBUTION_OF_FLAVOR = {"sklearn": "scikit-learn", "pytorch": "torch"}
"""Flavor -> distribution, if the names differ."""


def installed_libraries(distributions: Iterable[str]) -> Environment:
    """The versions of Python and of the installed ones of ``distributions``, read without importing them."""
    libraries = {}
    for name in distributions:
        versions = map(_get_version, (name, *_ALTERNATIVE_NAMES.get(name, ())))
        if version := next(filter(None, versions), None):
            libraries[name] = version
    return Environment(platform.python_version(), libraries)


def _get_version(name: str) -> str | None:
    """The version of a distribution; None if it is not installed.

    `importlib.metadata.version` returns the same, but parses the whole long description.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return None
    metadata = installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
    fields = (line.partition(":") for line in metadata.splitlines())
    return next((value.strip() for field, _, value in fields if field == "Version"), None)


def warn_of_other_library_version(version: ModelVersion) -> None:
    """Warn if the library that loads a model has another version than the one that created it."""
    library = _DISTRIBUTION_OF_FLAVOR.get(version.flavor, version.flavor)
    registered_with = version.environment.libraries.get(library)
    installed = installed_libraries([library]).libraries.get(library)
    if registered_with is not None and installed is not None and registered_with != installed:
        import warnings

        warnings.warn(
            f"{version.reference} was registered with {library} {registered_with}, but is loaded with {installed}",
            stacklevel=3,
        )
