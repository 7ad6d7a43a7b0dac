"""What the parent tells the child: pickled, which is safe in this direction, since the child trusts the parent."""

from __future__ import annotations

import pickle
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelreg.data.tables.source import TextLayout
from modelreg.domain.confinement import Limits, Permissions
from modelreg.domain.evaluations import EvaluationRequest
from modelreg.domain.scans import ImportedName
from modelreg.domain.signatures import Signature
from modelreg.errors import UntrustedModel

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

_LENGTH = struct.Struct("!Q")
_MOST_DESCRIPTORS = 100  # the kernel sends no more than 253 at once


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """How the child confines itself, and which libraries it imports meanwhile."""

    permissions: Permissions
    limits: Limits
    is_required: bool
    """Whether nothing is to run unless confinement is complete."""
    model_folder: str | None
    """Where the model is, if it is a folder."""
    registry: str
    """The registry's folder, of which nothing else may be read."""
    flavor: str
    """The library that the model belongs to."""


@dataclass(frozen=True, slots=True)
class PredictionTask:
    """Predict for each row; the output is the last descriptor."""

    proba: bool
    id_column: str | None
    ignore_extra: bool
    output_format: str
    """``csv``, ``csv.gz`` or ``parquet``."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the child is to do with the descriptors that come with it: data, then model, then output."""

    format: str
    """How the model is written."""
    trust: Trust
    signature: Signature | None
    data_name: str
    """As errors show it."""
    data_format: str
    """``csv``, ``jsonl``, ``parquet``, or ``frame`` for a DataFrame that the parent has pickled."""
    is_gzipped: bool
    layout: TextLayout
    data_rows: int | None
    """How many there are, where the parent knows it."""
    task: PredictionTask | EvaluationRequest
    imports: tuple[ImportedName, ...] = ()
    """What the model imports, as the catalog knows it."""

    def untrusted(self, findings: Sequence[str], trustable: Sequence[str]) -> UntrustedModel:
        """The error for findings of the child; it advises to trust only names that the catalog has of this model."""
        known = {subject for imported in self.imports for subject in imported.trust_subjects}
        from modelreg.loading.trust import find_unimportable

        names = trustable if known.issuperset(trustable) else ()
        told = "\n".join(findings)
        named = (each for each in self.imports if f"{each.module}.{each.name}" in told)
        return UntrustedModel(self.trust.model, findings, names, find_unimportable(named))


def send(channel: socket.socket, message: WorkerSetup | Job, descriptors: Sequence[int] = ()) -> None:
    """Send one message; raises OSError when the child has gone."""
    content = pickle.dumps(message)
    socket.send_fds(channel, [_LENGTH.pack(len(content))], descriptors)
    channel.sendall(content)


def receive(channel: socket.socket) -> tuple[WorkerSetup | Job, list[int]]:
    """The next message with its descriptors; raises EOFError when the parent has gone."""
    start, descriptors, _, _ = socket.recv_fds(channel, _LENGTH.size, _MOST_DESCRIPTORS)
    content = _read(channel.fileno(), _LENGTH.unpack(start)[0] if len(start) == _LENGTH.size else 0)
    if not content:
        raise EOFError
    message: WorkerSetup | Job = pickle.loads(content)
    return message, descriptors


def _read(descriptor: int, count: int) -> bytes:
    import os

    content = bytearray()
    while len(content) < count:
        block = os.read(descriptor, count - len(content))
        if not block:
            return b""
        content += block
    return bytes(content)
