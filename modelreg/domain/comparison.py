"""Differences between two versions, and which of two metric values is better."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

from modelreg.domain.display import Displayed, html_table
from modelreg.domain.evaluations import EvaluationTerms
from modelreg.domain.references import Digest, short_digest
from modelreg.domain.signatures import Signature
from modelreg.domain.versions import ModelFile, ModelVersion

_LESS = {"log_loss", "loss", "mae", "mse", "rmse", "mape", "max_error", "error", "brier_score", "wer", "perplexity"}
_MORE = {
    "accuracy",
    "auc",
    "f1",
    "precision",
    "recall",
    "r2",
    "specificity",
    "sensitivity",
    "ap",
    "map",
    "ndcg",
    "score",
}
_DETAILS = ("flavor", "format", "model_class", "scan")


def compare(before: ModelVersion, after: ModelVersion) -> Difference:
    """Compare two versions, of one model or of two."""
    return Difference(
        before=before.reference,
        after=after.reference,
        files=_compare_files(before, after),
        metrics=_compare_numbers(before.metrics, after.metrics),
        evaluations=_compare_scores(before, after),
        params=_compare_mappings(before.params, after.params),
        signature=_compare_mappings(_list_columns(before.signature), _list_columns(after.signature)),
        environment=_compare_mappings(_list_environment(before), _list_environment(after)),
        model=_compare_mappings(*({name: getattr(version, name) for name in _DETAILS} for version in (before, after))),
    )


def less_is_better(metric: str) -> bool | None:
    """Whether a lower value of a metric is better, by the words in its name; None if unknown."""
    words = {metric.lower(), *re.split(r"[^a-z0-9]+", metric.lower())}
    if words & _LESS:
        return True
    return False if words & _MORE else None


def find_incomparability(dataset: str, before: ModelVersion, after: ModelVersion) -> str | None:
    """The reason why the scores of two versions on a data set cannot be compared; None if they can, or one has none.

    Scores compare when they were measured on the same bytes, for the same target, class and weights: a name such
    as ``holdout`` says little about them.
    """
    if before.digest == after.digest or not (dataset in before.evaluations and dataset in after.evaluations):
        return None
    measurements = (
        Measurement(version.reference, version.evaluation_data[dataset], version.evaluation_terms[dataset])
        for version in (before, after)
    )
    return find_measurement_mismatch(dataset, *measurements)


class Measurement(NamedTuple):
    """The data and settings with which a version was measured."""

    reference: str
    data: Digest | None
    """SHA-256 of the data; None if unknown."""
    terms: EvaluationTerms | None
    """Target, class and weights; None where the metrics were computed elsewhere."""


def find_measurement_mismatch(dataset: str, *measurements: Measurement) -> str | None:
    """The reason why scores on ``dataset`` are not comparable, or None. Unknown terms count as equal."""
    unknown = [reference for reference, data, _ in measurements if data is None]
    if unknown:
        return f"on which data {' and '.join(unknown)} scored eval.{dataset} is not known"
    if len({data for _, data, _ in measurements}) > 1:
        digests = ", ".join(f"{short_digest(data)} for {reference}" for reference, data, _ in measurements if data)
        return f"eval.{dataset} was measured on different data: {digests}"
    terms_by_version = [(reference, terms) for reference, _, terms in measurements if terms is not None]
    if any(terms != terms_by_version[0][1] for _, terms in terms_by_version):
        settings = "; ".join(f"{_format_terms(terms)} for {reference}" for reference, terms in terms_by_version)
        return f"eval.{dataset} was measured in different ways: {settings}"
    return None


def _format_terms(terms: EvaluationTerms) -> str:
    """``target churned, task classification, weight amount``."""
    values = ((name, ", ".join(value) if isinstance(value, list) else value) for name, value in terms.items())
    return ", ".join(f"{name.removesuffix('s')} {value}" for name, value in values)


def compare_values(name: str, before: float | None, after: float | None, reason: str | None = None) -> ValueDifference:
    """Compare two values of a metric; with a ``reason`` for not comparing them, neither is better."""
    if before is None or after is None or reason is not None:
        return ValueDifference(name, before, after, reason=reason)
    less = less_is_better(name)
    better = None if less is None or before == after else "after" if (after < before) is less else "before"
    return ValueDifference(name, before, after, after - before, better)


def _compare_files(before: ModelVersion, after: ModelVersion) -> tuple[FileDifference, ...]:
    old, new = ({file.path: file for file in version.files} for version in (before, after))
    return tuple(
        FileDifference(path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    )


def _compare_numbers(
    before: Mapping[str, float | None], after: Mapping[str, float | None]
) -> tuple[ValueDifference, ...]:
    names = sorted(before.keys() | after.keys())
    return tuple(
        compare_values(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    )


def _compare_mappings(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[ValueDifference, ...]:
    names = sorted(before.keys() | after.keys())
    return tuple(
        ValueDifference(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def _compare_scores(before: ModelVersion, after: ModelVersion) -> tuple[ValueDifference, ...]:
    """Differences of scores, or of the data they were measured on."""
    differences = []
    for dataset in sorted(before.evaluations.keys() | after.evaluations.keys()):
        reason = find_incomparability(dataset, before, after)
        old, new = (version.evaluations.get(dataset, {}) for version in (before, after))
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name) or reason:
                differences.append(compare_values(f"{dataset}.{name}", old.get(name), new.get(name), reason))
    return tuple(differences)


def _list_columns(signature: Signature | None) -> dict[str, object]:
    if signature is None:
        return {}
    return {
        f"{side}.{field.name or place}": {key: value for key, value in asdict(field).items() if key != "name"}
        for side in ("inputs", "outputs")
        for place, field in enumerate(getattr(signature, side))
    }


def _list_environment(version: ModelVersion) -> dict[str, object]:
    return {"python": version.environment.python, **version.environment.libraries}


@dataclass(frozen=True, slots=True)
class FileDifference:
    """A file that only one version has, or whose bytes differ."""

    path: str
    before: ModelFile | None
    """None for an added file."""
    after: ModelFile | None
    """None for a removed file."""


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """A value that differs; None for a missing one."""

    name: str
    before: Any
    after: Any
    delta: float | None = None
    """``after - before``, of numbers."""
    better: str | None = None
    """``before`` or ``after``; None if unknown."""
    reason: str | None = None
    """Why the two values are not comparable."""


@dataclass(frozen=True, slots=True, repr=False)
class Difference(Displayed):
    """All differences between two versions."""

    table_columns = ("before", "after")

    before: str
    """One version as ``NAME/VERSION``."""
    after: str
    files: tuple[FileDifference, ...]
    metrics: tuple[ValueDifference, ...]
    evaluations: tuple[ValueDifference, ...]
    """Named ``DATASET.METRIC``."""
    params: tuple[ValueDifference, ...]
    signature: tuple[ValueDifference, ...]
    """Named ``inputs.COLUMN`` and ``outputs.COLUMN``, or by position where columns have no names."""
    environment: tuple[ValueDifference, ...]
    """Python and the installed libraries."""
    model: tuple[ValueDifference, ...]
    """Flavor, format, class and scan verdict."""

    def label(self) -> str:
        """The identity and most important values."""
        count = len(self.files) + len(self.values)
        return f"{self.before} {self.after}: {'1 difference' if count == 1 else f'{count} differences'}"

    @property
    def values(self) -> tuple[ValueDifference, ...]:
        """All differences except those of files."""
        return self.metrics + self.evaluations + self.params + self.signature + self.environment + self.model

    def _repr_html_(self) -> str:
        files = [
            (f"files.{file.path}", file.before and file.before.digest, file.after and file.after.digest, None)
            for file in self.files
        ]
        values = [(value.name, value.before, value.after, value.delta) for value in self.values]
        return html_table(("", self.before, self.after, "delta"), files + values)

    @property
    def is_empty(self) -> bool:
        """Whether there is no difference."""
        return not any(getattr(self, field.name) for field in fields(self)[2:])
