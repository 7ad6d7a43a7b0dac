"""Generalise observations into a policy: models with other data and parameters hold more than the observed ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from modelreg.analysis.kinds import (
    CONVERSION,
    FUNCTION,
    LABELS,
    METHOD,
    NUMBERS,
    OBJECTS,
    PARAMETER,
    TEXT,
    TYPE,
    Kinds,
    literal,
    words,
)
from modelreg.analysis.pickle.object_graph import Global, instantiates_first_argument
from scripts.policy import review
from scripts.policy.names import is_library_module
from scripts.policy.observe import NO_KINDS, Observations, Observed, union_by_position

Descriptions = Mapping[str, Mapping[str, Any]]
_DATA = frozenset({NUMBERS, LABELS})
_ESTIMATOR_PLACEHOLDERS = frozenset({"'drop'", "'passthrough'"})
_ARRAYS = frozenset({"numpy.matrix", "numpy.recarray", "numpy.rec.recarray"})


class Widening:
    """Turns observations into a policy."""

    def __init__(
        self, observations: Observations, described: Descriptions, functions: frozenset[str], types: frozenset[str]
    ) -> None:
        self.observations = observations
        self.described = described
        self.functions = functions
        self.types = types
        self.remarks: list[str] = []
        self.library_classes = {name for name in observations.classes if is_library_module(name.rpartition(".")[0])}
        """Observed classes of the supported libraries, which a model may hold."""
        self._genuine = {name: frozenset(cls.attributes) for name, cls in observations.classes.items()}
        self._categories = {
            name: self._category(name) for name in {*observations.classes, *described, *review.CLASSES, *review.CALLS}
        }

    def widen(self) -> None:
        """Change the observations in place to the kinds that the policy allows."""
        for name in self.observations.classes.keys() - self.library_classes:
            del self.observations.classes[name]
        for name, observed in self.observations.classes.items():
            self._add_parameters(name, observed)
        self._share_with_subclasses()
        self._share_data_by_name()
        self._add_reviewed_kinds()
        for name, observed in self.observations.classes.items():
            self._widen_class(name, observed)
        for name, arguments in self.observations.calls.items():
            self.observations.calls[name] = self._widen_call(name, arguments)
        for name in review.CALLS:
            self.observations.classes[name]  # creates the entry if the class was not observed
        for name, parts in review.CLASSES.items():
            self._apply_review(self.observations.classes[name], parts)
        self.observations.calls |= {name: _parse_positions(kinds) for name, kinds in review.CALLS.items()}
        for name, observed in self.observations.classes.items():
            self._restrict_by_name(observed.attributes)
            if name.startswith(review.TABLES):
                observed.state = [_with_objects_anywhere(kinds) for kinds in observed.state]

    @staticmethod
    def _restrict_by_name(attributes: dict[str, Kinds]) -> None:
        """Replace the kinds of attributes that `review` restricts by name, whatever was observed."""
        for attribute in attributes.keys() & review.ARGUMENTS.keys():
            attributes[attribute] = Kinds.parse(review.ARGUMENTS[attribute])
        for attribute in attributes.keys() & review.PARAMETERS:
            attributes[attribute] = _of_parameters(attributes[attribute])
        for attribute in attributes.keys() & review.OBJECT_ARRAYS:
            attributes[attribute] = _with_arrays_of_objects(attributes[attribute])
        for attribute in attributes.keys() & review.CALLED_ATTRIBUTES:
            kinds = attributes[attribute]
            if TYPE in kinds.words:
                attributes[attribute] = replace(kinds, words=kinds.words - {TYPE} | {CONVERSION})

    @staticmethod
    def _apply_review(observed: Observed, parts: Mapping[str, Any]) -> None:
        for part in ("items", "entries", "keywords"):
            if part in parts:
                setattr(observed, part, Kinds.parse(parts[part]))
        observed.state = union_by_position(observed.state, _parse_positions(parts.get("state", ())))
        for attribute, kinds in parts.get("attributes", {}).items():
            observed.attributes[attribute] = observed.attributes.get(attribute, NO_KINDS) | Kinds.parse(kinds)
        for attribute in parts.get("without", ()):
            observed.attributes.pop(attribute, None)
        for attribute, kinds in parts.get("only", {}).items():
            observed.attributes[attribute] = Kinds.parse(kinds)

    def category(self, name: str) -> str:
        """The category of a class; empty if it has none."""
        return self._categories.get(name, "")

    def _category(self, name: str) -> str:
        bases = [name, *self.described.get(name, {}).get("bases", ())]
        if "category" in review.CLASSES.get(name, {}):
            return str(review.CLASSES[name]["category"])
        of_base = next((review.CATEGORIES[base] for base in bases if base in review.CATEGORIES), "")
        return of_base or next(
            (category for pattern, category in review.CATEGORY_OF_NAMES if pattern.fullmatch(name)), ""
        )

    def _add_parameters(self, name: str, observed: Observed) -> None:
        """Add the kinds of scikit-learn's parameter constraints, also to attributes such as ``parameter_``."""
        parameters = self.described.get(name, {}).get("parameters", {})
        for parameter, kinds in parameters.items():
            for attribute in (parameter, f"{parameter}_", f"_{parameter}"):
                if attribute == parameter or attribute in observed.attributes:
                    observed.attributes[attribute] = observed.attributes.get(attribute, NO_KINDS) | Kinds.parse(kinds)

    def _share_with_subclasses(self) -> None:
        """Allow the observed kinds of an attribute of a base class in all of its subclasses."""
        subclasses: dict[str, list[str]] = defaultdict(list)
        for name in self.observations.classes:
            for base in (name, *self.described.get(name, {}).get("bases", ())):
                subclasses[base].append(name)
        for base, names in subclasses.items():
            for attribute in self.described.get(base, {}).get("assigned", ()):
                shared = NO_KINDS
                for name in names:
                    shared |= self.observations.classes[name].attributes.get(attribute, NO_KINDS)
                for name in names:
                    self.observations.classes[name].attributes[attribute] = shared

    def _share_data_by_name(self) -> None:
        """Allow data by the name of an attribute: ``classes_`` holds labels in every estimator.

        Libraries whose parameters are any string are excluded: they use the same names for other attributes.
        """
        shared: dict[str, Kinds] = defaultdict(Kinds)
        sharing = [
            observed
            for name, observed in self.observations.classes.items()
            if self.category(name) == "estimator" and not name.startswith(review.ANY_TEXT_LIBRARIES)
        ]
        for observed in sharing:
            for attribute, kinds in observed.attributes.items():
                shared[attribute] |= _data_of(kinds)
        for observed in sharing:
            for attribute, kinds in observed.attributes.items():
                if not self._holds_estimators(kinds):
                    observed.attributes[attribute] |= shared[attribute]

    def _add_reviewed_kinds(self) -> None:
        """Add the kinds in `review` for attributes of a category, and for attributes by name."""
        for name, observed in self.observations.classes.items():
            category = self.category(name)
            for attribute, kinds in review.CATEGORY_ATTRIBUTES.get(category, {}).items():
                observed.attributes[attribute] = observed.attributes.get(attribute, NO_KINDS) | Kinds.parse(kinds)
            if category in ("estimator", "scorer"):
                for attribute in observed.attributes.keys() & review.ADDITIONAL_KINDS.keys():
                    observed.attributes[attribute] |= Kinds.parse(review.ADDITIONAL_KINDS[attribute])

    def _holds_estimators(self, kinds: Kinds | None) -> bool:
        if kinds is None:
            return False
        held = any(self.category(word) == "estimator" for word in kinds.words)
        return held or any(map(self._holds_estimators, (kinds.items, kinds.values)))

    def _widen_class(self, name: str, observed: Observed) -> None:
        described = self.described.get(name, {})
        methods = () if described.get("has_state_of_its_own", True) else described.get("methods", ())
        for attribute in sorted(observed.attributes):
            if attribute in methods and attribute not in self._genuine[name]:
                if METHOD in observed.attributes[attribute].words:
                    observed.attributes[attribute] = words(METHOD)
                else:
                    del observed.attributes[attribute]  # a property here, and an attribute of a sibling class
                continue
            if attribute in methods and observed.attributes[attribute] != NO_KINDS:
                self.remarks.append(f"{name}.{attribute} hides a method: {observed.attributes[attribute].as_json()}")
            observed.attributes[attribute] = self._widen_attribute(name, attribute, observed.attributes[attribute])
        if name in review.STATES:
            observed.state = _parse_positions(review.STATES[name])
        else:
            observed.state = [self._widen_kinds(kinds) for kinds in observed.state]
        observed.new = None if observed.new is None else [self._widen_kinds(kinds) for kinds in observed.new]
        for part in ("keywords", "items", "entries"):
            kinds = getattr(observed, part)
            setattr(observed, part, None if kinds is None else self._widen_kinds(kinds))

    def _widen_attribute(self, name: str, attribute: str, kinds: Kinds) -> Kinds:
        if attribute in review.NONE_ONLY:
            return NO_KINDS
        if attribute == "coef_":
            kinds |= words("sparse")  # the result of `sparsify`
        if attribute in review.METHOD_NAMES and self.category(name) in ("estimator", "scorer"):
            texts = words(*map(literal, review.METHODS))
            return texts | Kinds(items=texts)
        widened = self._widen_kinds(kinds)
        if attribute in review.EXECUTED_STRINGS:
            others = _without_literals(widened)
            return replace(others, words=others.words - {TEXT, LABELS} | {review.EXECUTED_STRINGS[attribute]})
        if attribute in review.FREE_TEXT or attribute.startswith("feature_name") or self._has_any_text(name, kinds):
            widened |= words(TEXT)
        if widened.words & {NUMBERS}:
            widened |= words(NUMBERS)
        return _without_literals(widened) if TEXT in widened.words else widened

    def _has_any_text(self, name: str, kinds: Kinds) -> bool:
        return name.startswith(review.ANY_TEXT_LIBRARIES) and any(word[0] == "'" for word in kinds.words)

    def _widen_call(self, name: str, arguments: list[Kinds]) -> list[Kinds]:
        module, _, function = name.rpartition(".")
        widened = [self._widen_kinds(kinds) for kinds in arguments]
        if instantiates_first_argument(Global(module, function)) and widened:
            widened[0] = arguments[0]  # exactly the classes that it creates
        return widened

    def _widen_kinds(self, kinds: Kinds, *, within: bool = False) -> Kinds:
        """Replace classes by their categories, and fixed strings in containers by any string."""
        result = set()
        for word in kinds.words:
            if word != "?" and ("." not in word or word[0] in "'@" or word in self.library_classes or word in _ARRAYS):
                result.add(self._widen_word(word))
        texts = {word for word in result if word[0] == "'"}
        if within and texts - (_ESTIMATOR_PLACEHOLDERS if "estimator" in result else set()):
            result = (result - texts) | {TEXT}
        if within and "estimator" in result and TEXT not in result:
            result |= _ESTIMATOR_PLACEHOLDERS
        if LABELS in result:
            result.add(NUMBERS)
        return Kinds(
            frozenset(result),
            None if kinds.items is None else self._widen_kinds(kinds.items, within=True),
            None if kinds.keys is None else self._widen_kinds(kinds.keys, within=True),
            None if kinds.values is None else self._widen_kinds(kinds.values, within=True),
        )

    def _widen_word(self, word: str) -> str:
        if word.startswith("@"):
            return FUNCTION if word[1:] in self.functions else TYPE if word[1:] in self.types else word
        return word if word in _ARRAYS else self.category(word) or word


