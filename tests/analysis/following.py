"""Holds the pickle reader against Python: what it accepts, Python's unpicklers build as the graph says.

There is no law for what the reader refuses. ``python tests/analysis/following.py SECONDS`` does it with random pickles
for so long.
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
from stand_ins import built_in_c, built_in_python, difference

from modelreg.analysis.pickle.reader import Budget, End, Reading, read_pickles

ARGUMENTS = {code.code.encode("latin-1"): code.arg for code in pickletools.opcodes}
OPERATIONS = list(ARGUMENTS)
TEXTS = ["os", "system", "collections", "OrderedDict", "a.b", "__builtin__", "eval", "copy_reg", "_reconstructor", "é"]
TEXTS += ["builtins", "getattr", "cloudpickle.cloudpickle", "_class_setstate"]

LIKELY_ERRORS = [b"2", b"0", b"s", b"a", b"e", b"b", b"(", b"\x94", b"h", b"q", b"N"]

BATCH = 2000
MOST_MEMORY = 256 << 20


@contextmanager
def little_memory() -> Iterator[None]:
    """Python makes room for whatever number a pickle names, and fills gigabytes for seconds."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, most))


def read(data: bytes) -> Reading:
    """What the reader makes of it, with persistent ids resolved as PyTorch does it."""
    return next(read_pickles(io.BytesIO(data), len(data), Budget(100_000), persistent=True))


def divergence(data: bytes) -> str | None:
    """How Python builds something else than an accepted pickle says; None where it does not."""
    reading = read(data)
    if reading.end is not End.STOP:
        return None
    for name, built in (("C", built_in_c), ("Python", built_in_python)):
        try:
            with little_memory():
                value, position = built(data)
        except Exception as error:
            return f"the unpickler in {name} raises {error!r}"
        if position != reading.position:
            return f"the unpickler in {name} ends at {position}, the reader at {reading.position}"
        differs = difference(reading.top, value)
        if differs:
            return f"the unpickler in {name} builds something else: {differs}"
    return None


def argument(code: bytes, chooser: random.Random) -> bytes:
    """Bytes that may stand behind an operation."""
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
    """Operations in any order, those that lead somewhere more often than others."""
    often = [b"c", b"\x93", b"\x8c", b"X", b"R", b")", b"\x85", b"(", b"t", b"o", b"i", b"\x94", b"h", b"q", b"b", b"]"]
    start = chooser.choice([b"", b"\x80\x02", b"\x80\x04", b"\x80\x05"])
    codes = chooser.choices([*OPERATIONS, *often * 4], k=chooser.randrange(1, 40))
    return start + b"".join(code + argument(code, chooser) for code in codes) + b"."


def changed_pickle(chooser: random.Random) -> bytes:
    """A genuine pickle with some bytes changed, taken out, doubled or put in."""
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
                data[at:at] = code + argument(code, chooser)
        data = data or bytearray(b".")
    return bytes(data)


def rearranged_pickle(chooser: random.Random) -> bytes:
    """A genuine pickle with some operations taken out, doubled, exchanged or put in, and often without frames."""
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
                operations[at] = code + argument(code, chooser)
    return b"".join(operations)


def _operations(data: bytes) -> list[bytes]:
    """The operations of a pickle, without frames, which would have to be measured anew."""
    begins = [at for _, _, at in pickletools.genops(data)]
    pieces = [data[begin:end] for begin, end in zip(begins, [*begins[1:], None], strict=True)]
    return [piece for piece in pieces if piece[:1] != b"\x95"]


