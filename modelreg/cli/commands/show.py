"""``show``: everything about a model or a version."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.commands.list import MODEL_COLUMNS
from modelreg.cli.options import AsJson, Quiet, Subject, Version, joined
from modelreg.domain.scans import Verdict
from modelreg.domain.versions import ModelVersion
from modelreg.system.clock import as_text


def show(
    context: typer.Context, subject: Subject, version: Version = None, as_json: AsJson = False, quiet: Quiet = False
) -> None:
    """Show everything about a model or a version.

    \b
    modelreg show churn
    modelreg show churn 3
    modelreg show churn/Production
    modelreg show churn@champion --json | jq .signature
    """
    form, subject = output.chosen_form(as_json, quiet), joined(subject, version)
    if "/" in subject or "@" in subject:
        found = registry(context).version(subject)
        trusted = {each.dotted for each in registry(context).trusted_names()} if found.imports else set()
        held = registry(context).stage_held(found.reference)
        since = text.ago(held.since) if form is output.Form.TABLE else as_text(held.since)
        fields = [*_version_fields(found, trusted, form), ("stage_since", since), ("stage_by", held.user)]
        more = {"stage_since": as_text(held.since), "stage_by": held.user}
        output.print_fields(output.fields_of(found) | more, fields, form, found.reference)
    else:
        model = registry(context).model(subject)
        output.print_fields(model, [(each.name, each.value(model)) for each in MODEL_COLUMNS], form, model.name)


def _version_fields(version: ModelVersion, trusted: Collection[str], form: output.Form) -> list[tuple[str, object]]:
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
        *((f"eval.{dataset}", _scores(metrics, for_people)) for dataset, metrics in version.evaluations.items()),
        *(("approved_by", f"{each.user} {each.message}".strip()) for each in version.approvals),
        ("scan", version.scan),
        *(("scan_reason", reason) for reason in version.scan_reasons),
        *(("imports", f"{name} {verdict}") for name, verdict in _imports(version, trusted)),
        ("description", version.description),
        ("source", version.source),
        ("run_id", version.run_id),
        ("git_commit", version.git_commit),
        ("git_branch", version.git_branch),
        ("git_dirty", None if version.git_dirty is None else str(version.git_dirty).lower()),
        ("ci_job", version.ci_job),
        ("python", version.environment.python),
        ("libraries", text.pairs(libraries)),
        ("created_by", version.created_by),
        ("created_at", as_text(version.created_at)),
        ("updated_at", as_text(version.updated_at)),
    ]


def _imports(version: ModelVersion, trusted: Collection[str]) -> Iterator[tuple[str, str]]:
    """Those of the names that are not on the allow-list, and what is to be thought of each."""
    for each in version.imports:
        if each.verdict is Verdict.UNKNOWN and each.dotted in trusted:
            yield each.dotted, "trusted"
        elif each.verdict is not Verdict.SAFE:
            yield each.dotted, each.verdict.value


def _scores(metrics: Mapping[str, float | None], for_people: bool) -> str:
    return text.pairs({name: text.value(value, exact=not for_people) for name, value in metrics.items()})
