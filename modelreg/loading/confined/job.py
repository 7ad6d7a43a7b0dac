"""Send a job from the parent to the child: pickled, which is safe because the child trusts the parent."""

from __future__ import annotations

import os
import pickle
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelreg.data.tables.table_file import TextLayout
from modelreg.domain.confinement import Limits, Permissions
from modelreg.domain.evaluations import EvaluationRequest
from modelreg.domain.scans import ImportedName
from modelreg.domain.signatures import Signature
from modelreg.errors import UntrustedModel

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

_LENGTH = struct.Struct("!Q")
_MAX_DESCRIPTORS = 100  # the kernel sends at most 253 at once


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """How the child confines itself, and which library it imports before the job arrives."""

    permissions: Permissions
    limits: Limits
    is_required: bool
    """Whether to refuse to run the model unless confinement is complete."""
    model_folder: str | None
    """The model's folder; None for a model that is a single file."""
    registry: str
    """The registry's folder, of which the child may read nothing but ``model_folder``."""
    flavor: str
    """The library that the model belongs to."""


@dataclass(frozen=True, slots=True)
class PredictionTask:
    """Write a prediction for each row to the last descriptor of the job."""

    proba: bool
    id_column: str | None
    ignore_extra: bool
    output_format: str
    """``csv``, ``csv.gz`` or ``parquet``."""


@dataclass(frozen=True, slots=True)
class Job:
    """The child's job; its descriptors are sent along: data, then model (if it is a file), then output."""

    format: str
    """The model's file format."""
    trust: Trust
    signature: Signature | None
    data_name: str
    """The data's name in error messages."""
    data_format: str
    """``csv``, ``jsonl``, ``parquet``, or ``frame`` for a DataFrame that the parent has pickled."""
    is_gzipped: bool
    layout: TextLayout
    data_rows: int | None
    """The number of rows; None when the parent does not know it."""
    task: PredictionTask | EvaluationRequest
    imports: tuple[ImportedName, ...] = ()
    """The names that the model imports, according to the catalog."""

    def build_untrusted_error(self, findings: Sequence[str], trustable: Sequence[str]) -> UntrustedModel:
        """Build the error for the child's findings; it suggests to trust only names that the catalog has of the model.

        The child may be controlled by the model, which could otherwise have its user trust any name.
        """
        from modelreg.loading.trust import find_unimportable

        catalog_names = {subject for imported in self.imports for subject in imported.trust_subjects}
        names = trustable if catalog_names.issuperset(trustable) else ()
        text = "\n".join(findings)
        mentioned = (imported for imported in self.imports if f"{imported.module}.{imported.name}" in text)
        return UntrustedModel(self.trust.model, findings, names, find_unimportable(mentioned))


def send(channel: socket.socket, message: WorkerSetup | Job, descriptors: Sequence[int] = ()) -> None:
    """Send one message; raises OSError when the child has ended."""
    content = pickle.dumps(message)
    socket.send_fds(channel, [_LENGTH.pack(len(content))], descriptors)
    channel.sendall(content)


def receive(channel: socket.socket) -> tuple[WorkerSetup | Job, list[int]]:
    """Receive the next message with its descriptors; raises EOFError when the parent has ended."""
    start, descriptors, _, _ = socket.recv_fds(channel, _LENGTH.size, _MAX_DESCRIPTORS)
    content = _read(channel.fileno(), _LENGTH.unpack(start)[0] if len(start) == _LENGTH.size else 0)
    if not content:
        raise EOFError
    message: WorkerSetup | Job = pickle.loads(content)
    return message, descriptors


def _read(descriptor: int, count: int) -> bytes:
    """Read exactly ``count`` bytes; returns none when the other end was closed before."""
    content = bytearray()
    while len(content) < count:
        block = os.read(descriptor, count - len(content))
        if not block:
            return b""
        content += block
    return bytes(content)
