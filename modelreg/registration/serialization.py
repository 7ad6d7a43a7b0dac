"""Write estimators to files, and infer their signature from an example."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelreg.domain.signatures import Signature
from modelreg.errors import UnusableSource

FILE_NAME = "model.joblib"


@contextmanager
def dumped(estimator: object) -> Iterator[Path]:
    """Write ``estimator`` to a temporary file; raises `UnusableSource`."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="modelreg-") as folder:
        path = Path(folder, FILE_NAME)
        dump(estimator, path)
        yield path


def dump(estimator: object, path: Path) -> None:
    """Write ``estimator`` with joblib, or with cloudpickle where it holds a lambda or a closure.

    Raises `UnusableSource` for what neither can write.
    """
    from pickle import PicklingError

    import joblib  # 150 ms, and NumPy with it

    try:
        joblib.dump(estimator, path)
    except (PicklingError, TypeError, AttributeError):
        dump_pickle(estimator, path)


def dump_pickle(estimator: object, path: Path) -> None:
    """Write ``estimator`` as a plain pickle, by cloudpickle; raises `UnusableSource` for what it cannot write."""
    from pickle import PicklingError

    import cloudpickle

    try:
        path.write_bytes(cloudpickle.dumps(estimator))
    except (PicklingError, TypeError, AttributeError) as error:
        raise UnusableSource(f"the estimator cannot be pickled: {error}") from error


def signature_by_example(estimator: object, example: object) -> Signature:
    """Infer the signature from example inputs and the predictions for them."""
    from modelreg.data.signatures import infer_signature

    predict = getattr(estimator, "predict", None)
    return infer_signature(example, predict and predict(example))
