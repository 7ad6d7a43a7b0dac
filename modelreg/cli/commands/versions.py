"""``versions``: the versions of a model."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_names
from modelreg.cli.options import AsJson, Filter, Limit, Quiet, Sort
from modelreg.cli.tables import STAGE_STYLES, Column
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
        optional=True,
    ),
    Column[ModelVersion](
        "size", lambda version: version.size, lambda version: text.format_size(version.size), right=True, optional=True
    ),
    Column[ModelVersion]("flavor", lambda version: version.flavor),
    Column[ModelVersion]("metrics", lambda version: text.format_pairs(version.metrics), foldable=True),
    Column[ModelVersion](
        "created_at", lambda version: as_text(version.created_at), lambda version: text.format_age(version.created_at)
    ),
)
_NAME = Column[ModelVersion]("name", lambda version: version.name, style=lambda _: "bold")


def versions(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="The model. Default: all models.", autocompletion=complete_names),
    ] = None,
    filter: Filter = None,
    sort: Sort = None,
    limit: Limit = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the versions of one model or of all models.

    The versions of a model are listed newest first. --filter and --sort accept fields such as stage, metrics.auc,
    params.depth, tags.team, eval.holdout.roc_auc, alias, flavor, size, created_at and approvals;
    docs/expressions.md describes the syntax.

    \b
    modelreg versions churn
    modelreg versions churn -q --limit 1
    modelreg versions --filter "git_commit = '3f2a…'"
    modelreg versions churn --filter "eval.holdout.roc_auc > 0.9 AND stage != 'Archived'" --sort "metrics.auc DESC"
    modelreg versions churn --json | jq '.[] | {version, stage, auc: .metrics.auc}'
    """
    source, form = registry(context), output.choose_form(as_json, quiet)
    if name is None:
        records = source.search(filter, sort=sort, limit=limit)
    else:
        records = source.versions(name, filter=filter, sort=sort, limit=limit)
    if not records and form is output.Form.TABLE:
        output.print_note("no version matches" if filter else f"{name or 'the registry'} has no versions")
        return
    columns = VERSION_COLUMNS if name else (_NAME, *VERSION_COLUMNS)
    output.print_records(records, columns, form, lambda version: version.reference)
