"""``alias``, ``tag``, ``describe``, ``rename`` and ``approve``: what may change without a new version."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import arguments, registry, tell_undo
from modelreg.cli.completion import complete_names
from modelreg.cli.options import AsJson, Message, Name, Quiet, ReferenceArgument, Subject, pairs
from modelreg.domain.metadata import Alteration
from modelreg.domain.references import Alias, Reference
from modelreg.errors import InvalidInput, quoted

_LONGEST_UNDO = 300  # characters; the journal has longer texts, and those that cannot be printed as they are


def alias(
    context: typer.Context,
    reference: ReferenceArgument,
    alias: Annotated[
        str | None, typer.Argument(metavar="ALIAS", help="A movable name, as 'champion'; none with --remove.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias NAME@ALIAS away.")] = False,
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Let an alias mean a version, whatever it meant before.

    \b
    modelreg alias churn/3 champion
    modelreg alias churn/Production champion
    modelreg alias churn@champion --remove
    """
    form = output.chosen_form(as_json, quiet)
    source = registry(context)
    if remove:
        selected = Reference.parse(reference)
        if alias is not None or not isinstance(selected.selector, Alias):
            raise InvalidInput("--remove goes with NAME@ALIAS alone", "modelreg alias churn@champion --remove")
        done = source.remove_alias(selected.name, selected.selector.name, message=message)
        words = ["alias", f"{done.subject}/{done.before}", str(done.key)]
        _tell(context, done, f"{done.subject}@{done.key} means nothing any more", words, form)
        return
    if alias is None:
        raise InvalidInput("an alias is missing", f"modelreg alias {quoted(reference)} ALIAS")
    done = source.alias(reference, alias, message=message)
    back = [f"{done.subject}/{done.before}", alias] if done.before else [f"{done.subject}@{alias}", "--remove"]
    _tell(context, done, f"{done.subject}@{alias} -> {done.subject}/{done.after}", ["alias", *back], form)


def tag(
    context: typer.Context,
    subject: Subject,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Tags to set.")] = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="KEY", help="A tag to take away; may be given many times.")
    ] = None,
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Set tags of a model or a version, or take them away.

    \b
    modelreg tag churn team=growth
    modelreg tag churn/3 reviewed=yes dataset=2026-10
    modelreg tag churn/3 --remove reviewed
    """
    form = output.chosen_form(as_json, quiet)
    if not tags and not remove:
        raise InvalidInput("no tag is given", f"modelreg tag {quoted(subject)} NAME=VALUE")
    done = registry(context).tag(subject, pairs(tags, "tag"), remove=remove or (), message=message)
    set_again = [f"{key}={value}" for key, value in done.before.items() if value is not None]
    taken = [word for key, value in done.before.items() if value is None for word in ("--remove", key)]
    now = ", ".join(key if value is None else f"{key}={value}" for key, value in done.after.items())
    what = f"{done.subject}: {now}" if tags else f"{done.subject}: removed {now}"
    _tell(context, done, what, ["tag", *arguments(done.subject, *set_again, options=taken)], form)


def describe(
    context: typer.Context,
    subject: Subject,
    description: Annotated[str, typer.Argument(metavar="TEXT", help="What it is; '' for nothing.")],
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Replace the description of a model or a version.

    \b
    modelreg describe churn "who leaves within 90 days; owned by growth"
    modelreg describe churn/3 "trained without the leaked column"
    """
    form = output.chosen_form(as_json, quiet)
    done = registry(context).describe(subject, description, message=message)
    _tell(
        context,
        done,
        f"{done.subject}: {done.after}",
        ["describe", *arguments(done.subject, str(done.before))],
        form,
    )


def rename(
    context: typer.Context,
    name: Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.", autocompletion=complete_names)],
    message: Message = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Give a model another name.

    Versions, stages, aliases, gates and history go with it. The old name finds nothing from then on; a new model of
    that name would go on counting where this one stands, so no old reference comes to mean another version.

    \b
    modelreg rename churn churn-2026
    """
    form = output.chosen_form(as_json, quiet)
    done = registry(context).rename(name, new, message=message)
    _tell(context, done, f"{done.before} -> {done.after}", ["rename", str(done.after), str(done.before)], form)


def approve(
    context: typer.Context,
    reference: ReferenceArgument,
    message: Message = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take your approval back.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Vouch for a version, as the user that the system knows.

    An approval belongs to the version's digest. A gate "approvals >= 2" asks for two people other than the one who
    registered it.

    \b
    modelreg approve churn/3 --message "read the evaluation, fine"
    modelreg gate add churn Production "approvals >= 1"
    """
    form = output.chosen_form(as_json, quiet)
    source = registry(context)
    done = source.approve(reference, message=message or "", withdraw=withdraw)
    if withdraw:
        words = ["approve", done.subject, *(["--message", str(done.before)] if done.before else [])]
        _tell(context, done, f"{done.key} does not approve {done.subject} any more", words, form)
    else:
        _tell(context, done, f"{done.key} approves {done.subject}", ["approve", done.subject, "--withdraw"], form)
        given = {each.user: each.counts for each in source.version(done.subject).approvals}
        if not given.get(str(done.key), True):
            output.note("note: you registered it, and gates count the approvals of others")


def _tell(context: typer.Context, done: Alteration, what: str, undo: list[str], form: output.Form) -> None:
    if form is output.Form.JSON:
        output.print_json(done)
        return
    if form is output.Form.QUIET:
        output.print_line(str(done.after) if done.field == "name" else done.subject)
        return
    output.print_line(what)
    if not done.changed:
        output.note("it was so already: nothing was changed")
        return
    line = shlex.join(undo)
    if len(line) > _LONGEST_UNDO or not line.isprintable():
        output.note("'modelreg history --json' has what was there before")
    else:
        tell_undo(context, undo)
