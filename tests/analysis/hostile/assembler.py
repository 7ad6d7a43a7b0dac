"""Opcodes of pickle protocol 4 as bytes, to assemble pickles that no pickler writes."""

from __future__ import annotations

import struct


def text(value: str) -> bytes:
    """A string."""
    content = value.encode()
    return b"\x8c" + bytes([len(content)]) + content if len(content) < 256 else b"X" + u32(len(content)) + content


def name(module: str, qualified: str) -> bytes:
    """An import."""
    return text(module) + text(qualified) + b"\x93"


def number(value: int) -> bytes:
    """A 32-bit integer."""
    return b"J" + struct.pack("<i", value)


def several(*values: bytes) -> bytes:
    """A tuple."""
    return b"(" + b"".join(values) + b"t"


def a_list(*values: bytes) -> bytes:
    """A list."""
    return b"](" + b"".join(values) + b"e"


def table(**values: bytes) -> bytes:
    """A dictionary with string keys."""
    return b"}(" + b"".join(text(key) + value for key, value in values.items()) + b"u"


def call(function: bytes, *values: bytes) -> bytes:
    """A call with ``REDUCE``."""
    return function + several(*values) + b"R"


def instance(module: str, qualified: str, **state: bytes) -> bytes:
    """An instance, created by ``NEWOBJ``, with a state set by ``BUILD``."""
    return name(module, qualified) + b")\x81" + table(**state) + b"b"


def pickled(*operations: bytes) -> bytes:
    """A whole pickle."""
    return b"\x80\x04" + b"".join(operations) + b"."


def u32(value: int) -> bytes:
    """Four bytes."""
    return struct.pack("<I", value)
