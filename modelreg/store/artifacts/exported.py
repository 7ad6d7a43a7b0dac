"""A version in an OCI image layout, as `modelreg.store.artifacts.delivery.export` writes it, on its way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from modelreg.domain.references import DIGEST_PREFIX, is_utf8
from modelreg.domain.signatures import Signature
from modelreg.domain.versions import ModelFile
from modelreg.errors import InvalidData, UnusableSource, shown
from modelreg.store.artifacts.copying import of_bytes
from modelreg.store.artifacts.manifest import ARTIFACT_TYPE, Manifest
from modelreg.store.artifacts.source import Source, SourceFile

_AGAIN = "export the version again"
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

    Raises `UnusableSource` for a layout of several versions, for one that is damaged or without the bytes that its
    manifest names, and for a manifest that no registration writes.
    """
    here = {file.path: file for file in found.files}
    index = here.get("index.json")
    if not found.is_folder or index is None or "oci-layout" not in here:
        return None
    where = shown(str(found.root))
    known = list(_known(index, here, where))
    if not known:
        return None
    if len(known) > 1:
        raise UnusableSource(f"{where} holds {len(known)} versions", "export one: modelreg export NAME/VERSION DIR")
    (manifest,) = known
    if problem := _problem(manifest):
        raise UnusableSource(f"the manifest in {where} is of no version: {problem}", _AGAIN)
    files = []
    for file in manifest.files:
        blob = here.get(_place(file.digest))
        if blob is None or blob.size != file.size:
            raise UnusableSource(f"{where} does not have all bytes of {shown(file.path)}", _AGAIN)
        files.append(SourceFile(file.path, blob.location, blob.size, blob.identity))
    source = Source(found.root, manifest.is_folder, tuple(files))
    try:
        facts = manifest.facts
        return Exported(source, manifest.files, dict(facts["metrics"]), dict(facts["params"]), manifest.signature)
    except (KeyError, TypeError, ValueError, InvalidData) as error:
        raise UnusableSource(f"the manifest in {where} cannot be read: {error}", _AGAIN) from error


def _known(index: SourceFile, here: dict[str, SourceFile], where: str) -> Iterator[Manifest]:
    """The manifests of ours that the index lists; raises `UnusableSource` for a damaged one of a model."""
    for digest, is_model in _manifests(index):
        manifest = _manifest(digest, here)
        if manifest is not None:
            yield manifest
        elif is_model:
            raise UnusableSource(f"{where} is the export of a version, and its manifest is damaged", _AGAIN)


def _problem(manifest: Manifest) -> str | None:
    """Why a manifest is none that registering writes; None where it is one."""
    paths = [file.path for file in manifest.files]
    if manifest.facts.get("kind") not in ("file", "folder"):
        return "it says neither file nor folder"
    if not paths or (len(paths) > 1 and not manifest.is_folder):
        return f"it has {len(paths)} files"
    if not all(map(is_utf8, paths)):
        return "the path of a file is not UTF-8"
    folders = {parent.as_posix() for path in paths for parent in PurePosixPath(path).parents}
    if len(set(paths)) < len(paths) or not folders.isdisjoint(paths):
        return "two files have one place"
    return None


def _manifests(index: SourceFile) -> list[tuple[str, bool]]:
    """The digests that an index lists, each with whether it says that it is a model's."""
    with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
        listed = json.loads(_content(index))["manifests"]
        return [(str(each["digest"]), each.get("artifactType") == ARTIFACT_TYPE) for each in listed]
    return []


def _manifest(digest: str, here: dict[str, SourceFile]) -> Manifest | None:
    """A manifest of ours; None for another one, for one that is not there, and for other bytes than its digest's."""
    blob = here.get(_place(digest))
    content = b"" if blob is None else _content(blob)
    if of_bytes(content) != digest:
        return None
    with suppress(ValueError, RecursionError):
        return Manifest.parse(content)
    return None


def _content(file: SourceFile) -> bytes:
    return Path(file.location).read_bytes() if file.size <= _LARGEST_DOCUMENT else b""


def _place(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix(DIGEST_PREFIX)}"
