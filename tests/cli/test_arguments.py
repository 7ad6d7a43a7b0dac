"""How the command line is parsed."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("words", [["--registry", "R", "list", "-q"], ["list", "-q", "--registry", "R"]])
def test_global_options_are_accepted_before_and_after_the_command(churn, registry, words):
    result = churn(*[str(registry) if word == "R" else word for word in words], MODELREG_HOME="/nowhere")
    assert result.stdout == "churn\n"


def test_model_and_version_may_be_separate_arguments(churn):
    for words in (("show",), ("load",)):
        assert churn(*words, "churn", "2").stdout == churn(*words, "churn/2").stdout != ""
        assert churn(*words, "churn", "v2").stdout == churn(*words, "churn/2").stdout
    assert churn("diff", "churn", "1", "2").stdout == churn("diff", "churn/1", "churn/2").stdout != ""
    refused = churn("show", "churn/1", "2")
    assert refused.returncode == 2


def test_repeated_single_value_option_is_refused(run, trained):
    for words in (("predict", "iris/1", "-i", "a.csv", "--input", "b.csv"), ("gate", "list", "--name", "a")):
        assert run(*words).returncode == 2
    refused = run("predict", "iris/1", "-i", "a.csv", "--input", "b.csv", "-o", "c.csv")
    assert "--input" in refused.stderr
