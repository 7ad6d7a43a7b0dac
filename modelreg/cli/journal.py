"""``history``: what was changed, when, by whom and why."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_subjects
from modelreg.cli.options import AsJson
from modelreg.cli.output import Column
from modelreg.clock import as_text
from modelreg.records.journal import JournalEntry

_COLUMNS = (
    Column[JournalEntry]("seq", lambda entry: entry.seq, right=True, wide=True),
    Column[JournalEntry]("at", lambda entry: as_text(entry.at), lambda entry: text.ago(entry.at)),
    Column[JournalEntry]("user", lambda entry: entry.user),
    Column[JournalEntry]("claimed_user", lambda entry: entry.claimed_user, in_table=False),
    Column[JournalEntry]("action", lambda entry: entry.action),
    Column[JournalEntry]("name", lambda entry: entry.name, lambda entry: _subject(entry), style=lambda _: "bold"),
    Column[JournalEntry]("version", lambda entry: entry.version, in_table=False),
    Column[JournalEntry]("from_stage", lambda entry: entry.from_stage),
    Column[JournalEntry]("to_stage", lambda entry: entry.to_stage),
    Column[JournalEntry]("message", lambda entry: entry.message),
    Column[JournalEntry]("ci_job", lambda entry: entry.ci_job, in_table=False),
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
    as_json: AsJson = False,
) -> None:
    """Show every change: what, when, by whom and why.

    This is the journal, oldest entry first; each entry holds the hash of the one before.

    \b
    modelreg history churn
    modelreg history churn/3 --json | jq -r '.[] | "\\(.at) \\(.user) \\(.action)"'
    modelreg history --head
    """
    if head:
        newest = registry(context).information().journal_head
        output.print_json({"head": newest}) if as_json else output.print_line(newest or "")
        return
    entries = registry(context).history(subject)
    if as_json:
        output.print_json([_as_object(entry) for entry in entries])
    else:
        output.print_records(entries, _COLUMNS, output.chosen_form(False), lambda entry: str(entry.seq))


def _subject(entry: JournalEntry) -> str:
    return entry.name if entry.version is None else f"{entry.name}/{entry.version}"


def _as_object(entry: JournalEntry) -> dict[str, object]:
    """The entry with what it holds about models and versions as objects, not as text."""
    return output.fields_of(entry) | {"after": json.loads(entry.after)}
