"""References: one grammar, read once; and what each form leads to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelreg.domain.references import Alias, DigestPrefix, Latest, Reference, parse_alias, parse_name
from modelreg.domain.stages import Stage
from modelreg.errors import (
    AliasNotFound,
    AmbiguousDigest,
    InvalidAlias,
    InvalidName,
    InvalidReference,
    ModelNotFound,
    StageEmpty,
    UnknownStage,
    VersionNotFound,
)

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True)
MEANINGS = ("latest", "none", "staging", "production", "archived")
ALIASES = NAMES.filter(lambda text: text.lower() not in MEANINGS and not text.lower().removeprefix("v").isdigit())
SELECTORS = st.one_of(
    st.integers(1, 10**18 - 1),
    st.sampled_from(Stage),
    st.just(Latest()),
    ALIASES.map(Alias),
    st.from_regex(r"sha256:[0-9a-f]{8,64}", fullmatch=True).map(DigestPrefix),
)


@given(NAMES, SELECTORS)
def test_a_reference_that_is_written_reads_as_it_was(name, selector):
    reference = Reference(parse_name(name), selector)
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(f"models:/{reference}") == reference


@given(st.text() | st.from_regex(r"[A-Za-z0-9]{1,5}[/@][\x00-\x7f\u0660-\u0669]{0,9}", fullmatch=True))
def test_any_text_is_a_reference_or_refused_in_words(text):
    reference, refused = read(Reference.parse, text, (InvalidReference, InvalidName, UnknownStage, InvalidAlias))
    if refused:
        assert refused.exit == 2
        assert refused.message.isprintable()
        assert refused.hint.isprintable()
    else:
        assert Reference.parse(str(reference)) == reference


@given(st.text())
def test_any_text_is_a_stage_or_refused_in_words(text):
    stage, refused = read(Stage.parse, text, UnknownStage)
    assert refused.message.isprintable() if refused else stage.value.lower() == text.lower()


def read(parse, text, errors):
    """What ``text`` means, or the error that says why it means nothing."""
    try:
        return parse(text), None
    except errors as refused:
        return None, refused


@pytest.mark.parametrize("text", ["production", "PRODUCTION", "pRoDuCtIoN"])
def test_a_stage_may_be_written_in_any_case(text):
    assert Reference.parse(f"churn/{text}").selector is Stage.PRODUCTION


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("churn", InvalidReference),
        ("churn/0", InvalidReference),
        ("churn/-1", InvalidReference),
        ("churn/1.5", InvalidReference),
        ("churn/+1", InvalidReference),
        ("churn/1_000", InvalidReference),
        ("churn/" + "9" * 30, InvalidReference),
        ("churn/", InvalidReference),
        ("churn/ 1", InvalidReference),
        ("churn/1\n", InvalidReference),
        ("churn/1/2", InvalidReference),
        ("churn/%31", InvalidReference),
        ("churn/Prod", UnknownStage),
        ("churn@", InvalidAlias),
        ("churn@a b", InvalidAlias),
        ("churn@latest", InvalidAlias),
        ("churn@v3", InvalidAlias),
        ("churn@sha256:1234567", InvalidReference),
        ("churn@sha256:ABCDEF12", InvalidReference),
        ("churn@sha256:" + "0" * 65, InvalidReference),
        ("/1", InvalidName),
        ("../x/1", InvalidName),
        ("models:/models:/churn/1", InvalidName),
        ("models://churn/1", InvalidName),
        (" /1", InvalidName),
        ("*/1", InvalidName),
        ("a@b/1", InvalidAlias),
    ],
)
def test_what_is_outside_the_grammar_is_refused(text, error):
    with pytest.raises(error):
        Reference.parse(text)


def test_an_alias_may_be_what_mlflow_takes_but_latest_and_versions():
    for taken in ("2024.best_one-yet", "v", "-x", "production", "3", "größte"):
        assert parse_alias(taken) == taken
    for refused in ("latest", "LATEST", "v1", "V99", "", "a:b", "a b", "a/b"):
        with pytest.raises(InvalidAlias):
            parse_alias(refused)


@pytest.mark.parametrize("name", ["my  model", "my model ", "chürn", "-x", "_x", "a" * 129])
def test_a_name_that_is_not_plain_is_refused_by_a_registry_with_strict_rules(three, model_file, name):
    for refused in (
        lambda: three.model(name),
        lambda: three.version(f"{name}/1"),
        lambda: three.history(name),
        lambda: three.register(model_file(b"4"), name),
        lambda: three.rename("churn", name),
    ):
        with pytest.raises(InvalidName):
            refused()


@pytest.mark.parametrize("alias", ["-x", "3", "größte"])
def test_an_alias_that_is_not_plain_is_refused_by_a_registry_with_strict_rules(three, model_file, alias):
    for refused in (
        lambda: three.version(f"churn@{alias}"),
        lambda: three.alias("churn/1", alias),
        lambda: three.register(model_file(b"4"), "churn", aliases=[alias]),
    ):
        with pytest.raises(InvalidAlias):
            refused()
    assert three.model("churn").versions == 3


@pytest.fixture
def three(registry, model_file):
    """A model with three versions: in Production (alias champion), in Staging, and in no stage."""
    registry.register(model_file(b"1"), "churn", stage="Production", aliases=["champion"])
    registry.register(model_file(b"2"), "churn", stage="Staging")
    registry.register(model_file(b"3"), "churn")
    return registry


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("churn/2", 2),
        ("churn/0002", 2),
        ("churn/Production", 1),
        ("churn/production", 1),
        ("churn/Staging", 2),
        ("churn/none", 3),
        ("churn/latest", 3),
        ("churn/LATEST", 3),
        ("churn@champion", 1),
        ("churn@Champion", 1),
        ("models:/churn/1", 1),
        ("models:/churn@champion", 1),
    ],
)
def test_every_form_leads_to_its_version(three, text, version):
    assert three.version(text).version == version


def test_a_digest_is_found_as_tables_print_it_unless_an_alias_is_called_so(three):
    digits = three.version("churn/2").digest.removeprefix("sha256:")[:12]
    assert three.version(f"churn@{digits}").version == 2
    three.alias("churn/1", digits)
    assert three.version(f"churn@{digits}").version == 1


def test_the_number_of_a_version_may_have_a_v_before_it(three):
    assert three.version("churn/v2").version == 2


@pytest.mark.parametrize("length", [8, 12, 63, 64])
def test_the_beginning_of_a_digest_leads_to_its_version(three, length):
    digest = three.version("churn/2").digest
    assert three.version(f"churn@{digest[: len('sha256:') + length]}").version == 2


def test_a_stage_with_several_versions_means_the_newest(three, model_file):
    three.register(model_file(b"4"), "churn", stage="Staging")
    assert three.version("churn/Staging").version == 4


def test_a_digest_that_several_versions_have_means_the_highest(three, model_file):
    again = three.register(model_file(b"1"), "churn", new_version=True)
    assert three.version(f"churn@{again.digest}").version == 4


def test_a_beginning_that_two_digests_share_is_ambiguous(three, by_hand):
    shared = "sha256:" + "ab" * 20
    by_hand("UPDATE versions SET digest = ? || printf('%024d', version)", (shared,))
    with pytest.raises(AmbiguousDigest) as refused:
        three.version(f"churn@{shared}")
    assert refused.value.exit == 4


@pytest.mark.parametrize(
    ("text", "error", "hint"),
    [
        ("chrun/1", ModelNotFound, "did you mean churn"),
        ("CHURN/1", ModelNotFound, "did you mean churn"),
        ("zebra/1", ModelNotFound, "modelreg list"),
        ("churn/4", VersionNotFound, "latest version is 3"),
        ("churn/Archived", StageEmpty, "modelreg versions churn"),
        ("churn@champoin", AliasNotFound, "did you mean champion"),
        ("churn@sha256:00000000", VersionNotFound, "latest"),
    ],
)
def test_what_is_not_there_is_not_found_with_a_hint(three, text, error, hint):
    with pytest.raises(error) as missing:
        three.version(text)
    assert missing.value.exit == 3
    assert hint in missing.value.hint


def test_a_model_without_versions_has_no_latest(registry, model_file):
    registry.register(model_file(), "churn")
    registry.delete("churn/latest")
    assert registry.model("churn").latest is None
    with pytest.raises(VersionNotFound):
        registry.version("churn/latest")
