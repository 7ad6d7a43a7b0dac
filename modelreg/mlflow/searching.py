"""MLflow's filters, orders and pages in modelreg's words: which understand more, so what MLflow lacks works, too."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from modelreg.errors import InvalidInput, shown

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")"""
    r"""|\b(?P<kind>tag|metric|param)(?:eter)?s?\.(?P<key>`(?:[^`]|``)+`|"[^"]+"|[\w.]+)"""
    r"""|(?P<quoted>`[^`]+`)"""
    r"""|(?P<word>[A-Za-z_][\w.]*(?:\.(?:`(?:[^`]|``)+`))*)""",
    re.IGNORECASE,
)
OF_VERSIONS = {
    "version_number": "version",
    "source_path": "source",
    "creation_timestamp": "created_at",
    "last_updated_timestamp": "updated_at",
    "timestamp": "updated_at",
    "current_stage": "stage",
}
"""MLflow's field of versions and models -> modelreg's, where they are not named alike."""
OF_RUNS = {
    "run_name": "name",
    "user_id": "created_by",
    "start_time": "started_at",
    "end_time": "ended_at",
    "tags.`mlflow.runName`": "name",
    "tags.`mlflow.user`": "created_by",
}
"""The same of runs; two are tags in MLflow."""
_IN_FRONT = re.compile(r"(attributes?|attr)\.", re.IGNORECASE)


class Page(NamedTuple):
    """Where an answer begins, and how much of it is wanted."""

    offset: int
    size: int

    @property
    def next(self) -> str:
        """The token of the page after it."""
        return base64.b64encode(json.dumps({"offset": self.offset + self.size}).encode()).decode()


def translated_filter(text: str | None, fields: Mapping[str, str] = OF_VERSIONS) -> str | None:
    """A filter of MLflow's as one of modelreg's; what it says is checked there."""
    if text is None or not str(text).strip():
        return None
    return _TOKEN.sub(partial(_translated, fields), str(text))


def translated_order(terms: Sequence[str] | None, default: str, fields: Mapping[str, str] = OF_VERSIONS) -> str:
    """``["version_number DESC", "name"]`` as modelreg sorts; ``default`` where nothing is said."""
    if isinstance(terms, str):
        terms = [terms]
    return ", ".join(_TOKEN.sub(partial(_translated, fields), term) for term in terms) if terms else default


def page(max_results: int, most: int, token: str | bytes | None) -> Page:
    """Which page is wanted; raises `InvalidInput` for more than ``most`` and for no token of ours."""
    if type(max_results) is not int or not 1 <= max_results <= most:
        raise InvalidInput(f"max_results is {shown(str(max_results))}, and it is a whole number from 1 to {most}")
    return Page(_offset(token) if token else 0, max_results)


def _translated(fields: Mapping[str, str], found: re.Match[str]) -> str:
    if found["text"]:
        return found["text"]
    if found["kind"]:
        key = found["key"]
        bare = key[1:-1] if key[0] in '`"' else key
        field = f"{found['kind'].lower()}s.`{bare}`"
        return fields.get(field, field)
    word = _IN_FRONT.sub("", found["quoted"][1:-1] if found["quoted"] else found["word"], count=1)
    return fields.get(word.lower(), word)


def _offset(token: str | bytes) -> int:
    try:
        offset = json.loads(base64.b64decode(token, validate=True))["offset"]
        if type(offset) is int and 0 <= offset < 2**62:
            return offset
    except (binascii.Error, ValueError, TypeError, KeyError):
        pass
    text = token.decode(errors="replace") if isinstance(token, bytes) else str(token)
    raise InvalidInput(f"{shown(text)} is no page token", "take that of the page before")
