"""Judges an object graph by the policy: whether every value is of a kind that genuine models have at its place.

There is one judge for all formats. What it finds is said with the place: ``StackingClassifier.estimators_[0] is a
pathlib.PosixPath, expected an estimator``. Names that are not in the policy are no finding here: loading is refused
until they are trusted, and their objects are judged as if they were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from modelreg.analysis.budget import Budget
from modelreg.analysis.denied_names import is_trustable
from modelreg.analysis.formats.arrays import ArrayContent, array_content, dtype_of, get_scalar_text, scalar_content
from modelreg.analysis.kinds import (
    BYTES,
    CONVERSION,
    FORMS,
    FUNCTION,
    KEYWORD,
    LABELS,
    METHOD,
    NO_NUMBERS,
    NO_OBJECTS,
    NUMBERS,
    OBJECT,
    OBJECTS,
    PARAMETER,
    TEMPLATE,
    TEXT,
    TYPE,
    WEIGHTS,
    WRITING_KEYWORDS,
    Kinds,
    literal,
)
from modelreg.analysis.pickle.object_graph import (
    ABSENT,
    RECONSTRUCTOR,
    TIME_ZONE_FILE,
    Array,
    Global,
    Node,
    Object,
    OmittedValue,
    Persistent,
    Reference,
    SetOf,
    call_by_name,
    class_of,
    class_to_make,
    resolved,
)
from modelreg.analysis.pickle.stream import UnreadablePickle
from modelreg.analysis.policy import STORAGE, ClassPolicy, policy

_MOST_FINDINGS = 20
_LONGEST_PLACE = 200  # characters
_MOST_EXPECTED = 3
"""Kinds that a message lists."""
_MAKES_CODE = re.compile(r"cloudpickle\.(_make_|_fill_|_builtin_type|subimport)")
_Waiting = tuple[Node, Kinds, str]
"""A value, what its place admits, and the place."""
_LOOKED_AT = 16
"""Values of a container that are looked at all at once take no longer than one that is judged by itself."""
_WORK_TO_MAKE = {
    "distribution": 300,
    "frozen_distribution": 30,
    "frame": 30,
    "index": 30,
    "offset": 10,
    "random": 50,
    **dict.fromkeys(("lightgbm.basic.Booster", "xgboost.core.Booster"), 500),
    **{f"catboost.core.CatBoost{name}": 500 for name in ("", "Classifier", "Ranker", "Regressor")},
}
"""Classes and categories of objects that take long to load -> as many values as can be judged meanwhile."""
_LONGEST_PARSED = 256  # characters
_KEEP_TEXTS = frozenset(
    {
        *("_codecs.encode", "builtins.bytearray", "builtins.bytes", "builtins.KeyError", "builtins.RuntimeError"),
        *("builtins.TypeError", "builtins.ValueError", "operator.itemgetter", RECONSTRUCTOR),
    }
)
"""What takes a text as it is; others parse it, some by regular expressions."""
_RANGE = re.compile(r"(.)-(\\?.)", re.DOTALL)
_IGNORES_CASE = re.compile(r"\(\?[a-z]*i")
_WIDEST = 1 << 16
"""Characters that a range is taken to have where an escape ends it."""
_LOOKED_UP_AT_ONCE = 20
"""Characters of a range that take as long to look up as a value takes to be judged."""
_SINGLE = frozenset({type(None), bool, int, float})
_TEXTUAL = frozenset({str})
_TEXT_ARRAYS, _OBJECT_ARRAYS, _NUMBER_ARRAYS = "SUT", "OT", "biufc"
PLAIN_ARRAYS = frozenset(
    {"numpy.ndarray", "numpy.memmap", "numpy.generic", "numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"}
)
_ATTRIBUTE = re.compile(r"\w+(\.\w+){2,}")
_SHORTENED = re.compile(r"^(\w+\.)+(?=\w+\.\w+)")
"""What is left out of a place in a message: the modules before a class and its attribute."""
METHODS_OF_ESTIMATORS = frozenset(
    {
        *("fit", "fit_predict", "fit_resample", "fit_transform", "partial_fit", "predict", "predict_log_proba"),
        *("predict_proba", "decision_function", "transform", "inverse_transform", "score", "score_samples", "sample"),
        *("apply", "decision_path", "kneighbors", "split", "get_n_splits", "get_support", "get_feature_names_out"),
        *("get_params", "set_params", "set_output", "get_metadata_routing", "staged_predict", "staged_predict_proba"),
        *("_get_tags", "_more_tags", "_repr_html_", "_repr_mimebundle_", "_validate_data", "_validate_params"),
    }
)
"""Methods that libraries call on objects of any class. The methods of a trusted class are known when it is imported."""
_BASES = frozenset({"dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple"})
"""Python's classes from which protocols 0 and 1 make objects of a derived one."""
_DTYPES = frozenset({"numpy.dtype", "numpy._core._internal._convert_to_stringdtype_kwargs"})


