"""Walks the fields of a protobuf message: a number, a wire type and a value, as protobuf's encoding guide has it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_VARINT = 10  # bytes
_KEYS = range(1 << 3, 1 << 32)
"""Field numbers from 1, in 32 bits: C++'s protobuf cuts off what a key has beyond, and would see another field."""


class NotProtobuf(Exception):
    """The bytes are not the fields of a message."""


def fields(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Each field that holds bytes: its number, where they begin, and how many they are; raises `NotProtobuf`.

    Whoever takes a field may move about in ``file``.
    """
    at = start
    while at < end:
        file.seek(at)
        key = varint(file)
        if key not in _KEYS:
            raise NotProtobuf
        kind = key & 7
        if kind == _BYTES:
            length = varint(file)
            begin = file.tell()
            if begin + length > end:
                raise NotProtobuf
            yield key >> 3, begin, length
            at = begin + length
        elif kind == _VARINT:
            varint(file)
            at = file.tell()
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            at = file.seek(8 if kind == _EIGHT_BYTES else 4, os.SEEK_CUR)
        else:
            raise NotProtobuf
    if at > end:
        raise NotProtobuf


def varint(file: BinaryIO) -> int:
    """The number that stands next; raises `NotProtobuf`."""
    value = 0
    for place in range(_LONGEST_VARINT):
        byte = file.read(1)
        if not byte:
            raise NotProtobuf
        value |= (byte[0] & 0x7F) << 7 * place
        if byte[0] < 0x80:
            return value
    raise NotProtobuf
