"""From what was seen to what is admitted: genuine models of other data and other parameters hold more than examples."""

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
from scripts.policy.names import is_of_libraries
from scripts.policy.observe import NOTHING, Observations, Observed, either

Descriptions = Mapping[str, Mapping[str, Any]]
_DATA = frozenset({NUMBERS, LABELS})
_IN_PLACE_OF_ESTIMATORS = frozenset({"'drop'", "'passthrough'"})
_ARRAYS = frozenset({"numpy.matrix", "numpy.recarray", "numpy.rec.recarray"})


class Widening:
    """Turns observations into a policy."""

    def __init__(
        self, seen: Observations, described: Descriptions, functions: frozenset[str], types: frozenset[str]
    ) -> None:
        self.seen = seen
        self.described = described
        self.functions = functions
        self.types = types
        self.remarks: list[str] = []
        self.kept = {name for name in seen.classes if is_of_libraries(name.rpartition(".")[0])}
        """Classes that a model may hold."""
        self._genuine = {name: frozenset(each.attributes) for name, each in seen.classes.items()}
        self._categories = {
            name: self._category(name) for name in {*seen.classes, *described, *review.CLASSES, *review.CALLS}
        }

    def widen(self) -> None:
        """Change the observations to what is admitted."""
        for name in self.seen.classes.keys() - self.kept:
            del self.seen.classes[name]
        for name, seen in self.seen.classes.items():
            self._parameters(name, seen)
        self._share_among_bases()
        self._share_data_by_name()
        self._by_category()
        for name, seen in self.seen.classes.items():
            self._class(name, seen)
        for name, arguments in self.seen.calls.items():
            self.seen.calls[name] = self._call(name, arguments)
        for name in review.CALLS:
            self.seen.classes[name]  # made where it was not seen
        for name, parts in review.CLASSES.items():
            self._by_hand(self.seen.classes[name], parts)
        self.seen.calls |= {name: _parsed(kinds) for name, kinds in review.CALLS.items()}
        for name, seen in self.seen.classes.items():
            self._narrow(seen.attributes)
            if name.startswith(review.TABLES):
                seen.state = [_with_objects_anywhere(each) for each in seen.state]

    @staticmethod
    def _narrow(attributes: dict[str, Kinds]) -> None:
        """What a person has decided of attributes by their names, whatever was seen."""
        for attribute in attributes.keys() & review.ARGUMENTS.keys():
            attributes[attribute] = Kinds.parse(review.ARGUMENTS[attribute])
        for attribute in attributes.keys() & review.PARAMETERS:
            attributes[attribute] = _of_parameters(attributes[attribute])
        for attribute in attributes.keys() & review.OBJECTS:
            attributes[attribute] = _with_arrays_of_objects(attributes[attribute])
        for attribute in attributes.keys() & review.CALLED:
            found = attributes[attribute]
            if TYPE in found.words:
                called = found.words - {TYPE} | {CONVERSION}
                attributes[attribute] = Kinds(called, found.items, found.keys, found.values)

    @staticmethod
    def _by_hand(seen: Observed, parts: Mapping[str, Any]) -> None:
        for part in ("items", "entries", "keywords"):
            if part in parts:
                setattr(seen, part, Kinds.parse(parts[part]))
        seen.state = either(seen.state, _parsed(parts.get("state", ())))
        for attribute, kinds in parts.get("attributes", {}).items():
            seen.attributes[attribute] = seen.attributes.get(attribute, NOTHING) | Kinds.parse(kinds)
        for attribute in parts.get("without", ()):
            seen.attributes.pop(attribute, None)
        for attribute, kinds in parts.get("only", {}).items():
            seen.attributes[attribute] = Kinds.parse(kinds)

    def category(self, name: str) -> str:
        """The category of a class, or nothing."""
        return self._categories.get(name, "")

    def _category(self, name: str) -> str:
        bases = [name, *self.described.get(name, {}).get("bases", ())]
        if "category" in review.CLASSES.get(name, {}):
            return str(review.CLASSES[name]["category"])
        of_base = next((review.CATEGORIES[base] for base in bases if base in review.CATEGORIES), "")
        return of_base or next((each for pattern, each in review.CATEGORY_OF_NAMES if pattern.fullmatch(name)), "")

    def _parameters(self, name: str, seen: Observed) -> None:
        """What scikit-learn says of its parameters, also for what is kept of them under another name."""
        parameters = self.described.get(name, {}).get("parameters", {})
        for parameter, kinds in parameters.items():
            for attribute in (parameter, f"{parameter}_", f"_{parameter}"):
                if attribute == parameter or attribute in seen.attributes:
                    seen.attributes[attribute] = seen.attributes.get(attribute, NOTHING) | Kinds.parse(kinds)

    def _share_among_bases(self) -> None:
        """An attribute that a base class assigns is admitted for all that are derived from it."""
        heirs: dict[str, list[str]] = defaultdict(list)
        for name in self.seen.classes:
            for base in (name, *self.described.get(name, {}).get("bases", ())):
                heirs[base].append(name)
        for base, names in heirs.items():
            for attribute in self.described.get(base, {}).get("assigned", ()):
                shared = NOTHING
                for name in names:
                    shared |= self.seen.classes[name].attributes.get(attribute, NOTHING)
                for name in names:
                    self.seen.classes[name].attributes[attribute] = shared

    def _share_data_by_name(self) -> None:
        """``classes_`` are labels wherever they are: data is admitted by the name of an attribute.

        Libraries whose parameters are any text have other attributes by the same names.
        """
        shared: dict[str, Kinds] = defaultdict(Kinds)
        sharing = [
            seen
            for name, seen in self.seen.classes.items()
            if self.category(name) == "estimator" and not name.startswith(review.ANY_TEXT_OF)
        ]
        for seen in sharing:
            for attribute, kinds in seen.attributes.items():
                shared[attribute] |= _data_of(kinds)
        for seen in sharing:
            for attribute, kinds in seen.attributes.items():
                if not self._holds_estimators(kinds):
                    seen.attributes[attribute] |= shared[attribute]

    def _by_category(self) -> None:
        """What a person has decided for attributes of a name, and for all classes of a category."""
        for name, seen in self.seen.classes.items():
            category = self.category(name)
            for attribute, kinds in review.OF_CATEGORIES.get(category, {}).items():
                seen.attributes[attribute] = seen.attributes.get(attribute, NOTHING) | Kinds.parse(kinds)
            if category in ("estimator", "scorer"):
                for attribute in seen.attributes.keys() & review.EVERYWHERE.keys():
                    seen.attributes[attribute] |= Kinds.parse(review.EVERYWHERE[attribute])

    def _holds_estimators(self, kinds: Kinds | None) -> bool:
        if kinds is None:
            return False
        held = any(self.category(word) == "estimator" for word in kinds.words)
        return held or any(map(self._holds_estimators, (kinds.items, kinds.values)))

    def _class(self, name: str, seen: Observed) -> None:
        described = self.described.get(name, {})
        methods = () if described.get("has_state_of_its_own", True) else described.get("methods", ())
        for attribute in sorted(seen.attributes):
            if attribute in methods and attribute not in self._genuine[name]:
                if METHOD in seen.attributes[attribute].words:
                    seen.attributes[attribute] = words(METHOD)
                else:
                    del seen.attributes[attribute]  # a property here, and an attribute of a class beside this one
                continue
            if attribute in methods and seen.attributes[attribute] != NOTHING:
                self.remarks.append(f"{name}.{attribute} hides a method: {seen.attributes[attribute].as_json()}")
            seen.attributes[attribute] = self._attribute(name, attribute, seen.attributes[attribute])
        if name in review.STATES:
            seen.state = _parsed(review.STATES[name])
        else:
            seen.state = [self._kinds(each) for each in seen.state]
        seen.new = None if seen.new is None else [self._kinds(each) for each in seen.new]
        for part in ("keywords", "items", "entries"):
            kinds = getattr(seen, part)
            setattr(seen, part, None if kinds is None else self._kinds(kinds))

    def _attribute(self, name: str, attribute: str, kinds: Kinds) -> Kinds:
        if attribute in review.NEVER:
            return NOTHING
        if attribute == "coef_":
            kinds |= words("sparse")  # what `sparsify` makes of it
        if attribute in review.METHOD_NAMES and self.category(name) in ("estimator", "scorer"):
            texts = words(*map(literal, review.METHODS))
            return texts | Kinds(items=texts)
        widened = self._kinds(kinds)
        if attribute in review.FORMED:
            executed = frozenset({TEXT, LABELS, review.FORMED[attribute]})
            others = _without_literals(widened)
            return replace(others, words=others.words - executed | {review.FORMED[attribute]})
        if attribute in review.FREE_TEXT or attribute.startswith("feature_name") or self._has_any_text(name, kinds):
            widened |= words(TEXT)
        if widened.words & {NUMBERS}:
            widened |= words(NUMBERS)
        return _without_literals(widened) if TEXT in widened.words else widened

    def _has_any_text(self, name: str, kinds: Kinds) -> bool:
        return name.startswith(review.ANY_TEXT_OF) and any(word[0] == "'" for word in kinds.words)

    def _call(self, name: str, arguments: list[Kinds]) -> list[Kinds]:
        module, _, function = name.rpartition(".")
        widened = [self._kinds(each) for each in arguments]
        if instantiates_first_argument(Global(module, function)) and widened:
            widened[0] = arguments[0]  # exactly the classes of which it makes objects
        return widened

    def _kinds(self, kinds: Kinds, *, within: bool = False) -> Kinds:
        """Categories for classes, and any text within containers."""
        found = set()
        for word in kinds.words:
            if word != "?" and ("." not in word or word[0] in "'@" or word in self.kept or word in _ARRAYS):
                found.add(self._word(word))
        texts = {word for word in found if word[0] == "'"}
        if within and texts - (_IN_PLACE_OF_ESTIMATORS if "estimator" in found else set()):
            found = (found - texts) | {TEXT}
        if within and "estimator" in found and TEXT not in found:
            found |= _IN_PLACE_OF_ESTIMATORS
        if LABELS in found:
            found.add(NUMBERS)
        return Kinds(
            frozenset(found),
            None if kinds.items is None else self._kinds(kinds.items, within=True),
            None if kinds.keys is None else self._kinds(kinds.keys, within=True),
            None if kinds.values is None else self._kinds(kinds.values, within=True),
        )

    def _word(self, word: str) -> str:
        if word.startswith("@"):
            return FUNCTION if word[1:] in self.functions else TYPE if word[1:] in self.types else word
        return word if word in _ARRAYS else self.category(word) or word


