"""Holds the pickle machine against Python: whatever name Python's unpickler asks for, the machine must have listed.

``python tests/security/following.py SECONDS`` does it with random pickles for so long.
"""

from __future__ import annotations

import collections
import datetime
import io
import pickle
import pickletools
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from modelreg.security.pickle_reader import names_in_python_3, read_pickle

ARGUMENTS = {code.code.encode("latin-1"): code.arg for code in pickletools.opcodes}
OPERATIONS = list(ARGUMENTS)
TEXTS = ["os", "system", "collections", "OrderedDict", "a.b", "__builtin__", "eval", "copy_reg", "_reconstructor", "é"]
HARMLESS = {("collections", "OrderedDict"), ("datetime", "datetime"), ("builtins", "set"), ("builtins", "bytearray")}

BATCH = 2000
MOST_MEMORY = 256 << 20

_asked: list[tuple[str, str]] = []
_listening = False


class NotHarmless(Exception):
    """Python was about to import something that we do not want."""


class Anything(list):
    """What stands for every class and function: it takes any arguments, items, attributes and states."""

    def __new__(cls, *arguments, **keywords):
        return super().__new__(cls)

    def __init__(self, *arguments, **keywords):
        super().__init__()

    def __setitem__(self, key, value):
        pass

    def __setstate__(self, state):
        pass

    def add(self, value):
        pass

    __hash__ = object.__hash__


class Recording(pickle.Unpickler):
    """Python's own unpickler in C, which notes what it is asked for and imports nothing."""

    def find_class(self, module, name):
        _asked.append((module, name))
        return Anything


def _listen(event, arguments):
    if _listening and event == "pickle.find_class":
        _asked.append(arguments)
        if names_in_python_3(*arguments) not in HARMLESS:
            raise NotHarmless


sys.addaudithook(_listen)


@contextmanager
def _little_memory() -> Iterator[None]:
    """Python makes room for whatever number a pickle names, and fills gigabytes for seconds."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MOST_MEMORY, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, most))


def names_that_python_asks_for(data: bytes) -> set[tuple[str, str]]:
    """All names, by the C unpickler as it is (up to the first that is not harmless), and with stand-ins for all."""
    global _listening
    _asked.clear()
    for unpickler in (pickle.Unpickler, Recording):
        _listening = True
        with _little_memory(), suppress(Exception):
            unpickler(io.BytesIO(data)).load()
        _listening = False
    return set(_asked)


def unlisted(data: bytes) -> set[tuple[str, str]]:
    """What Python asks for, and the machine did not list."""
    found = read_pickle(io.BytesIO(data), len(data), 100_000)
    if "computes the name of what it imports" in found.remarks.doubts:
        return set()
    listed = {(each.module, each.name) for each in found.globals}
    return {name for name in names_that_python_asks_for(data) if listed.isdisjoint({name, names_in_python_3(*name)})}


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
    for _ in range(chooser.randrange(1, 6)):
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


VALUES = [
    collections.OrderedDict(a=[1, 2.5, "text", b"bytes", None, True, {1, 2}, frozenset("ab"), (1, (2,))]),
    [datetime.datetime(2026, 1, 1), 2**70, "ü" * 300, bytearray(b"x"), collections.Counter("aab")],
    {"array": np.arange(6.0).reshape(2, 3), "objects": np.array([None, "a"], object), "dtype": np.dtype("f8")},
]
GENUINE = [pickle.dumps(value, protocol) for value in VALUES for protocol in range(6)]


def batch(seed: int) -> int:
    """Try some random pickles; prints how many, and how many names Python asked for; 1 when the machine missed one."""
    chooser, asked = random.Random(seed), 0
    for number in range(BATCH):
        data = chooser.choice([random_pickle, changed_pickle])(chooser)
        missed = unlisted(data)
        asked += len(_asked)
        if missed:
            print(f"{data!r} (seed {seed}, number {number}): Python asks for {missed}, which was not listed")
            return 1
    print(asked)
    return 0


def main(seconds: float) -> int:
    """Try batches until the time is over, each in a process of its own: Python's unpickler may crash, ours may not."""
    ends, batches, asked, crashes = time.monotonic() + seconds, 0, 0, 0
    while time.monotonic() < ends:
        command = [sys.executable, "-W", "ignore", __file__, "--batch", str(random.getrandbits(64))]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        if done.returncode > 0:
            print(done.stdout or f"the batch {command[-1]} failed")
            return 1
        batches += 1
        crashes += done.returncode < 0
        asked += int(done.stdout or 0)
    print(
        f"{batches} batches of {BATCH} pickles in {seconds:g} s: all {asked} names that Python asked for were listed;"
    )
    print(f"Python itself crashed in {crashes} of them")
    return 0


if __name__ == "__main__":
    words = sys.argv[1:]
    raise SystemExit(batch(int(words[1])) if words[0] == "--batch" else main(float(words[0])))
