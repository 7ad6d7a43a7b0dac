"""Compares the pickle reader with Python: for accepted pickles, Python's unpicklers must build the same objects.

Pickles that the reader rejects are not compared. ``python tests/analysis/unpickler_comparison.py SECONDS`` tests
random pickles for that time.
"""

from __future__ import annotations

import collections
import copyreg
import datetime
import io
import pickle
import pickletools
import random
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from passive_unpicklers import find_difference, load_in_c, load_in_python

from modelreg.analysis.pickle.reader import Budget, End, Reading, read_pickles

ARGUMENTS = {code.code.encode("latin-1"): code.arg for code in pickletools.opcodes}
OPERATIONS = list(ARGUMENTS)
TEXTS = ["os", "system", "collections", "OrderedDict", "a.b", "__builtin__", "eval", "copy_reg", "_reconstructor", "é"]
TEXTS += ["builtins", "getattr", "cloudpickle.cloudpickle", "_class_setstate"]

LIKELY_ERRORS = [b"2", b"0", b"s", b"a", b"e", b"b", b"(", b"\x94", b"h", b"q", b"N"]

BATCH = 2000
EXTRA_MEMORY = 256 << 20


@contextmanager
def limited_memory() -> Iterator[None]:
    """Limit the memory of the process: Python allocates gigabytes for large memo indices in a pickle."""
    memory_size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory_size + EXTRA_MEMORY, hard_limit))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft_limit, hard_limit))


def read(data: bytes) -> Reading:
    """Read a pickle with the pickle reader, accepting persistent ids as PyTorch does."""
    return next(read_pickles(io.BytesIO(data), len(data), Budget(100_000), persistent=True))


def find_divergence(data: bytes) -> str | None:
    """Return how Python's result differs from the graph of an accepted pickle; None if equal or not accepted."""
    reading = read(data)
    if reading.end is not End.STOP:
        return None
    for name, load in (("C", load_in_c), ("Python", load_in_python)):
        try:
            with limited_memory():
                value, position = load(data)
        except Exception as error:
            return f"the unpickler in {name} raises {error!r}"
        if position != reading.position:
            return f"the unpickler in {name} ends at {position}, the reader at {reading.position}"
        mismatch = find_difference(reading.top, value)
        if mismatch:
            return f"the unpickler in {name} builds something else: {mismatch}"
    return None


def random_argument(code: bytes, chooser: random.Random) -> bytes:
    """Random bytes for the argument of an opcode."""
    kind = ARGUMENTS[code]
    if kind is None:
        return b""
    text = chooser.choice(TEXTS).encode()
    number = chooser.choice([0, 1, 2, 3, 5, 300])
    match kind.name:
        case "stringnl_noescape_pair":
            return text + b"\n" + chooser.choice(TEXTS).encode() + b"\n"
        case "stringnl" | "stringnl_noescape":
            return chooser.choice([repr(chooser.choice(TEXTS)).encode(), b"'o\\x73'", text]) + b"\n"
        case "unicodestringnl":
            return chooser.choice([text, b"o\\u0073"]) + b"\n"
        case "decimalnl_short" | "decimalnl_long":
            return chooser.choice([b"0", b"1", b"2", b"01", b"0x10", b" 3", b"1_0", b"5L", b"-1", b"x"]) + b"\n"
        case "floatnl":
            return b"1.5\n"
        case name if name.startswith(("string", "unicode", "bytes", "bytearray", "long")):
            width = {"1": 1, "4": 4, "8": 8}.get(name[-1], 1)
            length = len(text) if chooser.random() < 0.9 else number
            return (length % 256**width).to_bytes(width, "little") + text
        case name:
            width = {"uint1": 1, "uint2": 2, "uint4": 4, "uint8": 8, "int4": 4, "float8": 8}.get(name, 1)
            return (number % 256**width).to_bytes(width, "little")


