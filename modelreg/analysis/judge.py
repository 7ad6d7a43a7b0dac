"""Check an object graph against the policy: is every value of a kind that the policy allows in its place?

All formats use this one check. A finding names the place: ``StackingClassifier.estimators_[0] is a pathlib.PosixPath,
expected an estimator``. A name that is not in the policy is not a finding: loading is refused until the user trusts the
name, and its objects are checked here as if it were trusted.
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

_MAX_FINDINGS = 20
_MAX_PLACE_LENGTH = 200  # characters
_MAX_EXPECTED_KINDS = 3
"""How many kinds a message lists."""
_CREATES_CODE = re.compile(r"cloudpickle\.(_make_|_fill_|_builtin_type|subimport)")
_Task = tuple[Node, Kinds, str]
"""A value to check, the kinds that its place allows, and the place in words."""
_VALUES_PER_STEP = 16
"""Scanning this many items of a container costs as much as checking one value."""
_LOAD_COST = {
    "distribution": 300,
    "frozen_distribution": 30,
    "frame": 30,
    "index": 30,
    "offset": 10,
    "random": 50,
    **dict.fromkeys(("lightgbm.basic.Booster", "xgboost.core.Booster"), 500),
    **{f"catboost.core.CatBoost{name}": 500 for name in ("", "Classifier", "Ranker", "Regressor")},
}
"""Class or category that is slow to load -> its cost, as the number of values that can be checked in the same time."""
_MAX_PARSED_LENGTH = 256  # characters
_ACCEPT_LONG_STRINGS = frozenset(
    {
        *("_codecs.encode", "builtins.bytearray", "builtins.bytes", "builtins.KeyError", "builtins.RuntimeError"),
        *("builtins.TypeError", "builtins.ValueError", "operator.itemgetter", RECONSTRUCTOR),
    }
)
"""Callables that store a string unchanged. Others parse it, some with slow regular expressions."""
_RANGE = re.compile(r"(.)-(\\?.)", re.DOTALL)
_IGNORES_CASE = re.compile(r"\(\?[a-z]*i")
_MAX_RANGE_WIDTH = 1 << 16
"""Assumed number of characters in a range that ends with an escape."""
_LOOKUPS_PER_STEP = 20
"""Looking up this many characters of a range costs as much as checking one value."""
_SCALARS = frozenset({type(None), bool, int, float})
_STRINGS = frozenset({str})
_TEXT_ARRAYS, _OBJECT_ARRAYS, _NUMBER_ARRAYS = "SUT", "OT", "biufc"
PLAIN_ARRAYS = frozenset(
    {"numpy.ndarray", "numpy.memmap", "numpy.generic", "numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"}
)
_ATTRIBUTE = re.compile(r"\w+(\.\w+){2,}")
_MODULE_PREFIX = re.compile(r"^(\w+\.)+(?=\w+\.\w+)")
"""The module path before ``Class.attribute``, which messages leave out."""
METHODS_OF_ESTIMATORS = frozenset(
    {
        *("fit", "fit_predict", "fit_resample", "fit_transform", "partial_fit", "predict", "predict_log_proba"),
        *("predict_proba", "decision_function", "transform", "inverse_transform", "score", "score_samples", "sample"),
        *("apply", "decision_path", "kneighbors", "split", "get_n_splits", "get_support", "get_feature_names_out"),
        *("get_params", "set_params", "set_output", "get_metadata_routing", "staged_predict", "staged_predict_proba"),
        *("_get_tags", "_more_tags", "_repr_html_", "_repr_mimebundle_", "_validate_data", "_validate_params"),
    }
)
"""Methods that libraries call on objects of any class, so no attribute may replace them.

