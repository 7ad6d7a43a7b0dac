"""Logging of a model that was fitted."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from modelreg.mlflow import fluent
from modelreg.mlflow.autologging.settings import Settings
from modelreg.mlflow.data.dataset import from_numpy, from_pandas

_MAX_PARAM_LENGTH = 6000  # characters


def log_fit(
    settings: Settings, get_model: Callable[[Any], Any], log_facts: Callable[..., None], fit: Callable[[], Any]
) -> Any:
    """Fit a model within the active run, or within a new one, and log it; returns what ``fit`` returns."""
    with fluent.active_or_new_run() as run_id:
        if settings.extra_tags:
            fluent.set_tags(settings.extra_tags)
        result = fit()
        try:
            log_facts(run_id, get_model(result))
        except Exception as error:  # of any library: a failure to log must not discard a finished training
            if not settings.silent:
                warnings.warn(f"autolog could not log everything: {error}", stacklevel=5)
        return result


def log_params(run_id: str, params: Mapping[str, object]) -> None:
    """Log parameters; one that the run already has with another value is skipped with a warning."""
    existing = fluent.get_run(run_id).data.params
    texts = {key: str(value)[:_MAX_PARAM_LENGTH] for key, value in params.items()}
    changed = sorted(key for key, value in texts.items() if existing.get(key, value) != value)
    if changed:
        warnings.warn(f"the run already has other values for the parameters {', '.join(changed)}", stacklevel=6)
    fluent.log_params({key: value for key, value in texts.items() if key not in changed}, run_id=run_id)


def log_dataset(run_id: str, data: Any, context: str) -> None:
    """Log the training data as a dataset, if it is a table or an array."""
    if hasattr(data, "columns"):
        dataset: Any = from_pandas(data)
    elif hasattr(data, "dtype") and hasattr(data, "shape"):
        dataset = from_numpy(data)
    else:
        return
    fluent.log_input(dataset, context)


def bind_arguments(fit: Callable[..., Any], estimator: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The arguments of a call to ``fit`` by parameter name; empty if they do not match its signature."""
    try:
        return inspect.signature(fit).bind(estimator, *args, **kwargs).arguments
    except TypeError:  # the call itself will raise it
        return {}


def infer_signature_or_none(data: Any, model: Any) -> Any:
    """Infer the signature from the first rows of the data; None if that fails."""
    from modelreg.mlflow.models import signature

    try:
        rows = data.head(5) if hasattr(data, "head") else data[:5]
        return signature.infer_signature(rows, model.predict(rows) if hasattr(model, "predict") else None)
    except Exception:  # of any library: a failure here must not discard a finished training
        return None
