"""`ModelVersionStatus`, for code that waits for a version; in modelreg a version is ready once registered."""

from __future__ import annotations

from enum import IntEnum


class ModelVersionStatus(IntEnum):
    """MLflow's statuses and their numbers; a version in modelreg is always READY."""

    PENDING_REGISTRATION = 1
    FAILED_REGISTRATION = 2
    READY = 3

    @classmethod
    def from_string(cls, status_str: str) -> ModelVersionStatus:
        """The status with this name; raises KeyError."""
        return cls[status_str]

    @staticmethod
    def to_string(status: int) -> str:
        """The name of a status, as in `ModelVersion.status`."""
        return ModelVersionStatus(status).name
