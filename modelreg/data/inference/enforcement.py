"""Data in memory as a signature wants it: nothing missing, in its order, and in its types where no value changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelreg.data.signatures.in_memory import is_sparse
from modelreg.data.tables.casting import Origin
from modelreg.data.tables.columns import named
from modelreg.data.tables.reading import converted
from modelreg.domain.signatures import Signature, SignatureField
from modelreg.errors import InvalidData, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

_DATA = "the data"


def enforced(data: object, signature: Signature | None) -> Any:
    """``data`` as a model with this signature takes it: columns that it does not know are left out.

    Raises `InvalidData`, which names what is missing or of another type.
    """
    inputs = signature.inputs if signature else ()
    if not inputs:
        return data
    if signature is not None and signature.one_column:
        return _column(data, inputs[0])
    if all(field.name is not None and not field.shape for field in inputs):
        return _columns(_table(data, [field.name for field in inputs]), inputs)
    if len(inputs) == 1 and inputs[0].name is None:
        if len(inputs[0].shape) < 2 and _is_series(data):
            return _columns(_named(data, inputs[0].name), inputs).iloc[:, 0]
        return _array(data, inputs[0])
    return _arrays(data, inputs)


def _is_series(data: object) -> bool:
    import pandas as pd

    return isinstance(data, pd.Series)


def _named(values: Any, name: str | int | None) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({str(name): values})


def _column(data: object, field: SignatureField) -> pd.Series[Any]:
    """The only column that a model takes, from a Series, a table with that column, or a list of values."""
    import pandas as pd

    if not isinstance(data, pd.Series | pd.DataFrame | Mapping):
        data = pd.Series(list(data) if isinstance(data, Sequence) and not isinstance(data, str) else data)
    if isinstance(data, pd.Series):
        data = data.rename(field.name).to_frame()
    return _columns(_table(data, [field.name]), (field,)).iloc[:, 0]


def _table(data: object, names: Sequence[str | int | None]) -> pd.DataFrame:
    import pandas as pd

    match data:
        case pd.DataFrame():
            return data
        case pd.Series():
            return data.to_frame() if data.name is not None else pd.DataFrame(data)
        case Mapping():
            scalars = any(isinstance(value, str) or not hasattr(value, "__len__") for value in data.values())
            return pd.DataFrame([data]) if scalars else pd.DataFrame(data)
        case _:
            try:
                return pd.DataFrame(data)  # type: ignore[call-overload, no-any-return]
            except (ValueError, TypeError) as error:
                raise InvalidData(f"{_DATA} cannot be read as a table: {error}") from error


def _columns(table: pd.DataFrame, fields: Sequence[SignatureField]) -> pd.DataFrame:
    """The columns of ``fields`` in their types and order, under the names that they have in ``table``."""
    labels = {str(label): label for label in table.columns}
    wanted = {str(field.name): field for field in fields}
    missing = [name for name in wanted if name not in labels]
    if missing:
        hint = did_you_mean(missing[0], labels) or f"its columns are {named(labels)}"
        raise InvalidData(f"{_DATA} has no column {named(missing)}, which the model takes", hint)
    chosen = table[[labels[name] for name in wanted]].set_axis(list(wanted), axis=1)
    try:
        found = converted(chosen, wanted, Origin.MEMORY, _DATA)
    except InvalidData as error:
        error.hint = error.hint or "convert it before the model is asked"
        raise
    return found.set_axis([labels[name] for name in wanted], axis=1)


def _array(data: object, field: SignatureField) -> Any:
    array = _read_as_array(data)
    wanted = field.shape or (None,)
    fits = array.ndim == len(wanted) and all(
        length in (None, found) for length, found in zip(wanted, array.shape, strict=True)
    )
    if not fits:
        raise InvalidData(f"{_DATA} has the shape {_shape(array.shape)}, and the model takes {_shape(wanted)}")
    return _as_type(array, field)


def _read_as_array(data: Any) -> Any:
    """NumPy's array, or a sparse one of SciPy's that stays one."""
    import numpy as np

    if is_sparse(data):
        return data.tocsr()
    try:
        return np.asarray(data)
    except ValueError as error:
        raise InvalidData(f"{_DATA} cannot be read as an array: {error}") from error


def _as_type(array: Any, field: SignatureField) -> Any:
    import numpy as np

    numeric = field.type.lstrip("u").startswith(("int", "float"))
    if not numeric or array.dtype.name == field.type:
        return array
    if array.dtype.kind not in "iuf":
        raise InvalidData(f"{_DATA} is {array.dtype.name}, and the model takes {field.type}")
    with np.errstate(invalid="ignore", over="ignore"):
        changed = array.astype(field.type)
        before, after = (each.data if is_sparse(each) else each for each in (array, changed.astype(array.dtype)))
        same = np.array_equal(before, after, equal_nan=array.dtype.kind == "f")
    if not same:
        raise InvalidData(f"{_DATA} is {array.dtype.name} with values that {field.type} cannot hold")
    return changed


def _arrays(data: object, fields: Sequence[SignatureField]) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise InvalidData(f"the model takes arrays by their names: {named([str(field.name) for field in fields])}")
    missing = [str(field.name) for field in fields if field.name not in data]
    if missing:
        raise InvalidData(f"{_DATA} has no array {named(missing)}, which the model takes")
    return {str(field.name): _array(data[field.name], field) for field in fields}


def _shape(shape: Sequence[int | None]) -> str:
    return f"({', '.join('any' if length is None else str(length) for length in shape)})"
