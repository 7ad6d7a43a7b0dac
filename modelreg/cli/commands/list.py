"""``list``: the registered models."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson, Filter, Limit, Quiet, Sort
from modelreg.cli.output import STAGE_STYLES, Column
from modelreg.domain.models import Model
from modelreg.system.clock import as_text

MODEL_COLUMNS = (
    Column[Model]("name", lambda model: model.name, style=lambda _: "bold"),
    Column[Model]("versions", lambda model: model.versions, right=True),
    Column[Model]("latest", lambda model: model.latest, right=True),
    Column[Model]("staging", lambda model: ",".join(map(str, model.staging)), style=lambda _: STAGE_STYLES["Staging"]),
    Column[Model]("production", lambda model: model.production, style=lambda _: STAGE_STYLES["Production"]),
    Column[Model]("archived", lambda model: model.archived, in_table=False),
    Column[Model]("aliases", lambda model: text.pairs(model.aliases), foldable=True),
    Column[Model]("tags", lambda model: text.pairs(model.tags), in_table=False),
    Column[Model]("description", lambda model: model.description, in_table=False),
    Column[Model]("created_by", lambda model: model.created_by, in_table=False),
    Column[Model]("created_at", lambda model: as_text(model.created_at), in_table=False),
    Column[Model]("updated_at", lambda model: as_text(model.updated_at), lambda model: text.ago(model.updated_at)),
)


def list_models(
    context: typer.Context,
    glob: Annotated[
        str | None, typer.Argument(metavar="[GLOB]", help="Only names that fit this pattern, as 'churn*'.")
    ] = None,
    filter: Filter = None,
    sort: Sort = None,
    limit: Limit = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the models, and who is in Staging and Production.

    --filter takes the models for one version of which the expression is true; the name and tags in it are the
    model's. --sort goes by name, versions, latest, production, archived, created_at or updated_at.

    \b
    modelreg list
    modelreg list 'churn*'
    modelreg list --filter "tags.team = 'growth' AND metrics.auc > 0.9" --sort "updated_at DESC"
    modelreg list --json | jq '.[] | select(.production == null) | .name'
    """
    models = registry(context).models(glob, filter=filter, sort=sort, limit=limit)
    form = output.chosen_form(as_json, quiet)
    if not models and form is output.Form.TABLE:
        asked = glob is not None or filter is not None
        output.note("no model fits" if asked else "no model is registered; modelreg register FILE --name NAME")
        return
    output.print_records(models, MODEL_COLUMNS, form, lambda model: model.name)
