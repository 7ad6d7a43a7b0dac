"""Run ONNX Runtime sessions: convert each input to its type without changing a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modelreg.data.tables.casting import Origin, WrongValue, cast_column
from modelreg.domain.signatures import SignatureField
from modelreg.errors import InvalidData, shown

if TYPE_CHECKING:
    import pandas as pd

Predict = Callable[[Any], Any]

_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bool)": "boolean",
    "tensor(string)": "string",
    **{f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


def build_onnx_methods(session: Any) -> tuple[Predict, Predict | None, tuple[str, ...] | None]:
    """Functions for predictions and, if it has them, probabilities; and its column names, if it has several inputs.

    A session takes either one input per column, by name, or one array of all columns.
    """
    inputs, outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    probability_output = next((name for name in outputs if "probab" in name.lower()), None)
    label_output = next((name for name in outputs if name != probability_output), outputs[0])

    def run(output: str, data: Any) -> Any:
        return session.run([output], _build_feed(inputs, data))[0]

    def predict_probabilities(data: Any) -> Any:
        import pandas as pd

        answer = run(str(probability_output), data)
        return pd.DataFrame(answer) if isinstance(answer, list) else answer  # dictionaries: class -> probability

    names = tuple(input_.name for input_ in inputs) if len(inputs) > 1 else None
    return lambda data: run(label_output, data), predict_probabilities if probability_output else None, names


def _build_feed(inputs: list[Any], data: Any) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    if len(inputs) > 1:
        return {input_.name: _convert_column(data[input_.name], input_).reshape(len(data), -1) for input_ in inputs}
    if isinstance(data, pd.DataFrame):
        columns = [_convert_column(data.iloc[:, position], inputs[0]) for position in range(data.shape[1])]
        return {inputs[0].name: np.column_stack(columns)}
    return {inputs[0].name: _convert_array(data, inputs[0])}


def _convert_column(values: pd.Series[Any], input_: Any) -> Any:
    """Convert a column to the type of an input; decimals are rounded to its floats.

    Raises `InvalidData` for any other value that would change.
    """
    type_ = _TYPES.get(input_.type)
    if type_ is None:
        raise InvalidData(f"the model takes {input_.name} as {input_.type}, which no table holds")
    nullable = type_.startswith("float")  # only floats have NaN
    try:
        column = cast_column(values, SignatureField(str(values.name), type_, nullable=nullable), Origin.JSON)
    except WrongValue as error:
        reason = error.reason.replace("{row}", f"row {error.row}")
        raise InvalidData(f"{shown(str(values.name))} {reason}; the model takes {type_}") from error
    return column.to_numpy(dtype=object if type_ == "string" else None)


def _convert_array(data: Any, input_: Any) -> Any:
    import numpy as np
    import pandas as pd

    array = np.asarray(data)
    if _TYPES.get(input_.type) == str(array.dtype) or input_.type not in _TYPES:
        return array
    flat = pd.Series(array.ravel(), name=input_.name)
    return _convert_column(flat, input_).reshape(array.shape)
