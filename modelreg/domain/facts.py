"""The facts of a version: what is in its digest besides the files, so that changing it makes another version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from modelreg.domain.signatures import Signature, signature_as_json
from modelreg.domain.validation import parse_metrics, parse_params


@dataclass(frozen=True, slots=True)
class Facts:
    """Metrics, parameters and signature of a version, and whether it is a file, a folder or a reference."""

    is_folder: bool
    signature: Signature | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    location: str | None = None
    """Where the files are, when they are not stored."""

    @classmethod
    def parse(
        cls,
        *,
        is_folder: bool,
        signature: Signature | None = None,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, object] | None = None,
        location: str | None = None,
    ) -> Facts:
        """Check what a user states; raises `InvalidName` or `InvalidInput`."""
        return cls(is_folder, signature, parse_metrics(metrics), parse_params(params), location)

    def with_defaults(
        self, metrics: Mapping[str, float], params: Mapping[str, object], signature: Signature | None
    ) -> Facts:
        """The same facts, with values from an earlier registration where none is stated; raises as `parse`."""
        return replace(
            self,
            signature=self.signature or signature,
            metrics={**parse_metrics(metrics), **self.metrics},
            params={**parse_params(params), **self.params},
        )

    def as_json(self) -> dict[str, Any]:
        """The JSON value in the manifest's annotation."""
        kind = {"kind": "folder" if self.is_folder else "file"}
        if self.location is not None:
            kind = {"kind": "reference", "location": self.location}
        return kind | {
            "metrics": {name: float(value) for name, value in self.metrics.items()},
            "params": dict(self.params),
            "signature": self.signature and signature_as_json(self.signature),
        }
