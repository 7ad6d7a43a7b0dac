"""Translate MLflow's filters and sort orders, parsed by MLflow's own parser, to modelreg's expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.prompt.constants import IS_PROMPT_TAG_KEY
from mlflow.utils.search_utils import SearchModelUtils, SearchModelVersionUtils, SearchUtils

from modelreg.mlflow.searching import VERSION_FIELDS

Comparison = Mapping[str, Any]

_IS_PROMPT = f"tags.`{IS_PROMPT_TAG_KEY}`"
_NO_PROMPTS = f"({_IS_PROMPT} IS NULL OR {_IS_PROMPT} != 'true')"
_TEXT_COMPARATORS = ("=", "!=", "LIKE", "ILIKE")
_MODEL_ORDERS = {"timestamp": "updated_at"}
"""MLflow's sort field of models -> modelreg's field, where it differs from that of versions."""


def translate_model_filter(text: str | None) -> str:
    """Translate a filter of models. Prompts, which MLflow stores as models, match only if the filter asks for them."""
    return _build_filter(SearchModelUtils.parse_search_filter(text), _build_model_condition)


def translate_version_filter(text: str | None) -> str:
    """Translate a filter of versions; prompts match only if the filter asks for them."""
    return _build_filter(SearchModelVersionUtils.parse_search_filter(text), _build_version_condition)


def translate_model_order(clauses: Sequence[str] | None) -> str:
    """Translate a sort order of models; ties are broken by name."""
    return _build_order(map(SearchUtils.parse_order_by_for_search_registered_models, clauses or ()), ("name ASC",))


def translate_version_order(clauses: Sequence[str] | None) -> str:
    """Translate a sort order of versions, by default the last change first; ties are broken by name, newest first."""
    parsed = map(
        SearchModelVersionUtils.parse_order_by_for_search_model_versions, clauses or ("last_updated_timestamp DESC",)
    )
    return _build_order(((key, ascending) for _, key, ascending in parsed), ("name ASC", "version DESC"))


def _build_filter(comparisons: Sequence[Comparison], condition: Callable[[Comparison], str]) -> str:
    on_prompts = [
        comparison
        for comparison in comparisons
        if comparison["type"] == "tag" and comparison["key"] == IS_PROMPT_TAG_KEY
    ]
    prompts = f"{_IS_PROMPT} = 'true'" if any(map(_selects_prompts, on_prompts)) else _NO_PROMPTS
    conditions = (condition(comparison) for comparison in comparisons if comparison not in on_prompts)
    return " AND ".join([*conditions, prompts])


def _selects_prompts(comparison: Comparison) -> bool:
    return (comparison["comparator"], comparison["value"].lower()) in (("=", "true"), ("!=", "false"))


def _build_model_condition(comparison: Comparison) -> str:
    if comparison["type"] == "tag":
        return _build_tag_condition(comparison)
    return _build_text_condition(comparison, allows_lists=True)


def _build_version_condition(comparison: Comparison) -> str:
    if comparison["type"] == "tag":
        return _build_tag_condition(comparison)
    key = comparison["key"]
    if key in SearchModelVersionUtils.NUMERIC_ATTRIBUTES:
        return _build_number_condition(comparison)
    return _build_text_condition(comparison, allows_lists=key in ("run_id", "name"))


def _build_tag_condition(comparison: Comparison) -> str:
    comparator = comparison["comparator"]
    if comparator not in _TEXT_COMPARATORS:
        raise MlflowException.invalid_parameter_value(f"Invalid comparator for tag: {comparator}")
    key = comparison["key"].replace("`", "``")
    return f"tags.`{key}` {comparator} {_quote(comparison['value'])}"


def _build_text_condition(comparison: Comparison, *, allows_lists: bool) -> str:
    key, comparator, value = comparison["key"], comparison["comparator"], comparison["value"]
    field = VERSION_FIELDS.get(key, key)
    if comparator in ("IN", "NOT IN") and allows_lists:
        return f"{field} {comparator} ({', '.join(map(_quote, value))})"
    if comparator not in _TEXT_COMPARATORS:
        raise MlflowException.invalid_parameter_value(f"Invalid comparator for attribute: {comparator}")
    return f"{field} {comparator} {_quote(value)}"


def _build_number_condition(comparison: Comparison) -> str:
    key, comparator, value = comparison["key"], comparison["comparator"], comparison["value"]
    if comparator not in SearchModelVersionUtils.VALID_NUMERIC_ATTRIBUTE_COMPARATORS:
        raise MlflowException.invalid_parameter_value(f"Invalid comparator for attribute {key}: {comparator}")
    try:
        number = int(str(value))
    except ValueError as error:
        raise MlflowException.invalid_parameter_value(
            f"Invalid value for numeric attribute '{key}': {value!r}"
        ) from error
    return f"{VERSION_FIELDS[key]} {comparator} {number}"


def _build_order(terms: Iterable[tuple[str, bool]], tie_breakers: Sequence[str]) -> str:
    """Build a sort order that ends with ``tie_breakers``; raises `MlflowException` for a repeated field."""
    order: dict[str, str] = {}
    for key, ascending in terms:
        field = _MODEL_ORDERS.get(key) or VERSION_FIELDS.get(key, key)
        if field in order:
            raise MlflowException.invalid_parameter_value(f"`order_by` contains duplicate fields: {key}")
        order[field] = f"{field} {'ASC' if ascending else 'DESC'}"
    return ", ".join([*order.values(), *(term for term in tie_breakers if term.split()[0] not in order)])


def _quote(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))
