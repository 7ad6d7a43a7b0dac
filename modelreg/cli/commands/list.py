"""``list``: the registered models."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson, Filter, Limit, Quiet, Sort
from modelreg.cli.tables import STAGE_STYLES, Column
from modelreg.domain.models import Model
from modelreg.system.clock import as_text

MODEL_COLUMNS = (
    Column[Model]("name", lambda model: model.name, style=lambda _: "bold"),
    Column[Model]("versions", lambda model: model.versions, right=True),
    Column[Model]("latest", lambda model: model.latest, right=True),
    Column[Model]("staging", lambda model: ",".join(map(str, model.staging)), style=lambda _: STAGE_STYLES["Staging"]),
    Column[Model](
        "production",
        lambda model: model.production,
        lambda model: _describe_production(model),
        style=lambda _: STAGE_STYLES["Production"],
        foldable=True,
    ),
    Column[Model]("archived", lambda model: model.archived, in_table=False),
    Column[Model]("aliases", lambda model: text.format_pairs(model.aliases), foldable=True),
    Column[Model]("tags", lambda model: text.format_pairs(model.tags), in_table=False),
    Column[Model]("description", lambda model: model.description, in_table=False),
    Column[Model]("created_by", lambda model: model.created_by, in_table=False),
    Column[Model]("created_at", lambda model: as_text(model.created_at), in_table=False),
    Column[Model](
        "updated_at", lambda model: as_text(model.updated_at), lambda model: text.format_age(model.updated_at)
    ),
    Column[Model](
        "production_since", lambda model: model.production_since and as_text(model.production_since), in_table=False
    ),
    Column[Model]("production_by", lambda model: model.production_by, in_table=False),
)


def list_models(
    context: typer.Context,
    glob: Annotated[
        str | None,
        typer.Argument(metavar="[GLOB]", help="Only models whose names match this pattern, such as 'churn*'."),
    ] = None,
    filter: Filter = None,
    sort: Sort = None,
    limit: Limit = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List models and their Staging and Production versions.

    --filter selects the models that have a matching version; in it, name and tags are those of the model. --sort
    accepts name, versions, latest, production, archived, created_at and updated_at.

    \b
    modelreg list
    modelreg list 'churn*'
    modelreg list --filter "tags.team = 'growth' AND metrics.auc > 0.9" --sort "updated_at DESC"
    modelreg list --json | jq '.[] | select(.production == null) | .name'
    """
    models = registry(context).models(glob, filter=filter, sort=sort, limit=limit)
    form = output.choose_form(as_json, quiet)
    if not models and form is output.Form.TABLE:
        is_narrowed = glob is not None or filter is not None
        empty = "no models are registered; add one with: modelreg register FILE --name NAME"
        output.print_note("no model matches" if is_narrowed else empty)
        return
    output.print_records(models, MODEL_COLUMNS, form, lambda model: model.name)


def _describe_production(model: Model) -> str:
    """The version in Production, since when, and who moved it there."""
    if model.production_since is None:
        return ""
    return f"{model.production} ({text.format_age(model.production_since)}, by {model.production_by})"
