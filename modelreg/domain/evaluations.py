"""What a model scored on a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modelreg.domain.references import Digest

MOST_CLASSES = 200
"""Of a confusion matrix that is kept."""
LONGEST_LABEL = 1000
"""Characters of a class in a confusion matrix that is kept."""


EvaluationTerms = Mapping[str, Any]
"""What was measured: ``targets``, ``task``, and where they were named ``positive`` and ``weight``."""


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """What is to be measured, and on which columns."""

    targets: tuple[str, ...]
    """The columns with the true values, one for each output of the model."""
    task: str | None = None
    """``classification`` or ``regression``; None for what the model is."""
    positive: str | None = None
    """The class of which ``precision``, ``recall``, ``f1`` and ``average_precision`` are measured."""
    per_class: bool = False
    """Whether precision, recall, f1 and support of every class are measured, as ``recall:LABEL``."""
    scorers: tuple[str, ...] = ()
    """Names of scikit-learn's scorers, whose scores are metrics as well."""
    weight: str | None = None
    """A column with the weight of each row."""
    by: str | None = None
    """A column: each of its values has metrics of its own rows, as ``accuracy[COLUMN=VALUE]``."""
    id_columns: tuple[str, ...] = ()
    """Columns that are no input of the model."""
    ignore_extra: bool = False
    """Whether columns that the model does not take are left out."""

    def terms(self, task: str | None) -> EvaluationTerms:
        """What decides whether scores compare with others on the same data; ``task`` is that of the scores."""
        said = {"targets": list(self.targets), "task": task, "positive": self.positive, "weight": self.weight}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """How often each class was taken for which."""

    labels: tuple[str, ...]
    """The classes, in the order of rows and columns."""
    counts: tuple[tuple[int, ...], ...]
    """A row for each true class, in it a column for each predicted one."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The metrics of one model on one data set."""

    task: str | None
    """``classification`` or ``regression``; None where the metrics were computed elsewhere."""
    metrics: Mapping[str, float | None]
    """Metric -> value; None where it is undefined for this data."""
    missing: Mapping[str, str]
    """Metric without a value -> why, as the end of a sentence."""
    confusion_matrix: ConfusionMatrix | None
    data_digest: Digest | None
    """SHA-256 of the file with the data, as it was given."""
    data_rows: int | None
    terms: EvaluationTerms | None = field(default=None, kw_only=True)
    """What was measured, where it was measured here."""


@dataclass(frozen=True, slots=True)
class Evaluation(Scores):
    """Scores as they are kept: bound to a model and a digest, one set for each data set."""

    dataset: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EvaluationOutcome:
    """An evaluation that was made now, beside that of the version in Production on the same data set."""

    name: str
    version: int
    evaluation: Evaluation
    production: int | None
    """The version in Production, unless it is this one."""
    incumbent: Evaluation | None
    """Its evaluation, if it has one."""

    @property
    def same_data(self) -> bool:
        """Whether both were computed from the very same bytes; `comparison.why_incomparable` asks for more."""
        return self.incumbent is not None and self.incumbent.data_digest == self.evaluation.data_digest is not None


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictions that were written to a file."""

    path: str
    """Where they are; ``-`` for stdout."""
    rows: int
    columns: tuple[str, ...]
    """The columns of the output."""
    data_digest: Digest
    """SHA-256 of the input file, as it was given."""
