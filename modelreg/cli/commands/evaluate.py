"""``evaluate``: run a version on data and keep its metrics."""

from __future__ import annotations

from collections.abc import Iterator
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
    numbers,
    pairs,
    text_layout,
)
from modelreg.cli.output import Column
from modelreg.cli.progress import row_bar
from modelreg.domain.comparison import Measurement, ValueDifference, difference, why_other_measure
from modelreg.domain.evaluations import EvaluationOutcome
from modelreg.errors import InvalidInput, quoted
from modelreg.expressions.tree import Field

_COLUMNS = (
    Column[ValueDifference]("metric", lambda score: score.name, style=lambda _: "bold"),
    Column[ValueDifference]("value", lambda score: score.after, lambda score: text.value(score.after), right=True),
    Column[ValueDifference](
        "production", lambda score: score.before, lambda score: text.value(score.before, none=""), right=True
    ),
    Column[ValueDifference]("delta", lambda score: score.delta, lambda score: text.delta(score.delta), right=True),
    Column[ValueDifference](
        "better",
        lambda score: {"after": "this", "before": "production"}.get(str(score.better)),
        style=lambda score: "green" if score.better == "after" else "red",
    ),
)
_MOST_REASONS = 10  # that are told one by one


def evaluate(
    context: typer.Context,
    reference: ReferenceArgument,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "--input",
            "-i",
            metavar="FILE",
            help="CSV, JSON Lines or parquet with the true values; '-' for CSV from stdin.",
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="The column with the true values; several times for several outputs."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--as", metavar="DATASET", help="What the data is called; else the file's name.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(metavar="TASK", help="classification or regression; else what the model is.")
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(metavar="LABEL", help="The class to look for: adds its precision, recall and f1."),
    ] = None,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Add precision, recall, f1 and support of every class.")
    ] = False,
    scorer: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A scorer of scikit-learn, as neg_brier_score; may be given often."),
    ] = None,
    weight: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The weight of each row; kept as DATASET_weighted.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Measure the rows of each of its values, too.")
    ] = None,
    id_column: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column that is no input; may be given often.")
    ] = None,
    ignore_extra: IgnoreExtra = False,
    header: Header = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=NUMBER", help="A metric that you computed: no model runs; may be given often."),
    ] = None,
    production: Annotated[
        bool, typer.Option("--production", help="Measure the version in Production on the same data, too.")
    ] = False,
    trust: FullTrust = None,
    allow_read: AllowRead = None,
    allow_network: AllowNetwork = False,
    memory_limit: MemoryLimit = None,
    time_limit: TimeLimit = None,
    require_sandbox: RequireSandbox = False,
    message: Message = None,
    as_json: AsJson = False,
) -> None:
    """Measure a version on data, beside the version in Production.

    The metrics are kept with the version's digest, the SHA-256 of the data and its number of rows, and gates and
    filters know them as eval.DATASET.METRIC. Two versions compare only where both were measured on the same bytes:
    --production sees to that. Of a classifier: accuracy, balanced_accuracy, precision_macro, recall_macro, f1_macro,
    roc_auc, average_precision, log_loss; of a regressor: r2, mae, rmse, mape, max_error. More come with --positive,
    --per-class (recall:LABEL), --scorer and --by (accuracy[city=Bern]). With several targets there are metrics of all
    together and of each (r2:TARGET). This runs the model, confined as in 'predict'; a pickle may import trusted names
    alone (exit 7), see 'modelreg trust'.

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
                "--metric keeps a metric that you computed, and no model runs",
                "it goes with --as DATASET or --data FILE, and not with --target or --production",
            )
        measured = numbers(pairs(metric, "--metric"))
        outcome = source.record_evaluation(reference, dataset, measured, data=data, message=message)
    elif data is None or not target:
        hint = f"modelreg evaluate {quoted(reference)} --data FILE --target COLUMN"
        raise InvalidInput("--data and --target are needed", hint)
    else:
        with row_bar("evaluating") as progress:
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
                layout=text_layout(delimiter, encoding, header),
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
    _show(outcome, as_json)


def _show(outcome: EvaluationOutcome, as_json: bool) -> None:
    evaluation, rows = outcome.evaluation, list(_beside_production(outcome))
    if as_json:
        reference = {"name": outcome.name, "version": outcome.version, "dataset": evaluation.dataset}
        incumbent = {"production": outcome.production, "incumbent": outcome.incumbent, "deltas": rows}
        output.print_json(reference | output.fields_of(evaluation) | incumbent)
        return
    output.print_records(rows, _COLUMNS, output.chosen_form(False), lambda score: score.name)
    subject = f"{outcome.name}/{outcome.version}"
    some = "" if evaluation.data_rows is None else f", {evaluation.data_rows} rows"
    output.note(f"{subject} on {evaluation.dataset}{some}; kept as {Field('eval', (evaluation.dataset,))}")
    for name, reason in list(evaluation.missing.items())[:_MOST_REASONS]:
        output.note(f"note: {name} is undefined: {reason}")
    if len(evaluation.missing) > _MOST_REASONS:
        more = len(evaluation.missing) - _MOST_REASONS
        output.note(f"note: {more} more metrics are undefined; --json has the reasons")
    _tell_of_production(outcome)


def _tell_of_production(outcome: EvaluationOutcome) -> None:
    """Say why there is nothing to compare with, if so, and what would change that."""
    if outcome.production is None:
        return
    holder, dataset = f"{outcome.name}/{outcome.production}", outcome.evaluation.dataset
    if outcome.incumbent is None:
        output.note(f"note: {holder}, in Production, was not evaluated on {dataset}; --production measures it, too")
    elif reason := _why_incomparable(outcome):
        output.note(f"note: {reason}; --production measures both on the same data")


def _beside_production(outcome: EvaluationOutcome) -> Iterator[ValueDifference]:
    known, reason = (outcome.incumbent.metrics if outcome.incumbent else {}), _why_incomparable(outcome)
    for name, value in outcome.evaluation.metrics.items():
        yield difference(name, known.get(name), value, reason)


def _why_incomparable(outcome: EvaluationOutcome) -> str | None:
    if outcome.incumbent is None:
        return None
    measures = (
        Measurement(f"{outcome.name}/{version}", evaluation.data_digest, evaluation.terms)
        for version, evaluation in ((outcome.version, outcome.evaluation), (outcome.production, outcome.incumbent))
    )
    return why_other_measure(outcome.evaluation.dataset, *measures)
