"""References: their grammar, and the version that each form resolves to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelreg.domain.references import Alias, DigestPrefix, Latest, Reference, parse_alias, parse_name
from modelreg.domain.stages import Stage
from modelreg.errors import (
    AliasNotFound,
    Conflict,
    InvalidInput,
    InvalidName,
    InvalidReference,
    ModelNotFound,
    StageEmpty,
    UnknownStage,
    VersionNotFound,
)

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True)
RESERVED = ("latest", "none", "staging", "production", "archived")
ALIASES = NAMES.filter(lambda text: text.lower() not in RESERVED and not text.lower().removeprefix("v").isdigit())
SELECTORS = st.one_of(
    st.integers(1, 10**18 - 1),
    st.sampled_from(Stage),
    st.just(Latest()),
    ALIASES.map(Alias),
    st.from_regex(r"sha256:[0-9a-f]{8,64}", fullmatch=True).map(DigestPrefix),
)


@given(NAMES, SELECTORS)
def test_parse_reverses_str_of_a_reference(name, selector):
    reference = Reference(parse_name(name), selector)
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(f"models:/{reference}") == reference


@given(st.text() | st.from_regex(r"[A-Za-z0-9]{1,5}[/@][\x00-\x7f\u0660-\u0669]{0,9}", fullmatch=True))
def test_any_text_is_parsed_as_a_reference_or_refused_with_a_printable_message(text):
    reference, error = parse_or_error(Reference.parse, text, (InvalidReference, InvalidName, UnknownStage))
    if error:
        assert error.exit == 2
        assert error.message.isprintable()
        assert error.hint.isprintable()
    else:
        assert Reference.parse(str(reference)) == reference


@given(st.text())
def test_any_text_is_parsed_as_a_stage_or_refused_with_a_printable_message(text):
    stage, error = parse_or_error(Stage.parse, text, UnknownStage)
    assert error.message.isprintable() if error else stage.value.lower() == text.lower()


def parse_or_error(parse, text, errors):
    """Return the parsed value and None, or None and the error."""
    try:
        return parse(text), None
    except errors as error:
        return None, error


@pytest.mark.parametrize("text", ["production", "PRODUCTION", "pRoDuCtIoN"])
def test_stage_names_are_case_insensitive(text):
    assert Reference.parse(f"churn/{text}").selector is Stage.PRODUCTION


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("churn", "invalid_reference"),
        ("churn/0", "invalid_reference"),
        ("churn/-1", "invalid_reference"),
        ("churn/1.5", "invalid_reference"),
        ("churn/+1", "invalid_reference"),
        ("churn/1_000", "invalid_reference"),
        ("churn/" + "9" * 30, "invalid_reference"),
        ("churn/", "invalid_reference"),
        ("churn/ 1", "invalid_reference"),
        ("churn/1\n", "invalid_reference"),
        ("churn/1/2", "invalid_reference"),
        ("churn/%31", "invalid_reference"),
        ("churn/Prod", "unknown_stage"),
        ("churn@", "invalid_alias"),
        ("churn@a b", "invalid_alias"),
        ("churn@latest", "invalid_alias"),
        ("churn@v3", "invalid_alias"),
        ("churn@sha256:1234567", "invalid_reference"),
        ("churn@sha256:ABCDEF12", "invalid_reference"),
        ("churn@sha256:" + "0" * 65, "invalid_reference"),
        ("/1", "invalid_name"),
        ("../x/1", "invalid_name"),
        ("models:/models:/churn/1", "invalid_name"),
        ("models://churn/1", "invalid_name"),
        (" /1", "invalid_name"),
        ("*/1", "invalid_name"),
        ("a@b/1", "invalid_alias"),
    ],
)
def test_parse_refuses_an_invalid_reference(text, code):
    with pytest.raises(InvalidInput) as refused:
        Reference.parse(text)
    assert refused.value.code == code


def test_parse_alias_accepts_names_that_mlflow_accepts_but_not_latest_or_a_version():
    for alias in ("2024.best_one-yet", "v", "-x", "production", "3", "größte"):
        assert parse_alias(alias) == alias
    for alias in ("latest", "LATEST", "v1", "V99", "", "a:b", "a b", "a/b"):
        with pytest.raises(InvalidName) as refused:
            parse_alias(alias)
        assert refused.value.code == "invalid_alias"


@pytest.mark.parametrize("name", ["my  model", "my model ", "chürn", "-x", "_x", "a" * 129])
def test_strict_rules_refuse_a_model_name_that_only_mlflow_accepts(three_versions, model_file, name):
    for call in (
        lambda: three_versions.model(name),
        lambda: three_versions.version(f"{name}/1"),
        lambda: three_versions.history(name),
        lambda: three_versions.register(model_file(b"4"), name),
        lambda: three_versions.rename("churn", name),
    ):
        with pytest.raises(InvalidName) as refused:
            call()
        assert refused.value.code == "invalid_name"


@pytest.mark.parametrize("alias", ["-x", "3", "größte"])
def test_strict_rules_refuse_an_alias_that_only_mlflow_accepts(three_versions, model_file, alias):
    for call in (
        lambda: three_versions.version(f"churn@{alias}"),
        lambda: three_versions.alias("churn/1", alias),
        lambda: three_versions.register(model_file(b"4"), "churn", aliases=[alias]),
    ):
        with pytest.raises(InvalidName) as refused:
            call()
        assert refused.value.code == "invalid_alias"
    assert three_versions.model("churn").versions == 3


@pytest.fixture
def three_versions(registry, model_file):
    """A registry with three versions of churn: 1 in Production (alias champion), 2 in Staging, 3 in stage None."""
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
def test_every_form_of_a_reference_resolves_to_its_version(three_versions, text, version):
    assert three_versions.version(text).version == version


def test_the_first_digits_of_a_digest_resolve_unless_an_alias_has_that_name(three_versions):
    digits = three_versions.version("churn/2").digest.removeprefix("sha256:")[:12]
    assert three_versions.version(f"churn@{digits}").version == 2
    three_versions.alias("churn/1", digits)
    assert three_versions.version(f"churn@{digits}").version == 1


def test_a_version_number_may_have_the_prefix_v(three_versions):
    assert three_versions.version("churn/v2").version == 2


@pytest.mark.parametrize("length", [8, 12, 63, 64])
def test_a_digest_prefix_resolves_to_its_version(three_versions, length):
    digest = three_versions.version("churn/2").digest
    assert three_versions.version(f"churn@{digest[: len('sha256:') + length]}").version == 2


def test_a_stage_resolves_to_its_newest_version(three_versions, model_file):
    three_versions.register(model_file(b"4"), "churn", stage="Staging")
    assert three_versions.version("churn/Staging").version == 4


def test_a_digest_of_several_versions_resolves_to_the_newest(three_versions, model_file):
    newest = three_versions.register(model_file(b"1"), "churn", new_version=True)
    assert three_versions.version(f"churn@{newest.digest}").version == 4


def test_an_ambiguous_digest_prefix_is_refused(three_versions, execute_sql):
    prefix = "sha256:" + "ab" * 20
    execute_sql("UPDATE versions SET digest = ? || printf('%024d', version)", (prefix,))
    with pytest.raises(Conflict) as caught:
        three_versions.version(f"churn@{prefix}")
    assert (caught.value.code, caught.value.exit) == ("ambiguous_digest", 4)


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
def test_an_unknown_model_version_stage_or_alias_is_refused_with_a_hint(three_versions, text, error, hint):
    with pytest.raises(error) as caught:
        three_versions.version(text)
    assert caught.value.exit == 3
    assert hint in caught.value.hint


def test_latest_of_a_model_without_versions_is_refused(registry, model_file):
    registry.register(model_file(), "churn")
    registry.delete("churn/latest")
    assert registry.model("churn").latest is None
    with pytest.raises(VersionNotFound):
        registry.version("churn/latest")
