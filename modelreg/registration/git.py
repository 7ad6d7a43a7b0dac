"""Find the Git commit of a folder, without running programs that its repository configures."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from modelreg.errors import shown

_TIMEOUT = 5  # seconds; after that the commit is unknown
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# GitHub and Gitea, GitLab, Jenkins, Buildkite, CircleCI, Bitbucket, Azure, Travis, Drone and Woodpecker, CodeBuild
_COMMIT_VARIABLES = (
    "GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILDKITE_COMMIT", "CIRCLE_SHA1", "BITBUCKET_COMMIT",
    "BUILD_SOURCEVERSION", "TRAVIS_COMMIT", "DRONE_COMMIT_SHA", "CODEBUILD_RESOLVED_SOURCE_VERSION",
)  # fmt: skip
_BRANCH_VARIABLES = (
    "GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_BRANCH", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "GIT_BRANCH",
    "BUILDKITE_BRANCH", "CIRCLE_BRANCH", "BITBUCKET_BRANCH", "BUILD_SOURCEBRANCHNAME", "TRAVIS_BRANCH", "DRONE_BRANCH",
)  # fmt: skip
_NOTHING_OUTSIDE = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
# File monitors and hooks are programs; without optional locks git writes nothing.
_NO_PROGRAMS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "--no-optional-locks")
_NO_FILTER = ("clean=", "process=", "required=false")


class Commit(NamedTuple):
    """The commit of the code that made a model."""

    digest: str | None
    """The commit ID; None without a commit, or if it is unknown, see ``problem``."""
    branch: str | None
    """The branch; None if none is checked out, and no CI job of the same commit names one."""
    is_dirty: bool | None
    """Whether tracked files differ from the commit; None if unknown.

    Files that git stores in another form (Git LFS, other line ends) count as different when they were touched since.
    """
    problem: str | None
    """Why the commit is unknown, as a sentence."""


def commit_of(folders: Iterable[Path]) -> Commit:
    """Return the commit of the first of ``folders`` that has one, else the commit that the CI job names.

    ``$GIT_DIR`` takes precedence, as with git. No filter, hook, monitor or transport is run: a foreign repository could
    name any program in its settings.
    """
    problems = []
    for folder in filter(_in_repository, folders):
        try:
            digest = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD").strip()
            return Commit(digest, _branch(folder, digest), _is_dirty(folder), None)
        except _Failed as failed:
            if not failed.is_empty:
                problems.append(f"the git commit of {shown(str(folder))} is not recorded: {failed}")
    job_commit = _commit_of_job(os.environ)
    if job_commit is None:
        return Commit(None, None, None, problems[0] if problems else None)
    return Commit(job_commit, _branch_of_job(os.environ), None, None)


class _Failed(Exception):
    """git failed; ``is_empty`` if there is just no commit yet."""

    is_empty = False


def _branch(repository: Path, digest: str) -> str | None:
    """Find the branch; a CI job often checks out only the commit, and names the branch."""
    try:
        return _git(repository, "symbolic-ref", "--quiet", "--short", "HEAD").strip()
    except _Failed:
        return _branch_of_job(os.environ) if _commit_of_job(os.environ) == digest else None


def _is_dirty(repository: Path) -> bool | None:
    try:
        filters = _filters(repository)
        if any("=" in name for name in filters):  # -c cannot set it
            return None
        without = [word for name in filters for setting in _NO_FILTER for word in ("-c", f"{name}.{setting}")]
        return bool(_git(repository, *without, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules"))
    except _Failed:
        return None


def _filters(repository: Path) -> set[str]:
    """List the configured filters, such as ``filter.lfs``: programs that change the compared content."""
    try:
        names = _git(repository, "config", "--null", "--name-only", "--get-regexp", r"^filter\.")
    except _Failed as failed:
        if failed.is_empty:
            return set()
        raise
    return {name.rpartition(".")[0] for name in names.split("\0") if name}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", os.fspath(folder), *_NO_PROGRAMS, *arguments]
    try:
        process = subprocess.run(
            command, capture_output=True, timeout=_TIMEOUT, check=False, env=os.environ | _NOTHING_OUTSIDE
        )
    except FileNotFoundError:
        raise _Failed("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise _Failed(f"git did not answer in {_TIMEOUT} seconds") from None
    except OSError as error:
        raise _Failed(f"git cannot be run: {error.strerror}") from None
    if process.returncode:
        failed = _Failed(_first_line(process.stderr))
        failed.is_empty = process.returncode == 1 and not process.stderr
        raise failed
    return os.fsdecode(process.stdout)


def _first_line(stderr: bytes) -> str:
    lines = stderr.decode(errors="backslashreplace").strip().splitlines() or ["git failed"]
    hint = next((f"; {line.strip()}" for line in lines if "safe.directory" in line), "")
    return lines[0].removeprefix("fatal: ") + hint


def _in_repository(folder: Path) -> bool:
    return bool(os.environ.get("GIT_DIR")) or any(
        os.path.lexists(above / ".git") for above in (folder, *folder.parents)
    )


def _commit_of_job(environment: Mapping[str, str]) -> str | None:
    commits = (environment.get(name, "").lower() for name in _COMMIT_VARIABLES)
    return next(filter(_COMMIT.fullmatch, commits), None)


def _branch_of_job(environment: Mapping[str, str]) -> str | None:
    return next(filter(None, (environment.get(name) for name in _BRANCH_VARIABLES)), None)
