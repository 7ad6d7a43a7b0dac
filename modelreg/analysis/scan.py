"""Scan the files of a model and return a verdict. Nothing in them is executed."""

from __future__ import annotations

import os
from typing import BinaryIO

from modelreg.analysis.containers.bounds import Bounds
from modelreg.analysis.containers.content import Files
from modelreg.analysis.evidence import Evidence
from modelreg.analysis.examination import Examination, Place
from modelreg.analysis.formats import mlflow_folder, onnx_graph, remote_code
from modelreg.analysis.pickle.reader import Budget
from modelreg.domain.scans import Scan, Verdict

_MAX_NAMED_FILES = 5

CODE_FREE_FORMATS = frozenset({"safetensors", "onnx", "xgboost-json", "xgboost-ubj", "lightgbm-text", "catboost-cbm"})
"""Formats that hold numbers and no code, so that loading them requires no trust."""


def scan(files: Files, is_folder: bool, format: str) -> Scan:
    """Scan every file of a model. Time and memory are bounded, and no content makes it raise.

    ``files`` maps each path inside the model to the location of its bytes; ``format`` is the recognised format.
    """
    evidence = Evidence()
    size = sum(location.stat().st_size for location in files.values())
    examination = Examination(evidence, Budget.of_model(size), Bounds.of_model(size))
    unrecognised = []
    for path, location in files.items():
        place = path if is_folder else ""
        with location.open("rb") as file:
            is_recognised = examination.examine(file, os.fstat(file.fileno()).st_size, Place(place))
        if path.lower().endswith(".onnx") or (format == "onnx" and not is_folder):
            with location.open("rb") as file:
                onnx_graph.examine(file, location.stat().st_size, path, frozenset(files), evidence)
            is_recognised = True
        if not is_recognised and format not in CODE_FREE_FORMATS:
            unrecognised.append(place)
    if len(unrecognised) > 1:
        reason = f"{len(unrecognised)} files have an unrecognised format: {', '.join(unrecognised[:_MAX_NAMED_FILES])}"
        evidence.add_reasons(Verdict.UNREADABLE, "", [reason])
    elif unrecognised:
        evidence.add_reasons(Verdict.UNREADABLE, "", [f"{unrecognised[0] or 'it'} has an unrecognised format"])
    if is_folder:
        remote_code.examine(files, evidence)
        mlflow_folder.examine(files, evidence)
    return evidence.scan()


def examine_file(file: BinaryIO) -> Evidence:
    """Scan a model in one opened file, from its beginning, and return the evidence."""
    evidence = Evidence()
    size = os.fstat(file.fileno()).st_size
    examination = Examination(evidence, Budget.of_model(size), Bounds.of_model(size))
    if not examination.examine(file, size, Place("", is_model=True)):
        evidence.add_reasons(Verdict.UNREADABLE, "", ["it has an unrecognised format"])
    return evidence
