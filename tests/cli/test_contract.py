"""The contract from the shell: what is printed, in every form, and with which exit status."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import asdict

import pytest

from modelreg import Registry

from .conftest import runner


@pytest.fixture
def scored(churn, tmp_path):
    """Versions 1 (in Production), 2 and 3 with metrics on a data set named holdout."""
    (tmp_path / "holdout.csv").write_text("age,target\n31,0\n")
    for version, auc in ((1, 0.9), (2, 0.95), (3, 0.6)):
        data = str(tmp_path / "holdout.csv")
        done = churn("evaluate", f"churn/{version}", "--data", data, "--metric", f"roc_auc={auc}")
        assert done.returncode == 0, done.stderr
    return churn


def test_gates_are_added_listed_checked_and_removed(scored):
    added = scored("gate", "add", "churn", "Production", "eval.holdout.roc_auc >= 0.9", "--description", "good")
    assert added.stdout == "added gate 1: churn -> Production requires eval.holdout.roc_auc >= 0.9\n"
    assert added.stderr == "undo: modelreg gate remove 1\n"
    again = scored("gate", "add", "churn", "Production", "eval.holdout.roc_auc >= 0.9")
    assert (again.returncode, again.stdout[:7], again.stderr) == (0, "gate 1 ", "")
    listed = scored("gate", "list").stdout.splitlines()
    assert listed[0] == "id\tname\tstage\texpression\tdescription\tcreated_by\tcreated_at"
    assert listed[1].startswith("1\tchurn\tProduction\teval.holdout.roc_auc >= 0.9\tgood\t")
    assert (
        json.loads(scored("gate", "list", "churn", "--json").stdout)[0]["expression"] == "eval.holdout.roc_auc >= 0.9"
    )
    removed = scored("gate", "remove", "1")
    assert removed.stdout == "removed gate 1: churn -> Production required eval.holdout.roc_auc >= 0.9\n"
    expected = "undo: modelreg gate add churn Production 'eval.holdout.roc_auc >= 0.9' --description good\n"
    assert removed.stderr == expected
    assert scored("gate", "remove", "1").returncode == 3
    assert scored("gate", "list", "--json").stdout == "[]\n"


def test_a_check_is_a_step_of_its_own_in_ci(scored):
    scored("gate", "add", "churn", "Production", "eval.holdout.roc_auc >= production.eval.holdout.roc_auc")
    passed = scored("gate", "check", "churn/2", "production")
    assert passed.returncode == 0
    assert passed.stdout.splitlines()[0] == "id\twanted\tfound\tpassed\treason\tdescription"
    failed = scored("gate", "check", "churn/3", "Production")
    assert failed.returncode == 5
    assert "eval.holdout.roc_auc = 0.6, production.eval.holdout.roc_auc = 0.9\tno" in failed.stdout
    found = json.loads(scored("gate", "check", "churn/3", "Production", "--json").stdout)
    assert list(found) == ["name", "version", "stage", "production", "passed", "gates"]
    assert (found["passed"], found["production"]) == (False, 1)
    assert list(found["gates"][0]) == [
        *("id", "name", "expression", "description", "passed", "found", "reason", "incomparable")
    ]
    free = scored("gate", "check", "churn/3", "Staging")
    assert (free.returncode, "no gates" in free.stderr) == (0, True)


def test_a_refused_promotion_names_the_gate_and_the_way_around_it(scored):
    scored("gate", "add", "churn", "Production", "eval.holdout.roc_auc >= 0.9")
    refused = scored("transition", "churn", "3", "Production", "--archive-existing")
    assert (refused.returncode, refused.stdout) == (5, "")
    assert refused.stderr.splitlines() == [
        "error: churn/3 is kept out of Production by eval.holdout.roc_auc >= 0.9, where eval.holdout.roc_auc is 0.6",
        "hint: modelreg gate check churn/3 Production; --force --message WHY overrides gates",
    ]
    as_json = scored("transition", "churn", "3", "Production", "--json")
    assert json.loads(as_json.stderr)["error"]["code"] == "gate_refused"
    assert scored("transition", "churn", "3", "Production", "--force").returncode == 2
    assert scored("transition", "churn", "3", "Production", "--force", "-m", "drill").returncode == 4
    forced = scored("transition", "churn", "3", "Production", "--force", "-m", "drill", "--archive-existing")
    assert forced.returncode == 0
    assert "gate eval.holdout.roc_auc >= 0.9" in forced.stderr
    header, *rows = [line.split("\t") for line in scored("history", "churn").stdout.splitlines()]
    told = [dict(zip(header, row, strict=True)) for row in rows]
    assert [row["forced"] for row in told[-3:]] == ["", "", "yes"]
    assert [row["action"] for row in told].count("refuse") == 2


def test_a_gate_that_has_nobody_to_compare_with_says_so(churn):
    churn("gate", "add", "churn", "Production", "version > production.version")
    churn("transition", "churn/1", "Archived")
    done = churn("transition", "churn/2", "Production")
    assert done.returncode == 0
    expected = "passed the gate version > production.version: nobody is in Production to compare with"
    assert done.stderr.splitlines()[0] == expected


@pytest.mark.parametrize(
    ("expression", "line", "caret"),
    [
        ("nonsense >= 1", "  nonsense >= 1", "  ^^^^^^^^"),
        ("size > 1 AND stage = 'prod'", "  size > 1 AND stage = 'prod'", "                       ^^^^^^"),
        ("size >", "  size >", "        ^"),
    ],
)
def test_what_is_wrong_in_an_expression_is_under_a_caret(churn, expression, line, caret):
    for words in (("gate", "add", "churn", "Production", expression), ("versions", "churn", "--filter", expression)):
        done = churn(*words)
        assert (done.returncode, done.stdout) == (2, "")
        said = done.stderr.splitlines()
        assert said[0].startswith("error: ")
        assert said[1:3] == [line, caret]
    fault = json.loads(churn("list", "--filter", expression, "--json").stderr)["error"]
    start, end = fault["place"]
    assert (fault["code"], fault["expression"]) == ("invalid_expression", expression)
    assert end - start == len(caret.strip())


def test_a_long_expression_is_shown_near_the_place(churn):
    expression = " OR ".join(["size = 1"] * 40) + " OR nonsense = 1"
    said = churn("versions", "churn", "--filter", expression).stderr.splitlines()
    assert said[1].endswith("OR nonsense = 1")
    assert len(said[1]) < 100
    assert said[1].index("nonsense") == said[2].index("^")


def test_filters_sort_and_limit_what_is_listed(scored):
    asked = ("versions", "churn", "-q", "--sort", "eval.holdout.roc_auc DESC")
    assert scored(*asked).stdout.split() == ["churn/2", "churn/1", "churn/3"]
    assert scored(*asked, "--limit", "1").stdout.split() == ["churn/2"]
    assert scored(*asked, "--filter", "eval.holdout.roc_auc < 0.95").stdout.split() == ["churn/1", "churn/3"]
    assert scored("list", "-q", "--filter", "stage = 'Production'").stdout == "churn\n"
    assert scored("list", "--json", "--filter", "stage = 'Archived'").stdout == "[]\n"
    assert scored("versions", "churn", "--limit", "0").returncode == 2


def test_rollback_says_what_it_did_and_how_to_undo_it(churn):
    churn("transition", "churn", "2", "Production", "--archive-existing")
    planned = churn("rollback", "churn", "--dry-run")
    assert planned.stdout == "churn/1 -> Production (churn/2 -> None)\n"
    assert planned.stderr == "dry run: nothing was changed\n"
    done = churn("rollback", "churn", "-m", "slow")
    assert done.stdout == planned.stdout
    assert done.stderr.splitlines()[1:] == ["undo: modelreg transition churn/2 Production --move-existing Archived"]
    churn("gate", "add", "churn", "Production", "approvals >= 1")
    refused = churn("rollback", "churn")
    assert refused.returncode == 4
    assert refused.stderr.startswith("error: no version was in Production before churn/1; churn was not changed\n")


def test_history_answers_for_any_time(churn):
    held = churn("history", "churn", "--as-of", "2100-01-01")
    assert held.stdout.splitlines()[0] == "name\tversion\tstage\tsince\tuser\tclaimed_user\tmessage"
    assert [line.split("\t")[1:3] for line in held.stdout.splitlines()[1:]] == [
        ["3", "None"],
        ["2", "None"],
        ["1", "Production"],
    ]
    assert churn("history", "--as-of", "2020-01-01", "--json").stdout == "[]\n"
    assert churn("history", "churn", "--as-of", "soon").returncode == 2
    assert churn("history", "chrun", "--as-of", "2100-01-01").returncode == 3


def test_the_claimed_user_and_the_job_stand_beside_the_user(churn):
    churn("transition", "churn", "2", "Staging", MODELREG_USER="alice", CI_JOB_URL="https://ci.example.com/7")
    entry = json.loads(churn("history", "churn", "--json").stdout)[-1]
    assert (entry["claimed_user"], entry["ci_job"]) == ("alice", "https://ci.example.com/7")
    assert entry["user"] != "alice"
    assert entry["tool"].startswith("modelreg ")


# Every change is undone by the line that it prints


def undo(done):
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("undo: ")]
    return line.removeprefix("undo: ")


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (None, ("alias", "churn/2", "champion")),
        (("alias", "churn/1", "champion"), ("alias", "churn/2", "champion")),
        (("alias", "churn/1", "champion"), ("alias", "churn@champion", "--remove")),
        (None, ("tag", "churn", "team=growth", "note=it's; $HOME")),
        (("tag", "churn/1", "team=a b", "x=1"), ("tag", "churn/1", "team=c", "--remove", "x")),
        (None, ("describe", "churn", "who leaves")),
        (("describe", "churn/1", 'it\'s "quoted" and more'), ("describe", "churn/1", "")),
        (("describe", "churn/1", "--", "-x"), ("describe", "churn/1", "y")),
        (("tag", "churn", "--", "-a=1"), ("tag", "churn", "--", "-a=2")),
        (("gate", "add", "churn", "Staging", "--", "-version < 0"), ("gate", "remove", "1")),
        (None, ("rename", "churn", "leaving")),
        (None, ("approve", "churn/1", "-m", "fine")),
        (("approve", "churn/1", "-m", "fine"), ("approve", "churn/1", "--withdraw")),
        (None, ("gate", "add", "churn", "Production", "size > 1")),
        (("gate", "add", "*", "Production", "name != 'it''s'"), ("gate", "remove", "1")),
        (None, ("transition", "churn", "2", "Production", "--archive-existing")),
        (None, ("transition", "churn", "2", "Production", "--move-existing", "Staging")),
        (None, ("transition", "churn", "2", "Staging")),
    ],
    ids=lambda words: " ".join(words or ["-"]),
)
@pytest.mark.slow
def test_the_undo_that_is_printed_undoes_it(churn, registry, shell, before, words):
    if before:
        assert churn(*before).returncode == 0
    known = state(registry)
    done = churn(*words)
    assert done.returncode == 0, done.stderr
    assert state(registry) != known
    taken_back = shell(undo(done))
    assert taken_back.returncode == 0, taken_back.stderr
    assert state(registry) == known
    assert list(Registry(registry).verify()) == []


@pytest.mark.parametrize("words", [("history", "churn", "--head"), ("history", "--head", "--as-of", "2026-01-01")])
def test_options_that_make_no_sense_together_are_refused(churn, words):
    assert churn(*words).returncode == 2


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_times_at_the_end_of_time_are_refused_or_understood(churn, moment):
    for words in (("history", "--as-of", moment), ("list", "--filter", f"created_at > '{moment}'")):
        done = churn(*words)
        assert (done.returncode, "is not a time" in done.stderr) == (2, True)


def test_what_cannot_be_pasted_is_not_shown_as_an_undo(churn):
    assert churn("describe", "churn/1", "two\nlines").returncode == 0
    done = churn("describe", "churn/1", "one line")
    assert ("modelreg history --json" in done.stderr, "undo" in done.stderr) == (True, False)


def test_the_undo_of_a_registration_deletes_it_whatever_it_was_given(churn, registry, shell, tmp_path):
    (tmp_path / "new.bin").write_bytes(b"new")
    known = state(registry)
    done = churn(
        "register", tmp_path / "new.bin", "--name", "churn", "--alias", "a", "--alias", "b", "--stage", "Staging"
    )
    assert shell(undo(done)).returncode == 0
    assert state(registry) == known


def test_an_undo_names_the_registry_if_the_command_did(churn, registry):
    done = churn("--registry", registry, "tag", "churn", "a=b", MODELREG_HOME="/nowhere")
    assert undo(done) == f"modelreg --registry {registry} tag churn --remove a"
    done = churn("tag", "churn", "a=c", "--registry", registry, MODELREG_HOME="/nowhere")
    assert undo(done) == f"modelreg --registry {registry} tag churn a=b"


def state(folder):
    """Everything that can be altered, without times and without gates' numbers."""
    registry = Registry(folder)
    models = registry.models()
    versions = [asdict(version) for model in models for version in registry.versions(model.name)]
    found = [*map(asdict, models), *versions, *map(asdict, registry.gates())]
    for each in found:
        for field in ("created_at", "updated_at", "id"):
            each.pop(field, None)
        for approval in each.get("approvals", ()):
            approval.pop("created_at")
    return found


