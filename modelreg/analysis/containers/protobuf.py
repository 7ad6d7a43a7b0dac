"""Reads the fields of a protobuf message: number, wire type and value, as in the protobuf encoding guide."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

_WIRE_VARINT, _WIRE_EIGHT_BYTES, _WIRE_BYTES, _WIRE_FOUR_BYTES = 0, 1, 2, 5
_MAX_VARINT_LENGTH = 10  # bytes
_VALID_KEYS = range(1 << 3, 1 << 32)
"""Field numbers from 1, keys of 32 bits. C++ protobuf truncates longer keys, and would read another field."""


class NotProtobuf(Exception):
    """The bytes are not a valid protobuf message."""


def read_fields(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, offset and length of each length-delimited field between two offsets; raises `NotProtobuf`.

    Callers may seek in ``file`` between two fields.
    """
    position = start
    while position < end:
        file.seek(position)
        key = read_varint(file)
        if key not in _VALID_KEYS:
            raise NotProtobuf
        wire_type = key & 7
        if wire_type == _WIRE_BYTES:
            length = read_varint(file)
            content_start = file.tell()
            if content_start + length > end:
                raise NotProtobuf
            yield key >> 3, content_start, length
            position = content_start + length
        elif wire_type == _WIRE_VARINT:
            read_varint(file)
            position = file.tell()
        elif wire_type in (_WIRE_EIGHT_BYTES, _WIRE_FOUR_BYTES):
            position = file.seek(8 if wire_type == _WIRE_EIGHT_BYTES else 4, os.SEEK_CUR)
        else:
            raise NotProtobuf
    if position > end:
        raise NotProtobuf


def read_varint(file: BinaryIO) -> int:
    """Read the varint at the current position; raises `NotProtobuf`."""
    value = 0
    for index in range(_MAX_VARINT_LENGTH):
        byte = file.read(1)
        if not byte:
            raise NotProtobuf
        value |= (byte[0] & 0x7F) << 7 * index
        if byte[0] < 0x80:
            return value
    raise NotProtobuf
