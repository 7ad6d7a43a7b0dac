"""Write genuine models as files in all common formats, with a manifest. Identical contents are written once."""

from __future__ import annotations

import bz2
import collections
import gzip
import hashlib
import importlib.metadata
import io
import itertools
import json
import lzma
import pickle
import re
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from genuine import genuine_models
from genuine.attempts import quiet, summarize, time_limit

Dump = Callable[[Any], bytes]

LIBRARIES = [
    "scikit-learn",
    "numpy",
    "scipy",
    "pandas",
    "joblib",
    "cloudpickle",
    "skops",
    "pyarrow",
    "xgboost",
    "xgboost-cpu",
    "lightgbm",
    "catboost",
    "lz4",
]

IN_ALL_FORMATS = 25
"""One in `IN_ALL_FORMATS` objects is written in every format, the others in `FORMATS_PER_OBJECT`, in rotation."""

FORMATS_PER_OBJECT = 2

SECONDS_PER_FILE = 10


def _dump_pickle_in_c(value: Any, protocol: int) -> bytes:
    return pickle.dumps(value, protocol)


def _dump_pickle_in_python(value: Any, protocol: int) -> bytes:
    file = io.BytesIO()
    pickle._Pickler(file, protocol).dump(value)  # type: ignore[attr-defined]
    return file.getvalue()


def _dump_joblib(value: Any, **options: Any) -> bytes:
    import joblib

    file = io.BytesIO()
    joblib.dump(value, file, **options)
    return file.getvalue()


def _dump_cloudpickle(value: Any, protocol: int | None = None) -> bytes:
    import cloudpickle

    return bytes(cloudpickle.dumps(value, protocol))


def _dump_skops(value: Any) -> bytes:
    import skops.io

    return bytes(skops.io.dumps(value))


def _dump_compressed_pickle(value: Any, compress: Callable[[bytes], bytes]) -> bytes:
    return compress(pickle.dumps(value))


def formats() -> dict[str, Dump]:
    """Name of a format, which is also the suffix of the file name -> the function that writes an object."""
    dumps: dict[str, Dump] = {}
    for protocol in (2, 3, 4, 5):
        dumps[f"c{protocol}.pkl"] = partial(_dump_pickle_in_c, protocol=protocol)
        dumps[f"py{protocol}.pkl"] = partial(_dump_pickle_in_python, protocol=protocol)
    dumps["plain.joblib"] = _dump_joblib
    dumps["protocol2.joblib"] = partial(_dump_joblib, protocol=2)
    for method in ("zlib", "gzip", "bz2", "xz", "lzma", "lz4"):
        dumps[f"{method}.joblib"] = partial(_dump_joblib, compress=(method, 3))
    dumps["cloudpickle.pkl"] = _dump_cloudpickle
    dumps["cloudpickle4.pkl"] = partial(_dump_cloudpickle, protocol=4)
    dumps["skops"] = _dump_skops
    for name, compress in {
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "xz": lzma.compress,
        "zlib": zlib.compress,
    }.items():
        dumps[f"pkl.{name}"] = partial(_dump_compressed_pickle, compress=compress)
    return dumps


class Corpus:
    """A folder of model files with their manifest."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.entries: list[dict[str, Any]] = []
        self.left_out: list[dict[str, str]] = []
        self.bytes = 0
        self._digests: set[str] = set()
        self._dumps = formats()
        # shuffled, so that consecutive objects are written in different formats
        self._rotation = itertools.cycle(sorted(self._dumps, key=lambda name: hashlib.md5(name.encode()).digest()))

    def report(self, description: str, reason: str) -> None:
        """Record that an object was not created or not written."""
        self.left_out.append({"description": description, "reason": reason})

    def add(self, number: int, description: str, value: object) -> None:
        """Write an object in some formats, or in all of them for one in `IN_ALL_FORMATS`."""
        is_in_all_formats = number % IN_ALL_FORMATS == 0
        names = list(self._dumps) if is_in_all_formats else list(itertools.islice(self._rotation, FORMATS_PER_OBJECT))
        for name in names:
            try:
                with quiet(), time_limit(SECONDS_PER_FILE):
                    content = self._dumps[name](value)
            except Exception as error:  # libraries raise many classes for an object that cannot be pickled
                self.report(f"{description} as {name}", summarize(error))
                continue
            self._write(number, description, name, value, content)

    def _write(self, number: int, description: str, format_name: str, value: object, content: bytes) -> None:
        digest = hashlib.sha256(content).hexdigest()
        if digest in self._digests:
            return
        self._digests.add(digest)
        slug = re.sub(r"[^A-Za-z0-9]+", "-", description).strip("-")[:90]
        path = self.folder / f"{number:05}-{slug}.{format_name}"
        path.write_bytes(content)
        self.bytes += len(content)
        kind = type(value)
        self.entries.append(
            {
                "file": path.name,
                "description": description,
                "format": format_name,
                "class": f"{kind.__module__}.{kind.__qualname__}",
                "size": len(content),
                "sha256": digest,
            }
        )

    def finish(self, seed: int, seconds: float) -> dict[str, Any]:
        """Write the manifest, and return its summary."""
        summary = {
            "seed": seed,
            "seconds": round(seconds),
            "versions": _get_versions(),
            "objects": len({entry["description"] for entry in self.entries}),
            "files": len(self.entries),
            "bytes": self.bytes,
            "formats": dict(sorted(collections.Counter(entry["format"] for entry in self.entries).items())),
            "left_out": len(self.left_out),
        }
        manifest = summary | {"entries": self.entries, "reasons": self.left_out}
        (self.folder / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        return summary


def _get_versions() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def large_and_small_arrays() -> Iterator[tuple[str, object]]:
    """Models and arrays below and above the size from which joblib memory-maps or streams an array."""
    from sklearn.neighbors import KNeighborsClassifier

    for rows in (100, 8191, 8193, 40000):
        numbers = np.random.default_rng(rows).random((rows, 1))
        yield f"array of {rows} float64", numbers
        yield f"column-major array of {rows} rows", np.asfortranarray(np.hstack([numbers, numbers]))
        neighbours = KNeighborsClassifier(algorithm="brute").fit(numbers, (numbers[:, 0] > 0.5).astype(int))
        yield f"KNeighborsClassifier of {rows} rows", neighbours


def write_corpus(folder: Path, seed: int, share: int, seconds: float) -> Corpus:
    """Write the models of a seed, or a share of them, into a folder. Stop early after ``seconds``."""
    import time

    corpus, end = Corpus(folder), time.monotonic() + seconds
    models = itertools.chain(large_and_small_arrays(), genuine_models(seed, corpus.report, share))
    for number, (description, value) in enumerate(models):
        if time.monotonic() > end:
            corpus.report(f"everything after {description}", "the time limit was reached")
            break
        corpus.add(number, description, value)
    return corpus
