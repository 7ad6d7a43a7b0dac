"""``register``: a model's files become a version."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from modelreg.cli import output, text
from modelreg.cli.application import registry, tell_undo
from modelreg.cli.completion import complete_names
from modelreg.cli.options import (
    AsJson,
    Delimiter,
    Encoding,
    Header,
    Message,
    Quiet,
    StageOption,
    numbers,
    pairs,
    text_layout,
)
from modelreg.cli.progress import transfer_bar
from modelreg.data.tables.source import TextLayout
from modelreg.domain.references import short_digest
from modelreg.domain.registrations import Registration
from modelreg.domain.signatures import Signature
from modelreg.errors import InvalidData, InvalidInput, shown

_LONGEST_METRICS = 1 << 20  # bytes of a file


def register(
    context: typer.Context,
    path: Annotated[str, typer.Argument(metavar="PATH", help="The model's file, or the folder that holds it.")],
    name: Annotated[
        str,
        typer.Option(
            "--name",
            "-n",
            metavar="NAME",
            help="The model that it becomes a version of.",
            autocompletion=complete_names,
        ),
    ],
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What this version is.")] = None,
    metric: Annotated[
        list[str] | None, typer.Option(metavar="NAME=NUMBER", help="A metric; may be given many times.")
    ] = None,
    metrics_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A JSON object of metrics, names to numbers.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A training parameter; may be given many times.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A tag; may be given many times.")] = None,
    alias: Annotated[
        list[str] | None, typer.Option(metavar="ALIAS", help="A movable name, as 'champion'; may be given many times.")
    ] = None,
    stage: StageOption = None,
    archive_existing: Annotated[
        bool, typer.Option("--archive-existing", help="With --stage: archive the versions that are there now.")
    ] = False,
    signature_from: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="CSV, JSON Lines or parquet with the model's inputs: names and types are kept."
        ),
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=TYPE",
            help="With --signature-from: a column's type, as string, text (of which an empty cell is an empty text),"
            " category, float32 or datetime[ns, UTC].",
        ),
    ] = None,
    header: Header = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    message: Message = None,
    new_version: Annotated[
        bool, typer.Option("--new-version", help="Make another version even of bytes that are registered already.")
    ] = False,
    allow_unsafe: Annotated[
        str | None,
        typer.Option(metavar="WHY", help="Register it although it runs code when it is loaded; the reason is kept."),
    ] = None,
    follow_symlinks: Annotated[
        bool, typer.Option("--follow-symlinks", help="In a folder, store the files that links lead to.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Store a file or folder as the next version of a model.

    The model is recognised without being run. The same bytes with the same metrics, parameters and signature give
    the version that is there already. Pickles and archives are looked through for code, and one that runs code when it
    is loaded is refused (exit 7). Prints the version's reference.

    \b
    modelreg register model.pkl --name churn
    modelreg register model.joblib --name churn --metric auc=0.93 --param max_depth=8 --signature-from X.csv
    modelreg register model.cbm --name churn --signature-from X.csv --types zip=string --types city=category
    modelreg register ./bert --name intent --stage Staging --alias challenger --tag team=search
    VERSION=$(modelreg register model.pkl --name churn)
    """
    metrics = _metrics_of_file(metrics_file) | numbers(pairs(metric, "--metric"))
    params, tags = pairs(param, "--param"), pairs(tag, "--tag")
    notes: list[str] = []
    signature = _signature(signature_from, pairs(types, "--types"), text_layout(delimiter, encoding, header), notes)
    source = registry(context)
    is_new_registry = not source.exists()
    with transfer_bar("storing") as progress:
        registered = source.register(
            path,
            name,
            description=description,
            metrics=metrics,
            params=params,
            tags=tags,
            aliases=alias or (),
            stage=stage,
            archive_existing=archive_existing,
            signature=signature,
            message=message,
            new_version=new_version,
            follow_symlinks=follow_symlinks,
            allow_unsafe=allow_unsafe,
            progress=progress,
        )
    if as_json:
        output.print_json(registered)
    else:
        output.print_line(registered.reference)
    if is_new_registry:
        output.note(f"made a registry in {source.folder}")
    for note in notes:
        output.note(f"note: {note}")
    if not quiet:
        _tell(context, registered, applied=any((description is not None, tag, alias, stage)))


def _tell(context: typer.Context, registered: Registration, applied: bool) -> None:
    what = registered.model_class or ("a Python object" if registered.flavor == "python" else f"a {registered.flavor}")
    digest = short_digest(registered.digest)
    stage = "" if registered.stage == "None" else f", in {registered.stage}"
    if registered.displaced is not None:
        stage += f" ({registered.name}/{registered.displaced} -> Archived)"
    if registered.created:
        output.note(f"registered {registered.reference}{stage}: {what}, {text.size(registered.size)}, {digest}")
        tell_undo(context, *_undo(registered))
    else:
        also = "; what you said of it was applied" if applied else ""
        output.note(
            f"{registered.reference} has the same bytes and facts ({digest}){stage}: no new version was made{also}"
        )
    for sentence in registered.notes:
        output.note(f"note: {sentence}")


def _undo(registered: Registration) -> list[list[str]]:
    """What has to be taken away before the version can be deleted, and that."""
    reference = registered.reference
    aliases = [["alias", f"{registered.name}@{alias}", "--remove"] for alias in registered.aliases]
    staged = [["transition", reference, "None"]] if registered.stage in ("Staging", "Production") else []
    if registered.displaced is not None:
        staged = [["rollback", registered.name]]
    return [*aliases, *staged, ["delete", reference, "--yes"]]


def _signature(path: Path | None, types: dict[str, str], layout: TextLayout, notes: list[str]) -> Signature | None:
    if path is None:
        if types:
            raise InvalidInput("--types states columns of a file, and no file is named", "add --signature-from FILE")
        return None
    from modelreg.data.signatures import read_signature

    return read_signature(path, types, layout=layout, notes=notes)


def _metrics_of_file(path: Path | None) -> dict[str, float]:
    if path is None:
        return {}
    from modelreg.data.tables.json_lines import without_duplicates

    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST_METRICS + 1)
        if len(text) > _LONGEST_METRICS:
            raise InvalidData(f"{shown(str(path))} is longer than 1 MiB", "name a file of metrics alone")
        content = json.loads(text, object_pairs_hook=without_duplicates)
    except OSError as error:
        raise InvalidData(f"{shown(str(path))} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidData(f"{shown(str(path))} is not JSON: {error}", 'write {"auc": 0.93}') from error
    if not isinstance(content, dict):
        raise InvalidData(f"{shown(str(path))} is not a JSON object of metrics", 'write {"auc": 0.93}')
    return content
