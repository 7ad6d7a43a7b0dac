"""Arguments and options that several commands share, and the parsers of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from modelreg.cli.completion import (
    complete_names,
    complete_references,
    complete_stages,
    complete_subjects,
    complete_versions_or_stages,
)
from modelreg.errors import InvalidInput, quoted, shown
from modelreg.errors.input import build_metric_error

if TYPE_CHECKING:
    from modelreg.data.tables.table_file import TextLayout

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model.", autocompletion=complete_names)]
ReferenceArgument = Annotated[
    str,
    typer.Argument(
        metavar="REF",
        help="NAME/3, NAME/Production, NAME/latest, NAME@alias or NAME@sha256:HEX.",
        autocompletion=complete_references,
    ),
]
Subject = Annotated[
    str,
    typer.Argument(metavar="NAME|REF", help="A model or a version.", autocompletion=complete_subjects),
]
Version = Annotated[
    str | None,
    typer.Argument(
        metavar="[VERSION]",
        help="Version number, if the first argument is a NAME.",
        autocompletion=complete_versions_or_stages,
    ),
]
StageOption = Annotated[
    str | None,
    typer.Option("--stage", metavar="STAGE", help="Stage of the new version.", autocompletion=complete_stages),
]
Message = Annotated[
    str | None, typer.Option("--message", "-m", metavar="TEXT", help="Reason for the change, stored in the journal.")
]
FullTrust = Annotated[
    str | None,
    typer.Option(
        "--trust",
        metavar="full",
        help="Let the pickle import and run anything, for this command only. Requires --message.",
    ),
]
AllowRead = Annotated[
    list[str] | None,
    typer.Option(metavar="DIR", help="Let the model read this folder or file. Repeatable; requires --message."),
]
AllowNetwork = Annotated[
    bool, typer.Option("--allow-network", help="Let the model use the network. Requires --message.")
]
MemoryLimit = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Memory limit of the model, such as 64GiB. Default: the machine's memory."),
]
TimeLimit = Annotated[float | None, typer.Option(metavar="SECONDS", help="Time limit of the model.")]
RequireSandbox = Annotated[
    bool, typer.Option("--require-sandbox", help="Refuse to run the model if the system cannot confine it (exit 7).")
]
IgnoreExtra = Annotated[bool, typer.Option("--ignore-extra", help="Ignore columns that the model does not use.")]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line of a CSV file has column names. Default: yes; a number in it is an error.",
        show_default=False,
    ),
]
Delimiter = Annotated[
    str | None, typer.Option(metavar="CHAR", help="Delimiter of a CSV file. Default: comma; tab for .tsv.")
]
Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="Encoding of a text file, such as latin-1. Default: utf-8.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, also for errors.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be changed, without changing anything.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only references, one per line.")]
Filter = Annotated[
    str | None,
    typer.Option(metavar="EXPRESSION", help="Filter, such as \"metrics.auc > 0.9 AND stage = 'Staging'\"."),
]
Sort = Annotated[
    str | None,
    typer.Option(metavar="FIELDS", help="Sort by these fields, such as 'created_at DESC'."),
]
Limit = Annotated[int | None, typer.Option(metavar="N", help="Print only the first N.")]


def join_reference(subject: str, version: str | None) -> str:
    """One reference from a model and a version in separate arguments, as in ``churn 3``."""
    return subject if version is None else f"{subject}/{version}"


def parse_text_layout(delimiter: str | None, encoding: str | None, header: bool | None) -> TextLayout:
    """The layout of a text file; raises `InvalidInput`."""
    from modelreg.data.tables.table_file import TextLayout

    return TextLayout.parse(delimiter, encoding, header)


def parse_pairs(words: list[str] | None, option: str) -> dict[str, str]:
    """``NAME=VALUE`` words as a dictionary; raises `InvalidInput`."""
    values: dict[str, str] = {}
    for word in words or ():
        name, separator, value = word.partition("=")
        if not separator:
            raise InvalidInput(f"{option} {shown(word)} has no '='", f"write {option} NAME=VALUE")
        if name != name.strip():
            hint = f"write {option} {quoted(f'{name.strip()}={value.strip()}')}"
            raise InvalidInput(f"{option} {shown(word)} has a space around its name", hint)
        if name in values:
            raise InvalidInput(f"{option} {shown(name)} is given twice", f"give {option} {quoted(name)} once")
        values[name] = value
    return values


def parse_metrics(pairs: dict[str, str]) -> dict[str, float]:
    """The values of metrics as numbers; raises `InvalidInput`."""
    metrics = {}
    for name, value in pairs.items():
        try:
            metrics[name] = float(value)
        except ValueError as error:
            raise build_metric_error(name, value) from error
    return metrics