def test_what_is_so_already_is_said_and_not_journalled(churn, journal):
    for words in (
        ("alias", "churn/1", "champion"),
        ("tag", "churn", "team=growth"),
        ("describe", "churn", "who leaves"),
        ("approve", "churn/1"),
    ):
        assert churn(*words).returncode == 0
        before = journal()
        again = churn(*words)
        assert (again.returncode, "nothing was changed" in again.stderr) == (0, True)
        assert journal() == before


def test_who_registered_is_told_that_an_approval_of_theirs_does_not_count(churn):
    assert "note: you registered this version" in churn("approve", "churn/1").stderr


# diff


def test_a_diff_names_what_differs_and_exits_as_git_does(scored):
    done = scored("diff", "churn/1", "churn/2")
    assert done.returncode == 0
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert lines[0] == ["section", "name", "before", "after", "delta", "better"]
    assert [line[0] for line in lines[1:]] == ["file", "file", "evaluation", "model"]
    assert lines[3][1:4] == ["holdout.roc_auc", "0.9", "0.95"]
    assert lines[3][5] == "after"
    assert scored("diff", "churn/1", "churn/2", "--exit-code").returncode == 1
    assert scored("diff", "churn/1", "churn/1", "--exit-code").returncode == 0
    assert scored("diff", "churn/1", "churn/9", "--exit-code").returncode == 3
    found = json.loads(scored("diff", "churn/1", "churn/2", "--json").stdout)
    assert list(found) == [
        *("before", "after", "files", "metrics", "evaluations", "params", "signature", "environment", "model")
    ]


