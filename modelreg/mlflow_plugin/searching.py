"""MLflow's filters and orders, read by MLflow's own parser, in modelreg's words."""

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
"""What MLflow's orders of models say otherwise than those of versions."""


def translate_model_filter(text: str | None) -> str:
    """A filter of registered models; prompts, which are models to MLflow, are found only when it asks for them."""
    return _filter(SearchModelUtils.parse_search_filter(text), _model_condition)


def translate_version_filter(text: str | None) -> str:
    """A filter of versions; the same holds for prompts."""
    return _filter(SearchModelVersionUtils.parse_search_filter(text), _version_condition)


def translate_model_order(clauses: Sequence[str] | None) -> str:
    """An order of registered models; at last by name."""
    return _order(map(SearchUtils.parse_order_by_for_search_registered_models, clauses or ()), ("name ASC",))


def translate_version_order(clauses: Sequence[str] | None) -> str:
    """An order of versions, the last change first unless said; at last by name, and the newest of a model first."""
    parsed = map(
        SearchModelVersionUtils.parse_order_by_for_search_model_versions, clauses or ("last_updated_timestamp DESC",)
    )
    return _order(((key, ascending) for _, key, ascending in parsed), ("name ASC", "version DESC"))


def _filter(comparisons: Sequence[Comparison], condition: Callable[[Comparison], str]) -> str:
    asked = [each for each in comparisons if each["type"] == "tag" and each["key"] == IS_PROMPT_TAG_KEY]
    prompts = f"{_IS_PROMPT} = 'true'" if any(map(_asks_for_prompts, asked)) else _NO_PROMPTS
    return " AND ".join([*(condition(each) for each in comparisons if each not in asked), prompts])


def _asks_for_prompts(comparison: Comparison) -> bool:
    return (comparison["comparator"], comparison["value"].lower()) in (("=", "true"), ("!=", "false"))


def _model_condition(comparison: Comparison) -> str:
    if comparison["type"] == "tag":
        return _tag_condition(comparison)
    return _text_condition(comparison, lists=True)


def _version_condition(comparison: Comparison) -> str:
    if comparison["type"] == "tag":
        return _tag_condition(comparison)
    key = comparison["key"]
    if key in SearchModelVersionUtils.NUMERIC_ATTRIBUTES:
        return _number_condition(comparison)
    return _text_condition(comparison, lists=key in ("run_id", "name"))


def _tag_condition(comparison: Comparison) -> str:
    comparator = comparison["comparator"]
    if comparator not in _TEXT_COMPARATORS:
        raise MlflowException.invalid_parameter_value(f"Invalid comparator for tag: {comparator}")
    key = comparison["key"].replace("`", "``")
    return f"tags.`{key}` {comparator} {_quoted(comparison['value'])}"


def _text_condition(comparison: Comparison, *, lists: bool) -> str:
    key, comparator, value = comparison["key"], comparison["comparator"], comparison["value"]
    field = VERSION_FIELDS.get(key, key)
    if comparator in ("IN", "NOT IN") and lists:
        return f"{field} {comparator} ({', '.join(map(_quoted, value))})"
    if comparator not in _TEXT_COMPARATORS:
        raise MlflowException.invalid_parameter_value(f"Invalid comparator for attribute: {comparator}")
    return f"{field} {comparator} {_quoted(value)}"


def _number_condition(comparison: Comparison) -> str:
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


def _order(terms: Iterable[tuple[str, bool]], last: Sequence[str]) -> str:
    """As modelreg sorts; raises `MlflowException` for a field that comes twice."""
    found: dict[str, str] = {}
    for key, ascending in terms:
        field = _MODEL_ORDERS.get(key) or VERSION_FIELDS.get(key, key)
        if field in found:
            raise MlflowException.invalid_parameter_value(f"`order_by` contains duplicate fields: {key}")
        found[field] = f"{field} {'ASC' if ascending else 'DESC'}"
    return ", ".join([*found.values(), *(term for term in last if term.split()[0] not in found)])


def _quoted(text: str) -> str:
    return "'{}'".format(text.replace("'", "''"))
