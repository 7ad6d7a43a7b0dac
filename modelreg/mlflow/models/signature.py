"""MLflow's `ModelSignature` and `infer_signature`, on modelreg's signatures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from modelreg.data.signatures import infer_signature as infer_stored_signature
from modelreg.domain.signatures import Signature, SignatureField, signature_as_json
from modelreg.mlflow.exceptions import translate_errors
from modelreg.mlflow.types.schema import Schema


class ModelSignature:
    """The inputs and outputs of a model.

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
        """Convert from modelreg's signature."""
        return cls(signature.inputs or None, signature.outputs or None)

    def to_signature(self) -> Signature:
        """Convert to modelreg's signature."""
        return Signature(tuple(self.inputs or ()), tuple(self.outputs or ()))

    def to_dict(self) -> dict[str, object]:
        """The signature as JSON texts, as in MLflow."""
        fields_by_side = signature_as_json(self.to_signature())
        texts: dict[str, object] = {
            side: json.dumps(fields) if fields else None for side, fields in fields_by_side.items()
        }
        return texts | {"params": None}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelSignature) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ModelSignature(inputs={self.inputs!r}, outputs={self.outputs!r}, params={self.params!r})"


@translate_errors
def infer_signature(
    model_input: object = None, model_output: object = None, params: Mapping[str, Any] | None = None
) -> ModelSignature:
    """Infer the signature of a model from an example of its input and output."""
    if model_input is None:
        outputs = None if model_output is None else infer_stored_signature(model_output).inputs
        return ModelSignature(None, outputs, params)
    signature = infer_stored_signature(model_input, model_output)
    return ModelSignature(signature.inputs, signature.outputs or None, params)
