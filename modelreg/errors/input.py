"""Errors about arguments, options and files that cannot be used."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from modelreg.errors.base import (
    InvalidInput,
)
from modelreg.errors.text import did_you_mean, shown


class InvalidName(InvalidInput):
    """The text is not a valid model name, alias or key."""

    code = "invalid_name"


class InvalidReference(InvalidInput):
    """The text is not a reference to a model version."""

    code = "invalid_reference"

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(f"{shown(text)} is not a reference to a model version", hint)


class UnknownStage(InvalidInput):
    """The text is not one of the four stages."""

    code = "unknown_stage"

    def __init__(self, text: str, stages: Sequence[str], is_not: str) -> None:
        suggestion = did_you_mean(text, stages)
        super().__init__(
            f"{shown(text)} is {is_not}",
            f"{f'{suggestion} ' if suggestion else ''}the stages are {', '.join(stages)}",
        )


class InvalidData(InvalidInput):
    """A table of data, or its columns, cannot be used."""

    code = "invalid_data"


class SourceNotFound(InvalidInput):
    """There is no file or folder at the path to register."""

    code = "source_not_found"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        is_address = re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", os.fspath(path))
        hint = "download it first" if is_address else "check the path"
        super().__init__(f"there is no file or folder {shown(os.fspath(path))}", hint)


class CannotPredict(InvalidInput):
    """The loaded object cannot predict."""

    code = "cannot_predict"


class UnusableSource(InvalidInput):
    """The file or folder cannot be registered."""

    code = "unusable_source"


class SourceChanged(InvalidInput):
    """A model file changed while it was read."""

    code = "source_changed"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} changed while it was read; nothing was registered",
            "register it again when no process is writing to it",
        )


class InvalidExpression(InvalidInput):
    """A filter, gate or sort order is not a valid expression."""

    code = "invalid_expression"

    def __init__(
        self, expression: str, message: str, hint: str | None = None, place: tuple[int, int] | None = None
    ) -> None:
        super().__init__(message, hint)
        self.expression = expression
        self.place = place
        """Offsets of the wrong part: its first character, and the one after its last."""


class UnloadableModel(InvalidInput):
    """The files cannot be loaded as a model."""

    code = "unloadable_model"


def build_metric_error(name: str, value: object) -> InvalidInput:
    """The error for the value of a metric that is not a finite number."""
    return InvalidInput(
        f"metric {shown(name)} is {shown(str(value))}, not a finite number",
        "write --metric NAME=NUMBER; leave out a metric that is undefined",
        python_hint="leave out a metric that is undefined",
        code="invalid_metric",
    )
