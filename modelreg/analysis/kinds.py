"""Kinds: the values that a place in an object graph may hold.

In ``policy.json`` a set of kinds is a list of words:

- ``numbers``: numbers in lists, tuples, sets and arrays. Scalars (a number, a bool, None) are allowed everywhere;
- ``no numbers``: no scalar numbers here, because they would be sizes;
- ``text``: any string; ``'auto'``: exactly this string; ``labels``: strings and numbers in lists, tuples, sets and
  arrays; ``bytes``: a byte string;
- ``template``: a string for ``str.format`` with the placeholders ``transformer_name`` and ``feature_name`` only;
- ``weights``: ``auto``, or a path of attributes through the parts of an estimator to its weights;
- ``parameter``: the name of a parameter, as in a search, whose value is neither executed nor the path of a file;
- ``keyword``: the name of an argument through which a function does not write into its other arguments;
- ``objects``: arrays of objects, also where they are not allowed by default; ``no objects``: no arrays of objects (see
  `Kinds.admits_objects`);
- ``function``: a function of the policy; ``type``: a number or string type of NumPy or Python;
- ``conversion``: a type that only creates a number or string, because it is called here;
- ``@module.name``: exactly this function or class;
- ``method``: the bound method of the same name of the same object, which some models store as an attribute;
- a category of classes, such as ``estimator``, or the dotted name of a class: an object of such a class;
- ``{"items": […]}``: a list, tuple, set or array of such values; ``{"keys": […], "values": […]}``: a dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

NUMBERS, TEXT, LABELS, BYTES = "numbers", "text", "labels", "bytes"
FUNCTION, TYPE, METHOD, NO_NUMBERS = "function", "type", "method", "no numbers"
TEMPLATE, WEIGHTS, PARAMETER = "template", "weights", "parameter"
CONVERSION, KEYWORD, OBJECTS, NO_OBJECTS = "conversion", "keyword", "objects", "no objects"

WRITING_KEYWORDS = frozenset(
    {
        *("out", "like", "subok", "buffer", "signature", "sig", "extobj", "output", "inplace"),
        *("overwrite_a", "overwrite_b", "overwrite_data", "overwrite_input", "overwrite_x", "overwrite_y"),
    }
)
"""Arguments that make functions of NumPy, SciPy and pandas write into other arguments, or call them."""

_RESTRICTED_PARAMETERS = (
    *("importance_getter", "input", "memory", "verbose_feature_names_out"),
    *("machines", "workers", "nodes", "machine_list", "mlist", "fs", "forced_splits", "model_in", "model_out"),
    *("input_model", "model_input", "output_model", "model_output", "config", ".*_file", ".*_filename"),
)
"""Patterns of parameters that a search may not set.

They are parameters of scikit-learn whose own kind is restricted, and those of LightGBM that open a file or connection,
with their aliases (LightGBM's documentation, 'Parameters').
"""
FORMS: Mapping[str, re.Pattern[str]] = {
    TEMPLATE: re.compile(r"(?:[^{}]|\{\{|\}\}|\{(?:transformer_name|feature_name)\})*", re.DOTALL),
    WEIGHTS: re.compile(
        r"auto|(?:(?:(?:named_steps|named_estimators_|named_transformers_)\.(?!_)\w+"
        r"|estimator_?|base_estimator_?|best_estimator_|final_estimator_?|regressor_?|classifier_?)\.)*"
        r"(?:coef_|feature_importances_)",
        re.ASCII,
    ),
    PARAMETER: re.compile(rf"(?!(?:.*__)?(?:{'|'.join(_RESTRICTED_PARAMETERS)})\Z).*", re.DOTALL),
}
"""Kind of a string -> the pattern that it must match.

Libraries execute such strings: templates by ``str.format``, and paths by ``operator.attrgetter``, which can reach
modules through attributes.
"""


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds that a place allows. An empty set allows only scalars: a number, a bool or None."""

    words: frozenset[str] = frozenset()
    items: Kinds | None = None
    """Kinds of the items of lists, tuples, sets and arrays; None if none of these are allowed."""
    keys: Kinds | None = None
    """Kinds of the keys of dictionaries; None if no dictionary is allowed."""
    values: Kinds | None = None

    @classmethod
    def parse(cls, alternatives: Iterable[Any]) -> Kinds:
        """Parse a list of kinds from ``policy.json``."""
        words, items, keys, values = set(), None, None, None
        for alternative in alternatives:
            match alternative:
                case {"items": item_kinds}:
                    items = cls.parse(item_kinds)
                case {"keys": key_kinds, "values": value_kinds}:
                    keys, values = cls.parse(key_kinds), cls.parse(value_kinds)
                case word:
                    words.add(word)
        return cls(frozenset(words), items, keys, values)

    def as_json(self) -> list[Any]:
        """The list of kinds that `parse` reads."""
        written: list[Any] = sorted(self.words)
        if self.items is not None:
            written.append({"items": self.items.as_json()})
        if self.keys is not None and self.values is not None:
            written.append({"keys": self.keys.as_json(), "values": self.values.as_json()})
        return written

    def __or__(self, other: Kinds) -> Kinds:
        return Kinds(
            self.words | other.words,
            _union(self.items, other.items),
            _union(self.keys, other.keys),
            _union(self.values, other.values),
        )

    @property
    def admits_objects(self) -> bool:
        """Whether an array of objects is allowed here. By default it is where labels or numbers are allowed.

        It is not allowed in a place for fixed strings, functions or types: a function that receives the array can
        change its items after the check, for example through its argument ``out``.
        """
        if not self.words.isdisjoint((OBJECTS, OBJECT)):
            return True
        inner = frozenset() if self.items is None else self.items.words - _ESTIMATOR_PLACEHOLDERS
        holds_numbers = bool(inner) and inner <= _DATA
        if NO_OBJECTS in self.words | inner or (self.words.isdisjoint(_DATA) and not holds_numbers):
            return False
        restricted = inner if LABELS in self.words else self.words | inner
        return not any(word[0] in "'@" or word in _CALLABLE_KINDS for word in restricted)

    @property
    def of_items(self) -> Kinds | None:
        """Kinds of the items of a list, tuple, set or array in this place; None if none of these are allowed."""
        if self.words.isdisjoint(_DATA):
            return self.items
        data = self.words & (_DATA | {NO_OBJECTS})
        return _union(self.items, Kinds(data | ({TEXT} if LABELS in self.words else frozenset())))


_DATA = frozenset({NUMBERS, LABELS})
OBJECT = "object"
"""The category of all classes in the policy."""
_ESTIMATOR_PLACEHOLDERS = frozenset({"'drop'", "'passthrough'"})
_CALLABLE_KINDS = frozenset({FUNCTION, TYPE, CONVERSION, "functools.partial"})


def literal(text: str) -> str:
    """The kind that allows exactly this string."""
    return f"'{text}'"


def words(*names: str) -> Kinds:
    """Kinds without containers."""
    return Kinds(frozenset(names))


def _union(first: Kinds | None, second: Kinds | None) -> Kinds | None:
    return second if first is None else first if second is None else first | second
