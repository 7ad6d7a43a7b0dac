"""``history``: the journal of all changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_subjects
from modelreg.cli.options import AsJson
from modelreg.cli.tables import STAGE_STYLES, Column
from modelreg.domain.journal import ACTIONS, JournalEntry, StageAtMoment
from modelreg.errors import CatalogDamaged, InvalidInput
from modelreg.system.clock import as_text

_STAGE_COLUMNS = (
    Column[StageAtMoment]("name", lambda row: row.name, style=lambda _: "bold"),
    Column[StageAtMoment]("version", lambda row: row.version, right=True),
    Column[StageAtMoment]("stage", lambda row: row.stage, style=lambda row: STAGE_STYLES[row.stage]),
    Column[StageAtMoment]("since", lambda row: as_text(row.since)),
    Column[StageAtMoment]("user", lambda row: row.user),
    Column[StageAtMoment]("claimed_user", lambda row: row.claimed_user, in_table=False),
    Column[StageAtMoment]("message", lambda row: row.message, foldable=True),
)
_COLUMNS = (
    Column[JournalEntry]("seq", lambda entry: entry.seq, right=True, optional=True),
    Column[JournalEntry]("at", lambda entry: as_text(entry.at), lambda entry: text.format_age(entry.at)),
    Column[JournalEntry]("user", lambda entry: entry.user),
    Column[JournalEntry]("claimed_user", lambda entry: entry.claimed_user, in_table=False),
    Column[JournalEntry]("action", lambda entry: entry.action),
    Column[JournalEntry](
        "name", lambda entry: entry.name, lambda entry: _format_subject(entry), style=lambda _: "bold"
    ),
    Column[JournalEntry]("version", lambda entry: entry.version, in_table=False),
    Column[JournalEntry]("what", lambda entry: _describe(entry), foldable=True),
    Column[JournalEntry]("from_stage", lambda entry: entry.from_stage, in_table=False),
    Column[JournalEntry]("to_stage", lambda entry: entry.to_stage, in_table=False),
    Column[JournalEntry]("message", lambda entry: entry.message, foldable=True),
    Column[JournalEntry]("ci_job", lambda entry: entry.ci_job, in_table=False),
    Column[JournalEntry]("tool", lambda entry: entry.tool, in_table=False),
    Column[JournalEntry]("forced", lambda entry: "yes" if _is_forced(entry) else "", in_table=False),
    Column[JournalEntry]("hash", lambda entry: entry.hash, in_table=False),
)


def history(
    context: typer.Context,
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|REF]", help="Only entries of this model or version.", autocompletion=complete_subjects
        ),
    ] = None,
    head: Annotated[
        bool, typer.Option("--head", help="Print SEQ:HASH of the newest entry, which identifies the whole journal.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Show the stages at 2026-10-01 (end of day, UTC), a time, or 3d ago.",
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only entries since 2026-10-01, yesterday, 3d, or a time.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="USER", help="Only entries of this user.")] = None,
    action: Annotated[
        str | None,
        typer.Option(
            metavar="ACTION",
            help="Only entries of this action, such as transition.",
            autocompletion=lambda: list(ACTIONS),
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="Only the newest N entries.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the journal: every change, when, by whom and why.

    The newest entry is first. Each entry includes the hash of the previous one.

    \b
    modelreg history churn
    modelreg history churn/3 --json | jq -r '.[] | "\\(.at) \\(.user) \\(.action)"'
    modelreg history --since yesterday --action transition
    modelreg history churn --as-of 2026-10-01
    modelreg history --head
    """
    filters = {"--since": since, "--user": user, "--action": action, "--limit": limit}
    has_filters = any(value is not None for value in filters.values())
    if head and (subject is not None or as_of is not None or has_filters):
        raise InvalidInput("--head applies to the whole journal and takes no other option", "modelreg history --head")
    if as_of is not None:
        if has_filters:
            options = ", ".join(name for name, value in filters.items() if value is not None)
            raise InvalidInput(f"--as-of shows stages, not journal entries: it cannot be used with {options}")
        _print_stages(registry(context).history_as_of(as_of, subject), as_json)
        return
    if head:
        newest = registry(context).information(size=False).journal_head
        output.print_json({"head": newest}) if as_json else output.print_line(newest or "")
        return
    entries = registry(context).history(subject, since=since, user=user, action=action, limit=limit)
    entries.reverse()  # newest first, as git log
    if as_json:
        output.print_json([_parse_entry(entry) for entry in entries])
    else:
        output.print_records(entries, _COLUMNS, output.choose_form(False), lambda entry: str(entry.seq))


