"""ModelPack manifests and configs: what a version is, in bytes that are the same wherever they are made.

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
from modelreg.store.artifacts.copying import of_bytes

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
ARTIFACT_TYPE = "application/vnd.cncf.model.manifest.v1+json"
CONFIG_TYPE = "application/vnd.cncf.model.config.v1+json"
REFERENCE_TYPE = "application/vnd.org.modelreg.reference.v1+json"
"""What a manifest without files is, which only says where they are; no model that other programs could use."""
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
FILEPATH = "org.cncf.model.filepath"
FACTS = "org.modelreg.facts.v1"
"""The annotation that holds what the user states about the version."""

LARGEST_FACTS = 1024 * 1024  # bytes
LARGEST_FOR_REGISTRIES = 4 * 1024 * 1024  # bytes; what OCI registries accept at least

# Part of the digest: what is added here gives the same files another digest.
_CONFIG_NAMES = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "MLmodel"}
_CONFIG_SUFFIXES = {".yaml", ".yml", ".toml", ".cfg", ".ini"}
_DOC_STEMS = {"readme", "license", "licence", "notice", "changelog"}
_DOC_SUFFIXES = {".md", ".rst", ".pdf"}
_CODE_SUFFIXES = {".py", ".ipynb", ".sh"}


def config_content(files: Sequence[ModelFile]) -> bytes:
    """The ModelPack config: it names the files' digests and nothing else; without files OCI's empty one."""
    if not files:
        return b"{}"
    return _canonical_without_floats(
        {"config": {}, "descriptor": {}, "modelfs": {"type": "layers", "diffIds": [file.digest for file in files]}}
    )


def manifest_content(config: bytes, files: Sequence[ModelFile], facts: Facts) -> bytes:
    """The manifest, whose digest identifies the version; raises `InvalidInput` for more than 1 MiB of facts."""
    annotation = _canonical(facts.as_json())
    if len(annotation) > LARGEST_FACTS:
        raise InvalidInput(
            f"metrics, parameters and signature take {len(annotation)} bytes, and 1 MiB is the most",
            "put long values into a file of the model; a column of very many categories may be stated as text",
        )
    return _canonical_without_floats(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": ARTIFACT_TYPE if files else REFERENCE_TYPE,
            "config": {
                "mediaType": CONFIG_TYPE if files else EMPTY_TYPE,
                "digest": of_bytes(config),
                "size": len(config),
            },
            "layers": [_layer(file, facts.is_folder) for file in files],
            "annotations": {FACTS: annotation.decode()},
        }
    )


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest, read back."""

    size: int
    """Bytes of the manifest itself."""
    config: Digest
    config_size: int
    files: tuple[ModelFile, ...]
    facts: dict[str, Any]
    """As `Facts.as_json` made them."""

    @property
    def is_folder(self) -> bool:
        """Whether a folder was registered: a folder of one file has the same layers as that file."""
        return bool(self.facts["kind"] == "folder")

    @property
    def location(self) -> str | None:
        """Where the files are, when they are not stored."""
        location = self.facts.get("location")
        return None if location is None else str(location)

    @property
    def signature(self) -> Signature | None:
        """The signature that was stated, if one was."""
        stated = self.facts["signature"]
        if stated is None:
            return None
        sides = {side: list(map(_with_whole_numbers, stated[side])) for side in ("inputs", "outputs")}
        return signature_from_json(stated | sides)

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Read what `manifest_content` wrote; raises ValueError for anything else."""
        try:
            document = json.loads(content)
            layers = document["layers"]
            return cls(
                size=len(content),
                config=Digest(document["config"]["digest"]),
                config_size=document["config"]["size"],
                files=tuple(
                    ModelFile(inside(layer["annotations"][FILEPATH]), Digest(layer["digest"]), layer["size"])
                    for layer in layers
                ),
                facts=json.loads(document["annotations"][FACTS], parse_int=float),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a manifest of modelreg: {error}") from error


def _with_whole_numbers(field: dict[str, Any]) -> dict[str, Any]:
    """A field of a signature, whose name and lengths were read as all numbers of the facts are: as floats."""
    name = int(field["name"]) if isinstance(field["name"], float) else field["name"]
    return field | {"name": name, "shape": [None if length is None else int(length) for length in field["shape"]]}


def inside(path: str) -> str:
    """``path`` when it is one of a file inside of a folder; raises ValueError for one that leads out of it."""
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
    """What a file of a folder is for, as its name says."""
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
    """As `_canonical`, and five times as fast: only floats and keys beyond ASCII are a matter of form."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _canonical(value: Any) -> bytes:
    import rfc8785  # registering alone needs it

    return rfc8785.dumps(value)