@dataclass(slots=True)
class Judgement:
    """Why a graph is not safe."""

    findings: dict[str, None] = field(default_factory=dict)
    """Values of the wrong kind, as sentences with the place."""
    unreadable: dict[str, None] = field(default_factory=dict)
    """What NumPy would read otherwise than it is written, as clauses that go on from 'it …'."""
    places: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Names that are not in the policy, by module and name -> the attributes that hold them as a value; an empty text
    stands for any other use."""
    attributes: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Classes that are not in the policy, by module and name -> the attributes that their objects are given, but for
    those that hold numbers alone."""


def judge(root: Node, objects: int, budget: Budget) -> Judgement:
    """Judge what a model file would build, of which ``objects`` are objects: each has to be judged somewhere."""
    judge_ = _Judge(budget)
    judge_.check(root, policy().root, "the model")
    judge_.require_whole(objects)
    return judge_.result


class _Judge:
    """One walk through a graph, without recursion: a file may nest values as deeply as it likes."""

    def __init__(self, budget: Budget) -> None:
        self.result = Judgement()
        self._budget = budget
        self._policy = policy()
        self._waiting: list[_Waiting | Iterator[_Waiting]] = []
        """What is still to be judged; of long containers, what makes it when it is asked for."""
        self._seen: set[tuple[int, int]] = set()
        self._judged: set[int] = set()
        self._objects: set[int] = set()
        self._classes: dict[str, Kinds] = {}
        self._inner: dict[int, Kinds | None] = {id(self._policy.root): self._policy.root}
        self._inner[id(self._policy.simple)] = self._policy.simple
        self._inner[id(self._policy.array_parts)] = self._policy.array_parts

    def require_whole(self, objects: int) -> None:
        """Note it where an object was not judged, since nothing was to be expected at its place."""
        if not self.result.findings and len(self._objects) != objects:
            self.result.unreadable["has an object where none belongs"] = None

    def check(self, node: Node, kinds: Kinds, place: str) -> None:
        """Judge ``node`` at a place that admits ``kinds``, and everything within."""
        waiting, budget = self._waiting, self._budget
        waiting.append((node, kinds, place))
        while waiting and len(self.result.findings) < _MOST_FINDINGS:
            budget.judged -= 1
            if budget.judged < 0:
                self.result.unreadable["has too many values at too many places to be judged"] = None
                return
            last = waiting[-1]
            found = last if type(last) is tuple else next(last, None)  # type: ignore[arg-type]
            if found is None or found is last:
                waiting.pop()
            if found is None:
                continue
            node, kinds, place = found
            node = resolved(node)
            if type(node) in _SINGLE:
                if NO_NUMBERS in kinds.words and node is not None:
                    self._refuse(place, "a number", kinds)
                continue
            if type(node) is not str:
                visit = id(node), id(kinds)
                if visit in self._seen:
                    continue
                self._seen.add(visit)
            try:
                self._value(node, kinds, place)
            except UnreadablePickle as unreadable:
                self.result.unreadable[str(unreadable)] = None

    def _take(self, values: int) -> None:
        """Take the work on so many values, which ends the walk where it is too much."""
        self._budget.judged -= values

    def _value(self, node: Node, kinds: Kinds, place: str) -> None:
        words = kinds.words
        match node:
            case str():
                self._text(node, kinds, place)
            case bytes() | OmittedValue():
                self._data(node, kinds, place)
            case list() | tuple() | SetOf():
                self._sequence(node.items if isinstance(node, SetOf) else node, kinds, place)
            case dict():
                self._dictionary(node, kinds, place)
            case Global():
                self._name(node, kinds, place)
            case Object() | Array():
                self._object(node, kinds, place)
            case Persistent(id):
                if STORAGE not in words:
                    self._refuse(place, "an object outside of the file", kinds)
                self._waiting.append((id, self._policy.storage_id, place))

    def _text(self, node: str, kinds: Kinds, place: str) -> None:
        if TIME_ZONE_FILE in node:
            self._refuse(place, f"{node[:80]!r}, which names a file", kinds)
        elif kinds.words.isdisjoint((TEXT, LABELS, literal(node))) and not _has_form(node, kinds):
            self._refuse(place, repr(node[:80]), kinds)

    def _data(self, node: bytes | OmittedValue, kinds: Kinds, place: str) -> None:
        type_name = node.type_name if isinstance(node, OmittedValue) else "bytes"
        if type_name == "str":
            admitted = TEXT in kinds.words or LABELS in kinds.words
        else:
            admitted = type_name != "int" and BYTES in kinds.words
        if isinstance(node, OmittedValue) and node.names_file:
            self._refuse(place, "a text that names a file", kinds)
        elif not admitted:
            said = "a very large number" if type_name == "int" else f"{_article(type_name)} of this length"
            self._refuse(place, said if isinstance(node, OmittedValue) else "bytes", kinds)

    def _sequence(self, values: Sequence[Node], kinds: Kinds, place: str) -> None:
        self._take(len(values) // _LOOKED_AT)
        types = set(map(type, values))
        inner = self._inner_of(kinds)
        if types <= _SINGLE and (inner is not None or not types):
            return
        if inner is None:
            self._refuse(place, "a sequence", kinds)
        elif not (types <= _SINGLE | _TEXTUAL and TEXT in inner.words):
            self._waiting.append(
                (value, inner, _within(place, number))
                for number, value in enumerate(values)
                if type(value) not in _SINGLE
            )

    def _inner_of(self, kinds: Kinds) -> Kinds | None:
        if id(kinds) not in self._inner:
            self._inner[id(kinds)] = kinds.of_items
        return self._inner[id(kinds)]

    def _dictionary(self, entries: Mapping[Node, Node], kinds: Kinds, place: str) -> None:
        if not entries:
            return
        if kinds.keys is None or kinds.values is None:
            self._refuse(place, "a dictionary", kinds)
            return
        self._take(len(entries) // _LOOKED_AT)
        keys, values = kinds.keys, kinds.values
        if not (TEXT in kinds.keys.words and set(map(type, entries)) <= _SINGLE | _TEXTUAL):
            self._waiting.append((key, keys, f"a key of {place}") for key in entries)
        if not set(map(type, entries.values())) <= _SINGLE:
            self._waiting.append(
                (value, values, _within(place, _shown_key(key)))
                for key, value in entries.items()
                if type(value) not in _SINGLE
            )

    def _name(self, node: Global, kinds: Kinds, place: str) -> None:
        known, words = self._policy, kinds.words
        if not known.has(node):
            self._foreign(node, _attribute_of(place) if FUNCTION in words else "")
        elif not (
            f"@{node.dotted}" in words
            or (FUNCTION in words and node.dotted in known.functions)
            or (TYPE in words and node.dotted in known.types)
            or (CONVERSION in words and node.dotted in known.conversions)
        ):
            self._refuse(place, node.dotted, kinds)

    def _foreign(self, node: Global, place: str) -> None:
        self.result.places.setdefault((node.module, node.name), set()).add(place)

    def _object(self, node: Object | Array, kinds: Kinds, place: str) -> None:
        made = resolved(node.elements) if isinstance(node, Array) else node
        if isinstance(made, Object):
            self._objects.add(id(made))
        content = array_content(node) or scalar_content(node)
        if content is not None:
            if isinstance(node, Object) and any(part is not None for part in (node.items, node.entries, node.keywords)):
                self._refuse(place, "an array with items of its own", kinds)
            self._array(content, kinds, place)
            self._waiting += [(part, self._policy.array_parts, place) for part in content.parts]
            return
        assert isinstance(node, Object)
        constructor = resolved(node.constructor)
        if (by_name := call_by_name(node)) is not None:
            self._objects.add(id(constructor))
            node, constructor = by_name, by_name.constructor
        if type(constructor) is not Global:
            self._refuse(place, "made by calling a value of the file, not a named function or class", kinds)
            return
        key = class_of(node) or constructor.dotted
        owner = self._policy.classes.get(key)
        if owner is not None and self._policy.has(constructor):
            if owner.category in kinds.words or key in kinds.words or OBJECT in kinds.words:
                if id(node) not in self._judged:
                    self._judged.add(id(node))
                    self._take(_work_to_make(node, constructor, key, owner.category))
                    self._members(node, constructor, key, owner)
            else:
                self._refuse(place, _object_in_words(key), kinds)
            return
        self._of_no_known_class(node, constructor, kinds, place)

    def _of_no_known_class(self, node: Object, constructor: Global, kinds: Kinds, place: str) -> None:
        named = class_to_make(node) or constructor
        if self._policy.has(named):
            self._refuse(place, f"made by {constructor.dotted} as no model has it", kinds)
        elif self._policy.admits_own_classes(kinds) and is_trustable(named.module, named.name):
            self._own(node, named)
        else:
            self._foreign(named, "")
            self._refuse(place, _object_in_words(named.dotted), kinds)

    def _array(self, content: ArrayContent, kinds: Kinds, place: str) -> None:
        words, of_text = kinds.words, content.kind in _TEXT_ARRAYS
        if content.class_name not in PLAIN_ARRAYS | words and OBJECT not in words:
            self._refuse(place, _article(content.class_name), kinds)
        elif content.class_name == "numpy.generic":
            if NO_NUMBERS in words:
                self._refuse(place, "a number", kinds)
            elif of_text:
                self._text_scalar(content, kinds, place)
            elif content.kind == "O":
                self._refuse(place, "a NumPy scalar of an object", kinds)
        elif content.kind in _OBJECT_ARRAYS:
            if kinds.admits_objects:
                self._sequence(content.elements, kinds, place)
            else:
                self._refuse(place, "an array of objects", kinds)
        elif LABELS not in words and (of_text or NUMBERS not in words) and OBJECT not in words:
            self._refuse(place, "an array of texts" if of_text else "an array of numbers", kinds)

    def _text_scalar(self, content: ArrayContent, kinds: Kinds, place: str) -> None:
        """NumPy's texts are texts for whoever takes them for one: the same may stand there."""
        text = get_scalar_text(content)
        if text is not None:
            self._text(text, kinds, place)
        elif content.kind == "U" or not {TEXT, LABELS} & kinds.words:
            self._refuse(place, "a text", kinds)

    def _members(self, node: Object, constructor: Global, key: str, owner: ClassPolicy) -> None:
        """What an admitted object is made of."""
        short = key.rpartition(".")[2]  # findings say it so; places that hold names say it whole
        if key in _DTYPES:
            dtype_of(node)
            parts = (node.arguments, node.keywords, node.items, node.entries, node.state)
            self._waiting += [(part, self._policy.array_parts, short) for part in parts if part is not ABSENT]
            return
        accepted = owner.new if node.is_new else self._policy.calls.get(constructor.dotted)
        if accepted is None:
            self._say(f"{short} is made by {constructor.dotted}, as no model has it")
            return
        arguments = node.arguments if isinstance(node.arguments, tuple) else (node.arguments,)
        if len(arguments) > len(accepted) or (node.keywords is not None and owner.keywords is None):
            self._say(f"{short} is made with arguments that no model has")
            return
        if not node.is_new and constructor.dotted == RECONSTRUCTOR:  # which protocols 0 and 1 call for any class
            if owner.new is None and f"@{key}" not in accepted[0].words:
                self._say(f"{short} is made by {RECONSTRUCTOR}, as no model has it")
            content = owner.entries or owner.items or accepted[2]  # of a class that is derived from dict or list
            accepted = (self._exactly(key), accepted[1], content)
        for number, (argument, kinds) in enumerate(zip(arguments, accepted, strict=False)):
            if constructor.dotted not in _KEEP_TEXTS and _is_long(argument):
                self._say(f"argument {number + 1} of {short} is a text that takes long to be parsed")
            self._waiting.append((argument, kinds, f"argument {number + 1} of {short}"))
        self._optional(node.keywords, owner.keywords, f"the arguments of {short}")
        self._optional(node.items, owner.items, f"the items of {short}")
        self._optional(node.entries, owner.entries, f"the entries of {short}")
        if key == "functools.partial":
            self._partial(node)
        if node.state is not ABSENT:
            self._state(node, owner, key)

    def _partial(self, node: Object) -> None:
        """Functions of pandas would take the data itself for a type or name behind arguments by position."""
        match resolved(node.state):
            case (function, arguments, *_) if arguments != () and isinstance(function := resolved(function), Global):
                if function.module.partition(".")[0] == "pandas":
                    self._say(f"partial calls {function.dotted} with arguments by position, as no model does")

    def _exactly(self, key: str) -> Kinds:
        """The kinds that admit this class alone: kept, since what was judged is known by the ids of its kinds."""
        if key not in self._classes:
            self._classes[key] = Kinds(frozenset({f"@{key}"}))
        return self._classes[key]

    def _optional(self, value: Node, kinds: Kinds | None, place: str) -> None:
        if value is not None and kinds is None:
            self._say(f"no model has {place}")
        elif value is not None and kinds is not None:
            self._waiting.append((value, kinds, place))

    def _state(self, node: Object, owner: ClassPolicy, key: str) -> None:
        short = key.rpartition(".")[2]
        if _has_slots(resolved(node.state)) and not owner.has_slots:
            self._say(f"{short} has a state of two dictionaries, which no model has")
            return
        for table in _tables_of(node):
            self._take(len(table) // 2)
            for name, value in table.items():
                if not isinstance(name, str):
                    self._say(f"{short} has an attribute without a name")
                elif (kinds := owner.attributes.get(name) or self._policy.noted(owner, name)) is None:
                    self._say(f"{short}.{name} is an attribute that no model has")
                elif METHOD in kinds.words and is_own_method(value, node, name):
                    self._objects.add(id(resolved(value)))
                elif type(value) not in _SINGLE:
                    self._waiting.append((value, kinds, f"{key}.{name}"))
        for number, value in enumerate(_values_of(node)):
            if number < len(owner.state):
                self._waiting.append((value, owner.state[number], f"part {number + 1} of the state of {short}"))
            else:
                self._say(f"{short} has a state that no model has")

    def _own(self, node: Object, cls: Global) -> None:
        """An object of a class that is trusted, or not loaded."""
        self._foreign(cls, "")
        if class_of(node) is None:  # loading refuses to call it, whatever is trusted
            self._say(f"{cls.dotted} is called, and a trusted function may only be held as a value")
        if id(node) in self._judged:
            return
        self._judged.add(id(node))
        short, simple = cls.name, self._policy.simple
        attributes = self.result.attributes.setdefault((cls.module, cls.name), set())
        self._waiting += [
            (part, simple, f"what {short} is made of")
            for part in (self._arguments_of_own(node, short), node.keywords, node.items, node.entries)
            if part is not None
        ]
        for table in _tables_of(node):
            self._take(len(table))
            for name, value in table.items():
                if not isinstance(name, str) or _hides_a_method(name, value):
                    self._say(f"{short}.{name if isinstance(name, str) else '?'} hides a method")
                else:
                    if not _is_of_numbers(value):
                        attributes.add(name)
                    self._waiting.append((value, self._policy.of_own(name), f"{short}.{name}"))
        for value in _values_of(node):
            if isinstance(resolved(value), Object):  # Python takes a subclass of dict for attributes
                self._say(f"{short} has a state that is an object")
            self._waiting.append((value, simple, f"the state of {short}"))

    def _arguments_of_own(self, node: Object, short: str) -> Node:
        """What an object is made of, without the class itself and that of Python from which it is derived."""
        if class_to_make(node) is None:
            return node.arguments
        match node.arguments:
            case (_, Global("builtins", name), content) if name in _BASES:
                return content
        self._say(f"{short} is made by {RECONSTRUCTOR}, as no model has it")
        return None

    def _refuse(self, place: str, found: str, kinds: Kinds) -> None:
        self._say(f"{_SHORTENED.sub('', place)} is {found}, expected {_expected(kinds)}")

    def _say(self, sentence: str) -> None:
        if len(self.result.findings) < _MOST_FINDINGS:
            self.result.findings[sentence] = None


def _hides_a_method(name: str, value: Node) -> bool:
    """Whether an attribute of an object of a user's class hides what libraries call: a text for people does not."""
    if name == "__doc__":
        return value is not None and not isinstance(value, str | OmittedValue)
    return name in METHODS_OF_ESTIMATORS or name.startswith("__")


def _is_of_numbers(value: Node) -> bool:
    """Whether a value is a number, None or an array of numbers, which can be called in no way."""
    value = resolved(value)
    content = array_content(value) if isinstance(value, Object | Array) else None
    return type(value) in _SINGLE or (content is not None and content.kind in _NUMBER_ARRAYS)


def is_own_method(value: Node, owner: Object, name: str) -> bool:
    """Whether ``value`` is the method ``name`` of ``owner`` itself, as a pickle has it."""
    match resolved(value):
        case Object(Global("builtins", "getattr"), (Reference(target), str(attribute)), False):
            return target is owner and attribute == name
        case _:
            return False


def _tables_of(node: Object) -> Iterator[Mapping[Node, Node]]:
    """The attributes in a state: a dictionary, or one beside another for those in slots.

    The attributes of some dictionaries are their own entries, which are given to them as their state.
    """
    state = resolved(node.state)
    if state is node and (entries := _entries_of(node)):
        yield from entries
    elif isinstance(state, dict):
        yield state
    elif _has_slots(state):
        assert isinstance(state, tuple)
        yield from (part for part in map(resolved, state) if isinstance(part, dict))


def _entries_of(node: Object) -> list[Mapping[Node, Node]]:
    """The entries of an object that is a dictionary: those that it is made of, and those that are set in it."""
    arguments = node.arguments if isinstance(node.arguments, tuple) else ()
    found: list[Mapping[Node, Node]] = [part for part in map(resolved, arguments) if isinstance(part, dict)]
    return found if node.entries is None else [*found, node.entries]


def _values_of(node: Object) -> Iterator[Node]:
    """The parts of a state that is no dictionary of attributes."""
    state = resolved(node.state)
    if isinstance(state, tuple) and not _has_slots(state):
        yield from state
    elif not isinstance(state, dict | tuple) and state is not ABSENT and not (state is node and _entries_of(node)):
        yield state


def _has_slots(state: Node) -> bool:
    return (
        isinstance(state, tuple)
        and len(state) == 2
        and all(part is None or isinstance(resolved(part), dict) for part in state)
    )


def _has_form(text: str, kinds: Kinds) -> bool:
    """Whether a place admits texts of a form that ``text`` has."""
    if KEYWORD in kinds.words and text not in WRITING_KEYWORDS:
        return True
    return any(FORMS[word].fullmatch(text) for word in kinds.words & FORMS.keys())


def _is_long(argument: Node) -> bool:
    """Whether an argument is a long text, or has one by a name other than ``name``."""
    argument = resolved(argument)
    if isinstance(argument, dict):
        return any(_is_long(value) for key, value in argument.items() if key != "name" and not isinstance(value, dict))
    is_omitted = isinstance(argument, OmittedValue) and argument.type_name == "str"
    return is_omitted or (isinstance(argument, str) and len(argument) > _LONGEST_PARSED)


def _work_to_make(node: Object, constructor: Global, key: str, category: str) -> int:
    """The work of loading an object; of a pattern that of its ranges, whose characters are looked up to ignore case."""
    match constructor.dotted, node.arguments:
        case "re._compile", (str(pattern), int(flags), *_) if flags & re.IGNORECASE or _IGNORES_CASE.search(pattern):
            ranges = _RANGE.findall(pattern)
            widths = (_WIDEST if "\\" in last else ord(last) - ord(first) for first, last in ranges)
            return sum(max(0, width) // _LOOKED_UP_AT_ONCE for width in widths)
        case _:
            return _WORK_TO_MAKE.get(key, _WORK_TO_MAKE.get(category, 0))


def _shown_key(key: Node) -> str:
    return repr(key[:40]) if isinstance(key, str) else repr(key) if type(key) in _SINGLE else "…"


def _within(place: str, key: object) -> str:
    """A place within a container; one that is nested deeply is not told apart."""
    return f"{place}[{key}]" if len(place) < _LONGEST_PLACE else place


def _attribute_of(place: str) -> str:
    """The attribute of a class in which a place lies; empty where it lies in none."""
    attribute = place.partition("[")[0]
    return attribute if _ATTRIBUTE.fullmatch(attribute) else ""


def _article(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def _object_in_words(key: str) -> str:
    """What a message calls an object of a class, or what a function makes."""
    if key == "builtins.getattr":
        return "a method of an object"
    if _MAKES_CODE.search(key):
        return "code of a lambda, notebook or script (move it to a module that can be imported)"
    return _article(key)


def _expected(kinds: Kinds) -> str:
    """The kinds in words, for a message."""
    if OBJECT in kinds.words:
        return "what models are made of"
    shown = [word for word in kinds.words - {NO_NUMBERS, NO_OBJECTS, OBJECTS} if word[0] not in "'@"]
    shown.sort(key=lambda word: ("." in word, word))  # classes at last
    literals = sorted(word for word in kinds.words if word[0] == "'")
    if literals:
        shown.append("one of " + ", ".join(literals[:12]) if len(literals) > 1 else literals[0])
    shown += sorted(word[1:] for word in kinds.words if word[0] == "@")
    if kinds.items is not None and NUMBERS not in kinds.words:
        shown.append("a sequence")
    if kinds.keys is not None:
        shown.append("a dictionary")
    names = [_IN_WORDS.get(word, word) for word in shown]
    if len(names) > _MOST_EXPECTED:
        names[_MOST_EXPECTED:] = ["something else that genuine models have there"]
    return " or ".join(names) if names else "None or a number"


_IN_WORDS = {
    NUMBERS: "numbers",
    TEXT: "a text",
    LABELS: "labels",
    BYTES: "bytes",
    FUNCTION: "a function on the allow-list",
    TYPE: "a type of numbers",
    CONVERSION: "a type of numbers",
    TEMPLATE: "a text with {transformer_name} and {feature_name}",
    PARAMETER: "a parameter whose value is not executed and names no file",
    WEIGHTS: "a path to coef_ or feature_importances_",
    KEYWORD: "the name of an argument that is only read",
    OBJECT: "an object",
    "estimator": "an estimator",
}
