"""What the child answers: one JSON object a line, and nothing of it is believed before it was checked.

The child's code is that of a stranger from the moment in which a model is loaded. So an answer has exactly the form
that is wanted, of bounded size, with finite numbers and texts in which nothing can control a terminal; anything else
is `NoAnswer`.
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

from modelreg.data.inference.scoring import ALWAYS, ALWAYS_OF_SEVERAL, RANGES
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

_LONGEST = 256 << 10  # bytes of one message: two texts and two lists of texts, each character of which takes 12 at most
_LONGEST_RESULT = 8 << 20  # bytes: names of columns, or a confusion matrix of 200 classes
_MOST_OBJECTS = 3  # of JSON in one message
_LONGEST_TEXT = 4000  # characters
_LONGEST_TEXTS = 6000  # characters of all texts in a list
_MOST_TEXTS = 1000
_MOST_COLUMNS = 100_000
_MOST_METRICS = 10_000
_ROUNDING = 1e-9  # by which a metric may be beyond its range
_MOST_ROWS = 2**53
_ANY = (-math.inf, math.inf)
_LONGEST_NAME = 250  # characters of a metric's name, as the catalog has them
_BASE = re.compile(r"(\w+)(?=$|:|\[)", re.ASCII)
_STORAGE_FAILURES = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""What reading the data or writing the output may fail with. EPIPE is not among them: the parent would take it for a
reader of its own stdout that has gone, and end with success."""
_WARNINGS = {
    each.__name__: each
    for each in (DeprecationWarning, FutureWarning, PendingDeprecationWarning, RuntimeWarning, UserWarning)
}
_ERRORS: dict[str, type[ModelregError]] = {
    each.__name__: each
    for each in (
        *(CannotPredict, ConfinementFailed, InvalidData, InvalidInput, ModelStopped, SandboxUnavailable),
        *(UnloadableModel, Untrusted, UntrustedModel),
    )
}
"""The errors that a child may send, of a model, of data or of its own start."""
_DETAILS: Mapping[type[ModelregError], tuple[str, ...]] = {UntrustedModel: ("findings", "trustable")}
"""Error -> its attributes beside message and hint; each holds texts."""
CONFINED = (
    "the model runs confined: it may not write files, start programs or see the environment;"
    " --allow-read DIR or --allow-network, with --message WHY, let it read files or connect"
)
"""The hint for what the confinement may have caused."""


class NoAnswer(Exception):
    """A message that no program of ours sends."""


@dataclass(frozen=True, slots=True)
class Confined:
    """The child confined itself, by this."""

    confinement: Confinement


@dataclass(frozen=True, slots=True)
class Warned:
    """A library warned."""

    category: type[Warning]
    text: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """So many rows are done, of so many where that is known."""

    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Predicted:
    """All predictions are written."""

    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """The model's scores; which data they are of the parent knows itself."""

    scores: Scores


@dataclass(frozen=True, slots=True)
class Failed:
    """An error that is to be raised in the parent."""

    error: ModelregError


@dataclass(frozen=True, slots=True)
class OutputFailed:
    """The operating system could not write the output, or read the data: the disk is full or defective."""

    number: int
    """``errno``."""


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """Memory ran out."""


Message = Confined | Warned | Advanced | Predicted | Measured | Failed | OutputFailed | OutOfMemory


