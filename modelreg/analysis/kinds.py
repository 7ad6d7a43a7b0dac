"""Kinds of values: what a place in an object graph may hold.

A set of kinds is a list of words, as ``policy.json`` has it:

- ``numbers``: numbers in lists, tuples, sets and arrays. Single numbers, truth values and None are admitted everywhere:
  nothing can be done with them;
- ``text``: any text; ``'auto'``: exactly this one; ``labels``: texts and numbers in lists, tuples, sets and arrays;
- ``template``: a text into which scikit-learn fills the names of a transformer and a column, and nothing else;
  ``weights``: ``auto``, or a path of attributes through the parts of an estimator to its weights;
- ``parameter``: the name of a parameter that is set from elsewhere, as in a search, and is none whose value would be
  executed or name a file;
- ``bytes``: a byte string;
- ``no numbers``: no single numbers here, since they would be sizes;
- ``objects``: arrays of objects, also where they would not be admitted; ``no objects``: none here (see
  `Kinds.admits_objects`);
- ``keyword``: the name of an argument with which a function does not write into what it is given;
- ``function``: one of the functions of the policy; ``type``: one of NumPy's or Python's types of numbers and texts;
  ``conversion``: one of those types that makes nothing but a number or text, since it is called here;
  ``@module.name``: exactly this function or class;
- ``method``: the method of the same name of the same object, with which some models replace it for a while;
- a category of classes, as ``estimator``, or a class by its dotted name: an object of one of those;
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
        *("out", "like", "subok", "buffer", "signature", "sig", "extobj"),
        *(
            "output",
            "overwrite_a",
            "overwrite_b",
            "overwrite_data",
            "overwrite_input",
            "overwrite_x",
            "overwrite_y",
            "inplace",
        ),
    }
)
"""Arguments with which functions of NumPy, SciPy and pandas write into what they are given, or call it."""

_OWN_KINDS = (
    *("importance_getter", "input", "memory", "verbose_feature_names_out"),
    *("machines", "workers", "nodes", "machine_list", "mlist", "fs", "forced_splits", "model_in", "model_out"),
    *("input_model", "model_input", "output_model", "model_output", "config", ".*_file", ".*_filename"),
)
"""Parameters of scikit-learn's estimators that are held to a kind where they stand, and those of LightGBM that open a
file or a connection, with their aliases (LightGBM's documentation, 'Parameters')."""
FORMS: Mapping[str, re.Pattern[str]] = {
    TEMPLATE: re.compile(r"(?:[^{}]|\{\{|\}\}|\{(?:transformer_name|feature_name)\})*", re.DOTALL),
    WEIGHTS: re.compile(
        r"auto|(?:(?:(?:named_steps|named_estimators_|named_transformers_)\.(?!_)\w+"
        r"|estimator_?|base_estimator_?|best_estimator_|final_estimator_?|regressor_?|classifier_?)\.)*"
        r"(?:coef_|feature_importances_)",
        re.ASCII,
    ),
    PARAMETER: re.compile(rf"(?!(?:.*__)?(?:{'|'.join(_OWN_KINDS)})\Z).*", re.DOTALL),
}
"""Kinds of texts by their form: those that a library executes in a language of its own, ``str.format`` and
``operator.attrgetter``, which reaches modules through attributes; and names of parameters -> what such a text may be.
"""


@dataclass(frozen=True, slots=True)
class Kinds:
    """What a place may hold; an empty set admits single numbers, truth values and None."""

    words: frozenset[str] = frozenset()
    items: Kinds | None = None
    """What lists, tuples, sets and arrays may hold; None where there may be none."""
    keys: Kinds | None = None
    """What keys a dictionary may have; None where there may be none."""
    values: Kinds | None = None

    @classmethod
    def parse(cls, alternatives: Iterable[Any]) -> Kinds:
        """The kinds that ``policy.json`` writes so."""
        words, items, keys, values = set(), None, None, None
        for alternative in alternatives:
            match alternative:
                case {"items": inner}:
                    items = cls.parse(inner)
                case {"keys": first, "values": second}:
                    keys, values = cls.parse(first), cls.parse(second)
                case word:
                    words.add(word)
        return cls(frozenset(words), items, keys, values)

    def as_json(self) -> list[Any]:
        """The form that `parse` reads."""
        written: list[Any] = sorted(self.words)
        if self.items is not None:
            written.append({"items": self.items.as_json()})
        if self.keys is not None and self.values is not None:
            written.append({"keys": self.keys.as_json(), "values": self.values.as_json()})
        return written

    def __or__(self, other: Kinds) -> Kinds:
        return Kinds(
            self.words | other.words,
            _either(self.items, other.items),
            _either(self.keys, other.keys),
            _either(self.values, other.values),
        )

    @property
    def admits_objects(self) -> bool:
        """Whether an array of objects may stand here: where labels or numbers are to be expected.

        Where one of some texts, functions or types is to be expected there is none, since the items of an array can be
        changed by whoever is given the array: a function that a model holds writes where its argument ``out`` says.
        """
        if not self.words.isdisjoint((OBJECTS, OBJECT)):
            return True
        inner = frozenset() if self.items is None else self.items.words - _IN_PLACE_OF_ESTIMATORS
        holds_numbers = bool(inner) and inner <= _DATA
        if NO_OBJECTS in self.words | inner or (self.words.isdisjoint(_DATA) and not holds_numbers):
            return False
        chosen = inner if LABELS in self.words else self.words | inner
        return not any(word[0] in "'@" or word in _CALLED for word in chosen)

    @property
    def of_items(self) -> Kinds | None:
        """What may stand within a list, tuple, set or array at this place; None where there may be none."""
        inner = self.items
        if not self.words.isdisjoint(_DATA):
            data = self.words & (_DATA | {NO_OBJECTS})
            inner = _either(inner, Kinds(data | ({TEXT} if LABELS in self.words else frozenset())))
        return inner


_DATA = frozenset({NUMBERS, LABELS})
OBJECT = "object"
"""The category of all classes of the policy."""
_IN_PLACE_OF_ESTIMATORS = frozenset({"'drop'", "'passthrough'"})
_CALLED = frozenset({FUNCTION, TYPE, CONVERSION, "functools.partial"})


def literal(text: str) -> str:
    """The word for exactly this text."""
    return f"'{text}'"


def words(*names: str) -> Kinds:
    """Kinds without containers."""
    return Kinds(frozenset(names))


def _either(first: Kinds | None, second: Kinds | None) -> Kinds | None:
    return second if first is None else first if second is None else first | second