def _of_parameters(kinds: Kinds) -> Kinds:
    """The same where keys and texts are names of parameters."""
    texts = kinds.words & {TEXT, LABELS}
    return Kinds(
        kinds.words - texts | ({PARAMETER} if texts else set()),
        kinds.items and _of_parameters(kinds.items),
        kinds.keys and words(PARAMETER),
        kinds.values,
    )


def _with_arrays_of_objects(kinds: Kinds) -> Kinds:
    """These kinds in an array of objects, or in a dictionary or list of such."""
    if kinds.values is not None:
        items = None if kinds.items is None else _with_arrays_of_objects(kinds.items)
        return Kinds(kinds.words, items, kinds.keys, kinds.values | words(OBJECTS))
    if kinds.items is not None and kinds.items.values is not None:
        return Kinds(kinds.words, _with_arrays_of_objects(kinds.items))
    return kinds | words(OBJECTS)


def _with_objects_anywhere(kinds: Kinds) -> Kinds:
    """These kinds, also in arrays of objects, at any depth."""
    inner = (None if part is None else _with_objects_anywhere(part) for part in (kinds.items, kinds.values))
    items, values = inner
    return Kinds(kinds.words | {OBJECTS}, items, kinds.keys, values)


def _parsed(kinds: Iterable[Any]) -> list[Kinds]:
    return [Kinds.parse(each) for each in kinds]


def _data_of(kinds: Kinds) -> Kinds:
    """Numbers and labels, as far as they are among the kinds."""
    found = set(kinds.words & _DATA)
    if kinds.items is not None and _is_text(kinds.items):
        found |= _DATA
    return Kinds(frozenset(found))


def _is_text(kinds: Kinds) -> bool:
    return bool(kinds.words) and all(word[0] == "'" or word in (TEXT, LABELS) for word in kinds.words)


def _without_literals(kinds: Kinds) -> Kinds:
    return Kinds(frozenset(word for word in kinds.words if word[0] != "'"), kinds.items, kinds.keys, kinds.values)
