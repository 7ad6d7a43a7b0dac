"""What is logged of a model that was fitted."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from modelreg.mlflow import fluent
from modelreg.mlflow.autologging.settings import Settings
from modelreg.mlflow.data.dataset import from_numpy, from_pandas

_LONGEST_PARAM = 6000  # characters; of a parameter that is the text of an object


def logged_fit(
    settings: Settings, model_of: Callable[[Any], Any], facts_of: Callable[..., None], fit: Callable[[], Any]
) -> Any:
    """Fit a model within the active run, or in one of its own, and log it."""
    with fluent.run_of_a_model() as run_id:
        if settings.extra_tags:
            fluent.set_tags(settings.extra_tags)
        outcome = fit()
        try:
            facts_of(run_id, model_of(outcome))
        except Exception as error:  # whatever a library raises: logging never ends a training that succeeded
            if not settings.silent:
                warnings.warn(f"autolog could not log everything: {error}", stacklevel=5)
        return outcome


def log_params(run_id: str, params: Mapping[str, object]) -> None:
    """Log parameters; those that the run has with another value are left as they are, with a warning."""
    known = fluent.get_run(run_id).data.params
    texts = {key: str(value)[:_LONGEST_PARAM] for key, value in params.items()}
    changed = sorted(key for key, value in texts.items() if known.get(key, value) != value)
    if changed:
        warnings.warn(f"the run has other values already of the parameters {', '.join(changed)}", stacklevel=6)
    fluent.log_params({key: value for key, value in texts.items() if key not in changed}, run_id=run_id)


def log_dataset(run_id: str, data: Any, context: str) -> None:
    """Keep name, digest and rows of what a model was fitted on, where it is a table or an array."""
    if hasattr(data, "columns"):
        dataset: Any = from_pandas(data)
    elif hasattr(data, "dtype") and hasattr(data, "shape"):
        dataset = from_numpy(data)
    else:
        return
    fluent.log_input(dataset, context)


def arguments_of(fit: Callable[..., Any], estimator: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The arguments of a call by name, for what is logged of the data; empty where they do not fit."""
    try:
        return inspect.signature(fit).bind(estimator, *args, **kwargs).arguments
    except TypeError:  # the call itself will say so
        return {}


def signature_of(data: Any, model: Any) -> Any:
    """The signature that the first rows of the data give; None where they give none."""
    from modelreg.mlflow.models.signature import infer_signature

    try:
        rows = data.head(5) if hasattr(data, "head") else data[:5]
        return infer_signature(rows, model.predict(rows) if hasattr(model, "predict") else None)
    except Exception:  # whatever a model of somebody else raises, its training has succeeded
        return None
