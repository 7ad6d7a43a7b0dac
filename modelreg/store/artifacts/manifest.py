"""ModelPack manifests and configs: the content of a version in bytes that are the same on every machine.

Sources: the OCI image specification 1.1 (manifest, descriptor) and the CNCF ModelPack specification (media types,
config, ``org.cncf.model.filepath``). JSON is canonical as in RFC 8785, so equal facts give an equal digest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from modelreg.domain.facts import Facts
from modelreg.domain.references import Digest
from modelreg.domain.signatures import Signature, signature_from_json
from modelreg.domain.versions import ModelFile
from modelreg.errors import InvalidInput, shown
from modelreg.store.artifacts.copying import digest_of_bytes

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
ARTIFACT_TYPE = "application/vnd.cncf.model.manifest.v1+json"
CONFIG_TYPE = "application/vnd.cncf.model.config.v1+json"
REFERENCE_TYPE = "application/vnd.org.modelreg.reference.v1+json"
"""The artifact type of a manifest without files, which only has their location; not usable by other programs."""
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
FILEPATH = "org.cncf.model.filepath"
FACTS = "org.modelreg.facts.v1"
"""The annotation with the facts of the version."""

LARGEST_FACTS = 1024 * 1024  # bytes
LARGEST_FOR_REGISTRIES = 4 * 1024 * 1024  # bytes; OCI registries accept at least this much

# These determine media types, so any change gives the same files another digest.
_CONFIG_NAMES = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "MLmodel"}
_CONFIG_SUFFIXES = {".yaml", ".yml", ".toml", ".cfg", ".ini"}
_DOC_STEMS = {"readme", "license", "licence", "notice", "changelog"}
_DOC_SUFFIXES = {".md", ".rst", ".pdf"}
_CODE_SUFFIXES = {".py", ".ipynb", ".sh"}


def config_content(files: Sequence[ModelFile]) -> bytes:
    """The ModelPack config, which lists the digests of the files; OCI's empty config without files."""
    if not files:
        return b"{}"
    return _canonical_without_floats(
        {"config": {}, "descriptor": {}, "modelfs": {"type": "layers", "diffIds": [file.digest for file in files]}}
    )


def manifest_content(config: bytes, files: Sequence[ModelFile], facts: Facts) -> bytes:
    """The manifest, whose digest identifies the version; raises `InvalidInput` for facts of more than 1 MiB."""
    import rfc8785  # only needed for registering

    annotation = rfc8785.dumps(facts.as_json())
    if len(annotation) > LARGEST_FACTS:
        raise InvalidInput(
            f"metrics, parameters and signature have {len(annotation)} bytes, and the limit is 1 MiB",
            "put long values into a file of the model; declare a column with very many categories as text",
        )
    return _canonical_without_floats(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": ARTIFACT_TYPE if files else REFERENCE_TYPE,
            "config": {
                "mediaType": CONFIG_TYPE if files else EMPTY_TYPE,
                "digest": digest_of_bytes(config),
                "size": len(config),
            },
            "layers": [_layer(file, facts.is_folder) for file in files],
            "annotations": {FACTS: annotation.decode()},
        }
    )


@dataclass(frozen=True, slots=True)
class Manifest:
    """A parsed manifest."""

    size: int
    """The size of the manifest itself in bytes."""
    config: Digest
    config_size: int
    files: tuple[ModelFile, ...]
    facts: dict[str, Any]
    """The output of `Facts.as_json`."""

    @property
    def is_folder(self) -> bool:
        """Whether a folder was registered; a folder with one file has the same layers as that file alone."""
        return bool(self.facts["kind"] == "folder")

    @property
    def location(self) -> str | None:
        """The location of the files if they are not stored."""
        location = self.facts.get("location")
        return None if location is None else str(location)

    @property
    def signature(self) -> Signature | None:
        """The signature that was stated, if one was."""
        signature = self.facts["signature"]
        if signature is None:
            return None
        sides = {side: list(map(_with_whole_numbers, signature[side])) for side in ("inputs", "outputs")}
        return signature_from_json(signature | sides)

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Parse the output of `manifest_content`; raises ValueError for anything else."""
        try:
            document = json.loads(content)
            layers = document["layers"]
            return cls(
                size=len(content),
                config=Digest(document["config"]["digest"]),
                config_size=document["config"]["size"],
                files=tuple(
                    ModelFile(
                        parse_relative_path(layer["annotations"][FILEPATH]), Digest(layer["digest"]), layer["size"]
                    )
                    for layer in layers
                ),
                facts=json.loads(document["annotations"][FACTS], parse_int=float),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a manifest of modelreg: {error}") from error


def _with_whole_numbers(field: dict[str, Any]) -> dict[str, Any]:
    """A field of a signature with its name and shape as integers: `parse` reads all numbers as floats."""
    name = int(field["name"]) if isinstance(field["name"], float) else field["name"]
    return field | {"name": name, "shape": [None if length is None else int(length) for length in field["shape"]]}


def parse_relative_path(path: str) -> str:
    """Return ``path`` if it is relative and stays inside its folder; otherwise raise ValueError."""
    parts = path.split("/")
    if not path or path.startswith("/") or any(part in ("", ".", "..") for part in parts) or "\0" in path:
        raise ValueError(f"the path {shown(path)} leads out of its folder")
    return path


def _layer(file: ModelFile, in_folder: bool) -> dict[str, Any]:
    return {
        "mediaType": f"application/vnd.cncf.model.{_role(file.path) if in_folder else 'weight'}.v1.raw",
        "digest": file.digest,
        "size": file.size,
        "annotations": {FILEPATH: file.path},
    }


def _role(path: str) -> str:
    """The role of a file in a folder, by its name."""
    name = PurePosixPath(path)
    suffix = name.suffix.lower()
    if name.name in _CONFIG_NAMES or suffix in _CONFIG_SUFFIXES:
        return "weight.config"
    if suffix in _DOC_SUFFIXES or name.stem.lower() in _DOC_STEMS:
        return "doc"
    if suffix in _CODE_SUFFIXES:
        return "code"
    return "weight"


def _canonical_without_floats(value: Any) -> bytes:
    """Canonical JSON for values without floats and with ASCII keys: the same as `_canonical`, five times as fast."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
