"""What `autolog` was told, and what it cannot do."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_NO_MATTER = {
    "disable_for_unsupported_versions", "log_model_signatures", "max_tuning_runs", "serialization_format",
    "importance_types", "model_format", "log_post_training_metrics", "extra_tags_", "log_traces",
}  # fmt: skip
_NOT_KEPT = {"log_input_examples": "examples of inputs are not kept; the signature is"}


@dataclass(frozen=True)
class Settings:
    """How fitting is logged."""

    log_models: bool = True
    log_datasets: bool = True
    exclusive: bool = False
    silent: bool = False
    registered_model_name: str | None = None
    extra_tags: Mapping[str, str] | None = None


def parse_settings(stated: Mapping[str, Any]) -> Settings | None:
    """What was told; None to stop logging. Raises TypeError for what MLflow does not take either."""
    known = dict(stated)
    if known.pop("disable", False):
        return None
    for key, reason in _NOT_KEPT.items():
        if known.pop(key, None):
            warnings.warn(reason, stacklevel=4)
    chosen = {key: known.pop(key) for key in Settings.__dataclass_fields__ if key in known}
    if unknown := known.keys() - _NO_MATTER:
        raise TypeError(f"autolog() got an unexpected keyword argument {min(unknown)!r}")
    return Settings(**chosen)


class _Depth(threading.local):
    """How many calls to fit are running within each other in a thread."""

    def __init__(self) -> None:
        self.calls = 0


_depth = _Depth()


@contextmanager
def outermost() -> Iterator[bool]:
    """Whether this is the call of the user, rather than one within it, such as of a step of a pipeline."""
    _depth.calls += 1
    try:
        yield _depth.calls == 1
    finally:
        _depth.calls -= 1
