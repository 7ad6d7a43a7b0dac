"""The state of one unpickling: a stack, the stacks below its marks, the memo, and what was noticed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeGuard

from modelreg.security import uses
from modelreg.security.joblib_arrays import ANY_WRAPPER, WRAPPER
from modelreg.security.pickle_stream import LimitReached, PickleStream, UnreadablePickle
from modelreg.security.stand_ins import Global, Items, Made, Plain, StandIn, Table, class_of

TEXT_KEPT = 1024  # characters; a longer text is never a name, nor a type's code
_MOST_TEXT = 32 << 20  # characters kept in all
_MOST_OBJECTS = 3_000_000
_MOST_FAR_MEMOS = 500_000  # places in the memo that lie beyond the next one
_ENTRIES_KEPT = 256  # of one dictionary
_ITEMS_KEPT = 16  # of one list
_PRICE_OF_ENTRIES = 4  # of a dictionary that has any, in objects
_MOST_REMARKS = 20  # of a kind

_GETATTR = "builtins.getattr"
_LOOKUP = Global("builtins", "getattr")
_LONG_TEXT = Plain("builtins.str")
COMPUTED = Global("?", "?")
"""What stands for an import whose name the pickle computes."""


@dataclass(slots=True)
class Remarks:
    """What was noticed besides names, as sentences that go on from 'it …', each kind without repetition."""

    dangers: dict[str, None] = field(default_factory=dict)
    """Changes what other code is, or hides what it does."""
    surprises: dict[str, None] = field(default_factory=dict)
    """Nothing that the libraries' own models do."""
    doubts: dict[str, None] = field(default_factory=dict)
    """Python's unpicklers might read it otherwise than we do, or not at all."""

    @staticmethod
    def note(kind: dict[str, None], sentence: str) -> None:
        """Write down one sentence, while there are not too many."""
        if len(kind) < _MOST_REMARKS:
            kind[sentence] = None


@dataclass(slots=True)
class Budget:
    """What may still be done; inner pickles draw on the same."""

    operations: int
    text: int = _MOST_TEXT
    objects: int = _MOST_OBJECTS

    def take_object(self, price: int = 1) -> None:
        """One object more; raises `LimitReached`."""
        self.objects -= price
        if self.objects < 0:
            raise LimitReached


