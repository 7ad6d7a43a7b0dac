"""References to model versions, and the parsers of names, aliases and keys.

One grammar for all commands and calls::

    NAME/3   NAME/Production   NAME/latest   NAME@champion   NAME@sha256:1f0c2d3e

A leading ``models:/`` is accepted, so that an address copied from MLflow works. Nothing is URL-decoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, NewType

from modelreg.domain.stages import Stage
from modelreg.errors import InvalidInput, InvalidName, InvalidReference, shown

ModelName = NewType("ModelName", str)
Digest = NewType("Digest", str)
"""``sha256:`` and 64 lower-case hexadecimal digits, as in the OCI image specification."""

LATEST = "latest"
DIGEST_PREFIX = "sha256:"
_SHOWN_DIGITS = 12

_PLAIN = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_PLAIN_NAME = "[A-Za-z0-9](?:[A-Za-z0-9._-]| (?=[A-Za-z0-9._-])){0,127}"  # single spaces, as in MLflow's examples
_NO_NAMES = ("*", ".")  # every model, and the current folder
_NAME_LENGTH = 256  # characters, in a registry with MLflow's rules; MLflow's databases take as many
_ALIAS = r"[\w.-]{1,255}"
SHORT_DIGEST = "[0-9a-f]{8,64}"
"""Regular expression of the digits that may name a version."""
_KEY_LENGTH = 250  # characters; MLflow's limit for the keys of metrics, parameters and tags


class Latest(NamedTuple):
    """The highest version number."""


class Alias(NamedTuple):
    """A movable name of a version."""

    name: str


class DigestPrefix(NamedTuple):
    """The first digits of a version's digest, after ``sha256:``."""

    text: str


Selector = int | Stage | Latest | Alias | DigestPrefix


