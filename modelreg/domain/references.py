"""Text that names a model version, read once at the border into a `Reference`.

One grammar everywhere::

    NAME/3   NAME/Production   NAME/latest   NAME@champion   NAME@sha256:1f0c2d3e

``models:/`` in front is accepted, so that an address pasted from MLflow works. Nothing is URL-decoded: a name
is what stands there, never what it could be decoded to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, NewType

from modelreg.domain.stages import Stage
from modelreg.errors import InvalidAlias, InvalidInput, InvalidKey, InvalidName, InvalidReference, shown

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
"""The digits by which a version may be named, as a regular expression."""
_KEY_LENGTH = 250  # characters; MLflow's limit for the keys of metrics, parameters and tags


class Latest(NamedTuple):
    """The highest version number."""


class Alias(NamedTuple):
    """A movable name of a version."""

    name: str


class DigestPrefix(NamedTuple):
    """The beginning of a version's digest, with ``sha256:`` in front."""

    text: str


Selector = int | Stage | Latest | Alias | DigestPrefix


@dataclass(frozen=True, slots=True)
class Reference:
    """A model's name and what picks one of its versions."""

    name: ModelName
    selector: Selector

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read ``NAME/VERSION``, ``NAME/STAGE``, ``NAME/latest``, ``NAME@ALIAS`` or ``NAME@sha256:HEX``.

        Raises `InvalidReference`, `InvalidName` or `UnknownStage`, each saying what would be right.
        """
        bare = text.removeprefix("models:/")
        place = re.search("[/@]", bare)
        if place is None:
            raise InvalidReference(text, f"write NAME/3, NAME/Production, NAME/{LATEST} or NAME@ALIAS")
        name, chosen = parse_name(bare[: place.start()]), bare[place.end() :]
        return cls(name, _parse_alias_or_digest(chosen) if place.group() == "@" else _parse_version_or_stage(chosen))

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
    """A model's name as it stands in some registry; raises `InvalidName`.

    It is what MLflow takes, but for ``@``, after which an alias stands: neither blank nor like a path, and without
    ``/`` and ``:``. Most registries take `require_plain_name` alone.
    """
    if not isinstance(text, str):
        raise InvalidName(str(text))
    is_path = any(sign in text for sign in "/:@") or text.startswith("..") or text in _NO_NAMES
    if is_path or not text.strip() or len(text) > _NAME_LENGTH or not is_utf8(text):
        raise InvalidName(text)
    return ModelName(text)


def require_plain_name(name: str) -> None:
    """Raise `InvalidName` for a name that means another thing elsewhere; single spaces within it are fine."""
    if not re.fullmatch(_PLAIN_NAME, name):
        raise InvalidName(name)


def parse_alias(text: str) -> str:
    """An alias as it stands in some registry; raises `InvalidAlias`.

    It is what MLflow takes, and ``.``; ``latest`` and ``v`` with a number are refused, as MLflow refuses them. Most
    registries take `require_plain_alias` alone.
    """
    if not isinstance(text, str):
        raise InvalidAlias(str(text))
    if not re.fullmatch(_ALIAS, text) or text.lower() == LATEST or re.fullmatch(r"v\d+", text, re.IGNORECASE):
        raise InvalidAlias(text)
    return text


def require_plain_alias(alias: str) -> None:
    """Raise `InvalidAlias` for what needs quotes in a shell, and for numbers; ``@production`` is no stage."""
    if not re.fullmatch(_PLAIN, alias) or alias.isdecimal():
        raise InvalidAlias(alias)


def storable(text: str) -> str:
    """``text``, of which nobody can tell what it is, as it can be stored: with escapes where it is no Unicode."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def is_utf8(text: str) -> bool:
    """Whether ``text`` can be stored: the shell and the file system may hand out what is not UTF-8, or NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def parse_key(text: str, kind: str) -> str:
    """The key of a metric, parameter or tag (``kind``): 1 to 250 characters; raises `InvalidKey`."""
    if not isinstance(text, str) or not 1 <= len(text) <= _KEY_LENGTH or not text.isprintable():
        raise InvalidKey(str(text), kind, _KEY_LENGTH)
    return text


def parse_model_path(text: str) -> str:
    """What a run calls a model: as the path of a file inside of a folder; raises `InvalidInput`."""
    if not (1 <= len(text) <= _KEY_LENGTH and text.isprintable()) or any(
        part in ("", ".", "..") for part in text.split("/")
    ):
        raise InvalidInput(f"{shown(text)} cannot be what a run calls a model", "write a name such as model")
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
    return Stage.parse(text)


def _parse_alias_or_digest(text: str) -> Selector:
    if not text.startswith(DIGEST_PREFIX):
        return Alias(parse_alias(text))
    if not re.fullmatch(SHORT_DIGEST, text.removeprefix(DIGEST_PREFIX)):
        raise InvalidReference(text, f"a digest is {DIGEST_PREFIX} and 8 to 64 digits of 0-9a-f")
    return DigestPrefix(text)


def short_digest(digest: str) -> str:
    """The beginning of a digest, long enough to tell versions apart, and to be a reference."""
    return digest[: len(DIGEST_PREFIX) + _SHOWN_DIGITS]
