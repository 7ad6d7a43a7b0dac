"""``prune``: remove unreferenced files, and versions by retention rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from modelreg.cli import output, prompts, text
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_stages
from modelreg.cli.options import AsJson, DryRun, Message
from modelreg.cli.tables import Column
from modelreg.domain.pruning import Pruning
from modelreg.errors import InvalidInput, shown


@dataclass(frozen=True, slots=True)
class _Row:
    """A version, or all stored files of one kind, with what happens to it."""

    kind: str
    subject: str
    removed: bool
    planned: bool
    """Whether this is a plan. Tables show the difference; tab-separated lines are the same for plan and result."""
    count: int
    size: int
    reason: str


_COLUMNS = (
    Column[_Row]("kind", lambda row: row.kind),
    Column[_Row]("subject", lambda row: row.subject, style=lambda _: "bold"),
    Column[_Row](
        "action",
        lambda row: "removed" if row.removed else "kept",
        lambda row: _format_action(row),
        style=lambda row: "red" if row.removed else "dim",
    ),
    Column[_Row]("count", lambda row: row.count, right=True),
    Column[_Row]("size", lambda row: row.size, lambda row: text.format_size(row.size), right=True),
    Column[_Row]("reason", lambda row: row.reason, foldable=True),
)


_Glob = Annotated[
    str | None,
    typer.Argument(
        metavar="[GLOB]", help="Apply the rules only to models whose names match this pattern.", show_default=False
    ),
]
_Grace = Annotated[str, typer.Option(metavar="TIME", help="Keep files that were written within this time.")]
_KeepLast = Annotated[int | None, typer.Option(metavar="N", help="Keep the N newest versions of each model.")]
_OlderThan = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Remove only versions that were registered longer ago, such as 90d or 2w."),
]
_Stage = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STAGE", help="Remove only versions in this stage. Repeatable.", autocompletion=complete_stages
    ),
]
_Yes = Annotated[
    bool,
    typer.Option(
        "--yes", "-y", help="Do not ask for confirmation; required in scripts when versions are to be removed."
    ),
]


def prune(
    context: typer.Context,
    glob: _Glob = None,
    grace: _Grace = "24h",
    keep_last: _KeepLast = None,
    older_than: _OlderThan = None,
    stage: _Stage = None,
    dry_run: DryRun = False,
    yes: _Yes = False,
    message: Message = None,
    as_json: AsJson = False,
) -> None:
    """Remove unreferenced files, and versions by rules.

    Files of deleted versions and of killed processes are removed once they are older than --grace. With --keep-last,
    --older-than or --stage, the versions that meet all given rules are removed first; their files follow, unless they
    are younger than --grace. Never removed are versions in Staging or Production, versions with an alias, the version
    that 'rollback' would return to, and versions that rollbacks displaced since the last promotion. Removing versions
    needs confirmation on a terminal, and --yes in a script (exit 2 without it).

    \b
    modelreg prune --dry-run
    modelreg prune --grace 0
    modelreg prune --keep-last 10 --older-than 90d --dry-run
    modelreg prune 'churn*' --stage Archived --older-than 52w --yes --message "retention rule 7"
    """
    request = partial(
        registry(context).prune,
        glob,
        grace=grace,
        keep_last=keep_last,
        older_than=older_than,
        stages=stage or (),
        message=message,
    )
    if dry_run or yes:
        _print_result(request(dry_run=dry_run), glob, as_json)
        return
    plan = request(dry_run=True)
    if plan.removed:
        _confirm(plan, as_json)
        result = request(agreed=plan)
        if as_json:
            output.print_json(result)
        _print_totals(result)
    else:
        _print_result(request(agreed=plan), glob, as_json)


def _confirm(plan: Pruning, as_json: bool) -> None:
    """Show the plan and ask; raises `InvalidInput` in a script, and `Declined` if the answer is no."""
    versions = f"{_count_versions(plan.removed)} from the catalog"
    if not output.can_prompt():
        raise InvalidInput(
            f"removing {versions} requires confirmation; nothing was changed",
            "show the versions with --dry-run, then add --yes",
        )
    if not as_json:
        _print_rows(plan)
    prompts.confirm(f"Remove {versions}?", "nothing was changed")


def _print_result(pruning: Pruning, glob: str | None, as_json: bool) -> None:
    if as_json:
        output.print_json(pruning)
    else:
        _print_rows(pruning)
    if glob is not None and not pruning.versions:
        output.print_note(f"no model that matches {shown(glob)} has versions")
    _print_totals(pruning)


def _print_rows(pruning: Pruning) -> None:
    """Print versions and kinds of files; a table omits kinds without files."""
    form, planned = output.choose_form(as_json=False), pruning.dry_run
    rows = [
        *(_Row("version", v.reference, v.removed, planned, 1, v.size, v.reason) for v in pruning.versions),
        *(_Row(f.kind, "", f.removed, planned, f.count, f.size, f.reason) for f in pruning.bytes),
    ]
    rows = [row for row in rows if row.count or form is not output.Form.TABLE]
    if rows:
        output.print_records(rows, _COLUMNS, form, lambda row: row.subject or row.kind)


def _print_totals(pruning: Pruning) -> None:
    totals = f"{_count_versions(pruning.removed)} and {text.format_size(pruning.freed)}"
    if pruning.dry_run:
        output.print_note(f"would remove {totals}; dry run: nothing was changed")
    else:
        output.print_note(f"removed {totals}")


def _format_action(row: _Row) -> str:
    if row.planned:
        return "remove" if row.removed else "keep"
    return "removed" if row.removed else "kept"


def _count_versions(count: int) -> str:
    return "no versions" if count == 0 else "1 version" if count == 1 else f"{count} versions"