class PickleState:
    """What the operations work on, with stand-ins for objects."""

    def __init__(
        self,
        stream: PickleStream,
        budget: Budget,
        found: dict[tuple[str, str], Global],
        remarks: Remarks,
        *,
        joblib: bool,
        persistent: bool,
    ) -> None:
        """``joblib``: raw arrays follow its wrappers; ``persistent``: somebody resolves persistent ids."""
        self.stream = stream
        self.budget = budget
        self.found = found
        self.remarks = remarks
        self.joblib = joblib
        self.persistent = persistent
        self.stack: list[StandIn] = []
        self.below: list[list[StandIn]] = []
        self.memo: list[StandIn] = []
        self.far_memo: dict[int, StandIn] = {}
        self.protocol = 0
        self.calls = 0
        self.wrapper: Global | None = None
        """joblib's wrapper of arrays, once it was imported."""
        self.wrappers_named = self.wrappers_made = self.wrappers_filled = 0
        self.lookups_named = self.lookups_made = 0
        self.method_names: list[StandIn] = []
        """What stands where a state names methods; looked at when nothing can be added any more."""

    def first(self) -> StandIn:
        """The object that was put first and is still there."""
        bottom = (self.below or [self.stack])[0]
        return bottom[0] if bottom else None

    def push(self, value: StandIn) -> None:
        """Put ``value`` on the stack."""
        self.stack.append(value)

    def pop(self) -> StandIn:
        """Take the last value since the last mark."""
        if not self.stack:
            raise UnreadablePickle("it takes from an empty stack")
        return self.stack.pop()

    def last(self) -> StandIn:
        """The last value since the last mark, left where it is."""
        if not self.stack:
            raise UnreadablePickle("it looks at an empty stack")
        return self.stack[-1]

    def mark(self) -> None:
        """Begin a new stack on top."""
        self.budget.take_object()
        self.below.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[StandIn]:
        """Take everything since the last mark, and the mark."""
        if not self.below:
            raise UnreadablePickle("it goes back to a mark that was not set")
        taken, self.stack = self.stack, self.below.pop()
        return taken

    def text(self, text: str) -> StandIn:
        """A text; a stand-in for a long one, and for all when too many were kept."""
        if len(text) > TEXT_KEPT:
            return _LONG_TEXT
        self.budget.text -= len(text)
        if self.budget.text < 0:
            self.doubt("has more texts than are kept")
            return _LONG_TEXT
        return text

    def push_text(self, length: int) -> None:
        """Put a text of ``length`` bytes in UTF-8."""
        if length > 4 * TEXT_KEPT:
            self.stream.skip(length)
            self.push(_LONG_TEXT)
            return
        try:
            text = self.stream.read(length).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise UnreadablePickle("a text is not UTF-8") from None
        self.push(self.text(text))

    def push_plain(self, plain: Plain, length: int) -> None:
        """Put an object whose ``length`` bytes are not kept."""
        self.stream.skip(length)
        self.push(plain)

    def push_table(self) -> None:
        """Put an empty dictionary."""
        self.budget.take_object()
        self.push(Table())

    def push_list(self) -> None:
        """Put an empty list."""
        self.budget.take_object()
        self.push(Items())

    def push_again(self, value: StandIn) -> None:
        """Put what was there before."""
        if isinstance(value, Global):
            self._count_use(value)
        elif isinstance(value, Made) and value.is_wrapper:
            self.doubt("uses joblib's wrapper of arrays as joblib never does")
        self.stack.append(value)

    def push_tuple(self, items: list[StandIn]) -> None:
        """Put a tuple."""
        self.budget.take_object()
        self.push(tuple(items))

    def push_made(self, maker: StandIn, arguments: StandIn, *, as_class: bool) -> None:
        """Put what a call returns."""
        self.budget.take_object()
        self.calls += 1
        if isinstance(maker, Global):
            if maker.dotted == _GETATTR:
                self._look_up(arguments)
                return
            if maker.dotted in uses.OPENS_FILES:
                self.remarks.note(self.remarks.dangers, f"opens a file with {maker.dotted}")
            surprise = None if as_class else uses.call(maker, arguments)
            if surprise is not None:
                self.remarks.note(self.remarks.surprises, surprise)
        elif _is_attribute(maker):
            self.remarks.note(self.remarks.dangers, "calls an attribute that it has looked up")
        elif not _is_type_of_cloudpickle(maker):
            self.remarks.note(self.remarks.surprises, "calls something that it has made itself")
        made = Made(maker, arguments, as_class)
        if self.wrapper is not None and class_of(made) == WRAPPER:
            self.wrappers_made += 1
            made.is_wrapper = True
        self.push(made)

    def _look_up(self, arguments: StandIn) -> None:
        """Put what ``getattr`` returns: of an import, the import of its attribute."""
        self.lookups_made += 1
        match arguments:
            case (Global() as owner, str(attribute)) if attribute.isidentifier():
                self.push(self.import_name(owner.module, f"{owner.name}.{attribute}"))
                return
            case (owner, str(method)) if method.isidentifier() and method[0] != "_" and not isinstance(owner, Global):
                self.remarks.note(self.remarks.surprises, "looks up a method of what it has made")
            case _:
                self.remarks.note(self.remarks.dangers, "looks up an attribute of what it imports")
        self.push(Made(_LOOKUP, arguments, as_class=False))

    def give_state(self, target: Made, state: StandIn) -> None:
        """Let ``target`` have a state, the last one where there are several."""
        for surprise in uses.state(target, state):
            self.remarks.note(self.remarks.surprises, surprise)
        target.state_is_whole = target.state is None
        target.state, target.array_type = state, None
        problem = uses.type_problem(target)
        if problem is not None:
            self.doubt(problem)
        self.method_names += uses.method_names(state)

    def finish(self) -> None:
        """Look at what can be told only at the end of the pickle."""
        if not all(map(uses.names_methods, self.method_names)):
            self.remarks.note(self.remarks.surprises, "names a method to be called that estimators do not have")
        if not self.wrappers_named == self.wrappers_made == self.wrappers_filled:
            self.doubt("uses joblib's wrapper of arrays as joblib never does")
        if self.lookups_named != self.lookups_made:
            self.remarks.note(self.remarks.dangers, "hands on what looks up attributes")

    def remember(self, index: int) -> None:
        """Write the last value into the memo."""
        value = self.last()
        known = len(self.memo)
        if index == known:
            self.memo.append(value)
            if self.far_memo:
                self.far_memo.pop(index, None)
        elif index < known:
            self.memo[index] = value
        elif len(self.far_memo) >= _MOST_FAR_MEMOS:
            raise LimitReached
        else:
            self.far_memo[index] = value

    def remember_next(self) -> None:
        """Write the last value into the place of the memo that its length tells."""
        if self.far_memo or not self.stack:
            self.remember(len(self.memo) + len(self.far_memo))
        else:
            self.memo.append(self.stack[-1])

    def recall(self, index: int) -> None:
        """Put what stands in the memo."""
        if index < len(self.memo):
            value = self.memo[index]
        elif index in self.far_memo:
            value = self.far_memo[index]
        else:
            raise UnreadablePickle("it recalls what it never remembered")
        self.push_again(value)

    def import_name(self, module: StandIn, name: StandIn) -> Global:
        """The stand-in of an import, written down."""
        if not isinstance(module, str) or not isinstance(name, str):
            for part in (module, name):
                if not isinstance(part, str | Made) and getattr(part, "class_name", "") != "builtins.str":
                    raise UnreadablePickle("it imports what is not named by texts")
            self.doubt("computes the name of what it imports")
            return COMPUTED
        if self.protocol < 3:
            module, name = names_in_python_3(module, name)
        known = self.found.get((module, name)) or self._found(Global(module, name))
        self._count_use(known)
        return known

    def _count_use(self, imported: Global) -> None:
        """What models always use in one way has to be used as often as it is put."""
        if imported is self.wrapper:
            self.wrappers_named += 1
        elif imported.name == "getattr" and imported.dotted == _GETATTR:
            self.lookups_named += 1

    def change(self, target: StandIn, what: str) -> None:
        """Something is written to ``target``: harmless unless it is an import, which everybody shares."""
        if isinstance(target, Global):
            self.remarks.note(self.remarks.dangers, f"{what} {target.dotted}")
        elif (surprise := uses.addition(target)) is not None:
            self.remarks.note(self.remarks.surprises, surprise)

    def append(self, values: list[StandIn]) -> None:
        """Add values to the list or set that stands last."""
        target = self.last()
        if not isinstance(target, Items):
            self.change(target, "adds to")
            return
        room = _ITEMS_KEPT - len(target.items)
        target.items += values[:room]
        target.whole = target.whole and len(values) <= room

    def doubt(self, sentence: str) -> None:
        """What is read from here on need not be what Python reads."""
        self.remarks.note(self.remarks.doubts, sentence)

    def add(self, pairs: list[StandIn]) -> None:
        """Put keys and values into the dictionary that stands last."""
        if len(pairs) % 2:
            raise UnreadablePickle("a key has no value")
        target = self.last()
        if not isinstance(target, Table):
            self.change(target, "sets items of")
            return
        if pairs and not target.entries:
            self.budget.take_object(_PRICE_OF_ENTRIES)
        if _are_plain(keys := pairs[::2]) and len(target.entries) + len(keys) <= _ENTRIES_KEPT:
            target.entries.update(zip(keys, pairs[1::2], strict=True))  # one by one it takes three times as long
            return
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not isinstance(key, str):
                target.whole = False
                target.odd = target.odd or uses.odd_key(key)
                continue
            if len(target.entries) < _ENTRIES_KEPT or uses.is_watched(key):
                target.entries[key] = value
            else:
                target.whole = False
            if key[:2] == "__":
                target.odd = target.odd or uses.odd_key(key)

    def _found(self, imported: Global) -> Global:
        self.budget.take_object()
        self.found[imported.module, imported.name] = imported
        if imported.dotted == WRAPPER:
            self.wrapper = imported
        elif imported.name.rpartition(".")[2] in ANY_WRAPPER:
            self.doubt(f"imports joblib's wrapper of arrays as {imported.dotted}")
        return imported


def _are_plain(keys: list[StandIn]) -> TypeGuard[list[str]]:
    """Whether all are texts and none begins with two underscores; may say no when in doubt."""
    try:
        return "__" not in "".join(keys)  # type: ignore[arg-type]  # TypeError for what is no text
    except TypeError:
        return False


def _is_attribute(maker: StandIn) -> bool:
    match maker:
        case Made(Global() as function):
            return function.dotted == _GETATTR
        case _:
            return False


def _is_type_of_cloudpickle(maker: StandIn) -> bool:
    """A class that cloudpickle makes or looks up, of which instances are then made."""
    match maker:
        case Made(Global("cloudpickle.cloudpickle", "_make_skeleton_class" | "_make_skeleton_enum" | "_builtin_type")):
            return True
        case _:
            return False


def names_in_python_3(module: str, name: str) -> tuple[str, str]:
    """What a pickle of protocols 0 to 2 means, which names modules as Python 2 did: ``__builtin__``, ``copy_reg``."""
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name
