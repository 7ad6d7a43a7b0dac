"""Who acts: the OS user, and what the environment claims: a user name, a CI job."""

from __future__ import annotations

import os
import pwd

from modelreg.domain.journal import Actor

USER_ENVIRONMENT = "MODELREG_USER"


def current_actor() -> Actor:
    """Who acts: the OS user, and apart from it what the environment claims."""
    return Actor(user=_os_user(), claimed_user=environment_variable(USER_ENVIRONMENT), ci_job=ci_job())


def _os_user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        return str(os.geteuid())


def ci_job() -> str | None:
    """The address of the CI job, from the variables that the services document."""
    run = environment_variable("GITHUB_RUN_ID")
    if run is not None:
        server, repository = map(environment_variable, ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY"))
        return f"{server}/{repository}/actions/runs/{run}"
    # GitLab, Jenkins, Buildkite, CircleCI
    addresses = ("CI_JOB_URL", "BUILD_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL")
    return next(filter(None, map(environment_variable, addresses)), None)


def environment_variable(name: str) -> str | None:
    """An environment variable as text that can be stored; None when it is empty or not set."""
    return as_utf8(os.environ.get(name, "")) or None


def as_utf8(text: str) -> str:
    """Bytes that are not UTF-8 as ``\\xff``: what was observed is kept, and stands in nobody's way."""
    return os.fsencode(text).decode(errors="backslashreplace")
