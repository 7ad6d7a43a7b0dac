"""The verdict on a model's files: everything in them is looked at, and nothing of them is run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.content import Files
from modelreg.analysis.evidence import Evidence
from modelreg.analysis.examination import Examination, Place
from modelreg.analysis.formats import mlflow_folder, onnx_graph, remote_code
from modelreg.analysis.pickle.reader import Budget
from modelreg.domain.scans import Scan, Verdict

_NAMED = 5  # of many files

WITHOUT_CODE = frozenset({"safetensors", "onnx", "xgboost-json", "xgboost-ubj", "lightgbm-text", "catboost-cbm"})
"""Formats that hold numbers and no code: they need no trust."""


def scan(files: Files, is_folder: bool, format: str) -> Scan:
    """Look at every file of a model; never raises because of what is in them, and time and memory are bounded.

    ``files`` maps the path inside the model to where its bytes lie; ``format`` is what the model was recognised as.
    """
    evidence = Evidence()
    size = sum(location.stat().st_size for location in files.values())
    examination = Examination(evidence, Budget.of_model(size), Bounds.of_model(size))
    not_known = []
    for path, location in files.items():
        place = path if is_folder else ""
        understood = _examine(location, place, examination)
        if path.lower().endswith(".onnx") or (format == "onnx" and not is_folder):  # whatever else it can be taken for
            understood = _examine_onnx(location, path, files, evidence)
        if not understood and format not in WITHOUT_CODE:
            not_known.append(place)
    evidence.add_reasons(Verdict.UNREADABLE, "", _of_no_format(not_known))
    if is_folder:
        remote_code.examine(files, evidence)
        mlflow_folder.examine(files, evidence)
    return evidence.scan()


def scan_opened(file: BinaryIO) -> Scan:
    """The verdict on the model in one opened file, which is read from its beginning."""
    return examined(file).scan()


def examined(file: BinaryIO) -> Evidence:
    """What there is in one opened file, which is read from its beginning."""
    evidence = Evidence()
    size = os.fstat(file.fileno()).st_size
    examination = Examination(evidence, Budget.of_model(size), Bounds.of_model(size))
    if not examination.file(file, size, Place("", is_model=True)):
        evidence.add_reasons(Verdict.UNREADABLE, "", ["it is in no format that is known here"])
    return evidence


def _examine(location: Path, place: str, examination: Examination) -> bool:
    with location.open("rb") as file:
        return examination.file(file, os.fstat(file.fileno()).st_size, Place(place))


def _of_no_format(places: Sequence[str]) -> Iterator[str]:
    if len(places) > 1:
        yield f"{len(places)} files are in no format that is known here: {', '.join(places[:_NAMED])}"
    elif places:
        yield f"{places[0] or 'it'} is in no format that is known here"


def _examine_onnx(location: Path, path: str, files: Files, evidence: Evidence) -> bool:
    with location.open("rb") as file:
        onnx_graph.examine(file, location.stat().st_size, path, frozenset(files), evidence)
    return True
