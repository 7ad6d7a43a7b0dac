"""A version in an OCI image layout, as `modelreg.artifacts.delivery.export` writes it, on its way back."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from modelreg.artifacts.copying import of_bytes
from modelreg.artifacts.manifest import Manifest
from modelreg.artifacts.source import Source, SourceFile
from modelreg.errors import InvalidData, UnusableSource, shown
from modelreg.records.signature import Signature
from modelreg.records.version import ModelFile
from modelreg.references import DIGEST_PREFIX

_LARGEST_DOCUMENT = 64 << 20  # bytes; a manifest may list very many files


@dataclass(frozen=True, slots=True)
class Exported:
    """A version's files in the layout, and what its manifest says of them."""

    source: Source
    expected: tuple[ModelFile, ...]
    """What the files must be."""
    metrics: dict[str, float]
    params: dict[str, str]
    signature: Signature | None


def exported_version(found: Source) -> Exported | None:
    """The version in a folder that is an OCI image layout of one; None for any other folder or file.

    Raises `UnusableSource` for a layout of several versions, or without the bytes that its manifest names.
    """
    here = {file.path: file for file in found.files}
    index = here.get("index.json")
    if not found.is_folder or index is None or "oci-layout" not in here:
        return None
    known = [manifest for digest in _digests(index) if (manifest := _manifest(digest, here)) is not None]
    if not known:
        return None
    if len(known) > 1:
        raise UnusableSource(
            f"{shown(str(found.root))} holds {len(known)} versions", "export one: modelreg export NAME/VERSION DIR"
        )
    (manifest,) = known
    files = []
    for file in manifest.files:
        blob = here.get(_place(file.digest))
        if blob is None or blob.size != file.size:
            raise UnusableSource(
                f"{shown(str(found.root))} does not have all bytes of {shown(file.path)}", "export the version again"
            )
        files.append(SourceFile(file.path, blob.location, blob.size, blob.identity))
    source = Source(found.root, manifest.is_folder, tuple(files))
    try:
        facts = manifest.facts
        return Exported(source, manifest.files, dict(facts["metrics"]), dict(facts["params"]), manifest.signature)
    except (KeyError, TypeError, ValueError, InvalidData) as error:
        raise UnusableSource(f"the manifest in {shown(str(found.root))} cannot be read: {error}") from error


def _digests(index: SourceFile) -> list[str]:
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        return [str(each["digest"]) for each in json.loads(_content(index))["manifests"]]
    return []


def _manifest(digest: str, here: dict[str, SourceFile]) -> Manifest | None:
    """A manifest of ours; None for another one, for one that is not there, and for other bytes than its digest's."""
    blob = here.get(_place(digest))
    content = b"" if blob is None else _content(blob)
    if of_bytes(content) != digest:
        return None
    with suppress(ValueError):
        return Manifest.parse(content)
    return None


def _content(file: SourceFile) -> bytes:
    return Path(file.location).read_bytes() if file.size <= _LARGEST_DOCUMENT else b""


def _place(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix(DIGEST_PREFIX)}"
