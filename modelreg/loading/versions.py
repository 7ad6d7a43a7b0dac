"""Load a version: find it, check its bytes, decide how far it is trusted, and build the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from modelreg.domain.references import Reference
from modelreg.errors import BytesNotStored, CatalogDamaged, InvalidInput, shown
from modelreg.store.transactions import reading, translating_os_errors, writing

if TYPE_CHECKING:
    from modelreg.domain.confinement import Permissions
    from modelreg.domain.versions import ModelVersion
    from modelreg.loading.trust import Trust
    from modelreg.store.artifacts.copying import Progress
    from modelreg.store.artifacts.manifest import Manifest
    from modelreg.store.folder import RegistryFolder


def find_version(folder: RegistryFolder, reference: str) -> tuple[ModelVersion, Manifest]:
    """Return a version and its manifest.

    Raises `NotFound` or a subclass, `BlobDamaged` or `CatalogDamaged`, and `BytesNotStored` for a version whose
    bytes are not stored here.
    """
    parsed = Reference.parse(reference)
    with reading(folder) as catalog:
        version = catalog.version(parsed)
    with translating_os_errors(inside=folder.path):
        manifest = folder.artifacts.manifest(version)
    if manifest.location is not None:
        raise BytesNotStored(version.reference, manifest.location)
    if manifest.files != version.files:
        raise CatalogDamaged(
            f"{version.reference}: its files in the catalog differ from those of its manifest; nothing was loaded",
            "restore the catalog from a backup; 'modelreg verify' lists all damage",
        )
    return version, manifest


def check_out_version(
    folder: RegistryFolder, version: ModelVersion, manifest: Manifest, progress: Progress | None = None
) -> Path:
    """Return the path of a read-only copy of the version's file or folder; every byte is checked now."""
    from modelreg.store.artifacts.checkout import check_out, safe_path
    from modelreg.store.artifacts.copying import counting

    with translating_os_errors(needed=version.size, inside=folder.path):
        checkout = check_out(
            folder.artifacts,
            folder.checkouts,
            version.reference,
            version.digest,
            manifest.files,
            folder.preventing_pruning,
            progress and counting(progress, version.size),
        )
    return checkout if manifest.is_folder else checkout / safe_path(manifest.files[0].path)


@contextmanager
def opened_file(folder: RegistryFolder, version: ModelVersion, manifest: Manifest) -> Iterator[BinaryIO | None]:
    """Open the only file of a version, checked through the same descriptor; None for a folder."""
    if manifest.is_folder:
        yield None
        return
    with folder.artifacts.open_checked(manifest.files[0], version.reference) as file:
        yield file


def decide_trust(
    folder: RegistryFolder,
    version: ModelVersion,
    trust: str | None,
    message: str | None,
    permissions: Permissions | None = None,
) -> Trust:
    """Decide which names a version may import, and journal full trust and permissions with ``message``.

    Raises `InvalidInput` for an unknown ``trust``, and for trust or permissions without a message.
    """
    from modelreg.domain.validation import parse_reason
    from modelreg.loading.trust import Trust, filter_trusted
    from modelreg.system import interrupts

    if trust not in (None, "full"):
        raise InvalidInput(
            f"{shown(str(trust))} is not a trust level", "use --trust full, or trust single names: modelreg trust add"
        )
    if trust or permissions:
        what = "full trust" if trust else "what a model may do beyond computing"
        parse_reason(message or "", what, "--message WHY")
        with writing(folder, message) as writer:
            writer.record_load(version, is_trusted=trust is not None, permissions=permissions)
        interrupts.allow_interrupts()
    if trust:
        return Trust(version.reference, full=True)
    with reading(folder) as catalog:
        return Trust(version.reference, filter_trusted(catalog.trusted_names()))


def load_version(folder: RegistryFolder, reference: str, trust: str | None, message: str | None) -> Any:
    """Build the model of a version in this process; `Registry.load` documents the errors."""
    from modelreg.analysis.containers.content import OpenModel
    from modelreg.loading.flavors import load
    from modelreg.loading.installed import warn_of_other_library_version

    version, manifest = find_version(folder, reference)
    trusted = decide_trust(folder, version, trust, message)
    warn_of_other_library_version(version)
    checkout = check_out_version(folder, version, manifest) if manifest.is_folder else None
    with translating_os_errors(), opened_file(folder, version, manifest) as file:
        return load(OpenModel(file, checkout), version.format, trusted)