def _of_parameters(kinds: Kinds) -> Kinds:
    """The kinds with ``parameter`` in place of keys and strings, which are names of parameters."""
    texts = kinds.words & {TEXT, LABELS}
    return Kinds(
        kinds.words - texts | ({PARAMETER} if texts else set()),
        kinds.items and _of_parameters(kinds.items),
        kinds.keys and words(PARAMETER),
        kinds.values,
    )


def _with_arrays_of_objects(kinds: Kinds) -> Kinds:
    """The kinds, also in an array of objects, or in a dictionary or list of such arrays."""
    if kinds.values is not None:
        items = None if kinds.items is None else _with_arrays_of_objects(kinds.items)
        return Kinds(kinds.words, items, kinds.keys, kinds.values | words(OBJECTS))
    if kinds.items is not None and kinds.items.values is not None:
        return Kinds(kinds.words, _with_arrays_of_objects(kinds.items))
    return kinds | words(OBJECTS)


def _with_objects_anywhere(kinds: Kinds) -> Kinds:
    """The kinds, also in arrays of objects, at any depth."""
    items, values = (None if part is None else _with_objects_anywhere(part) for part in (kinds.items, kinds.values))
    return Kinds(kinds.words | {OBJECTS}, items, kinds.keys, values)


def _parse_positions(kinds: Iterable[Any]) -> list[Kinds]:
    return list(map(Kinds.parse, kinds))


def _data_of(kinds: Kinds) -> Kinds:
    """Those of ``numbers`` and ``labels`` that the kinds allow."""
    if kinds.items is not None and _is_all_text(kinds.items):
        return Kinds(_DATA)
    return Kinds(kinds.words & _DATA)


def _is_all_text(kinds: Kinds) -> bool:
    return bool(kinds.words) and all(word[0] == "'" or word in (TEXT, LABELS) for word in kinds.words)


def _without_literals(kinds: Kinds) -> Kinds:
    return Kinds(frozenset(word for word in kinds.words if word[0] != "'"), kinds.items, kinds.keys, kinds.values)