def random_pickle(chooser: random.Random) -> bytes:
    """Random opcodes, with a preference for ones that import, call and memoise."""
    often = [b"c", b"\x93", b"\x8c", b"X", b"R", b")", b"\x85", b"(", b"t", b"o", b"i", b"\x94", b"h", b"q", b"b", b"]"]
    start = chooser.choice([b"", b"\x80\x02", b"\x80\x04", b"\x80\x05"])
    codes = chooser.choices([*OPERATIONS, *often * 4], k=chooser.randrange(1, 40))
    return start + b"".join(code + random_argument(code, chooser) for code in codes) + b"."


def changed_pickle(chooser: random.Random) -> bytes:
    """A genuine pickle with some bytes changed, removed, repeated or inserted."""
    data = bytearray(chooser.choice(GENUINE))
    for _ in range(chooser.choice([1, 1, 2, 5])):
        at = chooser.randrange(len(data))
        match chooser.randrange(4):
            case 0:
                data[at] = chooser.randrange(256)
            case 1:
                del data[at : at + chooser.randrange(1, 9)]
            case 2:
                data[at:at] = data[at : at + chooser.randrange(1, 30)]
            case _:
                code = chooser.choice(OPERATIONS)
                data[at:at] = code + random_argument(code, chooser)
        data = data or bytearray(b".")
    return bytes(data)


def rearranged_pickle(chooser: random.Random) -> bytes:
    """A genuine pickle without frames, with some opcodes removed, repeated, exchanged or inserted."""
    operations = list(chooser.choice(GENUINE_OPERATIONS))
    for _ in range(chooser.choice([1, 1, 2, 5])):
        at, other = chooser.randrange(len(operations)), chooser.randrange(len(operations))
        match chooser.randrange(5):
            case 0:
                operations[at] = operations[other]
            case 1:
                operations[at:at] = operations[other : other + chooser.randrange(1, 5)]
            case 2:
                operations[at], operations[other] = operations[other], operations[at]
            case 3 if len(operations) > 5:
                del operations[at]
            case _:
                code = chooser.choice(OPERATIONS)
                operations[at] = code + random_argument(code, chooser)
    return b"".join(operations)


def _operations(data: bytes) -> list[bytes]:
    """The opcodes of a pickle with their arguments, without frames, whose lengths would be wrong after changes."""
    starts = [at for _, _, at in pickletools.genops(data)]
    pieces = [data[begin:end] for begin, end in zip(starts, [*starts[1:], None], strict=True)]
    return [piece for piece in pieces if piece[:1] != b"\x95"]