def encode(message: Message) -> bytes:
    """A message as a line."""
    match message:
        case Confined(confinement):
            values: dict[str, object] = {"landlock": confinement.landlock, "seccomp": confinement.seccomp}
        case Warned(category, text):
            known = next((name for name, each in _WARNINGS.items() if issubclass(category, each)), "UserWarning")
            values = {"category": known, "text": _cut(text)}
        case Advanced(done, total):
            values = {"done": done, "total": total}
        case Predicted(rows, columns):
            values = {"rows": rows, "columns": columns}
        case Measured(scores):
            values = _scores_as_values(scores)
        case Failed(error):
            values = _error_as_values(error)
        case OutputFailed(number):
            values = {"errno": number}
        case OutOfMemory():
            values = {}
    return json.dumps({"is": type(message).__name__} | values).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message in a line; raises `NoAnswer`."""
    if len(line) > longest(line):
        raise NoAnswer("too long")
    try:
        # not as bytes: JSON may be UTF-16 as well
        values = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_Objects())
        keys, read = _READERS[values.pop("is")]
        if values.keys() != keys:
            raise ValueError
        return read(values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise NoAnswer(type(error).__name__) from error


def is_result(line: bytes | bytearray) -> bool:
    """Whether a line, or its beginning, is one of `Predicted` or `Measured`, behind which nothing comes."""
    return line.startswith(_RESULTS)


def longest(line: bytes | bytearray) -> int:
    """How many bytes a message that begins so may have: reading a long one keeps every thread waiting."""
    return _LONGEST_RESULT if is_result(line) else _LONGEST


def is_storage_failure(number: int | None) -> bool:
    """Whether an ``errno`` is one of `OutputFailed`."""
    return number in _STORAGE_FAILURES


def readable(text: str) -> str:
    """``text`` with control characters escaped and cut when long."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in _cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


class _Objects:
    """Makes the objects of one message; raises ValueError for a key that is there twice, and for too many objects."""

    def __init__(self) -> None:
        self._left = _MOST_OBJECTS

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """An object, of which those within it are made first."""
        self._left -= 1
        values = dict(pairs)
        if self._left < 0 or len(values) != len(pairs):
            raise ValueError
        return values


def _refuse_constant(name: str) -> float:
    raise ValueError(name)  # NaN and Infinity, which are no JSON


def _scores_as_values(scores: Scores) -> dict[str, object]:
    matrix = scores.confusion_matrix
    return {
        "task": scores.task,
        "metrics": dict(scores.metrics),
        "missing": dict(scores.missing),
        "labels": None if matrix is None else matrix.labels,
        "counts": None if matrix is None else matrix.counts,
        "rows": scores.data_rows,
    }


def _error_as_values(error: ModelregError) -> dict[str, object]:
    kind = next((each for each in type(error).__mro__ if each in _ERRORS.values()), UnloadableModel)
    details = {name: _some_texts(getattr(error, name)) for name in _DETAILS.get(kind, ())}
    hint = None if error.hint is None else _cut(error.hint)
    return {"class": kind.__name__, "message": _cut(error.message), "hint": hint, "details": details}


def _some_texts(texts: Iterable[str]) -> list[str]:
    """The first texts, as many as a message has room for."""
    chosen, left = [], _LONGEST_TEXTS
    for text in islice(texts, _MOST_TEXTS):
        left -= len(text)
        if left < 0:
            break
        chosen.append(text)
    return chosen


def _read_confined(values: dict[str, Any]) -> Message:
    landlock, seccomp = _whole(values["landlock"]), values["seccomp"]
    if not isinstance(seccomp, bool):
        raise TypeError
    return Confined(Confinement(landlock, seccomp))


def _read_warned(values: dict[str, Any]) -> Message:
    return Warned(_WARNINGS[values["category"]], _text(values["text"]))


def _read_advanced(values: dict[str, Any]) -> Message:
    return Advanced(_whole(values["done"]), None if values["total"] is None else _whole(values["total"]))


def _read_predicted(values: dict[str, Any]) -> Message:
    return Predicted(_whole(values["rows"]), _names(values["columns"], _MOST_COLUMNS))


def _read_measured(values: dict[str, Any]) -> Message:
    """Scores that `modelreg.data.inference.scoring` could have computed, as far as they tell by themselves.

    A metric of another name is a scorer's, of any value; `is_asked_for` tells whether it was asked for.
    """
    task, rows = values["task"], _whole(values["rows"])
    ranges, metrics = RANGES[task], dict(_some(values["metrics"]))
    missing = {name: _text(reason) for name, reason in _some(values["missing"])}
    if missing.keys() != {name for name in metrics if metrics[name] is None}:
        raise ValueError
    checked = {
        name: None if value is None else _number(value, *ranges.get(_base_of(name), _ANY))
        for name, value in metrics.items()
    }
    matrix = None if values["labels"] is None and values["counts"] is None else _matrix(values, rows)
    if rows == 0 or (matrix is not None and task != "classification"):
        raise ValueError
    return Measured(Scores(task, checked, missing, matrix, None, rows))


