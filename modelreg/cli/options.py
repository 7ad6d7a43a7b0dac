"""Arguments and options that several commands share, with what completes them."""

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
from modelreg.errors import InvalidInput, InvalidMetric, quoted, shown

if TYPE_CHECKING:
    from modelreg.data.tables.source import TextLayout

Name = Annotated[str, typer.Argument(metavar="NAME", help="The model.", autocompletion=complete_names)]
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
    typer.Argument(metavar="NAME|REF", help="A model, or one of its versions.", autocompletion=complete_subjects),
]
Version = Annotated[
    str | None,
    typer.Argument(
        metavar="[VERSION]", help="After a NAME: the version's number.", autocompletion=complete_versions_or_stages
    ),
]
StageOption = Annotated[
    str | None,
    typer.Option("--stage", metavar="STAGE", help="Put it into this stage at once.", autocompletion=complete_stages),
]
Message = Annotated[str | None, typer.Option("--message", "-m", metavar="TEXT", help="Why; it is kept in the journal.")]
FullTrust = Annotated[
    str | None,
    typer.Option(
        "--trust",
        metavar="full",
        help="Let a pickle import and run whatever it says, this once; needs --message, which is kept in the journal.",
    ),
]
AllowRead = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DIR", help="Let the model read this folder or file, too; may be given often; needs --message."
    ),
]
AllowNetwork = Annotated[
    bool, typer.Option("--allow-network", help="Let the model connect to other machines; needs --message.")
]
MemoryLimit = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="How much memory the model may take, as 64GiB; else what the machine has."),
]
TimeLimit = Annotated[float | None, typer.Option(metavar="SECONDS", help="How long the model may take.")]
RequireSandbox = Annotated[
    bool, typer.Option("--require-sandbox", help="Do not run the model where the system cannot confine it (exit 7).")
]
IgnoreExtra = Annotated[bool, typer.Option("--ignore-extra", help="Leave out columns that the model does not take.")]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line of a CSV file names the columns; else numbers in it are refused.",
        show_default=False,
    ),
]
Delimiter = Annotated[
    str | None, typer.Option(metavar="CHAR", help="Between two values of a CSV file; else a comma, in .tsv a tab.")
]
Encoding = Annotated[str | None, typer.Option(metavar="NAME", help="Of a text file, as latin-1; else utf-8.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, errors too.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print references alone, one a line.")]
Filter = Annotated[
    str | None,
    typer.Option(
        metavar="EXPRESSION", help="Only what this is true of, as \"metrics.auc > 0.9 AND stage = 'Staging'\"."
    ),
]
Sort = Annotated[
    str | None,
    typer.Option(metavar="FIELDS", help="The order: fields, each with DESC or without, as 'created_at DESC'."),
]
Limit = Annotated[int | None, typer.Option(metavar="N", help="The first N only.")]


def joined(subject: str, version: str | None) -> str:
    """One reference of a model and a version that were written apart, as ``churn 3``."""
    return subject if version is None else f"{subject}/{version}"


def text_layout(delimiter: str | None, encoding: str | None, header: bool | None) -> TextLayout:
    """How a text file is to be read; raises `InvalidInput`."""
    from modelreg.data.tables.source import TextLayout

    return TextLayout.parse(delimiter, encoding, header)


def pairs(words: list[str] | None, option: str) -> dict[str, str]:
    """``NAME=VALUE`` words as a dictionary."""
    found: dict[str, str] = {}
    for word in words or ():
        name, separator, value = word.partition("=")
        if not separator:
            raise InvalidInput(f"{option} {shown(word)} has no '='", f"write {option} NAME=VALUE")
        if name != name.strip():
            hint = f"write {option} {quoted(f'{name.strip()}={value.strip()}')}"
            raise InvalidInput(f"{option} {shown(word)} has a space around its name", hint)
        if name in found:
            raise InvalidInput(f"{option} {shown(name)} is given twice", "give each name once")
        found[name] = value
    return found


def numbers(pairs: dict[str, str]) -> dict[str, float]:
    """Metrics as numbers."""
    numbers = {}
    for name, value in pairs.items():
        try:
            numbers[name] = float(value)
        except ValueError as error:
            raise InvalidMetric(name, value) from error
    return numbers
