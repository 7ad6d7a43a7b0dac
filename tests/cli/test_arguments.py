"""Parsing of the command line."""

from __future__ import annotations

import shutil

import pytest


@pytest.mark.parametrize("arguments", [["--registry", "R", "list", "-q"], ["list", "-q", "--registry", "R"]])
def test_global_options_are_accepted_before_and_after_the_command(churn, registry, arguments):
    result = churn(
        *[str(registry) if argument == "R" else argument for argument in arguments], MODELREG_HOME="/nowhere"
    )
    assert result.stdout == "churn\n"


def test_model_and_version_may_be_separate_arguments(churn):
    for arguments in (("show",), ("load",)):
        assert churn(*arguments, "churn", "2").stdout == churn(*arguments, "churn/2").stdout != ""
        assert churn(*arguments, "churn", "v2").stdout == churn(*arguments, "churn/2").stdout
    assert churn("diff", "churn", "1", "2").stdout == churn("diff", "churn/1", "churn/2").stdout != ""
    result = churn("show", "churn/1", "2")
    assert result.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "equivalent"),
    [
        ("alias churn 1 champion", "alias churn/1 champion"),
        ("approve churn v1", "approve churn/1"),
        ("tag churn 1 team=growth", "tag churn/1 team=growth"),
        ("describe churn 1 text", "describe churn/1 text"),
        ("evaluate churn 1 --metric auc=0.9 --as holdout", "evaluate churn/1 --metric auc=0.9 --as holdout"),
        ("evaluate --as holdout churn 1 --metric auc=0.9", "evaluate churn/1 --metric auc=0.9 --as holdout"),
        ("gate check churn latest Production", "gate check churn/latest Production"),
        ("verify churn 1", "verify churn/1"),
        ("delete churn 2 --yes", "delete churn/2 --yes"),
        ("transition churn 1 Staging", "transition churn/1 Staging"),
    ],
)
def test_every_command_accepts_name_and_version_for_a_reference(churn, registry, tmp_path, arguments, equivalent):
    shutil.copytree(registry, tmp_path / "copy")
    first = churn(*arguments.split())
    assert first.returncode == 0, first.stderr
    shutil.rmtree(registry)
    shutil.copytree(tmp_path / "copy", registry)
    second = churn(*equivalent.split())
    assert (first.stdout, first.stderr) == (second.stdout, second.stderr)


def test_a_number_that_fits_as_another_argument_is_no_version(churn):
    assert churn("describe", "churn", "1").stdout == "churn: 1\n"


def test_quiet_prints_no_notes_and_table_prints_tables_in_pipes(churn):
    for arguments in (("alias", "churn/1", "champion"), ("verify",), ("prune",), ("init",)):
        assert churn(*arguments, "-q").stderr == ""
    assert "\t" in churn("list").stdout
    assert "\t" not in churn("list", "--table").stdout
    assert churn("--table", "list").stdout == churn("list", "--table").stdout


def test_repeated_single_value_option_is_refused(run, trained):
    for arguments in (("predict", "iris/1", "-i", "a.csv", "--input", "b.csv"), ("gate", "list", "--name", "a")):
        assert run(*arguments).returncode == 2
    result = run("predict", "iris/1", "-i", "a.csv", "--input", "b.csv", "-o", "c.csv")
    assert "--input" in result.stderr
