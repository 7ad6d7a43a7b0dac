"""The acting user: the OS user, and the user name and CI job that environment variables claim."""

from __future__ import annotations

import os
import pwd

from modelreg.domain.journal import Actor

USER_ENVIRONMENT = "MODELREG_USER"


def current_actor() -> Actor:
    """The OS user of this process, with the claims of the environment kept apart from it."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run under a user id that has no name
        user = str(os.geteuid())
    return Actor(user=user, claimed_user=environment_variable(USER_ENVIRONMENT), ci_job=ci_job())


def ci_job() -> str | None:
    """The URL of the CI job, from the variables that the CI services document."""
    run = environment_variable("GITHUB_RUN_ID")
    if run is not None:
        server, repository = map(environment_variable, ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY"))
        return f"{server}/{repository}/actions/runs/{run}"
    # GitLab, Jenkins, Buildkite, CircleCI
    variables = ("CI_JOB_URL", "BUILD_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL")
    return next(filter(None, map(environment_variable, variables)), None)


def environment_variable(name: str) -> str | None:
    """An environment variable as valid UTF-8; None if it is empty or not set."""
    return as_utf8(os.environ.get(name, "")) or None


def as_utf8(text: str) -> str:
    """``text`` with bytes that are not UTF-8 written as ``\\xff``, so that it can be stored."""
    return os.fsencode(text).decode(errors="backslashreplace")
