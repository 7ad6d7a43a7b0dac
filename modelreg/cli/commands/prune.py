"""``prune``: bytes that nobody needs go, and versions, where rules say which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from modelreg.cli import asking, output, text
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_stages
from modelreg.cli.options import AsJson, DryRun, Message
from modelreg.cli.output import Column
from modelreg.domain.pruning import PrunedBytes, Pruning, RetentionDecision
from modelreg.errors import InvalidInput, shown


@dataclass(frozen=True, slots=True)
class _Line:
    """A version, or the bytes of one kind, as one line."""

    kind: str
    subject: str
    removed: bool
    planned: bool
    """Whether that is only planned, which people are to see; scripts get the same lines for the plan and the work."""
    count: int
    size: int
    reason: str


_COLUMNS = (
    Column[_Line]("kind", lambda line: line.kind),
    Column[_Line]("subject", lambda line: line.subject, style=lambda _: "bold"),
    Column[_Line](
        "action",
        lambda line: "removed" if line.removed else "kept",
        lambda line: _action(line),
        style=lambda line: "red" if line.removed else "dim",
    ),
    Column[_Line]("count", lambda line: line.count, right=True),
    Column[_Line]("size", lambda line: line.size, lambda line: text.size(line.size), right=True),
    Column[_Line]("reason", lambda line: line.reason, foldable=True),
)


def prune(
    context: typer.Context,
    glob: Annotated[
        str | None,
        typer.Argument(metavar="[GLOB]", help="Remove versions of models of such names alone.", show_default=False),
    ] = None,
    grace: Annotated[str, typer.Option(metavar="TIME", help="Keep bytes that were written since.")] = "24h",
    keep_last: Annotated[
        int | None, typer.Option(metavar="N", help="Remove versions but for the N newest of each model.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="TIME", help="Remove versions registered longer ago, as 90d or 2w.")
    ] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STAGE", help="Remove versions in this stage; repeatable.", autocompletion=complete_stages
        ),
    ] = None,
    dry_run: DryRun = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask; scripts that remove versions need this.")
    ] = False,
    message: Message = None,
    as_json: AsJson = False,
) -> None:
    """Free the bytes that no version refers to.

    What 'delete' left goes once it was written longer than --grace ago, and so does what killed processes left.
    With --keep-last, --older-than or --stage versions are removed first: those of which all that is given is true.
    Never one in Staging or Production, one with an alias, the one to which 'rollback' would return, or those that it
    displaced since the last promotion. Their bytes go with them, unless they are younger than --grace. A terminal is
    asked before versions are removed, and a script is refused (exit 2) without --yes.

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
        _show(request(dry_run=dry_run), glob, as_json)
        return
    planned = request(dry_run=True)
    if not planned.removed:
        _show(request(agreed=planned), glob, as_json)
        return
    what = f"{_versions(planned.removed)} from the catalog"
    if not output.can_ask():
        raise InvalidInput(
            f"removing {what} has to be confirmed; nothing was changed", "look at them with --dry-run, then add --yes"
        )
    if not as_json:
        _print(planned)
    asking.confirm(f"Remove {what}?", "nothing was changed")
    done = request(agreed=planned)
    if as_json:
        output.print_json(done)
    _tell(done)


def _show(pruning: Pruning, glob: str | None, as_json: bool) -> None:
    if as_json:
        output.print_json(pruning)
    else:
        _print(pruning)
    if glob is not None and not pruning.versions:
        output.note(f"no model that fits {shown(glob)} has a version")
    _tell(pruning)


def _print(pruning: Pruning) -> None:
    """The lines; for people those alone of which there is something."""
    form = output.chosen_form(as_json=False)
    lines = [line for line in _lines(pruning) if line.count or form is not output.Form.TABLE]
    if lines:
        output.print_records(lines, _COLUMNS, form, _reference)


def _tell(pruning: Pruning) -> None:
    what = f"{_versions(pruning.removed)} and {text.size(pruning.freed)}"
    if pruning.dry_run:
        output.note(f"would remove {what}; dry run: nothing was changed")
    else:
        output.note(f"removed {what}")


def _lines(pruning: Pruning) -> list[_Line]:
    return [
        *(_of_version(fate, pruning.dry_run) for fate in pruning.versions),
        *(_of_bytes(found, pruning.dry_run) for found in pruning.bytes),
    ]


def _of_version(fate: RetentionDecision, planned: bool) -> _Line:
    return _Line("version", fate.reference, fate.removed, planned, 1, fate.size, fate.reason)


def _of_bytes(found: PrunedBytes, planned: bool) -> _Line:
    return _Line(found.kind, "", found.removed, planned, found.count, found.size, found.reason)


def _reference(line: _Line) -> str:
    return line.subject or line.kind


def _action(line: _Line) -> str:
    """What people see, who would take the words about work that is done for more than a plan."""
    if line.planned:
        return "would go" if line.removed else "stays"
    return "removed" if line.removed else "kept"


def _versions(count: int) -> str:
    return "no versions" if count == 0 else "1 version" if count == 1 else f"{count} versions"