def _print_stages(stages: list[StageAtMoment], as_json: bool) -> None:
    form = output.choose_form(as_json)
    if not stages and form is output.Form.TABLE:
        output.print_note("no versions were registered at that time")
        return
    output.print_records(stages, _STAGE_COLUMNS, form, lambda row: f"{row.name}/{row.version}")


def _parse_entry(entry: JournalEntry) -> dict[str, object]:
    """The entry's fields, with ``after`` as an object; raises `CatalogDamaged`."""
    try:
        return output.get_fields(entry) | {"after": json.loads(entry.after)}
    except ValueError as error:
        raise CatalogDamaged(
            f"journal entry {entry.seq} is not valid JSON: {error}",
            "restore the catalog from a backup; 'modelreg verify' lists all damage",
        ) from error


def _format_subject(entry: JournalEntry) -> str:
    return entry.name if entry.version is None else f"{entry.name}/{entry.version}"


def _is_forced(entry: JournalEntry) -> bool:
    """Whether the transition overrode a failed gate; False for a damaged entry, which 'verify' reports."""
    try:
        return '"forced":true' in entry.after and json.loads(entry.after).get("check", {}).get("forced") is True
    except (AttributeError, ValueError):
        return False


def _describe(entry: JournalEntry) -> str:
    """The change in a few words; empty for a damaged entry, which 'verify' reports."""
    try:
        return _describe_action(entry, json.loads(entry.after))
    except (AttributeError, LookupError, TypeError, ValueError):
        return ""


def _describe_action(entry: JournalEntry, after: Mapping[str, Any]) -> str:
    match entry.action:
        case "transition" | "rollback":
            return f"{entry.from_stage} -> {entry.to_stage}{', forced' if _is_forced(entry) else ''}"
        case "alias":
            return " ".join(f"{alias} -> {version or 'removed'}" for alias, version in after["alias"].items())
        case "tag":
            return text.format_pairs((after.get("version") or after["model"])["tags"])
        case "describe":
            return str((after.get("version") or after["model"])["description"])
        case "evaluate":
            return str(after["evaluation"]["dataset"])
        case "add gate" | "remove gate":
            return _describe_gate(after)
        case "start run" | "log" | "log model" | "end run":
            return _describe_run(after["run"])
        case "rename":
            return f"{after['old_name']} -> {entry.name}"
        case "refuse":
            failed = "; ".join(gate["expression"] for gate in after["check"]["gates"] if not gate["passed"])
            return f"{entry.from_stage} -> {entry.to_stage}: {failed}"
        case _:
            return _describe_values(after)


def _describe_gate(after: Mapping[str, Any]) -> str:
    """The condition of an added or removed gate."""
    if "gate" in after:
        return f"{after['gate']['id']}: {after['gate']['stage']} requires {after['gate']['expression']}"
    numbers, removed = " ".join(map(str, after["removed_gates"])), after.get("removed")
    return f"{numbers}: {removed['stage']} required {removed['expression']}" if removed else numbers


def _describe_run(run: Mapping[str, Any]) -> str:
    """A run's ID and the values that were logged."""
    logged = [text.format_pairs(run[kind]) for kind in ("params", "metrics", "tags") if kind in run]
    words = [run["run_id"], run.get("name"), run.get("status"), *logged, *run.get("models", ())]
    return " ".join(word for word in words if word)


def _describe_values(after: Mapping[str, Any]) -> str:
    """The change of an action that is recognised by its values: imports, trust, permissions and settings."""
    match after:
        case {"imported": {"from": address}}:
            return f"from {address}"
        case {"trusted": {"module": module, "name": name}} | {"distrusted": {"module": module, "name": name}}:
            return f"{module}.{name}"
        case {"version": {"scan": verdict, **more}} if len(more) == 1:  # a verdict that depends on a trusted name
            return f"scan -> {verdict}"
        case {"trust": _} | {"allow_read": _} | {"allow_network": _}:
            return _describe_permissions(after)
        case {"settings": {"sandbox": value}, **more} if not more:
            return f"sandbox: {value}"
        case {"allowed": reason}:
            return f"dangerous, allowed: {reason}"
        case _:
            return ""


def _describe_permissions(after: Mapping[str, Any]) -> str:
    """The trust and the permissions with which a version was loaded."""
    parts = [f"with {after['trust']} trust"] if "trust" in after else []
    parts += [f"reading {path}" for path in after.get("allow_read", ())]
    return ", ".join([*parts, *["with network access"] * ("allow_network" in after)])
