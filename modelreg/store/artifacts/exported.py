"""Reading an exported version from an OCI image layout, as `modelreg.store.artifacts.delivery.export` writes it."""

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
from modelreg.store.artifacts.copying import digest_of_bytes
from modelreg.store.artifacts.manifest import ARTIFACT_TYPE, Manifest
from modelreg.store.artifacts.source import Source, SourceFile

_HINT = "export the version again"
_LARGEST_DOCUMENT = 64 << 20  # bytes; the manifest of very many files is large


@dataclass(frozen=True, slots=True)
class Exported:
    """The files of an exported version, and the facts from its manifest."""

    source: Source
    expected: tuple[ModelFile, ...]
    """The files as the manifest lists them, to check the content against."""
    metrics: dict[str, float]
    params: dict[str, str]
    signature: Signature | None


def exported_version(source: Source) -> Exported | None:
    """The version in a folder that is its export; None for any other folder or file.

    Raises `UnusableSource` for a layout of several versions, for a damaged or incomplete one, and for a manifest that
    no registration writes.
    """
    layout = {file.path: file for file in source.files}
    index = layout.get("index.json")
    if not source.is_folder or index is None or "oci-layout" not in layout:
        return None
    folder = shown(str(source.root))
    manifests = list(_read_manifests(index, layout, folder))
    if not manifests:
        return None
    if len(manifests) > 1:
        raise UnusableSource(
            f"{folder} contains {len(manifests)} versions", "export one of them: modelreg export NAME/VERSION DIR"
        )
    (manifest,) = manifests
    if problem := _find_problem(manifest):
        raise UnusableSource(f"the manifest in {folder} is not of a version: {problem}", _HINT)
    files = []
    for file in manifest.files:
        blob = layout.get(_get_blob_path(file.digest))
        if blob is None or blob.size != file.size:
            raise UnusableSource(f"{folder} does not have all bytes of {shown(file.path)}", _HINT)
        files.append(SourceFile(file.path, blob.location, blob.size, blob.identity))
    try:
        facts = manifest.facts
        version_source = Source(source.root, manifest.is_folder, tuple(files))
        return Exported(
            version_source, manifest.files, dict(facts["metrics"]), dict(facts["params"]), manifest.signature
        )
    except (KeyError, TypeError, ValueError, InvalidData) as error:
        raise UnusableSource(f"the manifest in {folder} cannot be read: {error}", _HINT) from error


def _read_manifests(index: SourceFile, layout: dict[str, SourceFile], folder: str) -> Iterator[Manifest]:
    """The manifests of modelreg in the index; raises `UnusableSource` for a damaged manifest of a model."""
    for digest, is_model in _list_digests(index):
        manifest = _read_manifest(digest, layout)
        if manifest is not None:
            yield manifest
        elif is_model:
            raise UnusableSource(f"{folder} is the export of a version, and its manifest is damaged", _HINT)


def _find_problem(manifest: Manifest) -> str | None:
    """Why a manifest is not one that a registration writes; None if it is."""
    paths = [file.path for file in manifest.files]
    if manifest.facts.get("kind") not in ("file", "folder"):
        return "its kind is neither file nor folder"
    if not paths or (len(paths) > 1 and not manifest.is_folder):
        return f"it has {len(paths)} files"
    if not all(map(is_utf8, paths)):
        return "the path of a file is not UTF-8"
    folders = {parent.as_posix() for path in paths for parent in PurePosixPath(path).parents}
    if len(set(paths)) < len(paths) or not folders.isdisjoint(paths):
        return "two files have the same path, or one is below the other"
    return None


def _list_digests(index: SourceFile) -> list[tuple[str, bool]]:
    """The digests in an index, each with whether its artifact type is that of a model."""
    with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
        descriptors = json.loads(_read_content(index))["manifests"]
        return [(str(item["digest"]), item.get("artifactType") == ARTIFACT_TYPE) for item in descriptors]
    return []


def _read_manifest(digest: str, layout: dict[str, SourceFile]) -> Manifest | None:
    """A manifest of modelreg; None if it is missing, damaged or of another program."""
    blob = layout.get(_get_blob_path(digest))
    content = b"" if blob is None else _read_content(blob)
    if digest_of_bytes(content) != digest:
        return None
    with suppress(ValueError, RecursionError):
        return Manifest.parse(content)
    return None


def _read_content(file: SourceFile) -> bytes:
    return Path(file.location).read_bytes() if file.size <= _LARGEST_DOCUMENT else b""


def _get_blob_path(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix(DIGEST_PREFIX)}"
