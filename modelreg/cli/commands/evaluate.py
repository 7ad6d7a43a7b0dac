"""``evaluate``: run a version on a dataset and store its metrics."""

from __future__ import annotations

from typing import Annotated

import typer

from modelreg.cli import output, text
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
    parse_metrics,
    parse_pairs,
    parse_text_layout,
)
from modelreg.cli.progress import count_bar
from modelreg.cli.tables import Column
from modelreg.domain.comparison import Measurement, ValueDifference, compare_values, find_measurement_mismatch
from modelreg.domain.evaluations import EvaluationOutcome
from modelreg.errors import InvalidInput, quoted
from modelreg.expressions.tree import Field

_COLUMNS = (
    Column[ValueDifference]("metric", lambda row: row.name, style=lambda _: "bold"),
    Column[ValueDifference]("value", lambda row: row.after, lambda row: text.format_value(row.after), right=True),
    Column[ValueDifference](
        "production", lambda row: row.before, lambda row: text.format_value(row.before, none=""), right=True
    ),
    Column[ValueDifference]("delta", lambda row: row.delta, lambda row: text.format_delta(row.delta), right=True),
    Column[ValueDifference](
        "better",
        lambda row: {"after": "this", "before": "production"}.get(str(row.better)),
        style=lambda row: "green" if row.better == "after" else "red",
    ),
)
_MOST_REASONS = 10  # undefined metrics whose reasons are printed


_Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        "--input",
        "-i",
        metavar="FILE",
        help="CSV, JSON Lines or Parquet file with the true values; '-' reads CSV from stdin.",
    ),
]
_Target = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="Column with the true values. Repeatable for models with several outputs."),
]
_Dataset = Annotated[
    str | None, typer.Option("--as", metavar="DATASET", help="Name of the dataset. Default: the file's name.")
]
_Task = Annotated[
    str | None,
    typer.Option(metavar="TASK", help="classification or regression. Default: detected from the model."),
]
_Positive = Annotated[
    str | None, typer.Option(metavar="LABEL", help="The positive class: adds its precision, recall and f1.")
]
_PerClass = Annotated[bool, typer.Option("--per-class", help="Add precision, recall, f1 and support for each class.")]
_Scorer = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="A scikit-learn scorer, such as neg_brier_score. Repeatable."),
]
_Weight = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column with row weights; stored as DATASET_weighted.")
]
_By = Annotated[str | None, typer.Option(metavar="COLUMN", help="Also compute metrics for each value of this column.")]
_IdColumn = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="A column that is not a model input. Repeatable.")
]
_Metric = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=NUMBER", help="Store a computed metric without running the model. Repeatable."),
]
_Production = Annotated[
    bool, typer.Option("--production", help="Also evaluate the version in Production on the same data.")
]


