"""``info``: which registry is used, and what it contains."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry
from modelreg.cli.options import AsJson


def info(
    context: typer.Context,
    size: Annotated[
        bool, typer.Option("--size", help="Show the size also of a registry with more than 10,000 versions.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the registry in use, its contents and size.

    \b
    modelreg info
    modelreg info --json | jq -r .path
    """
    information = registry(context).information(size=size or None)
    form = output.choose_form(as_json)
    values = output.get_fields(information)
    if form is output.Form.TABLE and information.size is not None:
        values = values | {"size": text.format_size(information.size)}
    output.print_fields(information, list(values.items()), form, information.path)
