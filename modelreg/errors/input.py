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
    """The text is not a valid model name."""

    code = "invalid_name"

    def __init__(self, name: str) -> None:
        is_reference = re.fullmatch(r"[\w.-]+[/@][\w.:-]+", name)
        super().__init__(
            f"{shown(name)} is not a valid model name",
            "name a model, not a version: the part before '/' or '@'"
            if is_reference
            else "a name has 1 to 128 letters, digits, '.', '_', '-' and single spaces, and a letter or digit first",
        )


class InvalidAlias(InvalidInput):
    """The text is not a valid alias."""

    code = "invalid_alias"

    def __init__(self, alias: str) -> None:
        super().__init__(
            f"{shown(alias)} is not a valid alias",
            "an alias has 1 to 128 letters, digits, '.', '_' or '-', starts with a letter or digit, "
            "and is neither 'latest' nor a version such as '3' or 'v3'",
        )


class UnknownStageRules(InvalidInput):
    """There are no stage rules of this name."""

    code = "unknown_stage_rules"

    def __init__(self, text: str, choices: Sequence[str]) -> None:
        super().__init__(f"{shown(text)} is not a set of stage rules", f"choose {' or '.join(choices)}")


class InvalidKey(InvalidInput):
    """The text is not a valid key of a metric, parameter or tag."""

    code = "invalid_key"

    def __init__(self, key: str, kind: str, most: int) -> None:
        super().__init__(
            f"{shown(key)} is not a valid key of a {kind}",
            f"a key has 1 to {most} printable characters, as in auc=0.93",
        )


class InvalidReference(InvalidInput):
    """The text is not a reference to a model version."""

    code = "invalid_reference"

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(f"{shown(text)} is not a reference to a model version", hint)


class UnknownStage(InvalidInput):
    """The text is not one of the four stages."""

    code = "unknown_stage"

    def __init__(self, text: str, stages: Sequence[str], is_not: str = "not a stage") -> None:
        suggestion = did_you_mean(text, stages)
        super().__init__(
            f"{shown(text)} is {is_not}",
            f"{f'{suggestion} ' if suggestion else ''}the stages are {', '.join(stages)}",
        )


class InvalidMetric(InvalidInput):
    """The value of a metric is not a finite number."""

    code = "invalid_metric"

    def __init__(self, name: str, value: object) -> None:
        super().__init__(
            f"metric {shown(name)} is {shown(str(value))}, not a finite number",
            "write --metric NAME=NUMBER; leave out a metric that is undefined",
            python_hint="leave out a metric that is undefined",
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


class DataChanged(InvalidData):
    """A data file changed while it was read."""

    code = "data_changed"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} changed while it was read; nothing was saved",
            "try again when no process is writing to it",
        )


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


class ParamChanged(InvalidInput):
    """A logged parameter cannot be changed."""

    code = "param_changed"

    def __init__(self, run_id: str, name: str, before: str, after: str) -> None:
        super().__init__(
            f"parameter {shown(name)} of run {run_id} is {shown(before)} and cannot be changed to {shown(after)}",
            "start another run, or log values that change as metrics or tags",
        )


class UnloadableModel(InvalidInput):
    """The files cannot be loaded as a model."""

    code = "unloadable_model"


class MLflowMissing(InvalidInput):
    """MLflow is needed and not installed."""

    code = "mlflow_missing"

    def __init__(self) -> None:
        super().__init__("this needs MLflow, which is not installed", "pip install 'modelreg[mlflow]'")
