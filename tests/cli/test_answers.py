"""What goes to stdout, in each form, and that nothing else does."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from .conftest import MODELREG

MODEL_KEYS = [
    *("name", "description", "versions", "latest", "staging", "production", "archived", "aliases", "tags"),
    *("created_by", "created_at", "updated_at"),
]
VERSION_KEYS = [
    *("name", "version", "stage", "status", "aliases", "digest", "size", "files", "flavor", "format", "model_class"),
    *("signature", "metrics", "params", "tags", "scan", "description", "source", "run_id", "git_commit"),
    *("created_by", "created_at", "updated_at"),
]


def test_registering_prints_the_reference_and_nothing_else_on_stdout(run, files):
    done = run("register", files[0], "--name", "churn")
    assert done.stdout == "churn/1\n"
    assert "undo: modelreg delete churn/1" in done.stderr


def test_registering_the_same_again_is_no_failure_and_makes_nothing(churn, files):
    done = churn("register", files[1], "--name", "churn", "--metric", "auc=0.9")
    assert (done.returncode, done.stdout) == (0, "churn/2\n")
    assert "no new version" in done.stderr
    assert churn("versions", "churn", "-q").stdout.split() == ["churn/3", "churn/2", "churn/1"]


def test_a_new_version_of_the_same_bytes_is_made_when_asked(churn, files):
    done = churn("register", files[1], "--name", "churn", "--metric", "auc=0.9", "--new-version", "--json")
    assert json.loads(done.stdout)["version"] == 4
    assert json.loads(done.stdout)["created"] is True


def test_list_in_a_pipe_is_tab_separated_with_a_header(churn):
    header, row = churn("list", COLUMNS="20").stdout.splitlines()
    found = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert found["name"] == "churn"
    assert (found["versions"], found["latest"], found["production"], found["archived"]) == ("3", "3", "1", "0")


def test_the_keys_of_json_are_the_documented_ones_in_their_order(churn):
    (model,) = json.loads(churn("list", "--json").stdout)
    assert list(model) == MODEL_KEYS
    version = json.loads(churn("show", "churn/1", "--json").stdout)
    assert [key for key in version if key in VERSION_KEYS] == VERSION_KEYS
    assert (version["stage"], version["metrics"], version["size"]) == ("Production", {"auc": 0.9}, 1000)
    assert [entry["version"] for entry in json.loads(churn("versions", "churn", "--json").stdout)] == [3, 2, 1]


def test_json_is_an_empty_array_where_nothing_is(run):
    assert run("init").returncode == 0
    assert json.loads(run("list", "--json").stdout) == []


def test_a_pattern_narrows_the_list(churn, files):
    churn("register", files[0], "--name", "other")
    assert churn("list", "ch*", "-q").stdout == "churn\n"
    assert churn("ls", "-q").stdout.split() == ["churn", "other"]


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["alias", "churn/2", "champion"], "churn"),
        (["tag", "churn/2", "reviewed=yes"], "churn/2"),
        (["describe", "churn", "who leaves"], "churn"),
        (["approve", "churn/2"], "churn/2"),
        (["rename", "churn", "another"], "another"),
        (["gate", "add", "churn", "Archived", "approvals >= 1"], "1"),
        (["delete", "churn/3", "--yes"], "churn/3"),
    ],
)
def test_a_quiet_change_prints_what_it_is_about_alone(churn, words, printed):
    done = churn(*words, "--quiet")
    assert (done.returncode, done.stdout) == (0, f"{printed}\n")
    assert "undo" not in done.stderr


@pytest.mark.parametrize("words", [["--registry", "R", "list", "-q"], ["list", "-q", "--registry", "R"]])
def test_options_of_the_program_stand_before_or_after_the_command(churn, registry, words):
    done = churn(*[str(registry) if word == "R" else word for word in words], MODELREG_HOME="/nowhere")
    assert done.stdout == "churn\n"


@pytest.mark.parametrize(
    "reference",
    ["churn/1", "churn/Production", "churn/PRODUCTION", "models:/churn/1", "churn@one", "churn@DIGEST"],
)
def test_load_prints_the_path_of_the_exact_bytes_under_their_name(churn, files, reference):
    churn("register", files[0], "--name", "churn", "--metric", "auc=0.9", "--alias", "one")
    digest = json.loads(churn("show", "churn/1", "--json").stdout)["digest"]
    done = churn("load", reference.replace("DIGEST", digest[:19]))
    assert done.stderr == ""
    path = done.stdout.removesuffix("\n")
    assert os.path.basename(path) == files[0].name
    with open(path, "rb") as loaded:
        assert loaded.read() == files[0].read_bytes()


def test_load_copies_or_streams_and_never_overwrites_by_itself(churn, files, tmp_path):
    target = tmp_path / "copy.bin"
    assert churn("load", "churn/2", "-o", target).stdout == f"{target}\n"
    assert target.read_bytes() == files[1].read_bytes()
    assert churn("load", "churn/3", "-o", target).returncode == 4
    assert target.read_bytes() == files[1].read_bytes()
    assert churn("load", "churn/3", "-o", target, "--force").returncode == 0
    assert target.read_bytes() == files[2].read_bytes()
    assert churn("load", "churn/1", "-o", "-").stdout.encode() == files[0].read_bytes()


def test_a_registration_into_production_says_who_left_and_how_to_undo_it(churn, tmp_path):
    (tmp_path / "fourth.bin").write_bytes(b"fourth")
    done = churn("register", tmp_path / "fourth.bin", "--name", "churn", "--stage", "Production", "--archive-existing")
    assert "registered churn/4, in Production (churn/1 -> Archived)" in done.stderr
    for undo in done.stderr.split("undo: ")[1].splitlines()[0].split(" && "):
        assert churn(*undo.split()[1:]).returncode == 0
    stages = {v["version"]: v["stage"] for v in json.loads(churn("versions", "churn", "--json").stdout)}
    assert stages == {1: "Production", 2: "None", 3: "None"}


def test_who_leaves_production_empty_is_told(churn):
    assert "note: this leaves no version of churn in Production" in churn("transition", "churn/1", "Staging").stderr
    assert "note:" not in churn("transition", "churn/1", "Production").stderr


def test_the_history_says_what_was_renamed_and_which_gate_went(churn):
    churn("gate", "add", "churn", "Production", "approvals >= 1")
    churn("gate", "remove", "1")
    churn("rename", "churn", "leaving")
    shown = churn("history", "leaving").stdout
    assert "Production required approvals >= 1" in shown
    assert "churn -> leaving" in shown


def test_a_transition_says_what_was_done_and_how_to_undo_it(churn):
    done = churn("transition", "churn/2", "Production", "--archive-existing", "--message", "better")
    assert done.stdout == "churn/2 -> Production (churn/1 -> Archived)\n"
    undo = done.stderr.split("undo: modelreg ")[1].split()
    assert churn(*undo).returncode == 0
    stages = {v["version"]: v["stage"] for v in json.loads(churn("versions", "churn", "--json").stdout)}
    assert stages == {1: "Production", 2: "None", 3: "None"}


def test_a_transition_to_where_it_is_already_is_done(churn):
    done = churn("transition", "churn", "1", "production")
    assert (done.returncode, done.stdout) == (0, "churn/1 is already in Production\n")


def test_a_dry_run_changes_nothing(churn):
    before = churn("history", "--head").stdout
    done = churn("promote", "churn/2", "--move-existing", "Staging", "--dry-run")
    assert done.stdout == "churn/2 -> Production (churn/1 -> Staging)\n"
    assert churn("history", "--head").stdout == before


def test_history_tells_each_change_with_its_reason(churn):
    churn("transition", "churn", "2", "Staging", "-m", "shadow test")
    entries = json.loads(churn("history", "churn", "--json").stdout)
    assert [entry["action"] for entry in entries] == ["register"] * 3 + ["transition"] * 2
    assert (entries[-1]["from_stage"], entries[-1]["to_stage"], entries[-1]["message"]) == (
        "None",
        "Staging",
        "shadow test",
    )
    assert entries[-1]["after"]["version"]["stage"] == "Staging"
    assert churn("history", "--head").stdout.strip() == f"{entries[-1]['seq']}:{entries[-1]['hash']}"


def test_a_reader_that_goes_away_is_no_failure(churn):
    for command in ("versions churn", "history", "list --json"):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", f"{MODELREG} {command} | head -c 1 >/dev/null"],
            env=os.environ | {"MODELREG_HOME": churn("info", "--json").stdout.split('"')[3]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_stdout_does_not_undo_a_registration(run, files):
    done = subprocess.run(
        ["bash", "-c", f"{MODELREG} register {files[0]} --name churn >&-"],
        env=os.environ | {"MODELREG_HOME": run("init").stdout.strip()},
        check=False,
    )
    assert done.returncode == 0
    assert run("versions", "churn", "-q").stdout == "churn/1\n"


HOSTILE = "[bold]x[/] \x1b[31mred\x1b[0m \ttab\nline \\ \u202eabc 🎉"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_hostile_text_is_shown_and_never_obeyed(run, files, encoding):
    words = ("--description", HOSTILE, "--tag", f"t={HOSTILE}", "--param", f"p={HOSTILE}", "--message", HOSTILE)
    assert run("register", files[0], "--name", "churn", *words).returncode == 0
    for command in (["show", "churn/1"], ["versions", "churn"], ["history"], ["list"]):
        shown = run(*command, PYTHONIOENCODING=encoding).stdout
        assert not any(character in shown for character in "\x1b\u202e")
    assert f"description\t{run('show', 'churn/1').stdout.split('description')[1].splitlines()[0][1:]}".count("\t") == 1
    assert json.loads(run("show", "churn/1", "--json").stdout)["description"] == HOSTILE


def test_a_description_of_64_kib_is_kept_whole(run, files):
    assert run("register", files[0], "--name", "churn", "--description", "d" * 65536).returncode == 0
    assert json.loads(run("show", "churn/1", "--json").stdout)["description"] == "d" * 65536


def test_the_rules_for_stages_are_chosen_at_the_beginning_and_shown(run):
    made = json.loads(run("init", "--stages", "mlflow", "--json").stdout)
    assert (made["created"], made["stages"]) == (True, "mlflow")
    assert json.loads(run("info", "--json").stdout)["stages"] == "mlflow"
    assert "stages\tmlflow\n" in run("info").stdout
    again = run("init", "--stages", "strict")
    assert (again.returncode, again.stdout) == (4, "")
    assert run("init", "--stages", "loose").returncode == 2


def test_a_registry_made_by_init_is_found_from_below(tmp_path, files):
    below = tmp_path / "project" / "deep" / "down"
    below.mkdir(parents=True)

    def here(folder, *words):
        return subprocess.run([MODELREG, *words], cwd=folder, capture_output=True, text=True, check=True).stdout

    made = here(tmp_path / "project", "init").strip()
    assert made == str(tmp_path / "project" / ".modelreg")
    here(below, "register", str(files[0]), "--name", "churn")
    assert json.loads(here(below, "info", "--json"))["path"] == made


def test_no_command_of_every_day_imports_what_it_does_not_need(churn, registry):
    program = (
        "import sys; from modelreg.cli.main import main; status = main(sys.argv[1:]);"
        "print([name for name in ('pandas', 'numpy', 'sklearn', 'joblib', 'sqlite_utils', 'pydantic', 'rich')"
        " if name in sys.modules], file=sys.stderr); sys.exit(status)"
    )
    for words in (
        ["list"],
        ["versions", "churn"],
        ["show", "churn/1"],
        ["load", "churn/1"],
        ["transition", "churn/2", "Staging"],
    ):
        done = subprocess.run(
            [str(MODELREG.with_name("python")), "-c", program, *words],
            env=os.environ | {"MODELREG_HOME": str(registry)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr.splitlines()[-1] == "[]", words


def test_a_model_and_a_version_may_be_written_apart(churn):
    for words in (("show",), ("load",)):
        assert churn(*words, "churn", "2").stdout == churn(*words, "churn/2").stdout != ""
        assert churn(*words, "churn", "v2").stdout == churn(*words, "churn/2").stdout
    assert churn("diff", "churn", "1", "2").stdout == churn("diff", "churn/1", "churn/2").stdout != ""
    refused = churn("show", "churn/1", "2")
    assert refused.returncode == 2


def test_a_name_of_a_metric_has_no_spaces_around_it(churn, files):
    done = churn("evaluate", "churn/1", "--as", "d", "--metric", "auc = 0.9")
    assert done.returncode == 2
    assert "write --metric auc=0.9" in done.stderr


def test_versions_of_all_models_are_found_without_a_name(churn, files):
    churn("register", files[0], "--name", "fraud")
    found = churn("versions", "--filter", "version = 1", "-q").stdout.split()
    assert found == ["churn/1", "fraud/1"]
    header, *rows = churn("versions", "--limit", "1").stdout.splitlines()
    assert header.split("\t")[:2] == ["name", "version"]
    assert rows[0].split("\t")[:2] == ["churn", "3"]


def test_show_says_since_when_a_version_is_in_its_stage(churn):
    told = json.loads(churn("show", "churn/1", "--json").stdout)
    entry = json.loads(churn("history", "churn/1", "--action", "transition", "--json").stdout)[-1]
    assert (told["stage_since"], told["stage_by"]) == (entry["at"], entry["user"])


def test_info_adds_up_what_is_stored_where_that_is_asked_for(churn):
    files = {
        file["digest"]: file["size"]
        for each in json.loads(churn("versions", "--json").stdout)
        for file in each["files"]
    }
    assert json.loads(churn("info", "--size", "--json").stdout)["size"] == sum(files.values()) > 0
    assert json.loads(churn("info", "--json").stdout)["size"] is None