class _Weaver:
    """Writes pickles much as picklers do, with an operation in the wrong place now and then."""

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
        kinds = [self.atom, self.atom, self.recalled]
        if depth:
            kinds += [self.list, self.dict, self.tuple, self.object, self.object, self.set]
        self.chooser.choice(kinds)(depth - 1)
        self.err()

    def err(self) -> None:
        while self.chooser.random() < self.errors:
            code = self.chooser.choice(
                [*OPERATIONS, b"2", b"0", b"s", b"a", b"e", b"b", b"(", b"\x94", b"h", b"q", b"N"]
            )
            self.data += code + argument(code, self.chooser)

    def memoise(self) -> None:
        if self.protocol >= 4:
            self.data += b"\x94"
        elif self.protocol == 0 or self.chooser.random() < self.errors:
            self.data += b"p%d\n" % self.memoised
        else:
            self.data += b"q" + bytes([self.memoised % 256])
        self.memoised += 1
        self.err()

    def recalled(self, _: int) -> None:
        if not self.memoised:
            self.atom(0)
            return
        number = self.chooser.randrange(self.memoised) % 256
        self.data += b"h" + bytes([number]) if self.protocol else b"g%d\n" % number

    def atom(self, _: int) -> None:
        pickled = pickle.dumps(self.chooser.choice(ATOMS), self.protocol)
        opcodes = [(code.code, at) for code, _, at in pickletools.genops(pickled)]
        begins = next(at for code, at in opcodes if code not in ("\x80", "\x95"))
        ends = next(at for code, at in opcodes if at > begins)
        self.data += pickled[begins:ends]
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
            self.several(depth, self.chooser.randrange(4))
            self.data += b"e"

    def several(self, depth: int, count: int) -> None:
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
            self.several(depth, length)
            self.data += b"t"
        if self.chooser.random() < 0.7:
            self.memoise()

    def set(self, depth: int) -> None:
        if self.protocol < 4:
            self.object(depth)
        elif self.chooser.random() < 0.5:
            self.data += b"\x8f"
            self.memoise()
            self.several(depth, self.chooser.randrange(4))
            self.data += b"\x90"
        else:
            self.several(depth, self.chooser.randrange(4))
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


def woven_pickle(chooser: random.Random) -> bytes:
    """What a pickler could nearly have written."""
    return _Weaver(chooser).write()


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
    """Made by ``NEWOBJ_EX``."""

    def __new__(cls, *, items: tuple[object, ...] = ()) -> Keywords:
        return super().__new__(cls, items)

    def __getnewargs_ex__(self) -> tuple[tuple[object, ...], dict[str, object]]:
        return (), {"items": tuple(self)}


class OfFactory:
    """Made by a function that copyreg knows."""


def make_of_factory(cls: type, number: int) -> object:
    """What `OfFactory` is pickled as a call of."""
    return cls()


copyreg.pickle(OfFactory, lambda each: (make_of_factory, (OfFactory, 1)))
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
MAKERS = [random_pickle, changed_pickle, rearranged_pickle, woven_pickle]


def batch(seed: int) -> int:
    """Try some random pickles; prints how many were accepted; 1 when Python built something else from one."""
    warnings.simplefilter("ignore")
    chooser, accepted = random.Random(seed), 0
    for number in range(BATCH):
        data = chooser.choice(MAKERS)(chooser)
        differs = divergence(data)
        accepted += read(data).end is End.STOP
        if differs:
            print(f"{data!r} (seed {seed}, number {number}): {differs}")
            return 1
    print(accepted)
    return 0


def main(seconds: float) -> int:
    """Try batches until the time is over, each in a process of its own: Python's unpickler may crash, ours may not."""
    ends, batches, accepted, crashes = time.monotonic() + seconds, 0, 0, 0
    while time.monotonic() < ends:
        command = [sys.executable, "-W", "ignore", __file__, "--batch", str(random.getrandbits(64))]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        if done.returncode > 0:
            print(done.stdout or f"the batch {command[-1]} failed")
            return 1
        batches += 1
        crashes += done.returncode < 0
        accepted += int(done.stdout or 0)
    print(f"{batches} batches of {BATCH} pickles in {seconds:g} s: Python built what all {accepted} accepted ones say")
    print(f"Python itself crashed in {crashes} of them")
    return 0


if __name__ == "__main__":
    words = sys.argv[1:]
    raise SystemExit(batch(int(words[1])) if words[0] == "--batch" else main(float(words[0])))
