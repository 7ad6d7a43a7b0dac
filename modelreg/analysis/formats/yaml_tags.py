"""Finds YAML tags that create Python objects: ``tag:yaml.org,2002:python/…``, in all spellings.

PyYAML's unsafe loaders call the function in such a tag. See YAML 1.2.2, 5.6 (percent escapes), 6.8.2 (``%TAG``), 6.9.1.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

MAX_TAG_SIZE = 4096
"""In bytes. Blocks of a text that overlap by this size can be checked separately."""

_TAGS = b"!!python/", b"tag:yaml.org,2002:python/"
_ESCAPED_TAG = re.compile(rb"![\w<:.,/-]{0,40}%[0-9A-Fa-f]{2}\S{0,200}")  # a second "!" begins another tag
_TAG_DIRECTIVE = re.compile(rb"%TAG[ \t]+!")


def has_python_tag(text: bytes) -> bool:
    """Whether a text would call Python code if an unsafe YAML loader read it."""
    if any(tag in text for tag in _TAGS):
        return True
    return (
        b"!" in text and b"%" in text and any(b"python/" in unquote_to_bytes(tag) for tag in _ESCAPED_TAG.findall(text))
    )


def has_tag_directive(text: bytes) -> bool:
    """Whether a text has a ``%TAG`` directive, so that its tags may be abbreviations of any other tag."""
    return b"%TAG" in text and _TAG_DIRECTIVE.search(text) is not None
