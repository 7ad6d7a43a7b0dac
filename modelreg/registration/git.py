"""The commit that a folder is at, found out without running anything that its repository configures."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from modelreg.errors import shown

_TIMEOUT = 5  # seconds; what cannot be told in that time is reported as unknown
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# GitHub and Gitea, GitLab, Jenkins, Buildkite, CircleCI, Bitbucket, Azure, Travis, Drone and Woodpecker, CodeBuild
_OF_JOBS = (
    "GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILDKITE_COMMIT", "CIRCLE_SHA1", "BITBUCKET_COMMIT",
    "BUILD_SOURCEVERSION", "TRAVIS_COMMIT", "DRONE_COMMIT_SHA", "CODEBUILD_RESOLVED_SOURCE_VERSION",
)  # fmt: skip
_BRANCHES_OF_JOBS = (
    "GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_BRANCH", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "GIT_BRANCH",
    "BUILDKITE_BRANCH", "CIRCLE_BRANCH", "BITBUCKET_BRANCH", "BUILD_SOURCEBRANCHNAME", "TRAVIS_BRANCH", "DRONE_BRANCH",
)  # fmt: skip
_NOTHING_OUTSIDE = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
# The monitor of files and the hooks are programs; without optional locks git writes nothing.
_NO_PROGRAMS = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "--no-optional-locks")
_NO_FILTER = ("clean=", "process=", "required=false")


class Commit(NamedTuple):
    """What is known of the code that made a model."""

    digest: str | None
    """The commit; None where there is none, or where ``problem`` says why it is not known."""
    branch: str | None
    """The branch that it was on; None where no branch was checked out, and no CI job of the same commit names one."""
    is_dirty: bool | None
    """Whether tracked files differ from it; None where that is not known.

    A file that git stores in another form than it lies there (Git LFS, other line ends) counts as different when it
    was touched since.
    """
    problem: str | None
    """Why a repository did not tell its commit, as a sentence."""


def commit_of(folders: Iterable[Path]) -> Commit:
    """The commit of the first of ``folders`` that is in a repository which tells it, else the one that a CI job names.

    ``$GIT_DIR`` goes first, as with git. Nothing that the repository brings along is run: no filter, hook, monitor or
    transport, which a repository from elsewhere could name in its own settings.
    """
    problems = []
    for folder in filter(_in_repository, folders):
        try:
            digest = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD").strip()
            return Commit(digest, _branch(folder, digest), _is_dirty(folder), None)
        except _Failed as failed:
            if not failed.is_empty:
                problems.append(f"the git commit of {shown(str(folder))} is not recorded: {failed}")
    of_job = _of_job(os.environ)
    if of_job is None:
        return Commit(None, None, None, problems[0] if problems else None)
    return Commit(of_job, _branch_of_job(os.environ), None, None)


class _Failed(Exception):
    """git did not answer; ``is_empty`` where it did, and there is no commit yet."""

    is_empty = False


def _branch(repository: Path, digest: str) -> str | None:
    """A CI job often checks out the commit alone, and names the branch."""
    try:
        return _git(repository, "symbolic-ref", "--quiet", "--short", "HEAD").strip()
    except _Failed:
        return _branch_of_job(os.environ) if _of_job(os.environ) == digest else None


def _is_dirty(repository: Path) -> bool | None:
    try:
        filters = _filters(repository)
        if any("=" in name for name in filters):  # which no option can name
            return None
        without = [word for name in filters for setting in _NO_FILTER for word in ("-c", f"{name}.{setting}")]
        return bool(_git(repository, *without, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules"))
    except _Failed:
        return None


def _filters(repository: Path) -> set[str]:
    """The filters that any configuration names, as ``filter.lfs``: programs that change what is compared."""
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
        done = subprocess.run(
            command, capture_output=True, timeout=_TIMEOUT, check=False, env=os.environ | _NOTHING_OUTSIDE
        )
    except FileNotFoundError:
        raise _Failed("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise _Failed(f"git did not answer in {_TIMEOUT} seconds") from None
    except OSError as error:
        raise _Failed(f"git cannot be run: {error.strerror}") from None
    if done.returncode:
        failed = _Failed(_first_line(done.stderr))
        failed.is_empty = done.returncode == 1 and not done.stderr
        raise failed
    return os.fsdecode(done.stdout)


def _first_line(stderr: bytes) -> str:
    said = stderr.decode(errors="backslashreplace").strip().splitlines() or ["git failed"]
    cure = next((f"; {line.strip()}" for line in said if "safe.directory" in line), "")
    return said[0].removeprefix("fatal: ") + cure


def _in_repository(folder: Path) -> bool:
    return bool(os.environ.get("GIT_DIR")) or any(
        os.path.lexists(above / ".git") for above in (folder, *folder.parents)
    )


def _of_job(environment: Mapping[str, str]) -> str | None:
    commits = (environment.get(name, "").lower() for name in _OF_JOBS)
    return next(filter(_COMMIT.fullmatch, commits), None)


def _branch_of_job(environment: Mapping[str, str]) -> str | None:
    return next(filter(None, (environment.get(name) for name in _BRANCHES_OF_JOBS)), None)
