"""``modelreg predict`` with a real model."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest


@pytest.mark.slow
def test_predict_writes_a_file_and_reports_it_on_stderr(run, trained):
    result = run("predict", "iris/1", "--input", trained / "rows.csv", "--output", trained / "out.csv", "--proba")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.endswith(f"wrote 150 predictions to {trained / 'out.csv'}\n")
    header = (trained / "out.csv").read_text().splitlines()[0]
    assert header == "prediction,probability_0,probability_1,probability_2"
    to_stdout = run("predict", "iris/1", "-i", trained / "rows.csv", "-o", "-")
    assert len(to_stdout.stdout.splitlines()) == 151


@pytest.mark.slow
def test_predict_warns_of_other_library_versions(run, registry, trained):
    with closing(sqlite3.connect(registry / "catalog.db")) as catalog, catalog:
        older = """UPDATE versions SET environment = replace(environment, '"scikit-learn":"', '"scikit-learn":"0.')"""
        catalog.execute(older)
    result = run("predict", "iris/1", "--input", trained / "rows.csv", "--output", trained / "out.csv")
    assert result.returncode == 0
    (warning,) = [line for line in result.stderr.splitlines() if "warning" in line.lower()]
    assert warning.startswith("warning: iris/1 was registered with scikit-learn 0.")


@pytest.mark.slow
def test_closed_pipe_during_predict_is_not_a_failure(trained, shell):
    line = f"(modelreg predict iris/1 -i {trained}/rows.csv -o -; echo $? >{trained}/status) | head -n 1"
    for _ in range(12):  # more than a pipe holds
        (trained / "rows.csv").write_text((trained / "rows.csv").read_text() + "1,1,1,1\n" * 4000)
    assert shell(line).stdout == "prediction\n"
    assert (trained / "status").read_text() == "0\n"


def test_predict_refuses_to_overwrite_its_input_and_to_mix_with_json(run, trained):
    data = (trained / "rows.csv").read_bytes()
    assert run("predict", "iris/1", "-i", trained / "rows.csv", "-o", trained / "rows.csv").returncode == 2
    assert (trained / "rows.csv").read_bytes() == data
    assert run("predict", "iris/1", "-i", trained / "rows.csv", "-o", "-", "--json").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("evaluate", "iris/1", "--data", "{}/holdout.csv", "--target", "nope"), 2),
        (("evaluate", "iris/1", "--data", "{}/missing.csv", "--target", "target"), 2),
        (("evaluate", "iris/1", "--data", "{}/holdout.csv"), 2),
        (("evaluate", "iris/1"), 2),
        (("evaluate", "iris/1", "--metric", "a=1"), 2),
        (("evaluate", "iris/1", "--as", "x", "--metric", "a=nan"), 2),
        (("evaluate", "iris/7", "--data", "{}/holdout.csv", "--target", "target"), 3),
        (("predict", "iris/1", "--input", "{}/holdout.csv", "--output", "{}/out.csv"), 2),
        (("predict", "iris/1", "--input", "{}/rows.csv", "--output", "{}/out.txt"), 2),
        (("predict", "iris/1", "--input", "{}/rows.csv", "--output", "{}/no/out.csv"), 2),
        (("predict", "iris/1", "--input", "{}/rows.csv", "--output", "/dev/full/out.csv"), 2),
    ],
)
@pytest.mark.slow
def test_invalid_evaluation_or_prediction_is_refused_and_changes_nothing(run, trained, arguments, status, journal):
    before = journal()
    result = run(*(argument.format(trained) for argument in arguments))
    assert (result.returncode, result.stdout) == (status, "")
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    assert journal() == before
    assert not (trained / "out.csv").exists()
