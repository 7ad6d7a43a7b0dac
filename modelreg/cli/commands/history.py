"""``history``: what was changed, when, by whom and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_subjects
from modelreg.cli.options import AsJson
from modelreg.cli.output import STAGE_STYLES, Column
from modelreg.domain.journal import ACTIONS, JournalEntry, StageAtMoment
from modelreg.errors import CatalogDamaged, InvalidInput
from modelreg.system.clock import as_text

_HELD_COLUMNS = (
    Column[StageAtMoment]("name", lambda held: held.name, style=lambda _: "bold"),
    Column[StageAtMoment]("version", lambda held: held.version, right=True),
    Column[StageAtMoment]("stage", lambda held: held.stage, style=lambda held: STAGE_STYLES[held.stage]),
    Column[StageAtMoment]("since", lambda held: as_text(held.since)),
    Column[StageAtMoment]("user", lambda held: held.user),
    Column[StageAtMoment]("claimed_user", lambda held: held.claimed_user, in_table=False),
    Column[StageAtMoment]("message", lambda held: held.message, foldable=True),
)
_COLUMNS = (
    Column[JournalEntry]("seq", lambda entry: entry.seq, right=True, wide=True),
    Column[JournalEntry]("at", lambda entry: as_text(entry.at), lambda entry: text.ago(entry.at)),
    Column[JournalEntry]("user", lambda entry: entry.user),
    Column[JournalEntry]("claimed_user", lambda entry: entry.claimed_user, in_table=False),
    Column[JournalEntry]("action", lambda entry: entry.action),
    Column[JournalEntry]("name", lambda entry: entry.name, lambda entry: _subject(entry), style=lambda _: "bold"),
    Column[JournalEntry]("version", lambda entry: entry.version, in_table=False),
    Column[JournalEntry]("what", lambda entry: _what(entry), foldable=True),
    Column[JournalEntry]("from_stage", lambda entry: entry.from_stage, in_table=False),
    Column[JournalEntry]("to_stage", lambda entry: entry.to_stage, in_table=False),
    Column[JournalEntry]("message", lambda entry: entry.message, foldable=True),
    Column[JournalEntry]("ci_job", lambda entry: entry.ci_job, in_table=False),
    Column[JournalEntry]("tool", lambda entry: entry.tool, in_table=False),
    Column[JournalEntry]("forced", lambda entry: "yes" if _forced(entry) else "", in_table=False),
    Column[JournalEntry]("hash", lambda entry: entry.hash, in_table=False),
)


def history(
    context: typer.Context,
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME|REF]", help="Only this model, or this version.", autocompletion=complete_subjects
        ),
    ] = None,
    head: Annotated[
        bool, typer.Option("--head", help="Print SEQ:HASH of the newest entry; it stands for the whole journal.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Which version was in which stage then: 2026-10-01 (its end, UTC), a time, 3d ago."
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only since then: 2026-10-01, yesterday, 3d, or a time.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="USER", help="Only what this user did.")] = None,
    action: Annotated[
        str | None,
        typer.Option(metavar="ACTION", help="Only this, as transition.", autocompletion=lambda: list(ACTIONS)),
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="The newest N only.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show every change: what, when, by whom and why.

    This is the journal, oldest entry first; each entry holds the hash of the one before.

    \b
    modelreg history churn
    modelreg history churn/3 --json | jq -r '.[] | "\\(.at) \\(.user) \\(.action)"'
    modelreg history --since yesterday --action transition
    modelreg history churn --as-of 2026-10-01
    modelreg history --head
    """
    chosen = {"since": since, "user": user, "action": action, "limit": limit}
    if head and any(each is not None for each in (subject, as_of, *chosen.values())):
        raise InvalidInput("--head is about the whole journal, as it is now", "modelreg history --head")
    if as_of is not None:
        if any(each is not None for each in chosen.values()):
            raise InvalidInput(
                "--as-of shows stages, and not entries", "leave out --since, --user, --action and --limit"
            )
        _print_held(registry(context).history_as_of(as_of, subject), as_json)
        return
    if head:
        newest = registry(context).information().journal_head
        output.print_json({"head": newest}) if as_json else output.print_line(newest or "")
        return
    entries = registry(context).history(subject, since=since, user=user, action=action, limit=limit)
    if as_json:
        output.print_json([_as_object(entry) for entry in entries])
    else:
        output.print_records(entries, _COLUMNS, output.chosen_form(False), lambda entry: str(entry.seq))