The other methods of a trusted class are checked when the class is imported (`modelreg.loading.unpickle`).
"""
_BUILTIN_BASES = frozenset({"dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple"})
"""Built-in base classes that pickle protocols 0 and 1 pass to the reconstructor of a derived class."""
_DTYPES = frozenset({"numpy.dtype", "numpy._core._internal._convert_to_stringdtype_kwargs"})


@dataclass(slots=True)
class Judgement:
    """The result of a check: why a graph is not safe."""

    findings: dict[str, None] = field(default_factory=dict)
    """Values of the wrong kind, as sentences that name the place."""
    unreadable: dict[str, None] = field(default_factory=dict)
    """Parts that cannot be checked, as clauses that continue 'it …'."""
    unlisted_names: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """(module, name) that is not in the policy -> the attributes that hold it as a value; an empty string stands for
    any other use."""
    class_attributes: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """(module, name) of a class that is not in the policy -> the attributes set on its objects, without those that
    hold only numbers."""


def judge(root: Node, objects: int, budget: Budget) -> Judgement:
    """Check the graph that a model file would build.

    ``objects`` is the number of objects in the graph: every one of them must be reached by the check.
    """
    walk = _Judge(budget)
    walk.check(root, policy().root, "the model")
    walk.check_all_objects_reached(objects)
    return walk.result


class _Judge:
    """One walk through a graph. It uses a stack instead of recursion, because a file may nest values to any depth."""

    def __init__(self, budget: Budget) -> None:
        self.result = Judgement()
        self._budget = budget
        self._policy = policy()
        self._pending: list[_Task | Iterator[_Task]] = []
        """The stack of values to check. Containers are on it as iterators, so long ones are never copied."""
        self._visited: set[tuple[int, int]] = set()
        self._checked: set[int] = set()
        self._reached: set[int] = set()
        self._class_kinds: dict[str, Kinds] = {}
        self._item_kinds: dict[int, Kinds | None] = {id(self._policy.root): self._policy.root}
        self._item_kinds[id(self._policy.simple)] = self._policy.simple
        self._item_kinds[id(self._policy.array_parts)] = self._policy.array_parts

    def check_all_objects_reached(self, objects: int) -> None:
        """Report an object that the walk did not reach, because its place allows no object."""
        if not self.result.findings and len(self._reached) != objects:
            self.result.unreadable["has an object in an unexpected place"] = None

    def check(self, node: Node, kinds: Kinds, place: str) -> None:
        """Check ``node`` in a place that allows ``kinds``, and everything inside ``node``."""
        pending, budget = self._pending, self._budget
        pending.append((node, kinds, place))
        while pending and len(self.result.findings) < _MAX_FINDINGS:
            budget.judged -= 1
            if budget.judged < 0:
                self.result.unreadable["has too many values to check"] = None
                return
            last = pending[-1]
            task = last if type(last) is tuple else next(last, None)  # type: ignore[arg-type]
            if task is None or task is last:
                pending.pop()
            if task is None:
                continue
            node, kinds, place = task
            node = resolved(node)
            if type(node) in _SCALARS:
                if NO_NUMBERS in kinds.words and node is not None:
                    self._add_mismatch(place, "a number", kinds)
                continue
            if type(node) is not str:
                visit = id(node), id(kinds)
                if visit in self._visited:
                    continue
                self._visited.add(visit)
            try:
                self._check_value(node, kinds, place)
            except UnreadablePickle as error:
                self.result.unreadable[str(error)] = None

    def _spend(self, values: int) -> None:
        """Charge the budget for ``values`` further values; the walk ends when the budget is used up."""
        self._budget.judged -= values

    def _check_value(self, node: Node, kinds: Kinds, place: str) -> None:
        words = kinds.words
        match node:
            case str():
                self._check_text(node, kinds, place)
            case bytes() | OmittedValue():
                self._check_bytes(node, kinds, place)
            case list() | tuple() | SetOf():
                self._check_sequence(node.items if isinstance(node, SetOf) else node, kinds, place)
            case dict():
                self._check_dictionary(node, kinds, place)
            case Global():
                self._check_name(node, kinds, place)
            case Object() | Array():
                self._check_object(node, kinds, place)
            case Persistent(id):
                if STORAGE not in words:
                    self._add_mismatch(place, "an object stored outside the file", kinds)
                self._pending.append((id, self._policy.storage_id, place))

    def _check_text(self, node: str, kinds: Kinds, place: str) -> None:
        if TIME_ZONE_FILE in node:
            self._add_mismatch(place, f"{node[:80]!r}, which names a file", kinds)
        elif kinds.words.isdisjoint((TEXT, LABELS, literal(node))):
            is_keyword = KEYWORD in kinds.words and node not in WRITING_KEYWORDS
            if not is_keyword and not any(FORMS[word].fullmatch(node) for word in kinds.words & FORMS.keys()):
                self._add_mismatch(place, repr(node[:80]), kinds)

    def _check_bytes(self, node: bytes | OmittedValue, kinds: Kinds, place: str) -> None:
        type_name = node.type_name if isinstance(node, OmittedValue) else "bytes"
        if type_name == "str":
            is_allowed = TEXT in kinds.words or LABELS in kinds.words
        else:
            is_allowed = type_name != "int" and BYTES in kinds.words
        if isinstance(node, OmittedValue) and node.names_file:
            self._add_mismatch(place, "a string that names a file", kinds)
        elif not is_allowed:
            long_value = "a very large number" if type_name == "int" else f"a very long {type_name}"
            self._add_mismatch(place, long_value if isinstance(node, OmittedValue) else "bytes", kinds)

    def _check_sequence(self, values: Sequence[Node], kinds: Kinds, place: str) -> None:
        self._spend(len(values) // _VALUES_PER_STEP)
        types = set(map(type, values))
        item_kinds = self._kinds_of_items(kinds)
        if types <= _SCALARS and (item_kinds is not None or not types):
            return
        if item_kinds is None:
            self._add_mismatch(place, "a sequence", kinds)
        elif not (types <= _SCALARS | _STRINGS and TEXT in item_kinds.words):
            self._pending.append(
                (value, item_kinds, _item_place(place, index))
                for index, value in enumerate(values)
                if type(value) not in _SCALARS
            )

    def _kinds_of_items(self, kinds: Kinds) -> Kinds | None:
        if id(kinds) not in self._item_kinds:
            self._item_kinds[id(kinds)] = kinds.of_items
        return self._item_kinds[id(kinds)]

    def _check_dictionary(self, entries: Mapping[Node, Node], kinds: Kinds, place: str) -> None:
        if not entries:
            return
        if kinds.keys is None or kinds.values is None:
            self._add_mismatch(place, "a dictionary", kinds)
            return
        self._spend(len(entries) // _VALUES_PER_STEP)
        keys, values = kinds.keys, kinds.values
        if not (TEXT in kinds.keys.words and set(map(type, entries)) <= _SCALARS | _STRINGS):
            self._pending.append((key, keys, f"a key of {place}") for key in entries)
        if not set(map(type, entries.values())) <= _SCALARS:
            self._pending.append(
                (value, values, _item_place(place, _show_key(key)))
                for key, value in entries.items()
                if type(value) not in _SCALARS
            )

    def _check_name(self, node: Global, kinds: Kinds, place: str) -> None:
        policy, words = self._policy, kinds.words
        if not policy.has(node):
            self._add_unlisted_name(node, _class_attribute(place) if FUNCTION in words else "")
        elif not (
            f"@{node.dotted}" in words
            or (FUNCTION in words and node.dotted in policy.functions)
            or (TYPE in words and node.dotted in policy.types)
            or (CONVERSION in words and node.dotted in policy.conversions)
        ):
            self._add_mismatch(place, node.dotted, kinds)

    def _add_unlisted_name(self, node: Global, attribute: str) -> None:
        self.result.unlisted_names.setdefault((node.module, node.name), set()).add(attribute)

    def _check_object(self, node: Object | Array, kinds: Kinds, place: str) -> None:
        instance = resolved(node.elements) if isinstance(node, Array) else node
        if isinstance(instance, Object):
            self._reached.add(id(instance))
        content = array_content(node) or scalar_content(node)
        if content is not None:
            if isinstance(node, Object) and any(part is not None for part in (node.items, node.entries, node.keywords)):
                self._add_mismatch(place, "an array with additional items", kinds)
            self._check_array(content, kinds, place)
            self._pending += [(part, self._policy.array_parts, place) for part in content.parts]
            return
        assert isinstance(node, Object)
        constructor = resolved(node.constructor)
        if (by_name := call_by_name(node)) is not None:
            self._reached.add(id(constructor))
            node, constructor = by_name, by_name.constructor
        if type(constructor) is not Global:
            self._add_mismatch(
                place, "created by calling a value in the file instead of a named function or class", kinds
            )
            return
        key = class_of(node) or constructor.dotted
        owner = self._policy.classes.get(key)
        if owner is not None and self._policy.has(constructor):
            if owner.category in kinds.words or key in kinds.words or OBJECT in kinds.words:
                if id(node) not in self._checked:
                    self._checked.add(id(node))
                    self._spend(_load_cost(node, constructor, key, owner.category))
                    self._check_members(node, constructor, key, owner)
            else:
                self._add_mismatch(place, _describe_object(key), kinds)
            return
        self._check_unlisted_class(node, constructor, kinds, place)

    def _check_unlisted_class(self, node: Object, constructor: Global, kinds: Kinds, place: str) -> None:
        named = class_to_make(node) or constructor
        if self._policy.has(named):
            self._add_mismatch(place, f"created by an unexpected call to {constructor.dotted}", kinds)
        elif self._policy.admits_trusted_classes(kinds) and is_trustable(named.module, named.name):
            self._check_trusted_object(node, named)
        else:
            self._add_unlisted_name(named, "")
            self._add_mismatch(place, _describe_object(named.dotted), kinds)

    def _check_array(self, content: ArrayContent, kinds: Kinds, place: str) -> None:
        words, is_text = kinds.words, content.kind in _TEXT_ARRAYS
        if content.class_name not in PLAIN_ARRAYS | words and OBJECT not in words:
            self._add_mismatch(place, _article(content.class_name), kinds)
        elif content.class_name == "numpy.generic":
            if NO_NUMBERS in words:
                self._add_mismatch(place, "a number", kinds)
            elif is_text:
                self._check_text_scalar(content, kinds, place)
            elif content.kind == "O":
                self._add_mismatch(place, "a NumPy scalar of an object", kinds)
        elif content.kind in _OBJECT_ARRAYS:
            if kinds.admits_objects:
                self._check_sequence(content.elements, kinds, place)
            else:
                self._add_mismatch(place, "an array of objects", kinds)
        elif LABELS not in words and (is_text or NUMBERS not in words) and OBJECT not in words:
            self._add_mismatch(place, "an array of strings" if is_text else "an array of numbers", kinds)

    def _check_text_scalar(self, content: ArrayContent, kinds: Kinds, place: str) -> None:
        """Check a NumPy string like a Python string, because libraries treat them alike."""
        text = get_scalar_text(content)
        if text is not None:
            self._check_text(text, kinds, place)
        elif content.kind == "U" or not {TEXT, LABELS} & kinds.words:
            self._add_mismatch(place, "a string", kinds)

    def _check_members(self, node: Object, constructor: Global, key: str, owner: ClassPolicy) -> None:
        """Check the arguments, items and state of an object whose class is allowed in its place."""
        short = key.rpartition(".")[2]  # for findings; places of attributes use the whole name
        if key in _DTYPES:
            dtype_of(node)
            parts = (node.arguments, node.keywords, node.items, node.entries, node.state)
            self._pending += [(part, self._policy.array_parts, short) for part in parts if part is not ABSENT]
            return
        accepted = owner.new if node.is_new else self._policy.calls.get(constructor.dotted)
        if accepted is None:
            self._add_finding(f"{short} is created by an unexpected call to {constructor.dotted}")
            return
        arguments = node.arguments if isinstance(node.arguments, tuple) else (node.arguments,)
        if len(arguments) > len(accepted) or (node.keywords is not None and owner.keywords is None):
            self._add_finding(f"{short} is created with unexpected arguments")
            return
        if not node.is_new and constructor.dotted == RECONSTRUCTOR:  # which protocols 0 and 1 call for any class
            if owner.new is None and f"@{key}" not in accepted[0].words:
                self._add_finding(f"{short} is created by an unexpected call to {RECONSTRUCTOR}")
            content = owner.entries or owner.items or accepted[2]  # for a subclass of dict or list
            accepted = (self._kinds_of_class(key), accepted[1], content)
        for number, (argument, kinds) in enumerate(zip(arguments, accepted, strict=False), 1):
            if constructor.dotted not in _ACCEPT_LONG_STRINGS and _has_long_string(argument):
                self._add_finding(f"argument {number} of {short} is a string that is slow to parse")
            self._pending.append((argument, kinds, f"argument {number} of {short}"))
        self._check_optional(node.keywords, owner.keywords, short, "keyword arguments")
        self._check_optional(node.items, owner.items, short, "items")
        self._check_optional(node.entries, owner.entries, short, "entries")
        if key == "functools.partial":
            self._check_partial(node)
        if node.state is not ABSENT:
            self._check_state(node, owner, key)

    def _check_partial(self, node: Object) -> None:
        """Refuse positional arguments for pandas functions: the data would land in a parameter for a type or name."""
        match resolved(node.state):
            case (function, arguments, *_) if arguments != () and isinstance(function := resolved(function), Global):
                if function.module.partition(".")[0] == "pandas":
                    self._add_finding(f"partial calls {function.dotted} with unexpected positional arguments")

    def _kinds_of_class(self, key: str) -> Kinds:
        """The kinds that allow only this class. Cached, because `_visited` compares kinds by id."""
        if key not in self._class_kinds:
            self._class_kinds[key] = Kinds(frozenset({f"@{key}"}))
        return self._class_kinds[key]

    def _check_optional(self, value: Node, kinds: Kinds | None, short: str, part: str) -> None:
        if value is not None and kinds is None:
            self._add_finding(f"{short} has unexpected {part}")
        elif value is not None and kinds is not None:
            self._pending.append((value, kinds, f"the {part} of {short}"))

    def _check_state(self, node: Object, owner: ClassPolicy, key: str) -> None:
        short = key.rpartition(".")[2]
        if _has_slots(resolved(node.state)) and not owner.has_slots:
            self._add_finding(f"{short} has an unexpected state of two dictionaries")
            return
        for table in _attribute_tables(node):
            self._spend(len(table) // 2)
            for name, value in table.items():
                if not isinstance(name, str):
                    self._add_finding(f"{short} has an attribute whose name is not a string")
                elif (kinds := owner.attributes.get(name) or self._policy.kinds_of_extra(owner, name)) is None:
                    self._add_finding(f"{short}.{name} is an unexpected attribute")
                elif METHOD in kinds.words and is_own_method(value, node, name):
                    self._reached.add(id(resolved(value)))
                elif type(value) not in _SCALARS:
                    self._pending.append((value, kinds, f"{key}.{name}"))
        for index, value in enumerate(_other_state(node)):
            if index < len(owner.state):
                self._pending.append((value, owner.state[index], f"part {index + 1} of the state of {short}"))
            else:
                self._add_finding(f"{short} has an unexpected state")

    def _check_trusted_object(self, node: Object, cls: Global) -> None:
        """Check an object of a class outside the policy, which is loaded only if the user trusts the class."""
        self._add_unlisted_name(cls, "")
        if class_of(node) is None:  # a function: loading never calls it, even if it is trusted
            self._add_finding(f"{cls.dotted} is called: trusted functions may only be stored as values")
        if id(node) in self._checked:
            return
        self._checked.add(id(node))
        short, simple = cls.name, self._policy.simple
        attributes = self.result.class_attributes.setdefault((cls.module, cls.name), set())
        self._pending += [
            (part, simple, f"an argument of {short}")
            for part in (self._arguments_of_trusted(node, short), node.keywords, node.items, node.entries)
            if part is not None
        ]
        for table in _attribute_tables(node):
            self._spend(len(table))
            for name, value in table.items():
                if not isinstance(name, str) or _hides_method(name, value):
                    self._add_finding(f"{short}.{name if isinstance(name, str) else '?'} hides a method")
                    continue
                if not _is_numeric(value):
                    attributes.add(name)
                self._pending.append((value, self._policy.kinds_in_trusted_class(name), f"{short}.{name}"))
        for value in _other_state(node):
            if isinstance(resolved(value), Object):  # Python would read a subclass of dict as attributes
                self._add_finding(f"the state of {short} is an object")
            self._pending.append((value, simple, f"the state of {short}"))

    def _arguments_of_trusted(self, node: Object, short: str) -> Node:
        """The arguments of an object; for the reconstructor, without the class and its built-in base."""
        if class_to_make(node) is None:
            return node.arguments
        match node.arguments:
            case (_, Global("builtins", name), content) if name in _BUILTIN_BASES:
                return content
        self._add_finding(f"{short} is created by an unexpected call to {RECONSTRUCTOR}")
        return None

    def _add_mismatch(self, place: str, value: str, kinds: Kinds) -> None:
        self._add_finding(f"{_MODULE_PREFIX.sub('', place)} is {value}, expected {_describe_kinds(kinds)}")

    def _add_finding(self, sentence: str) -> None:
        if len(self.result.findings) < _MAX_FINDINGS:
            self.result.findings[sentence] = None


def _hides_method(name: str, value: Node) -> bool:
    """Whether an attribute of a user's class replaces something that libraries call. A docstring does not."""
    if name == "__doc__":
        return value is not None and not isinstance(value, str | OmittedValue)
    return name in METHODS_OF_ESTIMATORS or name.startswith("__")


