"""The options of `autolog`."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_IGNORED = {
    "disable_for_unsupported_versions", "log_model_signatures", "max_tuning_runs", "serialization_format",
    "importance_types", "model_format", "log_post_training_metrics", "extra_tags_", "log_traces",
}  # fmt: skip
_UNSUPPORTED = {"log_input_examples": "input examples are not stored; the signature is"}


@dataclass(frozen=True)
class Settings:
    """How fits are logged."""

    log_models: bool = True
    log_datasets: bool = True
    exclusive: bool = False
    silent: bool = False
    registered_model_name: str | None = None
    extra_tags: Mapping[str, str] | None = None


def parse_settings(options: Mapping[str, Any]) -> Settings | None:
    """Parse the options; returns None to turn logging off. Raises TypeError for options that MLflow does not have."""
    remaining = dict(options)
    if remaining.pop("disable", False):
        return None
    for key, reason in _UNSUPPORTED.items():
        if remaining.pop(key, None):
            warnings.warn(reason, stacklevel=4)
    settings = {key: remaining.pop(key) for key in Settings.__dataclass_fields__ if key in remaining}
    if unknown := remaining.keys() - _IGNORED:
        raise TypeError(f"autolog() got an unexpected keyword argument {min(unknown)!r}")
    return Settings(**settings)


class _Depth(threading.local):
    """The number of nested calls to ``fit`` in the current thread."""

    def __init__(self) -> None:
        self.calls = 0


_depth = _Depth()


@contextmanager
def fit_call() -> Iterator[bool]:
    """Mark a call to ``fit``; yields whether it is the user's own call, not one by a library such as a pipeline."""
    _depth.calls += 1
    try:
        yield _depth.calls == 1
    finally:
        _depth.calls -= 1
