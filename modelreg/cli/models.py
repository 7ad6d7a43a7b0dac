"""``list``, ``versions`` and ``show``: what is registered."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson, Name, Quiet, Subject
from modelreg.cli.output import Column
from modelreg.clock import as_text
from modelreg.records import Model, ModelVersion
from modelreg.stages import Stage

_STAGE_STYLES = {Stage.PRODUCTION: "bold green", Stage.STAGING: "yellow", Stage.ARCHIVED: "dim", Stage.NONE: ""}
_SHORT_DIGEST = len("sha256:") + 12

MODEL_COLUMNS = (
    Column[Model]("name", lambda model: model.name, style=lambda _: "bold"),
    Column[Model]("versions", lambda model: model.versions, right=True),
    Column[Model]("latest", lambda model: model.latest, right=True),
    Column[Model](
        "staging", lambda model: ",".join(map(str, model.staging)), style=lambda _: _STAGE_STYLES[Stage.STAGING]
    ),
    Column[Model]("production", lambda model: model.production, style=lambda _: _STAGE_STYLES[Stage.PRODUCTION]),
    Column[Model]("archived", lambda model: model.archived, in_table=False),
    Column[Model]("aliases", lambda model: text.pairs(model.aliases)),
    Column[Model]("tags", lambda model: text.pairs(model.tags), in_table=False),
    Column[Model]("description", lambda model: model.description, in_table=False),
    Column[Model]("created_by", lambda model: model.created_by, in_table=False),
    Column[Model]("created_at", lambda model: as_text(model.created_at), in_table=False),
    Column[Model]("updated_at", lambda model: as_text(model.updated_at), lambda model: text.ago(model.updated_at)),
)

VERSION_COLUMNS = (
    Column[ModelVersion]("version", lambda version: version.version, style=lambda _: "bold", right=True),
    Column[ModelVersion]("stage", lambda version: version.stage, style=lambda version: _STAGE_STYLES[version.stage]),
    Column[ModelVersion]("aliases", lambda version: " ".join(version.aliases)),
    Column[ModelVersion](
        "digest", lambda version: version.digest, lambda version: version.digest[:_SHORT_DIGEST], style=lambda _: "dim"
    ),
    Column[ModelVersion]("size", lambda version: version.size, lambda version: text.size(version.size), right=True),
    Column[ModelVersion]("flavor", lambda version: version.flavor),
    Column[ModelVersion]("metrics", lambda version: text.pairs(version.metrics)),
    Column[ModelVersion](
        "created_at", lambda version: as_text(version.created_at), lambda version: text.ago(version.created_at)
    ),
)


def list_models(
    context: typer.Context,
    glob: Annotated[
        str | None, typer.Argument(metavar="[GLOB]", help="Only names that fit this pattern, as 'churn*'.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List the registered models, and who is in Staging and Production.

    \b
    modelreg list
    modelreg list 'churn*'
    modelreg list --json | jq '.[] | select(.production == null) | .name'
    """
    models = registry(context).models(glob)
    form = output.chosen_form(as_json, quiet)
    if not models and form is output.Form.TABLE:
        output.note(
            "no model is registered; modelreg register FILE --name NAME" if glob is None else f"no model fits {glob!r}"
        )
        return
    output.print_records(models, MODEL_COLUMNS, form, lambda model: model.name)


def versions(context: typer.Context, name: Name, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the versions of a model, newest first.

    \b
    modelreg versions churn
    modelreg versions churn -q | head -1
    modelreg versions churn --json | jq '.[] | {version, stage, auc: .metrics.auc}'
    """
    found = registry(context).versions(name)
    output.print_records(found, VERSION_COLUMNS, output.chosen_form(as_json, quiet), lambda version: version.reference)


def show(context: typer.Context, subject: Subject, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Show everything about a model or a version.

    \b
    modelreg show churn
    modelreg show churn/Production
    modelreg show churn@champion --json | jq .signature
    """
    form = output.chosen_form(as_json, quiet)
    if "/" in subject or "@" in subject:
        version = registry(context).version(subject)
        output.print_fields(version, _version_fields(version, form), form, version.reference)
    else:
        model = registry(context).model(subject)
        output.print_fields(model, [(each.name, each.value(model)) for each in MODEL_COLUMNS], form, model.name)


def _version_fields(version: ModelVersion, form: output.Form) -> list[tuple[str, object]]:
    for_people = form is output.Form.TABLE
    inputs = version.signature.inputs if version.signature else ()
    outputs = version.signature.outputs if version.signature else ()
    libraries = version.environment.libraries
    return [
        ("name", version.name),
        ("version", version.version),
        ("stage", version.stage),
        ("status", version.status),
        ("aliases", " ".join(version.aliases)),
        ("digest", version.digest),
        ("size", text.size(version.size) if for_people else version.size),
        *(("file", f"{file.path} {file.size} {file.digest}") for file in version.files),
        ("flavor", version.flavor),
        ("format", version.format),
        ("model_class", version.model_class),
        *(("input", text.signature_field(each)) for each in inputs),
        *(("output", text.signature_field(each)) for each in outputs),
        ("metrics", text.pairs(version.metrics)),
        ("params", text.pairs(version.params)),
        ("tags", text.pairs(version.tags)),
        ("scan", version.scan),
        ("description", version.description),
        ("source", version.source),
        ("run_id", version.run_id),
        ("git_commit", version.git_commit),
        ("git_dirty", None if version.git_dirty is None else str(version.git_dirty).lower()),
        ("ci_job", version.ci_job),
        ("python", version.environment.python),
        ("libraries", text.pairs(libraries)),
        ("created_by", version.created_by),
        ("created_at", as_text(version.created_at)),
        ("updated_at", as_text(version.updated_at)),
    ]
