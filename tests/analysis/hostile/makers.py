"""Collects all hostile files."""

from __future__ import annotations

from collections.abc import Iterator

from hostile.containers import container_files
from hostile.file import HostileFile, Trigger
from hostile.gadgets import gadget_files
from hostile.models import model_files
from hostile.opcodes import computed_name_files, named_files

OTHER_LOADERS = ("zip", "gzip", "zlib", "bzip2", "xz", "lzma", "in an array", "far in an array", "behind")
"""Prefixes of the labels of files whose payload ``pickle.load`` does not reach."""


def hostile_files(marker: str) -> Iterator[HostileFile]:
    """Yield all hostile files. Their only effect is on ``marker``, a path without spaces."""
    command = f"touch {marker}"
    for label, content in {**named_files(command), **computed_name_files(command)}.items():
        trigger = Trigger.OTHER if label.startswith(OTHER_LOADERS) else Trigger.PICKLE
        yield HostileFile(label, content, trigger)
    yield from gadget_files(marker)
    yield from container_files(command)
    yield from model_files(marker)
