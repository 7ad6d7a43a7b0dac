"""Encode and decode the child's messages: one JSON object per line, fully validated.

From the moment it loads a model, the child may run untrusted code. So `decode` accepts only messages of the exact
expected form, with bounded size, finite numbers and texts without control characters; it raises `InvalidMessage` for
all others.
"""

from __future__ import annotations

import errno
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from modelreg.data.inference.metrics import ALWAYS, ALWAYS_OF_SEVERAL, RANGES
from modelreg.domain.confinement import Confinement
from modelreg.domain.evaluations import LONGEST_LABEL, MOST_CLASSES, ConfusionMatrix, EvaluationRequest, Scores
from modelreg.errors import (
    CannotPredict,
    ConfinementFailed,
    InvalidData,
    InvalidInput,
    ModelregError,
    ModelStopped,
    SandboxUnavailable,
    UnloadableModel,
    Untrusted,
    UntrustedModel,
)

_MAX_SIZE = 256 << 10  # bytes of a message: two texts and two lists of texts, with at most 12 bytes per character
_MAX_RESULT_SIZE = 8 << 20  # bytes: column names, or a confusion matrix of 200 classes
_MAX_OBJECTS = 3  # JSON objects in a message
_MAX_TEXT_LENGTH = 4000  # characters
_MAX_LIST_LENGTH = 6000  # characters of all texts in a list
_MAX_TEXTS = 1000
_MAX_COLUMNS = 100_000
_MAX_METRICS = 10_000
_TOLERANCE = 1e-9  # of rounding, by which a metric may exceed its range
_MAX_ROWS = 2**53
_ANY_VALUE = (-math.inf, math.inf)
_MAX_NAME_LENGTH = 250  # characters of a metric's name, as in the catalog
_BASE_NAME = re.compile(r"(\w+)(?=$|:|\[)", re.ASCII)
_STORAGE_FAILURES = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""Errors of reading the data or writing the output. EPIPE is not among them: the parent would treat it as a closed
stdout of its own, and exit with success."""
_WARNINGS = {
    category.__name__: category
    for category in (DeprecationWarning, FutureWarning, PendingDeprecationWarning, RuntimeWarning, UserWarning)
}
_ERRORS: dict[str, type[ModelregError]] = {
    error.__name__: error
    for error in (
        *(CannotPredict, ConfinementFailed, InvalidData, InvalidInput, ModelStopped, SandboxUnavailable),
        *(UnloadableModel, Untrusted, UntrustedModel),
    )
}
"""The errors that a child may send: about the model, the data or its own start."""
_DETAILS: Mapping[type[ModelregError], tuple[str, ...]] = {UntrustedModel: ("findings", "trustable")}
"""Error -> its attributes besides message and hint; all of them hold texts."""
CONFINEMENT_HINT = (
    "the model runs confined: it may not write files, start programs or see environment variables;"
    " to let it read files or use the network: --allow-read DIR or --allow-network, with --message WHY"
)
"""The hint for errors that confinement may have caused."""


class InvalidMessage(Exception):
    """The child sent a message that `encode` does not produce."""


@dataclass(frozen=True, slots=True)
class Confined:
    """The child has confined itself."""

    confinement: Confinement


@dataclass(frozen=True, slots=True)
class Warned:
    """A library issued a warning."""

    category: type[Warning]
    text: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """Progress in rows; the total is None when it is unknown."""

    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Predicted:
    """All predictions were written."""

    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """The model's scores, without the data's digest, which the parent adds."""

    scores: Scores


@dataclass(frozen=True, slots=True)
class Failed:
    """An error for the parent to raise."""

    error: ModelregError


@dataclass(frozen=True, slots=True)
class OutputFailed:
    """The output could not be written or the data could not be read, because a disk is full or defective."""

    number: int
    """``errno``."""


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The child ran out of memory."""


Message = Confined | Warned | Advanced | Predicted | Measured | Failed | OutputFailed | OutOfMemory


