"""``predict``: predictions for every row of a file."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output
from modelreg.cli.application import registry
from modelreg.cli.options import (
    AllowNetwork,
    AllowRead,
    AsJson,
    Delimiter,
    Encoding,
    FullTrust,
    Header,
    IgnoreExtra,
    MemoryLimit,
    Message,
    ReferenceArgument,
    RequireSandbox,
    TimeLimit,
    text_layout,
)
from modelreg.cli.progress import row_bar
from modelreg.errors import InvalidInput


def predict(
    context: typer.Context,
    reference: ReferenceArgument,
    input: Annotated[
        str,
        typer.Option(
            "--input", "--data", "-i", metavar="FILE", help="CSV, JSON Lines or parquet; '-' for CSV from stdin."
        ),
    ],
    destination: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FILE", help="Where predictions go, by its ending; '-' for stdout."),
    ],
    proba: Annotated[bool, typer.Option("--proba", help="Add the probability of each class.")] = False,
    id_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Copied to the output, and not given to the model.")
    ] = None,
    ignore_extra: IgnoreExtra = False,
    header: Header = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    trust: FullTrust = None,
    allow_read: AllowRead = None,
    allow_network: AllowNetwork = False,
    memory_limit: MemoryLimit = None,
    time_limit: TimeLimit = None,
    require_sandbox: RequireSandbox = False,
    message: Message = None,
    as_json: AsJson = False,
) -> None:
    """Predict for every row of a file.

    The columns are checked against the version's signature and put into its order. Any number of rows fits into
    memory. The output appears whole or not at all. A pickle may import trusted names alone (exit 7), see 'modelreg
    trust'.

    The model runs in a process that can read the Python installation, importable modules and the data, and write the
    output; it has no network and starts no programs, also with --trust full. On systems that cannot confine it so
    (Linux before 5.13, macOS) a warning says so; 'modelreg info' shows what there is. A model that crashes or reaches a
    limit ends the command with exit 7.

    \b
    modelreg predict churn/Production --input customers.csv --output scores.csv
    modelreg predict churn@champion -i customers.parquet -o scores.parquet --proba --id-column customer_id
    modelreg predict fraud/3 -i today.csv -o scores.csv --time-limit 60 --memory-limit 4GiB
    modelreg predict geo/2 -i places.csv -o zones.csv --allow-read /srv/maps --message "its maps lie there"
    """
    if destination == "-" and as_json:
        raise InvalidInput("the predictions and --json cannot both go to stdout", "name a file with --output")
    with output.reader_may_go(), row_bar("predicting") as progress:
        done = registry(context).predict(
            reference,
            input,
            destination,
            proba=proba,
            id_column=id_column,
            ignore_extra=ignore_extra,
            layout=text_layout(delimiter, encoding, header),
            trust=trust,
            message=message,
            progress=progress,
            allow_read=allow_read or (),
            allow_network=allow_network,
            memory_limit=memory_limit,
            time_limit=time_limit,
            require_sandbox=require_sandbox,
        )
    if as_json:
        output.print_json(done)
    else:
        target = "stdout" if destination == "-" else done.path
        output.note(f"wrote {done.rows} {'prediction' if done.rows == 1 else 'predictions'} to {target}")
