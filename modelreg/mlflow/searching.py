"""Translate MLflow's filters, sort orders and pages to modelreg's, whose expression language is a superset."""

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
VERSION_FIELDS = {
    "version_number": "version",
    "source_path": "source",
    "creation_timestamp": "created_at",
    "last_updated_timestamp": "updated_at",
    "timestamp": "updated_at",
    "current_stage": "stage",
}
"""MLflow's field of models and versions -> modelreg's field, where the names differ."""
RUN_FIELDS = {
    "run_name": "name",
    "user_id": "created_by",
    "start_time": "started_at",
    "end_time": "ended_at",
    "tags.`mlflow.runName`": "name",
    "tags.`mlflow.user`": "created_by",
}
"""MLflow's field of runs -> modelreg's field; the last two are tags in MLflow."""
_ATTRIBUTE_PREFIX = re.compile(r"(attributes?|attr)\.", re.IGNORECASE)


class Page(NamedTuple):
    """The part of a search result that is requested."""

    offset: int
    size: int

    @property
    def next(self) -> str:
        """The token of the next page."""
        return base64.b64encode(json.dumps({"offset": self.offset + self.size}).encode()).decode()


def translate_filter(text: str | None, fields: Mapping[str, str] = VERSION_FIELDS) -> str | None:
    """Translate a filter of MLflow; modelreg's parser validates it."""
    if text is None or not str(text).strip():
        return None
    return _TOKEN.sub(partial(_translate_token, fields), str(text))


def translate_order(terms: Sequence[str] | None, default: str, fields: Mapping[str, str] = VERSION_FIELDS) -> str:
    """Translate a sort order such as ``["version_number DESC", "name"]``; returns ``default`` if there is none."""
    if isinstance(terms, str):
        terms = [terms]
    return ", ".join(_TOKEN.sub(partial(_translate_token, fields), term) for term in terms) if terms else default


def parse_page(max_results: int, limit: int, token: str | bytes | None) -> Page:
    """Validate a page request; raises `InvalidInput` if ``max_results`` exceeds ``limit`` or the token is not ours."""
    if type(max_results) is not int or not 1 <= max_results <= limit:
        raise InvalidInput(f"max_results is {shown(str(max_results))}, but must be a whole number from 1 to {limit}")
    return Page(_parse_offset(token) if token else 0, max_results)


def _translate_token(fields: Mapping[str, str], match: re.Match[str]) -> str:
    if match["text"]:
        return match["text"]
    if match["kind"]:
        key = match["key"]
        bare = key[1:-1] if key[0] in '`"' else key
        field = f"{match['kind'].lower()}s.`{bare}`"
        return fields.get(field, field)
    word = _ATTRIBUTE_PREFIX.sub("", match["quoted"][1:-1] if match["quoted"] else match["word"], count=1)
    return fields.get(word.lower(), word)


def _parse_offset(token: str | bytes) -> int:
    try:
        offset = json.loads(base64.b64decode(token, validate=True))["offset"]
        if type(offset) is int and 0 <= offset < 2**62:
            return offset
    except (binascii.Error, ValueError, TypeError, KeyError):
        pass
    text = token.decode(errors="replace") if isinstance(token, bytes) else str(token)
    raise InvalidInput(f"{shown(text)} is not a page token", "pass the token of the previous page")
