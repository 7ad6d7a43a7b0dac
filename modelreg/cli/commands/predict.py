"""``predict``: run a version on a data file and write its predictions."""

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
    parse_text_layout,
)
from modelreg.cli.progress import count_bar
from modelreg.errors import InvalidInput

_Input = Annotated[
    str,
    typer.Option(
        "--input",
        "--data",
        "-i",
        metavar="FILE",
        help="CSV, JSON Lines or Parquet file; '-' reads CSV from stdin.",
    ),
]
_Destination = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="File for the predictions; its extension selects the format. '-' writes to stdout.",
    ),
]
_IdColumn = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column to copy to the output and not to pass to the model.")
]


def predict(
    context: typer.Context,
    reference: ReferenceArgument,
    input: _Input,
    destination: _Destination,
    proba: Annotated[bool, typer.Option("--proba", help="Add the probability of each class.")] = False,
    id_column: _IdColumn = None,
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
    """Run a version on a data file and write its predictions.

    Columns are validated against the version's signature and reordered. Rows are processed in batches, so files may be
    larger than memory. The output file is written completely or not at all. A pickle may import only trusted names
    (exit 7); see 'modelreg trust'.

    The model runs in a confined process. It can read the Python installation, importable modules and the data, and
    write the output. It cannot use the network or start programs, not even with --trust full. Systems that cannot
    confine it completely (Linux before 5.13, macOS) get a warning; 'modelreg info' shows what is available. If the
    model crashes or reaches a limit, the command exits with 7.

    \b
    modelreg predict churn/Production --input customers.csv --output scores.csv
    modelreg predict churn@champion -i customers.parquet -o scores.parquet --proba --id-column customer_id
    modelreg predict fraud/3 -i today.csv -o scores.csv --time-limit 60 --memory-limit 4GiB
    modelreg predict geo/2 -i places.csv -o zones.csv --allow-read /srv/maps --message "reads its maps there"
    """
    if destination == "-" and as_json:
        raise InvalidInput("predictions and --json cannot both be written to stdout", "name a file with --output")
    with output.closed_pipe_ends_output(), count_bar("predicting", "rows") as progress:
        result = registry(context).predict(
            reference,
            input,
            destination,
            proba=proba,
            id_column=id_column,
            ignore_extra=ignore_extra,
            layout=parse_text_layout(delimiter, encoding, header),
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
        output.print_json(result)
    else:
        target = "stdout" if destination == "-" else result.path
        output.print_note(f"wrote {result.rows} {'prediction' if result.rows == 1 else 'predictions'} to {target}")
