"""MLflow: a folder with an ``MLmodel`` in YAML (MLflow's documentation, 'MLflow Model Format')."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelreg.analysis.containers.content import Files, OpenModel, read_text
from modelreg.analysis.containers.yaml_text import parse_mapping
from modelreg.domain.python_models import ARTIFACTS, CONFIG, LOADER, OBJECT, PythonModelContext
from modelreg.domain.registrations import RecognisedModel
from modelreg.domain.signatures import Signature, SignatureField, signature_from_json
from modelreg.errors import InvalidData, UnloadableModel
from modelreg.loading.flavors import pickles, skops

if TYPE_CHECKING:
    from modelreg.loading.trust import Trust

FORMATS = ("mlflow",)

_MOST_TEXT = 1 << 20  # bytes
_GENERIC = "python_function"
SIGNATURE = "modelreg_signature"
"""The key within the flavor ``python_function`` that has the signature in modelreg's JSON."""
TYPES = {
    "boolean": "boolean",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "string",
    "binary": "binary",
    "datetime": "datetime",
}
"""MLflow's type of a column -> modelreg's."""


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """A folder whose ``MLmodel`` names a flavor: with that flavor's name, class, signature and run."""
    path = files.get("MLmodel") if is_folder else None
    model = None if path is None else _parsed(path)
    if model is None:
        return None
    flavors = {name: flavor for name, flavor in _mapping(model.get("flavors")).items() if isinstance(name, str)}
    if not flavors:
        return None
    flavor = next((name for name in flavors if name != _GENERIC), _GENERIC)
    return RecognisedModel(
        flavor,
        "mlflow",
        model_class=_class(files, _mapping(flavors[flavor])),
        signature=_own_signature(flavors) or _signature(_mapping(model.get("signature"))),
        run_id=_text(model.get("run_id")),
        libraries=_libraries(_mapping(flavors.get("sklearn"))),
    )


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """The estimator that a folder of scikit-learn's flavor has; of other flavors MLflow's ``PyFuncModel``.

    The file of the estimator is judged and loaded as one that was registered by itself. Everything else takes full
    trust, since MLflow runs what the folder says. Raises `UnloadableModel` and `UntrustedModel`.
    """
    from modelreg.analysis.scan import scan
    from modelreg.loading.unpickle import load_mlflow, load_pickle, load_python_model

    assert model.folder is not None
    files = model.files()
    generic = generic_flavor(files)
    if _text(generic.get("loader_module")) == LOADER:
        pickled = files.get(_text(generic.get(OBJECT)) or "")
        if pickled is None:
            raise UnloadableModel("the file of the Python model is not in its folder", "log the model again")
        return load_python_model(pickled, _context(generic, model.folder), trust)
    path = _estimator_file(files)
    if path is None:
        return load_mlflow(model.folder, trust)
    trust.require(scan(files, True, format))
    with path.open("rb") as file:
        if skops.describe(path):
            return skops.load_file(file, trust)
        return load_pickle(file, trust)


def generic_flavor(files: Files) -> dict[object, object]:
    """What the ``MLmodel`` says of the flavor ``python_function``, by which any model is asked; empty for none."""
    return _mapping(_mapping(parsed(files).get("flavors")).get(_GENERIC))


def parsed(files: Files) -> dict[object, object]:
    """The ``MLmodel`` of a folder, with texts for all scalars; empty where there is none."""
    return (_parsed(files["MLmodel"]) if "MLmodel" in files else None) or {}


def _libraries(flavor: dict[object, object]) -> dict[str, str]:
    """The release of scikit-learn that logged the model."""
    stated = _text(flavor.get("sklearn_version"))
    return {"scikit-learn": stated} if stated and pickles.is_release(stated) else {}


def _context(generic: dict[object, object], folder: Path) -> PythonModelContext:
    """The files and settings of a Python model; a path that leads out of the folder is left out."""
    paths = {str(name): folder / str(path) for name, path in _mapping(generic.get(ARTIFACTS)).items()}
    inside = {name: str(path) for name, path in paths.items() if path.resolve().is_relative_to(folder.resolve())}
    return PythonModelContext(inside, _json(generic.get(CONFIG)))


def _own_signature(flavors: dict[str, object]) -> Signature | None:
    """The signature as modelreg writes it, which has more than MLflow's types."""
    stated = _json(_mapping(flavors.get(_GENERIC)).get(SIGNATURE))
    try:
        return signature_from_json(stated) if stated else None
    except InvalidData:
        return None


def _json(value: object) -> dict[str, Any]:
    """An object in JSON; empty for anything else."""
    import json

    try:
        found = json.loads(_text(value) or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _estimator_file(files: Files) -> Path | None:
    """The file of the estimator; None where MLflow would run more than this file says."""
    flavors = _mapping(parsed(files).get("flavors"))
    described, generic = _mapping(flavors.get("sklearn")), _mapping(flavors.get(_GENERIC))
    if _text(generic.get("loader_module")) not in (None, "mlflow.sklearn"):
        return None
    if any(_text(each.get("code")) for each in (described, generic)):
        return None
    return _file(files, described.get("pickled_model"))


def _parsed(path: Path) -> dict[object, object] | None:
    source = read_text(path, _MOST_TEXT)
    return None if source is None else parse_mapping(source)


def _file(files: Files, value: object) -> Path | None:
    """The file that a path in ``MLmodel`` names; Windows writes backslashes."""
    name = _text(value) or ""
    return files.get(name) or files.get(name.replace("\\", "/"))


def _mapping(value: object) -> dict[object, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value not in ("", "null", "~") else None


def _class(files: Files, flavor: dict[object, object]) -> str | None:
    """The class that the flavor names; without one, the class in the model's file."""
    named = _text(flavor.get("model_class"))
    path = _file(files, flavor.get("pickled_model"))
    if named or path is None:
        return named
    found = skops.describe(path) or pickles.describe(path)
    return found.model_class if found else None


def _signature(signature: dict[object, object]) -> Signature | None:
    inputs, outputs = _fields(signature.get("inputs")), _fields(signature.get("outputs"))
    return Signature(inputs, outputs) if inputs or outputs else None


def _fields(schema: object) -> tuple[SignatureField, ...]:
    """The fields of a schema, which MLflow writes as JSON inside of the YAML; empty when one is not understood."""
    import json

    try:
        specs = json.loads(_text(schema) or "[]")
    except (ValueError, RecursionError):
        return ()
    fields = [_field(spec) for spec in specs] if isinstance(specs, list) else []
    return tuple(field for field in fields if field) if all(fields) else ()


def _field(spec: object) -> SignatureField | None:
    match spec:
        case {"type": "tensor", "tensor-spec": {"dtype": str(dtype), "shape": list(shape)}, **more}:
            lengths = tuple(length if type(length) is int and length >= 0 else None for length in shape)
            return SignatureField(_text(more.get("name")), tensor_type(dtype), lengths)
        case {"type": str(type_), **more}:
            nullable = more.get("required") is False or more.get("optional") is True
            return SignatureField(_text(more.get("name")), TYPES.get(type_, "any"), nullable=nullable)
        case _:
            return None


def tensor_type(dtype: str) -> str:
    """Modelreg's type of an array whose type NumPy calls ``dtype``."""
    if dtype == "bool":
        return "boolean"
    if dtype.startswith("datetime64"):
        return "datetime"
    return dtype if dtype.rstrip("0123456789") in ("int", "uint", "float") else "string" if dtype == "str" else "any"
