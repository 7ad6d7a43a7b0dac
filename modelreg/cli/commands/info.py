"""``info``: which registry is used, and what it holds."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson


def info(
    context: typer.Context,
    size: Annotated[bool, typer.Option("--size", help="Add up how many bytes are stored, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show which registry is used, and what it holds.

    \b
    modelreg info
    modelreg info --size
    modelreg info --json | jq -r .path
    """
    information = registry(context).information(size=size)
    form = output.chosen_form(as_json)
    values = output.fields_of(information)
    if form is output.Form.TABLE and information.size is not None:
        values = values | {"size": text.size(information.size)}
    output.print_fields(information, list(values.items()), form, information.path)