def _is_numeric(value: Node) -> bool:
    """Whether a value is a number, None or an array of numbers, and so cannot be called."""
    value = resolved(value)
    content = array_content(value) if isinstance(value, Object | Array) else None
    return type(value) in _SCALARS or (content is not None and content.kind in _NUMBER_ARRAYS)


def is_own_method(value: Node, owner: Object, name: str) -> bool:
    """Whether ``value`` is the bound method ``name`` of ``owner`` itself, as pickle writes it."""
    match resolved(value):
        case Object(Global("builtins", "getattr"), (Reference(target), str(attribute)), False):
            return target is owner and attribute == name
        case _:
            return False


def _attribute_tables(node: Object) -> Iterator[Mapping[Node, Node]]:
    """The dictionaries of attributes in the state of an object: one, or a second one for slots.

    Some subclasses of dict have themselves as their state: then their entries become attributes.
    """
    state = resolved(node.state)
    if state is node and (entries := _entry_tables(node)):
        yield from entries
    elif isinstance(state, dict):
        yield state
    elif _has_slots(state):
        assert isinstance(state, tuple)
        yield from (part for part in map(resolved, state) if isinstance(part, dict))


def _entry_tables(node: Object) -> list[Mapping[Node, Node]]:
    """The entries of a subclass of dict: those in its arguments, and those that are set later."""
    arguments = node.arguments if isinstance(node.arguments, tuple) else ()
    tables: list[Mapping[Node, Node]] = [part for part in map(resolved, arguments) if isinstance(part, dict)]
    return tables if node.entries is None else [*tables, node.entries]


