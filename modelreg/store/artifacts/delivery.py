"""Handing a version's bytes out: to a place that the user names, to a stream, or as an OCI image layout."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from modelreg.domain.references import DIGEST_PREFIX
from modelreg.domain.versions import ModelFile, ModelVersion
from modelreg.errors import BlobDamaged, DestinationExists, InvalidInput, shown
from modelreg.store.artifacts.blobs import BlobStore
from modelreg.store.artifacts.checkout import safe_path, write_blob
from modelreg.store.artifacts.copying import BLOCK, Advance
from modelreg.store.artifacts.manifest import ARTIFACT_TYPE, MANIFEST_TYPE, Manifest
from modelreg.system.files import change_mode, make_folder, remove_folder, require_folder

_OF_REGISTRY = re.compile(r"\.?catalog.*|artifacts|checkouts|.*\.lock|\.gitignore|unfinished-.*")
"""Names in a registry's folder that are its own."""


def copy_file(
    store: BlobStore,
    file: ModelFile,
    destination: Path,
    version: str,
    *,
    overwrite: bool,
    into_folder: bool,
    advance: Advance | None,
) -> Path:
    """Write one file's checked bytes to ``destination``, or below it when that is a folder; returns where.

    ``into_folder`` says that it is one, and makes it if need be.

    It appears whole or not at all. Raises `DestinationExists` unless ``overwrite``, `InvalidInput` when there is no
    folder for it, `BlobDamaged`, OSError.
    """
    if into_folder:
        _make_folder(destination)
    target = destination / safe_path(file.path) if destination.is_dir() else destination
    refuse_place_of_registry(target)
    _refuse_taken(target, overwrite)
    private = _private_beside(target)
    try:
        write_blob(store, file, private, version, advance)
        _rename(private, target, overwrite=overwrite)
    finally:
        private.unlink(missing_ok=True)
    return target


def copy_folder(
    store: BlobStore, files: Sequence[ModelFile], destination: Path, version: str, advance: Advance | None
) -> Path:
    """Write all files' checked bytes below ``destination``, which must not exist or be empty; returns it.

    Nothing is there before everything is checked. Raises `DestinationExists`, `InvalidInput`, `BlobDamaged`, OSError.
    """
    with _folder_for(destination) as private:
        for file in files:
            target = private / safe_path(file.path)
            make_folder(target.parent)
            write_blob(store, file, target, version, advance)
    return destination


def stream(store: BlobStore, file: ModelFile, target: int, version: str) -> None:
    """Write one file's bytes to the descriptor ``target``: the first only when all are checked.

    What is written is checked once more, and `BlobDamaged` raised at the end when it is something else. Raises OSError.
    """
    digest = hashlib.sha256()
    with store.opened_and_checked(file, version) as blob, os.fdopen(target, "wb", closefd=False) as out:
        while content := blob.read(BLOCK):
            digest.update(content)
            out.write(content)
    if digest.hexdigest() != file.digest.removeprefix(DIGEST_PREFIX):
        problem = "damaged: its bytes changed while they were written"
        raise BlobDamaged(version, file.path, problem, "wrong bytes were handed out")


def export(
    store: BlobStore, version: ModelVersion, manifest: Manifest, destination: Path, advance: Advance | None
) -> Path:
    """Write an OCI image layout of its own that holds one version; returns its folder.

    ``index.json`` lists the manifest under the version's number, so that ``skopeo copy oci:DIR:3 docker://…`` takes
    it to a registry. Raises `DestinationExists`, `InvalidInput`, `BlobDamaged`, OSError.
    """
    documents = [
        ModelFile("its manifest", version.digest, manifest.size),
        ModelFile("its config", manifest.config, manifest.config_size),
    ]
    with _folder_for(destination) as private:
        blobs = private / "blobs" / "sha256"
        make_folder(blobs)
        for file in {each.digest: each for each in [*documents, *manifest.files]}.values():
            write_blob(store, file, blobs / file.digest.removeprefix(DIGEST_PREFIX), version.reference, advance)
        (private / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (private / "index.json").write_text(_index(version, manifest))
    return destination


def refuse_place_of_registry(target: Path) -> None:
    """Raise `InvalidInput` for a path among a registry's own files, which nothing else may write to."""
    whole = Path(os.path.realpath(target))
    for folder in whole.parents:
        name = whole.relative_to(folder).parts[0]
        if _OF_REGISTRY.fullmatch(name) and (folder / "artifacts" / "blobs" / "sha256").is_dir():
            raise InvalidInput(
                f"{shown(os.fspath(target))} is a place of the registry in {shown(str(folder))}; nothing was written",
                "name a file or folder elsewhere",
            )


def _index(version: ModelVersion, manifest: Manifest) -> str:
    descriptor = {
        "mediaType": MANIFEST_TYPE,
        "artifactType": ARTIFACT_TYPE,
        "digest": version.digest,
        "size": manifest.size,
        "annotations": {"org.opencontainers.image.ref.name": str(version.version)},
    }
    return json.dumps(
        {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor]}
    )


def _private_beside(target: Path) -> Path:
    require_folder(target.parent)
    return target.absolute().with_name(f".modelreg-{os.urandom(8).hex()}")  # a name may be as long as names can be


@contextmanager
def _folder_for(destination: Path) -> Iterator[Path]:
    """A private folder beside ``destination``, which takes its place when all is written."""
    refuse_place_of_registry(destination)
    if os.path.lexists(destination) and not _is_empty_folder(destination):
        raise DestinationExists(destination, is_folder=True)
    private = _private_beside(destination.resolve())
    try:
        make_folder(private)
        yield private
        _put_in_place(private, destination)
    finally:
        with suppress(OSError):
            remove_folder(private)


def _put_in_place(private: Path, destination: Path) -> None:
    """Rename a folder to ``destination``, which is not there or empty."""
    if os.path.lexists(destination):
        change_mode(private, stat.S_IMODE(destination.stat().st_mode))
    if not _is_current_folder(destination):
        try:
            os.rename(private, os.path.realpath(destination))
            return
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise DestinationExists(destination, is_folder=True) from error
            if error.errno not in (errno.EBUSY, errno.EXDEV):  # a mount point, which nothing takes the place of
                raise
    for entry in os.listdir(private):
        os.rename(private / entry, destination / entry)


def _is_current_folder(folder: Path) -> bool:
    """Whether somebody stands in it, who would not see what takes its place."""
    try:
        return os.path.samefile(folder, os.curdir)
    except OSError:
        return False


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not os.listdir(path)


def _make_folder(destination: Path) -> None:
    if os.path.lexists(destination) and not destination.is_dir():
        raise DestinationExists(destination, hint="it is no folder: leave out the '/' behind its name")
    if destination.parent.is_dir():  # else it is said that there is no folder for it
        make_folder(destination)


def _refuse_taken(target: Path, overwrite: bool) -> None:
    """Raise where something stands that is to stay: anything, unless told, and what is no file in any case."""
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise DestinationExists(target)
    mode = os.lstat(target).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise DestinationExists(target, hint="it is no regular file, and --force overwrites nothing else")


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