@dataclass(frozen=True, slots=True)
class Reference:
    """A model name and the selector of one of its versions."""

    name: ModelName
    selector: Selector

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse ``NAME/VERSION``, ``NAME/STAGE``, ``NAME/latest``, ``NAME@ALIAS`` or ``NAME@sha256:HEX``.

        Raises `InvalidReference`, `InvalidName` or `UnknownStage`.
        """
        bare = text.removeprefix("models:/") if isinstance(text, str) else ""
        place = re.search("[/@]", bare)
        if place is None:
            name = bare if re.fullmatch(_PLAIN_NAME, bare) else "NAME"
            raise InvalidReference(str(text), f"write {name}/3, {name}/Production, {name}/{LATEST} or {name}@ALIAS")
        name, selector = parse_name(bare[: place.start()]), bare[place.end() :]
        if place.group() == "/":
            return cls(name, _parse_version_or_stage(selector))
        if not selector.startswith(DIGEST_PREFIX):
            return cls(name, Alias(parse_alias(selector)))
        if not re.fullmatch(SHORT_DIGEST, selector.removeprefix(DIGEST_PREFIX)):
            raise InvalidReference(selector, f"a digest is {DIGEST_PREFIX} and 8 to 64 digits of 0-9a-f")
        return cls(name, DigestPrefix(selector))

    def __str__(self) -> str:
        match self.selector:
            case Latest():
                return f"{self.name}/{LATEST}"
            case Alias(alias):
                return f"{self.name}@{alias}"
            case DigestPrefix(digest):
                return f"{self.name}@{digest}"
            case Stage() as stage:
                return f"{self.name}/{stage.value}"
            case number:
                return f"{self.name}/{number}"


def parse_name(text: str) -> ModelName:
    """Parse a model name that some registry may hold; raises `InvalidName`.

    The rules are those of MLflow, without ``@``: not blank, not like a path, no ``/`` and ``:``. Registries with strict
    rules allow only plain names, see `check_plain_name`.
    """
    if not isinstance(text, str):
        raise _build_name_error(str(text))
    is_path = any(sign in text for sign in "/:@") or text.startswith("..") or text in _NO_NAMES
    if is_path or not text.strip() or len(text) > _NAME_LENGTH or not is_utf8(text):
        raise _build_name_error(text)
    return ModelName(text)


def check_plain_name(name: str) -> None:
    """Raise `InvalidName` for a name that needs quoting or could be a path; single spaces are allowed."""
    if not re.fullmatch(_PLAIN_NAME, name):
        raise _build_name_error(name)


def _build_name_error(name: str) -> InvalidName:
    is_reference = re.fullmatch(r"[\w.-]+[/@][\w.:-]+", name)
    return InvalidName(
        f"{shown(name)} is not a valid model name",
        "name a model, not a version: the part before '/' or '@'"
        if is_reference
        else "a name has 1 to 128 letters, digits, '.', '_', '-' and single spaces, and a letter or digit first",
    )


def parse_alias(text: str) -> str:
    """Parse an alias that some registry may hold; raises `InvalidName`.

    The rules are those of MLflow, and ``.`` is allowed; ``latest`` and ``v3`` are not. Registries with strict rules
    allow only plain aliases, see `check_plain_alias`.
    """
    if not isinstance(text, str):
        raise _build_alias_error(str(text))
    if not re.fullmatch(_ALIAS, text) or text.lower() == LATEST or re.fullmatch(r"v\d+", text, re.IGNORECASE):
        raise _build_alias_error(text)
    return text


def check_plain_alias(alias: str) -> None:
    """Raise `InvalidName` for an alias that needs quoting in a shell, or is a number. ``@production`` is allowed."""
    if not re.fullmatch(_PLAIN, alias) or alias.isdecimal():
        raise _build_alias_error(alias)


def _build_alias_error(alias: str) -> InvalidName:
    return InvalidName(
        f"{shown(alias)} is not a valid alias",
        "an alias has 1 to 128 letters, digits, '.', '_' or '-', starts with a letter or digit, "
        "and is neither 'latest' nor a version such as '3' or 'v3'",
        code="invalid_alias",
    )


def storable(text: str) -> str:
    """Escape what is not Unicode in ``text``, and NUL, so that it can be stored."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def is_utf8(text: str) -> bool:
    """Whether ``text`` can be stored; arguments and file names may hold bytes that are not UTF-8, or NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def parse_key(text: str, kind: str) -> str:
    """Parse the key of a metric, parameter or tag (``kind``): 1 to 250 characters; raises `InvalidName`."""
    if not isinstance(text, str) or not 1 <= len(text) <= _KEY_LENGTH or not text.isprintable():
        raise InvalidName(
            f"{shown(str(text))} is not a valid key of a {kind}",
            f"a key has 1 to {_KEY_LENGTH} printable characters, as in auc=0.93",
            code="invalid_key",
        )
    return text


def parse_model_path(text: str) -> str:
    """Parse the path of a model within a run; raises `InvalidInput`."""
    if not (1 <= len(text) <= _KEY_LENGTH and text.isprintable()) or any(
        part in ("", ".", "..") for part in text.split("/")
    ):
        raise InvalidInput(f"{shown(text)} is not a valid path of a model in a run", "write a name such as model")
    return text


def _parse_version_or_stage(text: str) -> Selector:
    if text.lower() == LATEST:
        return Latest()
    if number := re.fullmatch(r"v?(\d{1,18})", text, re.ASCII):
        if int(number[1]) == 0:
            raise InvalidReference(text, "versions are numbered from 1")
        return int(number[1])
    if not re.fullmatch(r"[A-Za-z]+", text):
        raise InvalidReference(text, f"a version is a whole number from 1, a stage, or '{LATEST}'")
    return Stage.parse(text, "neither a version number nor a stage")


def short_digest(digest: str) -> str:
    """Shorten a digest for display; the result is still a valid reference."""
    return digest[: len(DIGEST_PREFIX) + _SHOWN_DIGITS]
