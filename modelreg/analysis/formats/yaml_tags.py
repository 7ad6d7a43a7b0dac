"""YAML that makes Python objects: by tags of ``tag:yaml.org,2002:python/``, which can be written in many ways.

PyYAML's unsafe loaders call what such a tag names. Tags: YAML 1.2.2, 5.6 (percent escapes), 6.8.2 (``%TAG``) and 6.9.1.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

OVERLAP = 4096
"""Bytes; no tag is longer, so that a text may be looked at in blocks that share so many."""

_TAGS = b"!!python/", b"tag:yaml.org,2002:python/"
_ESCAPED = re.compile(rb"![\w<:.,/-]{0,40}%[0-9A-Fa-f]{2}\S{0,200}")  # a second ! begins one of its own
_DIRECTIVE = re.compile(rb"%TAG[ \t]+!")


def calls_python(text: bytes) -> bool:
    """Whether a text would call Python if it were read as YAML by an unsafe loader."""
    if any(tag in text for tag in _TAGS):
        return True
    return b"!" in text and b"%" in text and any(b"python/" in unquote_to_bytes(tag) for tag in _ESCAPED.findall(text))


def names_tags(text: bytes) -> bool:
    """Whether a text abbreviates tags by a ``%TAG`` of its own: they may then stand for any."""
    return b"%TAG" in text and _DIRECTIVE.search(text) is not None
