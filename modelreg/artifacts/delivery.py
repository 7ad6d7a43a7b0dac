"""Handing a version's bytes out: to a place that the user names, to a stream, or as an OCI image layout."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from modelreg.artifacts.blobs import BlobStore
from modelreg.artifacts.checkout import safe_path, write_blob
from modelreg.artifacts.copying import BLOCK
from modelreg.artifacts.manifest import ARTIFACT_TYPE, MANIFEST_TYPE, Manifest
from modelreg.errors import BlobDamaged, DestinationExists, InvalidInput, shown
from modelreg.records.version import ModelFile
from modelreg.references import Digest


def copy_file(store: BlobStore, file: ModelFile, destination: Path, version: str, *, overwrite: bool) -> Path:
    """Write one file's checked bytes to ``destination``, or below it when that is a folder; returns where.

    It appears whole or not at all. Raises `DestinationExists` unless ``overwrite``, `InvalidInput` when there is no
    folder for it, `BlobDamaged`, OSError.
    """
    target = destination / safe_path(file.path) if destination.is_dir() else destination
    if not overwrite and os.path.lexists(target):
        raise DestinationExists(target)
    private = _private_beside(target)
    try:
        write_blob(store, file, private, version)
        _rename(private, target, overwrite=overwrite)
    finally:
        private.unlink(missing_ok=True)
    return target


def copy_folder(store: BlobStore, files: Sequence[ModelFile], destination: Path, version: str) -> Path:
    """Write all files' checked bytes below ``destination``, which must not exist or be empty; returns it.

    It appears whole or not at all. Raises `DestinationExists`, `BlobDamaged`, OSError.
    """
    private = _private_beside(destination)
    try:
        private.mkdir()
        for file in files:
            target = private / safe_path(file.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_blob(store, file, target, version)
        _rename_folder(private, destination)
    finally:
        shutil.rmtree(private, ignore_errors=True)
    return destination


def stream(store: BlobStore, file: ModelFile, target: int, version: str) -> None:
    """Write one file's bytes to the descriptor ``target``: the first only when all are checked.

    Raises `BlobDamaged`, OSError.
    """
    problem = store.problem(file)
    if problem is not None:
        raise BlobDamaged(version, file.path, problem)
    with store.open(file.digest) as blob, os.fdopen(target, "wb", closefd=False) as out:
        while content := os.read(blob, BLOCK):
            out.write(content)


def export(store: BlobStore, digest: Digest, tag: str, destination: Path, version: str) -> Path:
    """Write an OCI image layout of its own that holds one version; returns its folder.

    ``index.json`` lists the manifest under ``tag``, so that ``skopeo copy oci:DIR:TAG docker://…`` takes it to a
    registry. Raises `DestinationExists`, `BlobDamaged`, OSError.
    """
    content = store.read(digest)
    manifest = Manifest.parse(content)
    documents = [
        ModelFile("manifest", digest, len(content)),
        ModelFile("config", manifest.config, manifest.config_size),
    ]
    private = _private_beside(destination)
    blobs = private / "blobs" / "sha256"
    try:
        blobs.mkdir(parents=True)
        for file in {each.digest: each for each in [*documents, *manifest.files]}.values():
            write_blob(store, file, blobs / file.digest.removeprefix("sha256:"), version)
        (private / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (private / "index.json").write_text(_index(digest, len(content), tag))
        _rename_folder(private, destination)
    finally:
        shutil.rmtree(private, ignore_errors=True)
    return destination


def _index(digest: Digest, size: int, tag: str) -> str:
    import json

    descriptor = {
        "mediaType": MANIFEST_TYPE,
        "artifactType": ARTIFACT_TYPE,
        "digest": digest,
        "size": size,
        "annotations": {"org.opencontainers.image.ref.name": tag},
    }
    return json.dumps(
        {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor]}
    )


def _private_beside(target: Path) -> Path:
    if not target.absolute().parent.is_dir():
        raise InvalidInput(f"there is no folder {shown(str(target.parent))}", "make it first")
    return target.absolute().with_name(f".{target.absolute().name}-{os.urandom(4).hex()}")


def _rename(private: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        os.replace(private, target)
        return
    try:
        os.link(private, target)  # unlike a rename, it never takes the place of what appeared meanwhile
    except FileExistsError as error:
        raise DestinationExists(target) from error
    except OSError:  # a file system without hard links
        os.rename(private, target)


def _rename_folder(private: Path, destination: Path) -> None:
    try:
        os.rename(private, destination)  # onto an empty folder or none
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise DestinationExists(destination) from error
        raise
