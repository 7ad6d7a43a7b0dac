"""Evaluations: the scores of a version on a data set, and predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modelreg.domain.display import Displayed, html_table
from modelreg.domain.references import Digest

MOST_CLASSES = 200
"""Classes in a stored confusion matrix."""
LONGEST_LABEL = 1000
"""Characters of a class label in a stored confusion matrix."""


EvaluationTerms = Mapping[str, Any]
"""The settings of an evaluation: ``targets``, ``task``, and if stated ``positive`` and ``weight``."""


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """The settings of an evaluation: what to measure, and on which columns."""

    targets: tuple[str, ...]
    """The columns with the true values, one for each output of the model."""
    task: str | None = None
    """``classification`` or ``regression``; None for the task of the model."""
    positive: str | None = None
    """The class for ``precision``, ``recall``, ``f1`` and ``average_precision``."""
    per_class: bool = False
    """Whether to measure precision, recall, f1 and support of every class, as ``recall:LABEL``."""
    scorers: tuple[str, ...] = ()
    """Names of scikit-learn scorers to add to the metrics."""
    weight: str | None = None
    """A column with the weight of each row."""
    by: str | None = None
    """A column; the rows of each of its values are measured separately, as ``accuracy[COLUMN=VALUE]``."""
    id_columns: tuple[str, ...] = ()
    """Columns that are not inputs of the model."""
    ignore_extra: bool = False
    """Whether to ignore columns that are not inputs of the model."""

    def terms(self, task: str | None) -> EvaluationTerms:
        """The settings that must agree for scores on the same data to be comparable."""
        terms = {"targets": list(self.targets), "task": task, "positive": self.positive, "weight": self.weight}
        return {name: value for name, value in terms.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Counts of true and predicted classes."""

    labels: tuple[str, ...]
    """The classes, in the order of rows and columns."""
    counts: tuple[tuple[int, ...], ...]
    """One row per true class, one column per predicted class."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The metrics of one model on one data set."""

    task: str | None
    """``classification`` or ``regression``; None where the metrics were computed elsewhere."""
    metrics: Mapping[str, float | None]
    """Metric -> value; None where it is undefined for this data."""
    missing: Mapping[str, str]
    """Metric without a value -> reason, as the end of a sentence."""
    confusion_matrix: ConfusionMatrix | None
    data_digest: Digest | None
    """SHA-256 of the data file."""
    data_rows: int | None
    terms: EvaluationTerms | None = field(default=None, kw_only=True)
    """The settings of the evaluation; None where the metrics were computed elsewhere."""


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation(Displayed, Scores):
    """Stored scores of a version; one for each data set."""

    table_columns = ("dataset", "metrics", "data_rows", "created_at", "created_by")

    dataset: str
    created_by: str
    created_at: datetime

    def label(self) -> str:
        """The dataset with its metrics in one line: ``holdout: auc=0.91``."""
        metrics = ", ".join(
            f"{name}={'undefined' if value is None else f'{value:.6g}'}" for name, value in self.metrics.items()
        )
        return f"{self.dataset}: {metrics}"


@dataclass(frozen=True, slots=True, repr=False)
class EvaluationOutcome(Displayed):
    """A new evaluation, beside that of the version in Production on the same data set."""

    name: str
    version: int
    evaluation: Evaluation
    production: int | None
    """The version in Production, unless it is this one."""
    incumbent: Evaluation | None
    """Its evaluation, if it has one."""

    def label(self) -> str:
        """The version, the data set and the scores."""
        return f"{self.name}/{self.version} on {self.evaluation.label()}"

    def _repr_html_(self) -> str:
        incumbent = self.incumbent.metrics if self.incumbent else {}
        rows = [(name, value, incumbent.get(name)) for name, value in self.evaluation.metrics.items()]
        return html_table((self.evaluation.dataset, f"{self.name}/{self.version}", "Production"), rows)

    @property
    def same_data(self) -> bool:
        """Whether both were computed from the same bytes; see also `comparison.find_incomparability`."""
        return self.incumbent is not None and self.incumbent.data_digest == self.evaluation.data_digest is not None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The result of writing predictions to a file."""

    path: str
    """The path of the file; ``-`` for stdout."""
    rows: int
    columns: tuple[str, ...]
    """The columns of the output."""
    data_digest: Digest
    """SHA-256 of the input file."""