class _PickleWriter:
    """Writes random pickles in the form of Python's picklers, with an occasional wrong opcode."""

    def __init__(self, chooser: random.Random) -> None:
        self.chooser = chooser
        self.protocol = chooser.choice([0, 1, 2, 3, 4, 4, 5])
        self.data = bytearray([0x80, self.protocol]) if self.protocol > 1 else bytearray()
        self.memoised = 0
        self.errors = chooser.choice([0, 0.01, 0.05])

    def write(self) -> bytes:
        self.value(4)
        return bytes(self.data + b".")

    def value(self, depth: int) -> None:
        kinds = [self.atom, self.atom, self.memo_get]
        if depth:
            kinds += [self.list, self.dict, self.tuple, self.object, self.object, self.set]
        self.chooser.choice(kinds)(depth - 1)
        self.err()

    def err(self) -> None:
        while self.chooser.random() < self.errors:
            code = self.chooser.choice([*OPERATIONS, *LIKELY_ERRORS])
            self.data += code + random_argument(code, self.chooser)

    def memoise(self) -> None:
        if self.protocol >= 4:
            self.data += b"\x94"
        elif self.protocol == 0 or self.chooser.random() < self.errors:
            self.data += b"p%d\n" % self.memoised
        else:
            self.data += b"q" + bytes([self.memoised % 256])
        self.memoised += 1
        self.err()

    def memo_get(self, _: int) -> None:
        if not self.memoised:
            self.atom(0)
            return
        number = self.chooser.randrange(self.memoised) % 256
        self.data += b"h" + bytes([number]) if self.protocol else b"g%d\n" % number

    def atom(self, _: int) -> None:
        pickled = pickle.dumps(self.chooser.choice(ATOMS), self.protocol)
        opcodes = [(code.code, at) for code, _, at in pickletools.genops(pickled)]
        starts = next(at for code, at in opcodes if code not in ("\x80", "\x95"))
        end_time = next(at for code, at in opcodes if at > starts)
        self.data += pickled[starts:end_time]
        if self.chooser.random() < 0.3:
            self.memoise()

    def text(self) -> None:
        text = self.chooser.choice(TEXTS)
        encoded = text.encode()
        if self.protocol == 0:
            self.data += b"V" + text.encode("raw-unicode-escape") + b"\n"
        elif self.protocol < 4:
            self.data += b"X" + len(encoded).to_bytes(4, "little") + encoded
        else:
            self.data += b"\x8c" + bytes([len(encoded)]) + encoded
        if self.chooser.random() < 0.3:
            self.memoise()

    def list(self, depth: int) -> None:
        self.data += b"]" if self.protocol else b"(l"
        self.memoise()
        self.items(depth)

    def items(self, depth: int) -> None:
        if not self.protocol or self.chooser.random() < 0.3:
            self.value(depth)
            self.data += b"a"
        else:
            self.mark_and_values(depth, self.chooser.randrange(4))
            self.data += b"e"

    def mark_and_values(self, depth: int, count: int) -> None:
        self.data += b"("
        for _ in range(count):
            self.value(depth)

    def dict(self, depth: int) -> None:
        self.data += b"}" if self.protocol else b"(d"
        self.memoise()
        self.entries(depth)

    def entries(self, depth: int) -> None:
        one = not self.protocol or self.chooser.random() < 0.3
        self.data += b"" if one else b"("
        for _ in range(1 if one else self.chooser.randrange(3)):
            self.chooser.choice([self.text, self.text, self.text, lambda: self.value(depth)])()
            self.value(depth)
        self.data += b"s" if one else b"u"

    def tuple(self, depth: int) -> None:
        length = self.chooser.randrange(4)
        if length and length < 4 and self.protocol > 1:
            for _ in range(length):
                self.value(depth)
            self.data += bytes([0x84 + length])
        else:
            self.mark_and_values(depth, length)
            self.data += b"t"
        if self.chooser.random() < 0.7:
            self.memoise()

    def set(self, depth: int) -> None:
        if self.protocol < 4:
            self.object(depth)
        elif self.chooser.random() < 0.5:
            self.data += b"\x8f"
            self.memoise()
            self.mark_and_values(depth, self.chooser.randrange(4))
            self.data += b"\x90"
        else:
            self.mark_and_values(depth, self.chooser.randrange(4))
            self.data += b"\x91"
            self.memoise()

    def name(self) -> None:
        if self.protocol < 4:
            self.data += b"c" + "\n".join(self.chooser.choices(TEXTS, k=2)).encode() + b"\n"
        else:
            self.text()
            self.text()
            self.data += b"\x93"
        self.memoise()

    def object(self, depth: int) -> None:
        self.chooser.choice([self.name, self.name, self.name, lambda: self.value(depth)])()
        self.tuple(depth)
        code = self.chooser.choice([b"R", b"\x81"] if self.protocol > 1 else [b"R"])
        if self.protocol > 3 and self.chooser.random() < 0.2:
            self.dict(depth)
            code = b"\x92"
        self.data += code
        if self.chooser.random() < 0.8:
            self.memoise()
        if self.chooser.random() < 0.3:
            self.items(depth)
        if self.chooser.random() < 0.3:
            self.entries(depth)
        if self.chooser.random() < 0.5:
            self.value(depth)
            self.data += b"b"


def written_pickle(chooser: random.Random) -> bytes:
    """A random pickle that is close to what a pickler could write."""
    return _PickleWriter(chooser).write()


class Plain:
    """An instance with attributes."""

    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


class Slotted:
    """An instance without a dictionary."""

    __slots__ = ("value",)


class Listed(list):
    """An instance with items, entries and attributes."""


class Keywords(tuple):
    """Pickled with ``NEWOBJ_EX``."""

    def __new__(cls, *, items: tuple[object, ...] = ()) -> Keywords:
        return super().__new__(cls, items)

    def __getnewargs_ex__(self) -> tuple[tuple[object, ...], dict[str, object]]:
        return (), {"items": tuple(self)}


