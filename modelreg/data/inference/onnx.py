"""How a session of ONNX Runtime is asked: each input in its own type, and no value changed on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modelreg.domain.signatures import SignatureField
from modelreg.errors import InvalidData, shown

if TYPE_CHECKING:
    import pandas as pd

Ask = Callable[[Any], Any]

_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bool)": "boolean",
    "tensor(string)": "string",
    **{f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


def onnx_questions(session: Any) -> tuple[Ask, Ask | None, tuple[str, ...] | None]:
    """What a session predicts, its probabilities if it has some, and the names of its columns if it has several.

    It takes each column by its name, or one array of all; labels come first and probabilities second.
    """
    inputs, outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    likely = next((name for name in outputs if "probab" in name.lower()), None)
    label = next((name for name in outputs if name != likely), outputs[0])

    def run(output: str, data: Any) -> Any:
        return session.run([output], _fed(inputs, data))[0]

    def probabilities(data: Any) -> Any:
        import pandas as pd

        answer = run(str(likely), data)
        return pd.DataFrame(answer) if isinstance(answer, list) else answer  # dictionaries: class -> probability

    names = tuple(each.name for each in inputs) if len(inputs) > 1 else None
    return lambda data: run(label, data), probabilities if likely else None, names


def _fed(inputs: list[Any], data: Any) -> dict[str, Any]:
    import pandas as pd

    if len(inputs) > 1:
        return {each.name: _typed(data[each.name], each).reshape(len(data), -1) for each in inputs}
    if isinstance(data, pd.DataFrame):
        import numpy as np

        columns = [_typed(data.iloc[:, place], inputs[0]) for place in range(data.shape[1])]
        return {inputs[0].name: np.column_stack(columns)}
    return {inputs[0].name: _typed_array(data, inputs[0])}


def _typed(values: pd.Series[Any], wanted: Any) -> Any:
    """A column in the type of an input; decimals are rounded to its floats. Raises `InvalidData` for any other loss."""
    from modelreg.data.tables.casting import Origin, WrongValue, cast

    type_ = _TYPES.get(wanted.type)
    if type_ is None:
        raise InvalidData(f"the model takes {wanted.name} as {wanted.type}, which no table holds")
    nullable = type_.startswith("float")  # NaN, which all other types do not have
    try:
        found = cast(values, SignatureField(str(values.name), type_, nullable=nullable), Origin.JSON)
    except WrongValue as error:
        reason = error.reason.replace("{row}", f"row {error.place}")
        raise InvalidData(f"{shown(str(values.name))} {reason}, and the model takes {type_}") from error
    return found.to_numpy(dtype=object if type_ == "string" else None)


def _typed_array(data: Any, wanted: Any) -> Any:
    import numpy as np
    import pandas as pd

    array = np.asarray(data)
    if _TYPES.get(wanted.type) == str(array.dtype) or wanted.type not in _TYPES:
        return array
    flat = pd.Series(array.ravel(), name=wanted.name)
    return _typed(flat, wanted).reshape(array.shape)
