"""``trust``: names that models may import besides those of the allow-list."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import CONTEXT, registry, tell_undo
from modelreg.cli.options import AsJson, Message, Quiet
from modelreg.cli.output import Column
from modelreg.domain.scans import TrustedName
from modelreg.system.clock import as_text

trust = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
    help="""Say which classes and functions of your own models may import.

    Loading a pickle imports and calls what the pickle says. 'predict', 'evaluate' and Registry.load admit the exact
    names of an allow-list (scikit-learn, numpy, scipy, pandas, joblib, xgboost, lightgbm) and those that are added
    here; anything else is refused (exit 7) before it is imported.

    \b
    modelreg trust add mypackage.features.Encoder --message "our own transformer"
    modelreg trust list
    """,
)

_Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME...", help="mypackage.features.Encoder, mypackage:Outer.Inner, or ATTRIBUTE=NAME."),
]
_COLUMNS = (
    Column[TrustedName]("name", lambda each: each.dotted, style=lambda _: "bold"),
    Column[TrustedName]("message", lambda each: each.message, foldable=True),
    Column[TrustedName]("created_by", lambda each: each.created_by),
    Column[TrustedName]("created_at", lambda each: as_text(each.created_at), lambda each: text.ago(each.created_at)),
)


@trust.command("add")
def add(context: typer.Context, names: _Names, message: Message = None, as_json: AsJson = False) -> None:
    """Let models import these names when they are loaded.

    Versions that need nothing else become 'safe'. A name that runs code, touches files, opens connections or unpickles
    what it is given is refused with the reason: everything of Python's standard library but types of data, and what
    published lists of dangerous names contain.

    \b
    modelreg trust add mypackage.features.Encoder mypackage.features.make_pipeline
    modelreg trust add sklearn.preprocessing.FunctionTransformer.func=mypackage.features.clean
    """
    from modelreg.analysis.policy import allowed_names
    from modelreg.loading.trust import parse_trusted_name

    source = registry(context)
    added = source.trust(*names, message=message)
    for name in (each for each in names if parse_trusted_name(each) in allowed_names()):
        output.note(f"{name} needs no trust: it is on the allow-list, and models may hold it where genuine models do")
    for name in (each for each in added if not source.is_imported(each)):
        output.note(f"note: no version imports {name}, so nothing has changed for any")
    if as_json:
        output.print_json({"trusted": names, "added": added})
        return
    for name in names:
        output.print_line(name)
    if added:
        tell_undo(context, ["trust", "remove", *added])
    else:
        output.note("nothing was changed: it was trusted already")


@trust.command("remove")
def remove(context: typer.Context, names: _Names, message: Message = None, as_json: AsJson = False) -> None:
    """Refuse these names again.

    \b
    modelreg trust remove mypackage.features.Encoder
    """
    registry(context).distrust(*names, message=message)
    if as_json:
        output.print_json({"removed": names})
        return
    for name in names:
        output.print_line(name)
    tell_undo(context, ["trust", "add", *names])


@trust.command("list")
def list_trusted(context: typer.Context, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the names that were added, and who added them.

    \b
    modelreg trust list
    """
    names = registry(context).trusted_names()
    output.print_records(names, _COLUMNS, output.chosen_form(as_json, quiet), lambda each: each.dotted)