def encode(message: Message) -> bytes:
    """Encode a message as one line."""
    match message:
        case Confined(confinement):
            values: dict[str, object] = {"landlock": confinement.landlock, "seccomp": confinement.seccomp}
        case Warned(category, text):
            names = (name for name, known_category in _WARNINGS.items() if issubclass(category, known_category))
            values = {"category": next(names, "UserWarning"), "text": _shorten(text)}
        case Advanced(done, total):
            values = {"done": done, "total": total}
        case Predicted(rows, columns):
            values = {"rows": rows, "columns": columns}
        case Measured(scores):
            values = _encode_scores(scores)
        case Failed(error):
            values = _encode_error(error)
        case OutputFailed(number):
            values = {"errno": number}
        case OutOfMemory():
            values = {}
    return json.dumps({"is": type(message).__name__} | values).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Decode a line without its newline; raises `InvalidMessage`."""
    if len(line) > get_max_size(line):
        raise InvalidMessage("too long")
    try:
        # decoded first: json.loads would accept bytes in UTF-16, too
        values = json.loads(line.decode("utf-8"), parse_constant=_reject_constant, object_pairs_hook=_ObjectBuilder())
        keys, read = _READERS[values.pop("is")]
        if values.keys() != keys:
            raise ValueError
        return read(values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise InvalidMessage(type(error).__name__) from error


def is_result(line: bytes | bytearray) -> bool:
    """Whether a line, or the start of one, is a `Predicted` or `Measured`, which are a child's last message."""
    return line.startswith(_RESULT_PREFIXES)


def get_max_size(line: bytes | bytearray) -> int:
    """The maximum size in bytes of a message that starts like this; decoding a long one blocks all threads."""
    return _MAX_RESULT_SIZE if is_result(line) else _MAX_SIZE


def is_storage_failure(number: int | None) -> bool:
    """Whether `OutputFailed` may have this ``errno``."""
    return number in _STORAGE_FAILURES


def _escape(text: str) -> str:
    """Shorten a text, and escape its control characters."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in _shorten(text))


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_TEXT_LENGTH else text[: _MAX_TEXT_LENGTH - 1] + "…"


class _ObjectBuilder:
    """Builds the objects of one message; raises ValueError for a duplicate key and for too many objects."""

    def __init__(self) -> None:
        self._remaining = _MAX_OBJECTS

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Build an object; the parser calls this for inner objects first."""
        self._remaining -= 1
        values = dict(pairs)
        if self._remaining < 0 or len(values) != len(pairs):
            raise ValueError
        return values


def _reject_constant(name: str) -> float:
    raise ValueError(name)  # NaN and Infinity are not valid JSON


def _encode_scores(scores: Scores) -> dict[str, object]:
    matrix = scores.confusion_matrix
    return {
        "task": scores.task,
        "metrics": dict(scores.metrics),
        "missing": dict(scores.missing),
        "labels": None if matrix is None else matrix.labels,
        "counts": None if matrix is None else matrix.counts,
        "rows": scores.data_rows,
    }


def _encode_error(error: ModelregError) -> dict[str, object]:
    kind = next((base for base in type(error).__mro__ if base in _ERRORS.values()), UnloadableModel)
    details = {name: _limit_texts(getattr(error, name)) for name in _DETAILS.get(kind, ())}
    hint = None if error.hint is None else _shorten(error.hint)
    return {"class": kind.__name__, "message": _shorten(error.message), "hint": hint, "details": details}


def _limit_texts(texts: Iterable[str]) -> list[str]:
    """Return as many of the first texts as fit into a message."""
    first_texts, remaining = [], _MAX_LIST_LENGTH
    for text in islice(texts, _MAX_TEXTS):
        remaining -= len(text)
        if remaining < 0:
            break
        first_texts.append(text)
    return first_texts


def _read_confined(values: dict[str, Any]) -> Message:
    landlock, seccomp = _parse_count(values["landlock"]), values["seccomp"]
    if not isinstance(seccomp, bool):
        raise TypeError
    return Confined(Confinement(landlock, seccomp))


def _read_warned(values: dict[str, Any]) -> Message:
    return Warned(_WARNINGS[values["category"]], _parse_text(values["text"]))


def _read_advanced(values: dict[str, Any]) -> Message:
    return Advanced(_parse_count(values["done"]), None if values["total"] is None else _parse_count(values["total"]))


def _read_predicted(values: dict[str, Any]) -> Message:
    return Predicted(_parse_count(values["rows"]), _parse_names(values["columns"], _MAX_COLUMNS))


def _read_measured(values: dict[str, Any]) -> Message:
    """Read scores; raises ValueError for scores that `modelreg.data.inference.metrics` cannot compute.

    A metric with an unknown name is a scorer's and may have any value; `has_requested_metrics` checks its name.
    """
    task, rows = values["task"], _parse_count(values["rows"])
    ranges, metrics = RANGES[task], dict(_parse_items(values["metrics"]))
    missing = {name: _parse_text(reason) for name, reason in _parse_items(values["missing"])}
    if missing.keys() != {name for name in metrics if metrics[name] is None}:
        raise ValueError
    metrics = {
        name: None if value is None else _parse_number(value, *ranges.get(_get_base_name(name), _ANY_VALUE))
        for name, value in metrics.items()
    }
    matrix = None if values["labels"] is None and values["counts"] is None else _parse_matrix(values, rows)
    if rows == 0 or (matrix is not None and task != "classification"):
        raise ValueError
    return Measured(Scores(task, metrics, missing, matrix, None, rows))