def evaluate(
    context: typer.Context,
    reference: ReferenceArgument,
    data: _Data = None,
    target: _Target = None,
    dataset: _Dataset = None,
    task: _Task = None,
    positive: _Positive = None,
    per_class: _PerClass = False,
    scorer: _Scorer = None,
    weight: _Weight = None,
    by: _By = None,
    id_column: _IdColumn = None,
    ignore_extra: IgnoreExtra = False,
    header: Header = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    metric: _Metric = None,
    production: _Production = False,
    trust: FullTrust = None,
    allow_read: AllowRead = None,
    allow_network: AllowNetwork = False,
    memory_limit: MemoryLimit = None,
    time_limit: TimeLimit = None,
    require_sandbox: RequireSandbox = False,
    message: Message = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a version on a dataset and store the metrics.

    The metrics are stored with the version's digest, the SHA-256 of the data and the number of rows. Gates and filters
    refer to them as eval.DATASET.METRIC. Two versions are compared only if both were evaluated on the same bytes, which
    --production ensures.

    Classifiers get accuracy, balanced_accuracy, precision_macro, recall_macro, f1_macro, roc_auc, average_precision and
    log_loss; regressors get r2, mae, rmse, mape and max_error. Options that add metrics: --positive, --per-class
    (recall:LABEL), --scorer and --by (accuracy[city=Bern]). With several targets there are joint metrics and metrics
    for each target (r2:TARGET).

    The model runs confined, as in 'predict'. A pickle may import only trusted names (exit 7); see 'modelreg trust'.

    \b
    modelreg evaluate churn/3 --data holdout.csv --target churned --production
    modelreg evaluate churn/3 --data s3-copy.parquet --target churned --as october
    modelreg evaluate churn/3 --data holdout.csv --target churned --positive yes --scorer neg_brier_score --by country
    modelreg evaluate churn/3 --as shadow-test --metric conversion=0.031
    modelreg evaluate churn/3 --data holdout.csv --metric lift_at_10=3.2
    """
    source = registry(context)
    if metric:
        if target or production or (data is None and dataset is None):
            raise InvalidInput(
                "--metric stores a metric without running the model",
                "use it with --as DATASET or --data FILE, without --target and --production",
            )
        metrics = parse_metrics(parse_pairs(metric, "--metric"))
        outcome = source.record_evaluation(reference, dataset, metrics, data=data, message=message)
    elif data is None or not target:
        missing = "--data" if target else "--target" if data is not None else "--data and --target"
        columns = " ".join(f"--target {quoted(column)}" for column in target or ["COLUMN"])
        hint = f"modelreg evaluate {quoted(reference)} --data {quoted(data or 'FILE')} {columns}"
        raise InvalidInput(f"{missing} must be given", hint)
    else:
        with count_bar("evaluating", "rows") as progress:
            outcome = source.evaluate(
                reference,
                data,
                target,
                dataset=dataset,
                task=task,
                positive=positive,
                per_class=per_class,
                scorers=scorer or (),
                weight=weight,
                by=by,
                id_column=id_column or (),
                ignore_extra=ignore_extra,
                layout=parse_text_layout(delimiter, encoding, header),
                production=production,
                trust=trust,
                message=message,
                progress=progress,
                allow_read=allow_read or (),
                allow_network=allow_network,
                memory_limit=memory_limit,
                time_limit=time_limit,
                require_sandbox=require_sandbox,
            )
    _print_outcome(outcome, as_json)


def _print_outcome(outcome: EvaluationOutcome, as_json: bool) -> None:
    evaluation, reason = outcome.evaluation, _why_incomparable(outcome)
    incumbent = outcome.incumbent.metrics if outcome.incumbent else {}
    rows = [compare_values(name, incumbent.get(name), value, reason) for name, value in evaluation.metrics.items()]
    if as_json:
        version = {"name": outcome.name, "version": outcome.version, "dataset": evaluation.dataset}
        comparison = {"production": outcome.production, "incumbent": outcome.incumbent, "deltas": rows}
        output.print_json(version | output.get_fields(evaluation) | comparison)
        return
    output.print_records(rows, _COLUMNS, output.choose_form(False), lambda row: row.name)
    count = "" if evaluation.data_rows is None else f", {evaluation.data_rows} rows"
    field = Field("eval", (evaluation.dataset,))
    output.print_note(f"{outcome.name}/{outcome.version} on {evaluation.dataset}{count}; stored as {field}")
    for name, cause in list(evaluation.missing.items())[:_MOST_REASONS]:
        output.print_note(f"note: {name} is undefined: {cause}")
    if len(evaluation.missing) > _MOST_REASONS:
        more = len(evaluation.missing) - _MOST_REASONS
        output.print_note(f"note: {more} more metrics are undefined; --json shows the reasons")
    was_recorded = evaluation.terms is None  # with --metric, which cannot evaluate the version in Production
    if outcome.production is not None and outcome.incumbent is None:
        holder = f"{outcome.name}/{outcome.production}"
        remedy = "record them, too" if was_recorded else "add --production to evaluate it"
        output.print_note(f"note: {holder}, in Production, has no metrics on {evaluation.dataset}; {remedy}")
    elif reason is not None:
        remedy = "record both" if was_recorded else "add --production to evaluate both"
        output.print_note(f"note: {reason}; {remedy} on the same data")


def _why_incomparable(outcome: EvaluationOutcome) -> str | None:
    """Why the metrics cannot be compared with those of the version in Production; None if they can."""
    if outcome.incumbent is None:
        return None
    measurements = (
        Measurement(f"{outcome.name}/{version}", evaluation.data_digest, evaluation.terms)
        for version, evaluation in ((outcome.version, outcome.evaluation), (outcome.production, outcome.incumbent))
    )
    return find_measurement_mismatch(outcome.evaluation.dataset, *measurements)
