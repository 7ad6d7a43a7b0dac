"""``trust``: names that models may import in addition to the allow-list."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import CONTEXT, print_undo, registry
from modelreg.cli.options import AsJson, Message, Quiet
from modelreg.cli.tables import Column
from modelreg.domain.scans import TrustedName
from modelreg.system.clock import as_text

trust = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
    help="""Manage trusted names: what models may import.

    Loading a pickle imports and calls the classes and functions that it names. 'predict', 'evaluate' and Registry.load
    accept the names on a built-in allow-list (scikit-learn, numpy, scipy, pandas, joblib, xgboost, lightgbm) and the
    names added here. Any other name is refused before it is imported (exit 7).

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
    Column[TrustedName]("name", lambda name: name.dotted, style=lambda _: "bold"),
    Column[TrustedName]("message", lambda name: name.message, foldable=True),
    Column[TrustedName]("created_by", lambda name: name.created_by),
    Column[TrustedName](
        "created_at", lambda name: as_text(name.created_at), lambda name: text.format_age(name.created_at)
    ),
)


@trust.command("add")
def add(context: typer.Context, names: _Names, message: Message = None, as_json: AsJson = False) -> None:
    """Add names that models may import when they are loaded.

    Versions that need no other names become 'safe'. Names that run code, access files, open connections or unpickle
    data are refused with the reason. These are the names on published deny-lists, and everything in Python's standard
    library except data types.

    \b
    modelreg trust add mypackage.features.Encoder mypackage.features.make_pipeline
    modelreg trust add sklearn.preprocessing.FunctionTransformer.func=mypackage.features.clean
    """
    from modelreg.analysis.policy import allowed_names
    from modelreg.loading.trust import parse_trusted_name

    source = registry(context)
    added = source.trust(*names, message=message)
    for name in names:
        if parse_trusted_name(name) in allowed_names():
            output.print_note(f"{name} is on the allow-list already: it needs no trust where genuine models use it")
    for name in added:
        if not source.is_imported(name):
            output.print_note(f"note: no registered version imports {name}")
    if as_json:
        output.print_json({"trusted": names, "added": added})
        return
    for name in names:
        output.print_line(name)
    if added:
        print_undo(context, ["trust", "remove", *added])
    else:
        output.print_note("nothing was changed: the name was trusted already")


@trust.command("remove")
def remove(context: typer.Context, names: _Names, message: Message = None, as_json: AsJson = False) -> None:
    """Remove trusted names.

    \b
    modelreg trust remove mypackage.features.Encoder
    """
    registry(context).distrust(*names, message=message)
    if as_json:
        output.print_json({"removed": names})
        return
    for name in names:
        output.print_line(name)
    print_undo(context, ["trust", "add", *names])


@trust.command("list")
def list_trusted(context: typer.Context, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the trusted names, and who added them.

    \b
    modelreg trust list
    """
    names = registry(context).trusted_names()
    output.print_records(names, _COLUMNS, output.choose_form(as_json, quiet), lambda name: name.dotted)