def _forced(entry: JournalEntry) -> bool:
    """Whether it was done against a gate."""
    try:
        return '"forced":true' in entry.after and json.loads(entry.after).get("check", {}).get("forced") is True
    except (AttributeError, ValueError):  # which 'verify' is to tell
        return False


def _print_held(held: list[StageAtMoment], as_json: bool) -> None:
    form = output.chosen_form(as_json)
    if not held and form is output.Form.TABLE:
        output.note("nothing was registered then")
        return
    output.print_records(held, _HELD_COLUMNS, form, lambda each: f"{each.name}/{each.version}")


def _what(entry: JournalEntry) -> str:
    """What the action was about, for people; nothing for an entry that somebody edited, which 'verify' is to tell."""
    try:
        return _summary(entry, json.loads(entry.after))
    except (AttributeError, LookupError, TypeError, ValueError):
        return ""


def _summary(entry: JournalEntry, after: Mapping[str, Any]) -> str:
    match entry.action:
        case "transition" | "rollback":
            return f"{entry.from_stage} -> {entry.to_stage}{', forced' if _forced(entry) else ''}"
        case "alias":
            return " ".join(f"{alias} -> {version or 'nothing'}" for alias, version in after["alias"].items())
        case "tag":
            return text.pairs((after.get("version") or after["model"])["tags"])
        case "describe":
            return str((after.get("version") or after["model"])["description"])
        case "evaluate":
            return str(after["evaluation"]["dataset"])
        case "add gate" | "remove gate":
            return _of_gate(after)
        case "start run" | "log" | "log model" | "end run":
            return _of_run(after["run"])
        case "rename":
            return f"{after['old_name']} -> {entry.name}"
        case "refuse":
            failed = "; ".join(gate["expression"] for gate in after["check"]["gates"] if not gate["passed"])
            return f"{entry.from_stage} -> {entry.to_stage}: {failed}"
        case _:
            return _by_values(after)


def _of_gate(after: Mapping[str, Any]) -> str:
    """What a gate demands, or demanded."""
    if "gate" in after:
        return f"{after['gate']['id']}: {after['gate']['stage']} needs {after['gate']['expression']}"
    numbers, was = " ".join(map(str, after["removed_gates"])), after.get("removed")
    return f"{numbers}: {was['stage']} needed {was['expression']}" if was else numbers


def _of_run(run: Mapping[str, Any]) -> str:
    """Which run it is, and what changed of it."""
    logged = [text.pairs(run[what]) for what in ("params", "metrics", "tags") if what in run]
    words = [run["run_id"], run.get("name"), run.get("status"), *logged, *run.get("models", ())]
    return " ".join(word for word in words if word)


def _by_values(after: Mapping[str, Any]) -> str:
    """What the action trusts, or where from it imports."""
    match after:
        case {"imported": {"from": address}}:
            return f"from {address}"
        case {"trusted": {"module": module, "name": name}} | {"distrusted": {"module": module, "name": name}}:
            return f"{module}.{name}"
        case {"version": {"scan": verdict, **more}} if len(more) == 1:  # a verdict that hangs on such a name
            return f"scan -> {verdict}"
        case {"trust": _} | {"allow_read": _} | {"allow_network": _}:
            return _permitted(after)
        case {"settings": {"sandbox": value}, **more} if not more:
            return f"sandbox: {value}"
        case {"allowed": why}:
            return f"dangerous, and allowed: {why}"
        case _:
            return ""


def _permitted(after: Mapping[str, Any]) -> str:
    """With which trust a version was loaded, and what it could do beyond computing."""
    parts = [f"with {after['trust']} trust"] if "trust" in after else []
    parts += [f"reading {path}" for path in after.get("allow_read", ())]
    return ", ".join([*parts, *["with the network"] * ("allow_network" in after)])


def _subject(entry: JournalEntry) -> str:
    return entry.name if entry.version is None else f"{entry.name}/{entry.version}"


def _as_object(entry: JournalEntry) -> dict[str, object]:
    """The entry with what it holds about models and versions as objects, not as text."""
    try:
        return output.fields_of(entry) | {"after": json.loads(entry.after)}
    except ValueError as error:
        raise CatalogDamaged(
            f"entry {entry.seq} of the journal holds a value that modelreg never writes: {error}",
            "restore it from a backup; 'modelreg verify' shows everything that is damaged",
        ) from error