def _read_failed(values: dict[str, Any]) -> Message:
    kind, details = _ERRORS[values["class"]], dict(_parse_items(values["details"]))
    error = kind.__new__(kind)  # its own constructor takes other arguments
    hint = None if values["hint"] is None else _parse_text(values["hint"])
    ModelregError.__init__(error, _parse_text(values["message"]), hint)
    if details.keys() != set(_DETAILS.get(kind, ())):
        raise ValueError
    for name, texts in details.items():
        setattr(error, name, _parse_texts(texts, _MAX_TEXTS))
    return Failed(error)


def _read_output_failed(values: dict[str, Any]) -> Message:
    number = _parse_count(values["errno"])
    if not is_storage_failure(number):
        raise ValueError
    return OutputFailed(number)


def _read_out_of_memory(values: dict[str, Any]) -> Message:
    return OutOfMemory()


def _parse_matrix(values: dict[str, Any], rows: int) -> ConfusionMatrix:
    """Read a square matrix whose counts add up to the number of rows."""
    labels = _parse_names(values["labels"], MOST_CLASSES)
    counts = tuple(tuple(map(_parse_count, row)) for row in values["counts"])
    if any(len(label) > LONGEST_LABEL for label in labels) or any(len(row) != len(labels) for row in counts):
        raise ValueError
    if len(counts) != len(labels) or sum(map(sum, counts)) != rows:
        raise ValueError
    return ConfusionMatrix(labels, counts)


def _parse_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return _escape(value)


def _parse_texts(values: object, max_count: int) -> tuple[str, ...]:
    if not isinstance(values, list) or len(values) > max_count:
        raise ValueError
    return tuple(map(_parse_text, values))


def _parse_names(values: object, max_count: int) -> tuple[str, ...]:
    """Read names that come from the data; they are not escaped."""
    if not isinstance(values, list) or len(values) > max_count:
        raise ValueError
    for value in values:
        if not isinstance(value, str):
            raise TypeError
        value.encode()  # raises ValueError for surrogates
    return tuple(values)


def _parse_items(values: object) -> list[tuple[str, Any]]:
    if not isinstance(values, dict) or len(values) > _MAX_METRICS:
        raise ValueError
    return list(values.items())


def _parse_count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_ROWS:
        raise ValueError
    return value


def _parse_number(value: object, minimum: float, maximum: float) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(float(value)):
        raise ValueError
    if not minimum - _TOLERANCE <= value <= maximum + _TOLERANCE:
        raise ValueError
    return float(value)


def has_requested_metrics(scores: Scores, request: EvaluationRequest) -> bool:
    """Whether the scores have the requested task and metrics, and no others."""
    task, has_several_targets = str(scores.task), len(request.targets) > 1
    required = (ALWAYS_OF_SEVERAL if has_several_targets else ALWAYS)[task] | set(request.scorers)
    base_names = set(RANGES[task]) | set(request.scorers)
    suffixes = (":",) * (has_several_targets or request.per_class)
    suffixes += (f"[{request.by}=",) * (request.by is not None)
    return (
        request.task in (None, task)
        and required <= scores.metrics.keys()
        and all(
            name in base_names
            or (_get_base_name(name) in base_names and name[len(_get_base_name(name)) :].startswith(suffixes))
            for name in scores.metrics
        )
    )


def _get_base_name(name: str) -> str:
    """``accuracy`` for ``accuracy:yes`` and ``accuracy[city=Bern]``; raises ValueError for an invalid metric name."""
    match = _BASE_NAME.match(name)
    if match is None or len(name) > _MAX_NAME_LENGTH or not name.isprintable():
        raise ValueError(name)
    return match.group(1)


_READERS: Mapping[str, tuple[frozenset[str], Callable[[dict[str, Any]], Message]]] = {
    "Confined": (frozenset(("landlock", "seccomp")), _read_confined),
    "Warned": (frozenset(("category", "text")), _read_warned),
    "Advanced": (frozenset(("done", "total")), _read_advanced),
    "Predicted": (frozenset(("rows", "columns")), _read_predicted),
    "Measured": (frozenset(("task", "metrics", "missing", "labels", "counts", "rows")), _read_measured),
    "Failed": (frozenset(("class", "message", "hint", "details")), _read_failed),
    "OutputFailed": (frozenset(("errno",)), _read_output_failed),
    "OutOfMemory": (frozenset(), _read_out_of_memory),
}
"""Message class -> its keys, and the function that reads their values."""
_RESULT_PREFIXES = tuple(f'{{"is": "{kind.__name__}", '.encode() for kind in (Predicted, Measured))
"""The first bytes of results, by which `is_result` recognises them."""
