"""``prune``: bytes that nobody needs go, and versions, where rules say which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.completion import complete_stages
from modelreg.cli.options import AsJson, Message
from modelreg.cli.output import Column
from modelreg.records.pruning import PrunedBytes, Pruning, VersionFate


@dataclass(frozen=True, slots=True)
class _Line:
    """A version, or the bytes of one kind, as one line."""

    kind: str
    subject: str
    removed: bool
    count: int
    size: int
    reason: str


_COLUMNS = (
    Column[_Line]("kind", lambda line: line.kind),
    Column[_Line]("subject", lambda line: line.subject, style=lambda _: "bold"),
    Column[_Line]("action", lambda line: "removed" if line.removed else "kept", style=lambda line: _style(line)),
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    message: Message = None,
    as_json: AsJson = False,
) -> None:
    """Free the bytes that no version refers to.

    What 'delete' left goes once it was written longer than --grace ago, and so does what killed processes left.
    With --keep-last, --older-than or --stage versions are removed first: those of which all that is given is true.
    Never one in Staging or Production, one with an alias, or the one to which 'rollback' would return. Their bytes
    go with them, unless they are younger than --grace. A terminal is asked before versions are removed.

    \b
    modelreg prune --dry-run
    modelreg prune --grace 0
    modelreg prune --keep-last 10 --older-than 90d --dry-run
    modelreg prune 'churn*' --stage Archived --older-than 52w --message "retention rule 7"
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
    if dry_run or yes or not output.can_ask():
        _show(request(dry_run=dry_run), as_json)
        return
    planned = request(dry_run=True)
    if not planned.removed:
        _show(request(agreed=planned), as_json)
        return
    if not as_json:
        output.print_records(_lines(planned), _COLUMNS, output.chosen_form(False), _reference)
    if not typer.confirm(f"Remove {_versions(planned.removed)} from the catalog?", err=True):
        output.note("nothing was changed")
        return
    done = request(agreed=planned)
    if as_json:
        output.print_json(done)
    _tell(done)


def _show(pruning: Pruning, as_json: bool) -> None:
    if as_json:
        output.print_json(pruning)
    else:
        output.print_records(_lines(pruning), _COLUMNS, output.chosen_form(False), _reference)
    _tell(pruning)


def _tell(pruning: Pruning) -> None:
    what = f"{_versions(pruning.removed)} and {text.size(pruning.freed)}"
    if pruning.dry_run:
        output.note(f"would remove {what}; dry run: nothing was changed")
    else:
        output.note(f"removed {what}")


def _lines(pruning: Pruning) -> list[_Line]:
    return [*map(_of_version, pruning.versions), *map(_of_bytes, pruning.bytes)]


def _of_version(fate: VersionFate) -> _Line:
    return _Line("version", fate.reference, fate.removed, 1, fate.size, fate.reason)


def _of_bytes(found: PrunedBytes) -> _Line:
    return _Line(found.kind, "", found.removed, found.count, found.size, found.reason)


def _reference(line: _Line) -> str:
    return line.subject or line.kind


def _style(line: _Line) -> str:
    return "red" if line.removed and line.count else "dim"


def _versions(count: int) -> str:
    return "no versions" if count == 0 else "1 version" if count == 1 else f"{count} versions"