# evaluate and predict, with a real model


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory):
    """A folder with a real model, its holdout, rows to predict, and a registry that has the model."""
    import joblib
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    folder, data = tmp_path_factory.mktemp("iris"), load_iris(as_frame=True)
    joblib.dump(LogisticRegression(max_iter=1000).fit(data.data, data.target), folder / "iris.joblib")
    data.frame.to_csv(folder / "holdout.csv", index=False)
    data.data.to_csv(folder / "rows.csv", index=False)
    words = ("register", folder / "iris.joblib", "--name", "iris", "--signature-from", folder / "rows.csv")
    assert runner(folder / "registry")(*words).returncode == 0
    return folder


@pytest.fixture
def trained(registry, trained_once, tmp_path):
    """A copy of that folder; its registry is the one that commands use."""
    assert registry == tmp_path / "registry"
    shutil.copytree(trained_once, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.slow
def test_evaluate_prints_the_metrics_beside_production(run, trained):
    first = run("evaluate", "iris/1", "--data", trained / "holdout.csv", "--target", "target")
    assert first.returncode == 0, first.stderr
    lines = [line.split("\t") for line in first.stdout.splitlines()]
    assert lines[0] == ["metric", "value", "production", "delta", "better"]
    assert [line[0] for line in lines[1:]] == [
        *("accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro"),
        *("roc_auc", "average_precision", "log_loss"),
    ]
    assert all(fact in first.stderr for fact in ("iris/1", "150 rows", "eval.holdout"))
    found = json.loads(
        run("evaluate", "iris/1", "--data", trained / "holdout.csv", "--target", "target", "--as", "b", "--json").stdout
    )
    assert list(found) == [
        *("name", "version", "dataset", "task", "metrics", "missing", "confusion_matrix", "data_digest", "data_rows"),
        *("terms", "created_by", "created_at", "production", "incumbent", "deltas"),
    ]
    assert found["confusion_matrix"]["labels"] == ["0", "1", "2"]


@pytest.mark.slow
def test_predict_writes_a_file_and_says_so_on_stderr(run, trained):
    done = run("predict", "iris/1", "--input", trained / "rows.csv", "--output", trained / "out.csv", "--proba")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith(f"wrote 150 predictions to {trained / 'out.csv'}\n")
    header = (trained / "out.csv").read_text().splitlines()[0]
    assert header == "prediction,probability_0,probability_1,probability_2"
    to_stdout = run("predict", "iris/1", "-i", trained / "rows.csv", "-o", "-")
    assert len(to_stdout.stdout.splitlines()) == 151


@pytest.mark.slow
def test_a_model_that_other_libraries_made_is_warned_of_in_a_sentence(run, registry, trained):
    with closing(sqlite3.connect(registry / "catalog.db")) as catalog, catalog:
        older = """UPDATE versions SET environment = replace(environment, '"scikit-learn":"', '"scikit-learn":"0.')"""
        catalog.execute(older)
    done = run("predict", "iris/1", "--input", trained / "rows.csv", "--output", trained / "out.csv")
    assert done.returncode == 0
    (warning,) = [line for line in done.stderr.splitlines() if "warning" in line.lower()]
    assert warning.startswith("warning: iris/1 was registered with scikit-learn 0.")


@pytest.mark.slow
def test_a_reader_of_predictions_that_goes_away_is_no_failure(trained, shell):
    line = f"(modelreg predict iris/1 -i {trained}/rows.csv -o -; echo $? >{trained}/status) | head -n 1"
    for _ in range(12):  # more than a pipe holds
        (trained / "rows.csv").write_text((trained / "rows.csv").read_text() + "1,1,1,1\n" * 4000)
    assert shell(line).stdout == "prediction\n"
    assert (trained / "status").read_text() == "0\n"


def test_predictions_do_not_replace_their_data_and_do_not_mix_with_json(run, trained):
    data = (trained / "rows.csv").read_bytes()
    assert run("predict", "iris/1", "-i", trained / "rows.csv", "-o", trained / "rows.csv").returncode == 2
    assert (trained / "rows.csv").read_bytes() == data
    assert run("predict", "iris/1", "-i", trained / "rows.csv", "-o", "-", "--json").returncode == 2


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("evaluate", "iris/1", "--data", "{}/holdout.csv", "--target", "nope"), 2),
        (("evaluate", "iris/1", "--data", "{}/missing.csv", "--target", "target"), 2),
        (("evaluate", "iris/1", "--data", "{}/holdout.csv"), 2),
        (("evaluate", "iris/1"), 2),
        pytest.param(("evaluate", "iris/1", "--metric", "a=1"), 2, marks=pytest.mark.slow),
        (("evaluate", "iris/1", "--as", "x", "--metric", "a=nan"), 2),
        (("evaluate", "iris/7", "--data", "{}/holdout.csv", "--target", "target"), 3),
        (("predict", "iris/1", "--input", "{}/holdout.csv", "--output", "{}/out.csv"), 2),
        pytest.param(
            ("predict", "iris/1", "--input", "{}/rows.csv", "--output", "{}/out.txt"), 2, marks=pytest.mark.slow
        ),
        (("predict", "iris/1", "--input", "{}/rows.csv", "--output", "{}/no/out.csv"), 2),
        pytest.param(
            ("predict", "iris/1", "--input", "{}/rows.csv", "--output", "/dev/full/out.csv"), 2, marks=pytest.mark.slow
        ),
    ],
)
@pytest.mark.slow
def test_what_cannot_be_evaluated_or_predicted_is_refused_in_one_sentence(run, trained, words, status, journal):
    before = journal()
    done = run(*(word.format(trained) for word in words))
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert journal() == before
    assert not (trained / "out.csv").exists()


