"""Where a version is registered, and from which commit; none of it is part of the digest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from modelreg.domain.registrations import Provenance
from modelreg.domain.versions import Environment
from modelreg.loading.installed import LIBRARIES, installed_libraries
from modelreg.registration.git import commit_of
from modelreg.store.actor import as_utf8, ci_job


def collect_provenance(source: str, run_id: str | None, library_releases: Mapping[str, str]) -> Provenance:
    """Collect the provenance of a version that is registered now from ``source``.

    ``library_releases`` are the library releases named in its files; they take precedence over the installed ones.
    """
    installed = installed_libraries(LIBRARIES)
    commit = commit_of(_folders(source))
    return Provenance(
        source=as_utf8(source),
        git_commit=commit.digest,
        git_branch=commit.branch and as_utf8(commit.branch),
        git_dirty=commit.is_dirty,
        run_id=run_id,
        ci_job=ci_job(),
        environment=Environment(installed.python, {**installed.libraries, **library_releases}),
        notes=() if commit.problem is None else (as_utf8(commit.problem),),
    )


def _folders(source: str) -> list[Path]:
    """The folders whose commit is recorded: that of the model, else the current one."""
    folders = [Path(source).parent] if os.path.isabs(source) else []
    with suppress(FileNotFoundError):  # the current folder was deleted
        folders.append(Path.cwd())
    return folders
