"""What can be observed about where and by whom something is done; none of it decides a digest."""

from __future__ import annotations

import os
import platform
import pwd
import subprocess
from collections.abc import Iterable
from pathlib import Path

from modelreg.records.journal import Actor
from modelreg.records.registration import Provenance
from modelreg.records.version import Environment, ModelVersion

USER_ENVIRONMENT = "MODELREG_USER"

_GIT_TIMEOUT = 5  # seconds; a commit that cannot be told in that time is left out
# What the pickles of the common flavors depend on. Distribution names, not those of modules.
_LIBRARIES = (
    "scikit-learn", "numpy", "scipy", "pandas", "joblib", "cloudpickle", "skops", "xgboost", "lightgbm",
    "catboost", "onnx", "onnxruntime", "torch", "keras", "tensorflow", "safetensors",
)  # fmt: skip

_DISTRIBUTIONS = {"sklearn": "scikit-learn", "pytorch": "torch"}
"""Flavor -> distribution, where the two names differ."""


def actor() -> Actor:
    """Who acts: the OS user, and apart from it what the environment claims."""
    return Actor(user=_os_user(), claimed_user=_variable(USER_ENVIRONMENT), ci_job=_ci_job())


def observe(source: str, run_id: str | None) -> Provenance:
    """What is recorded with a version that is registered now, from ``source``."""
    commit = _git("rev-parse", "HEAD") if _in_repository() else None
    changes = None if commit is None else _git("status", "--porcelain", "--untracked-files=no")
    return Provenance(
        source=_as_utf8(source),
        git_commit=commit,
        git_dirty=None if changes is None else bool(changes),
        run_id=run_id,
        ci_job=_ci_job(),
        environment=installed(_LIBRARIES),
    )


def installed(distributions: Iterable[str]) -> Environment:
    """This Python, and which of ``distributions`` are installed; nothing of them is imported."""
    versions = {name: _version(name) for name in distributions}
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


def _in_repository() -> bool:
    try:
        current = Path.cwd()
    except FileNotFoundError:  # it was deleted
        return False
    return any((above / ".git").exists() for above in (current, *current.parents))


def _git(*arguments: str) -> str | None:
    # no file-system monitor: a repository's own settings could name a program to be run as one
    command = ["git", "-c", "core.fsmonitor=false", "--no-optional-locks", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_GIT_TIMEOUT, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="backslashreplace").strip()  # file names may be of any bytes
