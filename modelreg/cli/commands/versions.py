"""``versions``: the versions of a model."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_names
from modelreg.cli.options import AsJson, Filter, Limit, Quiet, Sort
from modelreg.cli.output import STAGE_STYLES, Column
from modelreg.domain.references import short_digest
from modelreg.domain.versions import ModelVersion
from modelreg.system.clock import as_text

VERSION_COLUMNS = (
    Column[ModelVersion]("version", lambda version: version.version, style=lambda _: "bold", right=True),
    Column[ModelVersion]("stage", lambda version: version.stage, style=lambda version: STAGE_STYLES[version.stage]),
    Column[ModelVersion]("aliases", lambda version: " ".join(version.aliases), foldable=True),
    Column[ModelVersion](
        "digest",
        lambda version: version.digest,
        lambda version: short_digest(version.digest).removeprefix("sha256:"),
        style=lambda _: "dim",
        wide=True,
    ),
    Column[ModelVersion](
        "size", lambda version: version.size, lambda version: text.size(version.size), right=True, wide=True
    ),
    Column[ModelVersion]("flavor", lambda version: version.flavor),
    Column[ModelVersion]("metrics", lambda version: text.pairs(version.metrics), foldable=True),
    Column[ModelVersion](
        "created_at", lambda version: as_text(version.created_at), lambda version: text.ago(version.created_at)
    ),
)
_NAME = Column[ModelVersion]("name", lambda version: version.name, style=lambda _: "bold")


def versions(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The model; else all.", autocompletion=complete_names)
    ] = None,
    filter: Filter = None,
    sort: Sort = None,
    limit: Limit = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the versions of a model, newest first, or those of all models.

    --filter and --sort speak of fields such as stage, metrics.auc, params.depth, tags.team, eval.holdout.roc_auc,
    alias, flavor, size, created_at, approvals; docs/expressions.md has all of it.

    \b
    modelreg versions churn
    modelreg versions churn -q --limit 1
    modelreg versions --filter "git_commit = '3f2a…'"
    modelreg versions churn --filter "eval.holdout.roc_auc > 0.9 AND stage != 'Archived'" --sort "metrics.auc DESC"
    modelreg versions churn --json | jq '.[] | {version, stage, auc: .metrics.auc}'
    """
    source, form = registry(context), output.chosen_form(as_json, quiet)
    if name is None:
        found = source.search(filter, sort=sort, limit=limit)
    else:
        found = source.versions(name, filter=filter, sort=sort, limit=limit)
    columns = VERSION_COLUMNS if name else (_NAME, *VERSION_COLUMNS)
    if not found and form is output.Form.TABLE:
        output.note("no version fits" if filter else f"{name or 'the registry'} has no versions")
        return
    output.print_records(found, columns, form, lambda version: version.reference)
