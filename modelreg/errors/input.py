"""What was asked or given cannot be used."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from modelreg.errors.base import (
    InvalidInput,
)
from modelreg.errors.text import did_you_mean, shown


class InvalidName(InvalidInput):
    """This cannot be the name of a model."""

    code = "invalid_name"

    def __init__(self, name: str) -> None:
        is_reference = re.fullmatch(r"[\w.-]+[/@][\w.:-]+", name)
        super().__init__(
            f"{shown(name)} cannot be a model's name",
            "a model is wanted here, not one of its versions: the part before '/' or '@'"
            if is_reference
            else "a name is 1 to 128 letters, digits, '.', '_', '-' and single spaces, starting with a letter or digit",
        )


class InvalidAlias(InvalidInput):
    """This cannot be an alias."""

    code = "invalid_alias"

    def __init__(self, alias: str) -> None:
        super().__init__(
            f"{shown(alias)} cannot be an alias",
            "an alias is 1 to 128 letters, digits, '.', '_' or '-', starts with a letter or digit, "
            "and is neither 'latest' nor a version such as '3' or 'v3'",
        )


class UnknownStageRules(InvalidInput):
    """There are no rules of this name for stages."""

    code = "unknown_stage_rules"

    def __init__(self, text: str, known: Sequence[str]) -> None:
        super().__init__(f"{shown(text)} names no rules for stages", f"choose {' or '.join(known)}")


class InvalidKey(InvalidInput):
    """This cannot be the key of a metric, parameter or tag."""

    code = "invalid_key"

    def __init__(self, key: str, kind: str, most: int) -> None:
        super().__init__(
            f"{shown(key)} cannot be the key of a {kind}", f"a key is 1 to {most} printable characters, as in auc=0.93"
        )


class InvalidReference(InvalidInput):
    """This text does not name a model version."""

    code = "invalid_reference"

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(f"{shown(text)} does not name a model version", hint)


class UnknownStage(InvalidInput):
    """This is none of the four stages."""

    code = "unknown_stage"

    def __init__(self, text: str, stages: Sequence[str]) -> None:
        near = did_you_mean(text, stages)
        super().__init__(f"{shown(text)} is not a stage", near or f"the stages are {', '.join(stages)}")


class InvalidMetric(InvalidInput):
    """A metric is a finite number."""

    code = "invalid_metric"

    def __init__(self, name: str, value: object) -> None:
        super().__init__(
            f"metric {shown(name)} is {shown(str(value))}, not a finite number",
            "write --metric NAME=NUMBER; leave out a metric that is undefined",
        )


class InvalidData(InvalidInput):
    """Data that was given to learn a signature or metrics from cannot be used."""

    code = "invalid_data"


class SourceNotFound(InvalidInput):
    """There is nothing at the path that was to be registered."""

    code = "source_not_found"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        is_address = re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", os.fspath(path))
        hint = "bring it to this machine first" if is_address else "check the path"
        super().__init__(f"there is no file or folder {shown(os.fspath(path))}", hint)


class DataChanged(InvalidData):
    """A file with data changed while it was read."""

    code = "data_changed"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} changed while it was read; nothing was kept",
            "try again when nothing writes to it any more",
        )


class CannotPredict(InvalidInput):
    """What was loaded is nothing that predicts."""

    code = "cannot_predict"


class UnusableSource(InvalidInput):
    """What stands at the path cannot be registered."""

    code = "unusable_source"


class SourceChanged(InvalidInput):
    """A file changed while it was read."""

    code = "source_changed"

    def __init__(self, path: os.PathLike[str] | str) -> None:
        super().__init__(
            f"{shown(os.fspath(path))} changed while it was read; nothing was registered",
            "register it again when nothing writes to it any more",
        )


class InvalidExpression(InvalidInput):
    """A filter, a gate or an order cannot be understood."""

    code = "invalid_expression"

    def __init__(
        self, expression: str, message: str, hint: str | None = None, place: tuple[int, int] | None = None
    ) -> None:
        super().__init__(message, hint)
        self.expression = expression
        self.place = place
        """Where it is wrong: the first character, and the one after the last."""


class ParamChanged(InvalidInput):
    """A parameter of a run was to get another value."""

    code = "param_changed"

    def __init__(self, run_id: str, name: str, before: str, after: str) -> None:
        super().__init__(
            f"parameter {shown(name)} of run {run_id} is {shown(before)}, and cannot become {shown(after)}",
            "start another run, or keep what changes as a metric or tag",
        )


class UnloadableModel(InvalidInput):
    """These files cannot be loaded as a model."""

    code = "unloadable_model"


class UnreadableModel(InvalidInput):
    """A model's file cannot be understood."""

    code = "unreadable_model"


class MLflowMissing(InvalidInput):
    """MLflow's client is needed, and not installed."""

    code = "mlflow_missing"

    def __init__(self) -> None:
        super().__init__(
            "MLflow, which reads and writes its own records, is not installed", "pip install 'modelreg[mlflow]'"
        )