@pytest.mark.slow
def test_options_of_files_and_scores_reach_the_model(run, trained):
    text = (trained / "holdout.csv").read_text()
    (trained / "holdout.txt").write_text(text.replace(",", ";"))
    words = ("--target", "target", "--delimiter", ";", "--positive", "1", "--scorer", "f1_weighted", "--per-class")
    done = run("evaluate", "iris/1", "--data", trained / "holdout.txt", *words, "--json")
    assert done.returncode == 0, done.stderr
    assert {"precision", "recall:2", "f1_weighted"} <= json.loads(done.stdout)["metrics"].keys()
    (trained / "rows.csv").write_text((trained / "rows.csv").read_text().partition("\n")[2])
    refused = run("predict", "iris/1", "-i", trained / "rows.csv", "-o", "-")
    assert (refused.returncode, "--no-header" in refused.stderr) == (2, True)
    done = run("predict", "iris/1", "-i", trained / "rows.csv", "-o", "-", "--no-header")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 151)


def test_an_option_that_takes_one_value_is_refused_when_it_is_given_twice(run, trained):
    for words in (("predict", "iris/1", "-i", "a.csv", "--input", "b.csv"), ("gate", "list", "--name", "a")):
        assert run(*words).returncode == 2
    refused = run("predict", "iris/1", "-i", "a.csv", "--input", "b.csv", "-o", "c.csv")
    assert "--input" in refused.stderr


def test_stated_types_are_in_the_signature(run, trained):
    (trained / "x.csv").write_text("zip,city\n01234,Bern\n99,Rome\n")
    words = ("--name", "geo", "--signature-from", trained / "x.csv")
    done = run("register", trained / "iris.joblib", *words, "--types", "city=category")
    assert done.returncode == 0, done.stderr
    assert "add --types zip=int64" in done.stderr
    zip_code, city = json.loads(run("show", "geo/1", "--json").stdout)["signature"]["inputs"]
    assert (zip_code["type"], city["categories"]) == ("string", ["Bern", "Rome"])
    refused = run("register", trained / "iris.joblib", *words, "--types", "zip=int8")
    assert "'zip' is beyond int8: '01234' in line 2" in refused.stderr
    assert run("register", trained / "iris.joblib", "--name", "geo", "--types", "zip=int8").returncode == 2