class OfFactory:
    """Pickled with a function that is registered in copyreg."""


def make_of_factory(cls: type, number: int) -> object:
    """The function that unpickles `OfFactory`."""
    return cls()


copyreg.pickle(OfFactory, lambda value: (make_of_factory, (OfFactory, 1)))
Point = collections.namedtuple("Point", "x y")

ATOMS = [
    None,
    True,
    False,
    0,
    1,
    255,
    256,
    65536,
    -1,
    2**31,
    -(2**70),
    2**600,
    0.0,
    -0.0,
    1.5,
    float("nan"),
    float("inf"),
]
ATOMS += [1e-300, "", "text", "ü\n\\u1234\0", "x" * 300, "\ud800"]


def _values() -> Iterator[object]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    rows, classes = np.arange(12.0).reshape(6, 2), ["a", "b"] * 3
    yield collections.OrderedDict(a=[1, 2.5, "text", b"bytes", None, True, {1, 2}, frozenset("ab"), (1, (2,))])
    yield [datetime.datetime(2026, 1, 1), 2**70, "ü" * 300, bytearray(b"x"), collections.Counter("aab")]
    yield {"array": np.arange(6.0).reshape(2, 3), "objects": np.array([None, "a"], object), "dtype": np.dtype("f8")}
    yield [str.lower, collections.OrderedDict.fromkeys, Point(1, Point(2, 3)), len, Plain]
    shared, circle, outer = [1], [], {}
    circle.append(circle)
    outer["self"] = (outer, circle, shared)
    plain = Plain(shared=shared, again=shared, circle=circle, factory=OfFactory(), outer=outer)
    plain.me = plain
    yield [plain, shared, outer, {plain: plain}, {1, "a", plain, (plain, 2)}, frozenset([plain, None])]
    yield make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, classes)
    yield DecisionTreeClassifier(max_depth=2, random_state=0).fit(rows, classes)


def _later_values() -> Iterator[object]:
    slotted = Slotted()
    slotted.value = [1.5, (None, slotted)]
    listed = Listed([slotted])
    listed.append(listed)
    listed.label = "label"
    yield [slotted, {"again": slotted, "listed": listed}, Keywords(items=(1, 2))]


def _genuine() -> Iterator[bytes]:
    for protocol in range(6):
        for value in (*_values(), *(_later_values() if protocol > 1 else ())):
            yield pickle.dumps(value, protocol)
            file = io.BytesIO()
            pickle._Pickler(file, protocol).dump(value)  # type: ignore[attr-defined]
            yield file.getvalue()


GENUINE = list(_genuine())
GENUINE_OPERATIONS = list(map(_operations, GENUINE))
MAKERS = [random_pickle, changed_pickle, rearranged_pickle, written_pickle]


def run_batch(seed: int) -> int:
    """Test random pickles, and print how many were accepted; returns 1 if Python built a different object."""
    warnings.simplefilter("ignore")
    chooser, accepted = random.Random(seed), 0
    for number in range(BATCH):
        data = chooser.choice(MAKERS)(chooser)
        mismatch = find_divergence(data)
        accepted += read(data).end is End.STOP
        if mismatch:
            print(f"{data!r} (seed {seed}, number {number}): {mismatch}")
            return 1
    print(accepted)
    return 0


def main(seconds: float) -> int:
    """Run batches for ``seconds``, in separate processes, since Python's unpickler may crash."""
    end_time, batches, accepted, crashes = time.monotonic() + seconds, 0, 0, 0
    while time.monotonic() < end_time:
        command = [sys.executable, "-W", "ignore", __file__, "--batch", str(random.getrandbits(64))]
        process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        if process.returncode > 0:
            print(process.stdout or f"the batch {command[-1]} failed")
            return 1
        batches += 1
        crashes += process.returncode < 0
        accepted += int(process.stdout or 0)
    print(f"{batches} batches of {BATCH} pickles in {seconds:g} s: Python agreed on all {accepted} accepted ones")
    print(f"Python itself crashed in {crashes} of them")
    return 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    raise SystemExit(run_batch(int(arguments[1])) if arguments[0] == "--batch" else main(float(arguments[0])))