def _other_state(node: Object) -> Iterator[Node]:
    """The parts of a state that is not a dictionary of attributes."""
    state = resolved(node.state)
    if isinstance(state, tuple) and not _has_slots(state):
        yield from state
    elif not isinstance(state, dict | tuple) and state is not ABSENT and not (state is node and _entry_tables(node)):
        yield state


def _has_slots(state: Node) -> bool:
    return (
        isinstance(state, tuple)
        and len(state) == 2
        and all(part is None or isinstance(resolved(part), dict) for part in state)
    )


def _has_long_string(argument: Node) -> bool:
    """Whether an argument is a long string, or a dictionary with one under a key other than ``name``."""
    argument = resolved(argument)
    if isinstance(argument, dict):
        values = (value for key, value in argument.items() if key != "name" and not isinstance(value, dict))
        return any(map(_has_long_string, values))
    is_omitted = isinstance(argument, OmittedValue) and argument.type_name == "str"
    return is_omitted or (isinstance(argument, str) and len(argument) > _MAX_PARSED_LENGTH)


def _load_cost(node: Object, constructor: Global, key: str, category: str) -> int:
    """The cost of loading an object, in checked values.

    Compiling a regular expression that ignores case looks up every character of its ranges.
    """
    match constructor.dotted, node.arguments:
        case "re._compile", (str(pattern), int(flags), *_) if flags & re.IGNORECASE or _IGNORES_CASE.search(pattern):
            ranges = _RANGE.findall(pattern)
            widths = (_MAX_RANGE_WIDTH if "\\" in last else ord(last) - ord(first) for first, last in ranges)
            return sum(max(0, width) // _LOOKUPS_PER_STEP for width in widths)
        case _:
            return _LOAD_COST.get(key, _LOAD_COST.get(category, 0))


def _show_key(key: Node) -> str:
    return repr(key[:40]) if isinstance(key, str) else repr(key) if type(key) in _SCALARS else "…"


def _item_place(place: str, key: object) -> str:
    """The place of an item in a container. Deeply nested items share the place of their container."""
    return f"{place}[{key}]" if len(place) < _MAX_PLACE_LENGTH else place


def _class_attribute(place: str) -> str:
    """The ``package.module.Class.attribute`` that contains a place; empty if the place is in no attribute."""
    attribute = place.partition("[")[0]
    return attribute if _ATTRIBUTE.fullmatch(attribute) else ""


def _article(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


def _describe_object(key: str) -> str:
    """An object in a message, by the dotted name of its class or of the function that creates it."""
    if key == "builtins.getattr":
        return "a method of an object"
    if _CREATES_CODE.search(key):
        return "code of a lambda, notebook or script (move it to an importable module)"
    return _article(key)


def _describe_kinds(kinds: Kinds) -> str:
    """The kinds as a noun phrase for a message."""
    if OBJECT in kinds.words:
        return "an object of a class on the allow-list"
    words = [word for word in kinds.words - {NO_NUMBERS, NO_OBJECTS, OBJECTS} if word[0] not in "'@"]
    words.sort(key=lambda word: ("." in word, word))  # classes last
    literals = sorted(word for word in kinds.words if word[0] == "'")
    if literals:
        words.append("one of " + ", ".join(literals[:12]) if len(literals) > 1 else literals[0])
    words += sorted(word[1:] for word in kinds.words if word[0] == "@")
    if kinds.items is not None and NUMBERS not in kinds.words:
        words.append("a sequence")
    if kinds.keys is not None:
        words.append("a dictionary")
    names = [_KIND_NAMES.get(word, word) for word in words]
    if len(names) > _MAX_EXPECTED_KINDS:
        names[_MAX_EXPECTED_KINDS:] = ["another kind that is allowed there"]
    return " or ".join(names) if names else "None or a number"


_KIND_NAMES = {
    NUMBERS: "numbers",
    TEXT: "a string",
    LABELS: "labels",
    BYTES: "bytes",
    FUNCTION: "a function on the allow-list",
    TYPE: "a number or string type",
    CONVERSION: "a number or string type",
    TEMPLATE: "a template with {transformer_name} and {feature_name}",
    PARAMETER: "the name of a parameter that is neither executed nor a file",
    WEIGHTS: "a path to coef_ or feature_importances_",
    KEYWORD: "the name of a read-only argument",
    OBJECT: "an object",
    "estimator": "an estimator",
}
