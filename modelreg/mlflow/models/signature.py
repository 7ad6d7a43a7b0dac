"""Signatures under MLflow's names, around those of modelreg."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from modelreg.data.signatures import infer_signature as inferred
from modelreg.domain.signatures import Signature, SignatureField, signature_as_json
from modelreg.mlflow.exceptions import speaks_mlflow
from modelreg.mlflow.types.schema import Schema


class ModelSignature:
    """What goes into a model and what comes out of it.

    ``params`` are the parameters of ``predict``; they are not stored with a model.
    """

    def __init__(
        self,
        inputs: Iterable[SignatureField] | None = None,
        outputs: Iterable[SignatureField] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        self.inputs = None if inputs is None else Schema(inputs)
        self.outputs = None if outputs is None else Schema(outputs)
        self.params = params

    @classmethod
    def of(cls, signature: Signature) -> ModelSignature:
        """The same as modelreg has it."""
        return cls(signature.inputs or None, signature.outputs or None)

    def stated(self) -> Signature:
        """The same for modelreg."""
        return Signature(tuple(self.inputs or ()), tuple(self.outputs or ()))

    def to_dict(self) -> dict[str, object]:
        """As plain values: texts in JSON, as MLflow has them."""
        stated = signature_as_json(self.stated())
        texts: dict[str, object] = {side: json.dumps(fields) if fields else None for side, fields in stated.items()}
        return texts | {"params": None}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelSignature) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ModelSignature(inputs={self.inputs!r}, outputs={self.outputs!r}, params={self.params!r})"


@speaks_mlflow
def infer_signature(
    model_input: object = None, model_output: object = None, params: Mapping[str, Any] | None = None
) -> ModelSignature:
    """The signature of a model that was given ``model_input`` and answered ``model_output``."""
    if model_input is None:
        outputs = None if model_output is None else inferred(model_output).inputs
        return ModelSignature(None, outputs, params)
    found = inferred(model_input, model_output)
    return ModelSignature(found.inputs, found.outputs or None, params)
