"""Writing a version's files to a path of the user, to a stream, or as an OCI image layout."""

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
from modelreg.system.files import change_mode, check_folder, make_folder, remove_folder

_REGISTRY_NAMES = re.compile(r"\.?catalog.*|artifacts|checkouts|.*\.lock|\.gitignore|unfinished-.*")
"""Names that a registry uses in its folder."""


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
    """Write one file, checked, to ``destination``, or into it if that is a folder; returns the path.

    ``into_folder`` means that ``destination`` is a folder, and creates it. The file appears complete or not at all.
    Raises `DestinationExists` unless ``overwrite``, `InvalidInput` if the parent folder is missing, `BlobDamaged`,
    OSError.
    """
    if into_folder:
        _make_folder(destination)
    target = destination / safe_path(file.path) if destination.is_dir() else destination
    check_outside_registry(target)
    _check_free(target, overwrite)
    temporary = _temporary_beside(target)
    try:
        write_blob(store, file, temporary, version, advance)
        _rename(temporary, target, overwrite=overwrite)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def copy_folder(
    store: BlobStore, files: Sequence[ModelFile], destination: Path, version: str, advance: Advance | None
) -> Path:
    """Write all files, checked, into ``destination``, which must be missing or empty; returns it.

    The folder appears complete or not at all. Raises `DestinationExists`, `InvalidInput`, `BlobDamaged`, OSError.
    """
    with _new_folder(destination) as temporary:
        for file in files:
            target = temporary / safe_path(file.path)
            make_folder(target.parent)
            write_blob(store, file, target, version, advance)
    return destination


def stream(store: BlobStore, file: ModelFile, target: int, version: str) -> None:
    """Write one file to the descriptor ``target``, after all its bytes were checked.

    The written bytes are checked again: raises `BlobDamaged` at the end if they changed meanwhile. Raises OSError.
    """
    digest = hashlib.sha256()
    with store.open_checked(file, version) as blob, os.fdopen(target, "wb", closefd=False) as out:
        while content := blob.read(BLOCK):
            digest.update(content)
            out.write(content)
    if digest.hexdigest() != file.digest.removeprefix(DIGEST_PREFIX):
        problem = "damaged: its bytes changed while they were written"
        raise BlobDamaged(version, file.path, problem, "wrong bytes were written to the output")


def export(
    store: BlobStore, version: ModelVersion, manifest: Manifest, destination: Path, advance: Advance | None
) -> Path:
    """Write one version as an OCI image layout to ``destination``; returns it.

    ``index.json`` lists the manifest under the version's number, so that ``skopeo copy oci:DIR:3 docker://…`` copies
    it to an OCI registry. Raises `DestinationExists`, `InvalidInput`, `BlobDamaged`, OSError.
    """
    documents = [
        ModelFile("its manifest", version.digest, manifest.size),
        ModelFile("its config", manifest.config, manifest.config_size),
    ]
    with _new_folder(destination) as temporary:
        blobs = temporary / "blobs" / "sha256"
        make_folder(blobs)
        for file in {file.digest: file for file in [*documents, *manifest.files]}.values():
            write_blob(store, file, blobs / file.digest.removeprefix(DIGEST_PREFIX), version.reference, advance)
        (temporary / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (temporary / "index.json").write_text(_index(version, manifest))
    return destination


def check_outside_registry(target: Path) -> None:
    """Raise `InvalidInput` for a path among the files of a registry, which nothing else may write to."""
    path = Path(os.path.realpath(target))
    for folder in path.parents:
        name = path.relative_to(folder).parts[0]
        if _REGISTRY_NAMES.fullmatch(name) and (folder / "artifacts" / "blobs" / "sha256").is_dir():
            raise InvalidInput(
                f"{shown(os.fspath(target))} is inside the registry {shown(str(folder))}; nothing was written",
                "choose a path outside the registry",
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


def _temporary_beside(target: Path) -> Path:
    check_folder(target.parent)
    return target.absolute().with_name(
        f".modelreg-{os.urandom(8).hex()}"
    )  # not derived from the name, which may have the maximum length


@contextmanager
def _new_folder(destination: Path) -> Iterator[Path]:
    """A temporary folder that is renamed to ``destination`` at the end."""
    check_outside_registry(destination)
    is_empty_folder = destination.is_dir() and not os.listdir(destination)
    if os.path.lexists(destination) and not is_empty_folder:
        raise DestinationExists(destination, is_folder=True)
    temporary = _temporary_beside(destination.resolve())
    try:
        make_folder(temporary)
        yield temporary
        _install(temporary, destination)
    finally:
        with suppress(OSError):
            remove_folder(temporary)


def _install(temporary: Path, destination: Path) -> None:
    """Rename a folder to ``destination``, which is missing or empty; into a mount point its entries are moved."""
    if os.path.lexists(destination):
        change_mode(temporary, stat.S_IMODE(destination.stat().st_mode))
    if not _is_current_folder(destination):
        try:
            os.rename(temporary, os.path.realpath(destination))
            return
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise DestinationExists(destination, is_folder=True) from error
            if error.errno not in (errno.EBUSY, errno.EXDEV):  # a mount point, which cannot be replaced
                raise
    for entry in os.listdir(temporary):
        os.rename(temporary / entry, destination / entry)


def _is_current_folder(folder: Path) -> bool:
    """Whether it is the current folder of this process, which would keep the old folder if it were replaced."""
    try:
        return os.path.samefile(folder, os.curdir)
    except OSError:
        return False


def _make_folder(destination: Path) -> None:
    if os.path.lexists(destination) and not destination.is_dir():
        raise DestinationExists(destination, hint="it is not a folder: leave out the '/' at the end")
    if destination.parent.is_dir():  # otherwise check_folder raises
        make_folder(destination)


def _check_free(target: Path, overwrite: bool) -> None:
    """Raise `DestinationExists` for an existing target; with ``overwrite`` only if it is not a file or link."""
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise DestinationExists(target)
    mode = os.lstat(target).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise DestinationExists(target, hint="it is not a regular file, and --force overwrites only files")


def _rename(temporary: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        os.replace(temporary, target)
        return
    try:
        os.link(temporary, target)  # unlike rename, it does not replace a file that appeared meanwhile
    except FileExistsError as error:
        raise DestinationExists(target) from error
    except OSError:  # a file system without hard links
        os.rename(temporary, target)
