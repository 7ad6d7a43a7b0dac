"""The state of one unpickling: a stack, the stacks below its marks, and the memo."""

from __future__ import annotations

from modelreg.security.pickle_stream import LimitReached, PickleStream, UnreadablePickle
from modelreg.security.stand_ins import Global, Plain, StandIn, Table

MOST_OPERATIONS = 500_000  # about half a second
TEXT_KEPT = 256  # characters; a longer text is never a name, nor a type's code
_MOST_TEXT = 16 << 20  # characters kept in all
_ENTRIES_KEPT = 64  # of one dictionary


class PickleState:
    """What the operations work on, with stand-ins for objects."""

    def __init__(self, stream: PickleStream, found: dict[tuple[str, str], Global], *, joblib: bool) -> None:
        self.stream = stream
        self.stack: list[StandIn] = []
        self.below: list[list[StandIn]] = []
        self.memo: dict[int, StandIn] = {}
        self.protocol = 0
        self.found = found
        self.operations_left = MOST_OPERATIONS
        self.text_left = _MOST_TEXT
        self.joblib = joblib

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
        self.below.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[StandIn]:
        """Take everything since the last mark, and the mark."""
        if not self.below:
            raise UnreadablePickle("it goes back to a mark that was not set")
        taken, self.stack = self.stack, self.below.pop()
        return taken

    def keep_text(self, data: bytes) -> StandIn:
        """A text; a long one as a stand-in."""
        self.text_left -= len(data)
        if self.text_left < 0:
            raise LimitReached
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise UnreadablePickle("a text is not UTF-8") from None

    def push_text(self, length: int) -> None:
        """Put a text of ``length`` bytes in UTF-8."""
        if length > TEXT_KEPT:
            self.stream.skip(length)
            self.push(Plain("builtins.str"))
        else:
            self.push(self.keep_text(self.stream.read(length)))

    def push_plain(self, class_name: str, length: int) -> None:
        """Put an object whose ``length`` bytes are not kept."""
        self.stream.skip(length)
        self.push(Plain(class_name))

    def remember(self, index: int) -> None:
        """Write the last value into the memo."""
        self.memo[index] = self.last()

    def recall(self, index: int) -> None:
        """Put what stands in the memo."""
        if index not in self.memo:
            raise UnreadablePickle("it recalls what it never remembered")
        self.push(self.memo[index])

    def import_name(self, module: StandIn, name: StandIn) -> Global:
        """The stand-in of an import, written down."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise UnreadablePickle("it imports what is not named by texts")
        if self.protocol < 3:
            module, name = _names_in_python_3(module, name)
        return self.found.setdefault((module, name), Global(module, name))

    def add(self, pairs: list[StandIn]) -> None:
        """Put keys and values into the dictionary that stands last."""
        if len(pairs) % 2:
            raise UnreadablePickle("a key has no value")
        target = self.last()
        if isinstance(target, Table):
            for key, value in zip(pairs[::2], pairs[1::2], strict=True):
                if isinstance(key, str) and len(target.entries) < _ENTRIES_KEPT:
                    target.entries[key] = value


def _names_in_python_3(module: str, name: str) -> tuple[str, str]:
    """Protocols 0 to 2 name modules as Python 2 did: ``__builtin__``, ``copy_reg``."""
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name
