"""Arguments and options that several commands share, with what completes them."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli.completion import complete_names, complete_references, complete_stages, complete_subjects

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
StageOption = Annotated[
    str | None,
    typer.Option("--stage", metavar="STAGE", help="Put it into this stage at once.", autocompletion=complete_stages),
]
Message = Annotated[str | None, typer.Option("--message", "-m", metavar="TEXT", help="Why; it is kept in the journal.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, errors too.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print references alone, one a line.")]
