"""How far a version is, for code that waits until it is ready: here it is when its registration returns."""

from __future__ import annotations

from enum import IntEnum


class ModelVersionStatus(IntEnum):
    """MLflow's statuses, under MLflow's numbers; a version of modelreg is READY."""

    PENDING_REGISTRATION = 1
    FAILED_REGISTRATION = 2
    READY = 3

    @classmethod
    def from_string(cls, status_str: str) -> ModelVersionStatus:
        """The status of that name; raises KeyError."""
        return cls[status_str]

    @staticmethod
    def to_string(status: int) -> str:
        """Its name, which is what `ModelVersion.status` has."""
        return ModelVersionStatus(status).name
