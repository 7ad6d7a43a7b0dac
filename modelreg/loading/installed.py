"""The installed libraries, and how they differ from those that made a model."""

from __future__ import annotations

import platform
from collections.abc import Iterable

from modelreg.domain.versions import Environment, ModelVersion

# What the pickles of the common flavors depend on. Distribution names, not those of modules.
LIBRARIES = (
    "scikit-learn", "numpy", "scipy", "pandas", "joblib", "cloudpickle", "skops", "xgboost", "lightgbm",
    "catboost", "onnx", "onnxruntime", "torch", "keras", "tensorflow", "safetensors",
)  # fmt: skip


_RENAMED = {
    "xgboost": ("xgboost-cpu",),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
    "tensorflow": ("tensorflow-cpu", "tensorflow-gpu", "tensorflow-macos", "intel-tensorflow"),
}
"""Distributions of the same library under other names."""


_DISTRIBUTIONS = {"sklearn": "scikit-learn", "pytorch": "torch"}
"""Flavor -> distribution, where the two names differ."""


def installed_libraries(distributions: Iterable[str]) -> Environment:
    """This Python, and which of ``distributions`` are installed; nothing of them is imported."""
    versions = {
        name: next(filter(None, map(_version, (name, *_RENAMED.get(name, ())))), None) for name in distributions
    }
    return Environment(platform.python_version(), {name: version for name, version in versions.items() if version})


def _version(name: str) -> str | None:
    """The version of a distribution; None when it is not installed.

    `importlib.metadata.version` says the same, and parses the whole page that the distribution shows on PyPI.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    metadata = found.read_text("METADATA") or found.read_text("PKG-INFO") or ""
    fields = (line.partition(":") for line in metadata.splitlines())
    return next((value.strip() for field, _, value in fields if field == "Version"), None)


def warn_of_other_libraries(version: ModelVersion) -> None:
    """Warn when the library that made a model had another version than the one that is to load it."""
    library = _DISTRIBUTIONS.get(version.flavor, version.flavor)
    made_with = version.environment.libraries.get(library)
    here = installed_libraries([library]).libraries.get(library)
    if made_with is not None and here is not None and made_with != here:
        import warnings

        warnings.warn(
            f"{version.reference} was registered with {library} {made_with}, and {library} {here} loads it",
            stacklevel=3,
        )
