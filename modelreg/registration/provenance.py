"""What can be observed about where and by whom something is done; none of it decides a digest."""

from __future__ import annotations

import os
import platform
import pwd
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from modelreg.domain.journal import Actor
from modelreg.domain.registrations import Provenance
from modelreg.domain.versions import Environment, ModelVersion
from modelreg.registration.git import commit_of

USER_ENVIRONMENT = "MODELREG_USER"

# What the pickles of the common flavors depend on. Distribution names, not those of modules.
_LIBRARIES = (
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


def actor() -> Actor:
    """Who acts: the OS user, and apart from it what the environment claims."""
    return Actor(user=_os_user(), claimed_user=_variable(USER_ENVIRONMENT), ci_job=_ci_job())


def observe(source: str, run_id: str | None, stated: Mapping[str, str]) -> Provenance:
    """What is recorded with a version that is registered now, from ``source``.

    ``stated`` are the releases of libraries that its files name: those made it, whatever is installed here.
    """
    here = installed(_LIBRARIES)
    commit = commit_of(_folders(source))
    return Provenance(
        source=_as_utf8(source),
        git_commit=commit.digest,
        git_branch=commit.branch and _as_utf8(commit.branch),
        git_dirty=commit.is_dirty,
        run_id=run_id,
        ci_job=_ci_job(),
        environment=Environment(here.python, {**here.libraries, **stated}),
        notes=() if commit.problem is None else (_as_utf8(commit.problem),),
    )


def installed(distributions: Iterable[str]) -> Environment:
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
    here = installed([library]).libraries.get(library)
    if made_with is not None and here is not None and made_with != here:
        import warnings

        warnings.warn(
            f"{version.reference} was registered with {library} {made_with}, and {library} {here} loads it",
            stacklevel=3,
        )


def _folders(source: str) -> list[Path]:
    """Where the commit is looked for: where the model is, and where the command is run."""
    folders = [Path(source).parent] if os.path.isabs(source) else []
    with suppress(FileNotFoundError):  # the current folder was deleted
        folders.append(Path.cwd())
    return folders


def _os_user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return str(os.geteuid())


def _ci_job() -> str | None:
    """The address of the CI job, from the variables that the services document."""
    run = _variable("GITHUB_RUN_ID")
    if run is not None:
        return f"{_variable('GITHUB_SERVER_URL')}/{_variable('GITHUB_REPOSITORY')}/actions/runs/{run}"
    jobs = (
        "CI_JOB_URL",
        "BUILD_URL",
        "BUILDKITE_BUILD_URL",
        "CIRCLE_BUILD_URL",
    )  # GitLab, Jenkins, Buildkite, CircleCI
    return next(filter(None, map(_variable, jobs)), None)


def _variable(name: str) -> str | None:
    """An environment variable as text that can be stored; None when it is empty or not set."""
    return _as_utf8(os.environ.get(name, "")) or None


def _as_utf8(text: str) -> str:
    """Bytes that are not UTF-8 as ``\\xff``: what was observed is kept, and stands in nobody's way."""
    return os.fsencode(text).decode(errors="backslashreplace")
