"""``show``: the details of a model or a version."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.commands.list import MODEL_COLUMNS
from modelreg.cli.options import AsJson, Quiet, Subject, Version, join_reference
from modelreg.domain.scans import Verdict
from modelreg.domain.versions import ModelVersion
from modelreg.system.clock import as_text


def show(
    context: typer.Context, subject: Subject, version: Version = None, as_json: AsJson = False, quiet: Quiet = False
) -> None:
    """Show the details of a model or a version.

    \b
    modelreg show churn
    modelreg show churn 3
    modelreg show churn/Production
    modelreg show churn@champion --json | jq .signature
    """
    form, subject = output.choose_form(as_json, quiet), join_reference(subject, version)
    source = registry(context)
    if "/" not in subject and "@" not in subject:
        model = source.model(subject)
        values = {column.name: column.value(model) for column in MODEL_COLUMNS}
        if model.production_since is not None:
            values["production_since"] = _format_time(model.production_since, form)
        output.print_fields(model, values.items(), form, model.name)
        return
    record = source.version(subject)
    trusted = {name.dotted for name in source.trusted_names()} if record.imports else set()
    current = source.current_stage(record.reference)
    as_object = output.get_fields(record) | {"stage_since": as_text(current.since), "stage_by": current.user}
    since = ("stage_since", _format_time(current.since, form))
    fields = [*_list_version_fields(record, trusted, form), since, ("stage_by", current.user)]
    output.print_fields(as_object, fields, form, record.reference)


def _format_time(moment: datetime, form: output.Form) -> str:
    return text.format_age(moment) if form is output.Form.TABLE else as_text(moment)


def _list_version_fields(
    version: ModelVersion, trusted: Collection[str], form: output.Form
) -> list[tuple[str, object]]:
    is_table = form is output.Form.TABLE
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
        ("size", text.format_size(version.size) if is_table else version.size),
        *(("file", f"{file.path} {file.size} {file.digest}") for file in version.files),
        ("flavor", version.flavor),
        ("format", version.format),
        ("model_class", version.model_class),
        *(("input", text.format_signature_field(field)) for field in inputs),
        *(("output", text.format_signature_field(field)) for field in outputs),
        ("metrics", text.format_pairs(version.metrics)),
        ("params", text.format_pairs(version.params)),
        ("tags", text.format_pairs(version.tags)),
        *((f"eval.{dataset}", _format_metrics(metrics, is_table)) for dataset, metrics in version.evaluations.items()),
        *(("approved_by", f"{approval.user} {approval.message}".strip()) for approval in version.approvals),
        ("scan", version.scan),
        *(("scan_reason", reason) for reason in version.scan_reasons),
        *(("imports", f"{name} {verdict}") for name, verdict in _list_unsafe_imports(version, trusted)),
        ("description", version.description),
        ("source", version.source),
        ("run_id", version.run_id),
        ("git_commit", version.git_commit),
        ("git_branch", version.git_branch),
        ("git_dirty", None if version.git_dirty is None else str(version.git_dirty).lower()),
        ("ci_job", version.ci_job),
        ("python", version.environment.python),
        ("libraries", text.format_pairs(libraries)),
        ("created_by", version.created_by),
        ("created_at", as_text(version.created_at)),
        ("updated_at", as_text(version.updated_at)),
    ]


def _list_unsafe_imports(version: ModelVersion, trusted: Collection[str]) -> Iterator[tuple[str, str]]:
    """The imported names that are not on the allow-list, each with "trusted" or its verdict."""
    for name in version.imports:
        if name.verdict is Verdict.UNKNOWN and name.dotted in trusted:
            yield name.dotted, "trusted"
        elif name.verdict is not Verdict.SAFE:
            yield name.dotted, name.verdict.value


def _format_metrics(metrics: Mapping[str, float | None], is_table: bool) -> str:
    return text.format_pairs({name: text.format_value(value, exact=not is_table) for name, value in metrics.items()})
