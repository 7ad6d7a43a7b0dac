"""Estimators in memory: written to a file by joblib, and asked what they take and give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelreg.errors import UnusableSource
from modelreg.records.signature import Signature

FILE_NAME = "model.joblib"


@contextmanager
def dumped(estimator: object) -> Iterator[Path]:
    """A file that holds ``estimator``, for as long as the block lasts; raises `UnusableSource`."""
    from pickle import PicklingError
    from tempfile import TemporaryDirectory

    import joblib  # 150 ms, and NumPy with it

    with TemporaryDirectory(prefix="modelreg-") as folder:
        path = Path(folder, FILE_NAME)
        try:
            joblib.dump(estimator, path)
        except (PicklingError, TypeError, AttributeError) as error:
            raise UnusableSource(f"the estimator cannot be pickled: {error}") from error
        yield path


def signature_by_example(estimator: object, example: object) -> Signature:
    """What ``estimator`` takes, as ``example`` shows it, and what it makes of that."""
    from modelreg.signatures import infer_signature

    predict = getattr(estimator, "predict", None)
    return infer_signature(example, predict and predict(example))
