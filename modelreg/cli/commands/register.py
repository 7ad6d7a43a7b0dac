"""``register``: store files as a new version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import print_undo, registry
from modelreg.cli.completion import complete_names
from modelreg.cli.options import (
    AsJson,
    Delimiter,
    Encoding,
    Header,
    Message,
    Quiet,
    StageOption,
    parse_metrics,
    parse_pairs,
    parse_text_layout,
)
from modelreg.cli.progress import transfer_bar
from modelreg.data.tables.table_file import TextLayout
from modelreg.domain.references import short_digest
from modelreg.domain.registrations import Registration
from modelreg.domain.signatures import Signature
from modelreg.errors import InvalidData, InvalidInput, shown

_LONGEST_METRICS = 1 << 20  # bytes of a file

_Path = Annotated[str, typer.Argument(metavar="PATH", help="The model's file or folder.")]
_Name = Annotated[
    str,
    typer.Option("--name", "-n", metavar="NAME", help="The model to add a version to.", autocompletion=complete_names),
]
_Description = Annotated[str | None, typer.Option(metavar="TEXT", help="Description of the version.")]
_Metric = Annotated[list[str] | None, typer.Option(metavar="NAME=NUMBER", help="A metric. Repeatable.")]
_MetricsFile = Annotated[Path | None, typer.Option(metavar="FILE", help="A JSON object of metrics: names to numbers.")]
_Param = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A training parameter. Repeatable.")]
_Tag = Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A tag. Repeatable.")]
_Alias = Annotated[
    list[str] | None, typer.Option(metavar="ALIAS", help="An alias of the version, such as 'champion'. Repeatable.")
]
_ArchiveExisting = Annotated[
    bool, typer.Option("--archive-existing", help="With --stage: archive the versions that are in this stage now.")
]
_SignatureFrom = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="CSV, JSON Lines or Parquet file with model inputs, to infer the signature."),
]
_Types = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN=TYPE",
        help="With --signature-from: the type of a column, such as string, text (an empty cell is an empty string),"
        " category, float32 or datetime[ns, UTC]. Repeatable.",
    ),
]
_NewVersion = Annotated[
    bool, typer.Option("--new-version", help="Create a version even if the same content is registered already.")
]
_AllowUnsafe = Annotated[
    str | None,
    typer.Option(metavar="WHY", help="Register a model that runs code when loaded; the reason is stored."),
]
_FollowSymlinks = Annotated[
    bool, typer.Option("--follow-symlinks", help="In a folder, store the targets of symbolic links.")
]


def register(
    context: typer.Context,
    path: _Path,
    name: _Name,
    description: _Description = None,
    metric: _Metric = None,
    metrics_file: _MetricsFile = None,
    param: _Param = None,
    tag: _Tag = None,
    alias: _Alias = None,
    stage: StageOption = None,
    archive_existing: _ArchiveExisting = False,
    signature_from: _SignatureFrom = None,
    types: _Types = None,
    header: Header = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    message: Message = None,
    new_version: _NewVersion = False,
    allow_unsafe: _AllowUnsafe = None,
    follow_symlinks: _FollowSymlinks = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Store a file or folder as the next version of a model.

    The format is detected without loading the model. If the same bytes are registered with the same metrics,
    parameters and signature, that version is returned and no new one is created. Pickles and archives are scanned for
    code; a model that runs code when it is loaded is refused (exit 7). Prints the version's reference.

    \b
    modelreg register model.pkl --name churn
    modelreg register model.joblib --name churn --metric auc=0.93 --param max_depth=8 --signature-from X.csv
    modelreg register model.cbm --name churn --signature-from X.csv --types zip=string --types city=category
    modelreg register ./bert --name intent --stage Staging --alias challenger --tag team=search
    VERSION=$(modelreg register model.pkl --name churn)
    """
    notes: list[str] = []
    layout = parse_text_layout(delimiter, encoding, header)
    target = registry(context)
    is_new_registry = not target.exists()
    with transfer_bar("storing") as progress:
        registration = target.register(
            path,
            name,
            description=description,
            metrics=_read_metrics(metrics_file) | parse_metrics(parse_pairs(metric, "--metric")),
            params=parse_pairs(param, "--param"),
            tags=parse_pairs(tag, "--tag"),
            aliases=alias or (),
            stage=stage,
            archive_existing=archive_existing,
            signature=_read_signature(signature_from, parse_pairs(types, "--types"), layout, notes),
            message=message,
            new_version=new_version,
            follow_symlinks=follow_symlinks,
            allow_unsafe=allow_unsafe,
            progress=progress,
        )
    if as_json:
        output.print_json(registration)
    else:
        output.print_line(registration.reference)
    if is_new_registry:
        output.print_note(f"created a registry in {target.folder}")
    for note in notes:
        output.print_note(f"note: {note}")
    if not quiet:
        has_metadata = any((description is not None, tag, alias, stage))
        _print_registration(context, registration, has_metadata)


def _print_registration(context: typer.Context, registration: Registration, has_metadata: bool) -> None:
    reference, digest = registration.reference, short_digest(registration.digest)
    stage = "" if registration.stage == "None" else f", in {registration.stage}"
    if registration.displaced is not None:
        stage += f" ({registration.name}/{registration.displaced} -> Archived)"
    if registration.created:
        flavor = "a Python object" if registration.flavor == "python" else f"a {registration.flavor}"
        size = text.format_size(registration.size)
        output.print_note(f"registered {reference}{stage}: {registration.model_class or flavor}, {size}, {digest}")
        print_undo(context, *_undo_commands(registration))
    else:
        applied = "; the given metadata was applied to it" if has_metadata else ""
        output.print_note(
            f"{reference} has the same content, metrics, parameters and signature ({digest}){stage}: "
            f"no new version was created{applied}"
        )
    for note in registration.notes:
        output.print_note(f"note: {note}")


def _undo_commands(registration: Registration) -> list[list[str]]:
    """The commands that delete the version, after those that make it deletable."""
    reference = registration.reference
    aliases = [["alias", f"{registration.name}@{alias}", "--remove"] for alias in registration.aliases]
    stages = [["transition", reference, "None"]] if registration.stage in ("Staging", "Production") else []
    if registration.displaced is not None:
        stages = [["rollback", registration.name]]
    return [*aliases, *stages, ["delete", reference, "--yes"]]


def _read_signature(path: Path | None, types: dict[str, str], layout: TextLayout, notes: list[str]) -> Signature | None:
    if path is None:
        if types:
            raise InvalidInput("--types needs a data file", "add --signature-from FILE")
        return None
    from modelreg.data.signatures import read_signature

    return read_signature(path, types, layout=layout, notes=notes)


def _read_metrics(path: Path | None) -> dict[str, float]:
    """The metrics in a JSON file; raises `InvalidData`."""
    if path is None:
        return {}
    from modelreg.data.tables.json_lines import without_duplicates

    name, example = shown(str(path)), 'the file must contain an object such as {"auc": 0.93}'
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_METRICS + 1)
        if len(content) > _LONGEST_METRICS:
            raise InvalidData(f"metrics file {name} is larger than 1 MiB", example)
        metrics = json.loads(content, object_pairs_hook=without_duplicates)
    except OSError as error:
        raise InvalidData(f"metrics file {name} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidData(f"metrics file {name} is not valid JSON: {error}", example) from error
    if not isinstance(metrics, dict):
        raise InvalidData(f"metrics file {name} is not a JSON object", example)
    return metrics
