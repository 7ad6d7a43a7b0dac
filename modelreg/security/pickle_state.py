"""The state of one unpickling: a stack, the stacks below its marks, the memo, and what was noticed."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelreg.security.joblib_arrays import ANY_WRAPPER, WRAPPER
from modelreg.security.pickle_stream import LimitReached, PickleStream, UnreadablePickle
from modelreg.security.stand_ins import Global, Made, Plain, StandIn, Table

TEXT_KEPT = 1024  # characters; a longer text is never a name, nor a type's code
_MOST_TEXT = 32 << 20  # characters kept in all
_MOST_OBJECTS = 3_000_000
_MOST_FAR_MEMOS = 500_000  # places in the memo that lie beyond the next one
_ENTRIES_KEPT = 256  # of one dictionary
_PRICE_OF_ENTRIES = 4  # of a dictionary that has any, in objects
_MOST_REMARKS = 20  # of a kind

_GETATTR = "builtins.getattr"
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
        self.has_wrapper = False

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

    def push_tuple(self, items: list[StandIn]) -> None:
        """Put a tuple."""
        self.budget.take_object()
        self.push(tuple(items))

    def push_made(self, maker: StandIn, arguments: StandIn, *, as_class: bool) -> None:
        """Put what a call returns."""
        self.budget.take_object()
        self.calls += 1
        if isinstance(maker, Global):
            if maker.dotted == _GETATTR and not _is_bound_method(arguments):
                self.remarks.note(self.remarks.dangers, "looks up an attribute of what it imports")
        elif _is_attribute(maker):
            self.remarks.note(self.remarks.dangers, "calls an attribute that it has looked up")
        elif not _is_type_of_cloudpickle(maker):
            self.remarks.note(self.remarks.surprises, "calls something that it has made itself")
        if self.has_wrapper and _hands_on_a_wrapper(maker, arguments):
            self.doubt("uses joblib's wrapper of arrays as joblib never does")
        self.push(Made(maker, arguments, as_class))

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
            self.stack.append(self.memo[index])
        elif index in self.far_memo:
            self.stack.append(self.far_memo[index])
        else:
            raise UnreadablePickle("it recalls what it never remembered")

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
        known = self.found.get((module, name))
        return known or self._found(Global(module, name))

    def change(self, target: StandIn, what: str) -> None:
        """Something is written to ``target``: harmless unless it is an import, which everybody shares."""
        if isinstance(target, Global):
            self.remarks.note(self.remarks.dangers, f"{what} {target.dotted}")

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
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if isinstance(key, str) and len(target.entries) < _ENTRIES_KEPT:
                target.entries[key] = value
            else:
                target.whole = False

    def _found(self, imported: Global) -> Global:
        self.budget.take_object()
        self.found[imported.module, imported.name] = imported
        if imported.dotted == WRAPPER:
            self.has_wrapper = True
        elif imported.name.rpartition(".")[2] in ANY_WRAPPER:
            self.doubt(f"imports joblib's wrapper of arrays as {imported.dotted}")
        return imported


def _is_bound_method(arguments: StandIn) -> bool:
    """Whether ``getattr`` is called as Python pickles the method of an instance."""
    match arguments:
        case (Made(), str(name)):
            return name.isidentifier() and not name.startswith("_")
        case _:
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


def _hands_on_a_wrapper(maker: StandIn, arguments: StandIn) -> bool:
    """Whether the wrapper's class is an argument, other than where protocols 0 and 1 make an instance of it."""
    if isinstance(maker, Global) and maker.dotted == "copyreg._reconstructor":
        return False
    values = arguments if isinstance(arguments, tuple) else ()
    return any(isinstance(each, Global) and each.dotted == WRAPPER for each in values)


def names_in_python_3(module: str, name: str) -> tuple[str, str]:
    """What a pickle of protocols 0 to 2 means, which names modules as Python 2 did: ``__builtin__``, ``copy_reg``."""
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name