def _read_failed(values: dict[str, Any]) -> Message:
    kind, details = _ERRORS[values["class"]], dict(_some(values["details"]))
    error = kind.__new__(kind)  # without its own constructor, which wants other arguments
    ModelregError.__init__(error, _text(values["message"]), None if values["hint"] is None else _text(values["hint"]))
    if details.keys() != set(_DETAILS.get(kind, ())):
        raise ValueError
    for name, texts in details.items():
        setattr(error, name, _texts(texts, _MOST_TEXTS))
    return Failed(error)


def _read_output_failed(values: dict[str, Any]) -> Message:
    number = _whole(values["errno"])
    if not is_storage_failure(number):
        raise ValueError
    return OutputFailed(number)


def _read_out_of_memory(values: dict[str, Any]) -> Message:
    return OutOfMemory()


def _matrix(values: dict[str, Any], rows: int) -> ConfusionMatrix:
    """A square matrix of counts that add up to the number of rows."""
    labels = _names(values["labels"], MOST_CLASSES)
    counts = tuple(tuple(map(_whole, row)) for row in values["counts"])
    if any(len(label) > LONGEST_LABEL for label in labels) or any(len(row) != len(labels) for row in counts):
        raise ValueError
    if len(counts) != len(labels) or sum(map(sum, counts)) != rows:
        raise ValueError
    return ConfusionMatrix(labels, counts)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return readable(value)


def _texts(values: object, most: int) -> tuple[str, ...]:
    if not isinstance(values, list) or len(values) > most:
        raise ValueError
    return tuple(map(_text, values))


def _names(values: object, most: int) -> tuple[str, ...]:
    """Names from the data, which are kept as they are."""
    if not isinstance(values, list) or len(values) > most:
        raise ValueError
    for value in values:
        if not isinstance(value, str):
            raise TypeError
        value.encode()  # raises ValueError for what is no UTF-8
    return tuple(values)


def _some(values: object) -> list[tuple[str, Any]]:
    if not isinstance(values, dict) or len(values) > _MOST_METRICS:
        raise ValueError
    return list(values.items())


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST_ROWS:
        raise ValueError
    return value


def _number(value: object, least: float, greatest: float) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(float(value)):
        raise ValueError
    if not least - _ROUNDING <= value <= greatest + _ROUNDING:
        raise ValueError
    return float(value)


def is_asked_for(scores: Scores, request: EvaluationRequest) -> bool:
    """Whether the scores are of the task and the metrics that were asked for, and of no others."""
    task, several = str(scores.task), len(request.targets) > 1
    always = (ALWAYS_OF_SEVERAL if several else ALWAYS)[task] | set(request.scorers)
    bases = set(RANGES[task]) | set(request.scorers)
    parts = (":",) * (several or request.per_class) + (f"[{request.by}=",) * (request.by is not None)
    return (
        request.task in (None, task)
        and always <= scores.metrics.keys()
        and all(
            name in bases or (_base_of(name) in bases and _rest_of(name).startswith(parts)) for name in scores.metrics
        )
    )


def _base_of(name: str) -> str:
    """``accuracy`` of ``accuracy:yes`` and ``accuracy[city=Bern]``; raises ValueError for what is no metric's name."""
    found = _BASE.match(name)
    if found is None or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ValueError(name)
    return found.group(1)


def _rest_of(name: str) -> str:
    return name[len(_base_of(name)) :]


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
"""Kind -> the keys that its messages have, and what reads their values."""
_RESULTS = tuple(f'{{"is": "{kind.__name__}", '.encode() for kind in (Predicted, Measured))
"""How the messages of `is_result` begin."""
