"""MLflow: a folder with the YAML file ``MLmodel`` (MLflow's documentation, 'MLflow Model Format')."""

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

_MAX_TEXT = 1 << 20  # bytes
_GENERIC = "python_function"
SIGNATURE = "modelreg_signature"
"""The key in the flavor ``python_function`` that holds the signature as modelreg's JSON."""
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
"""MLflow's type of a column -> modelreg's type."""


def recognise(files: Files, is_folder: bool) -> RecognisedModel | None:
    """Recognise a folder whose ``MLmodel`` names a flavor; reads the class, signature and run of that flavor."""
    path = files.get("MLmodel") if is_folder else None
    model = None if path is None else _parse_file(path)
    if model is None:
        return None
    flavors = {name: flavor for name, flavor in _as_mapping(model.get("flavors")).items() if isinstance(name, str)}
    if not flavors:
        return None
    flavor = next((name for name in flavors if name != _GENERIC), _GENERIC)
    return RecognisedModel(
        flavor,
        "mlflow",
        model_class=_model_class(files, _as_mapping(flavors[flavor])),
        signature=_own_signature(flavors) or _mlflow_signature(_as_mapping(model.get("signature"))),
        run_id=_string(model.get("run_id")),
        libraries=_libraries(_as_mapping(flavors.get("sklearn"))),
    )


def load(model: OpenModel, format: str, trust: Trust) -> object:
    """Load the estimator of a folder with scikit-learn's flavor, or MLflow's ``PyFuncModel`` for other flavors.

    The file of an estimator is scanned and loaded like a single file. Everything else requires full trust, because
    MLflow runs code that the folder names. Raises `UnloadableModel` and `UntrustedModel`.
    """
    from modelreg.analysis.scan import scan
    from modelreg.loading.unpickle import load_mlflow, load_pickle, load_python_model

    assert model.folder is not None
    files = model.files()
    generic = generic_flavor(files)
    if _string(generic.get("loader_module")) == LOADER:
        pickled = files.get(_string(generic.get(OBJECT)) or "")
        if pickled is None:
            raise UnloadableModel("the file of the Python model is not in its folder", "log the model again")
        return load_python_model(pickled, _context(generic, model.folder), trust)
    path = _estimator_file(files)
    if path is None:
        return load_mlflow(model.folder, trust)
    trust.check_scan(scan(files, True, format))
    with path.open("rb") as file:
        if skops.describe(path):
            return skops.load_file(file, trust)
        return load_pickle(file, trust)


def generic_flavor(files: Files) -> dict[object, object]:
    """The section of the flavor ``python_function`` in the ``MLmodel``; empty if there is none."""
    return _as_mapping(_as_mapping(parse_mlmodel(files).get("flavors")).get(_GENERIC))


def parse_mlmodel(files: Files) -> dict[object, object]:
    """Parse the ``MLmodel`` of a folder, with strings for all scalars; empty if there is none."""
    return (_parse_file(files["MLmodel"]) if "MLmodel" in files else None) or {}


def _libraries(flavor: dict[object, object]) -> dict[str, str]:
    """The version of scikit-learn that logged the model."""
    release = _string(flavor.get("sklearn_version"))
    return {"scikit-learn": release} if release and pickles.is_release(release) else {}


def _context(generic: dict[object, object], folder: Path) -> PythonModelContext:
    """The files and settings of a Python model, without paths that lead out of the folder."""
    paths = {str(name): folder / str(path) for name, path in _as_mapping(generic.get(ARTIFACTS)).items()}
    artifacts = {name: str(path) for name, path in paths.items() if path.resolve().is_relative_to(folder.resolve())}
    return PythonModelContext(artifacts, _parse_json(generic.get(CONFIG)))


def _own_signature(flavors: dict[str, object]) -> Signature | None:
    """The signature in modelreg's JSON, which has more types than MLflow's."""
    signature = _parse_json(_as_mapping(flavors.get(_GENERIC)).get(SIGNATURE))
    try:
        return signature_from_json(signature) if signature else None
    except InvalidData:
        return None


def _parse_json(value: object) -> dict[str, Any]:
    """Parse a JSON object; empty for anything else."""
    import json

    try:
        content = json.loads(_string(value) or "{}")
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _estimator_file(files: Files) -> Path | None:
    """The file of the estimator; None if MLflow would run code besides this file."""
    flavors = _as_mapping(parse_mlmodel(files).get("flavors"))
    sklearn, generic = _as_mapping(flavors.get("sklearn")), _as_mapping(flavors.get(_GENERIC))
    if _string(generic.get("loader_module")) not in (None, "mlflow.sklearn"):
        return None
    if any(_string(flavor.get("code")) for flavor in (sklearn, generic)):
        return None
    return _find_file(files, sklearn.get("pickled_model"))


def _parse_file(path: Path) -> dict[object, object] | None:
    source = read_text(path, _MAX_TEXT)
    return None if source is None else parse_mapping(source)


def _find_file(files: Files, value: object) -> Path | None:
    """The file that a path in ``MLmodel`` names, which has backslashes if it was written on Windows."""
    name = _string(value) or ""
    return files.get(name) or files.get(name.replace("\\", "/"))


def _as_mapping(value: object) -> dict[object, object]:
    return value if isinstance(value, dict) else {}


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value not in ("", "null", "~") else None


def _model_class(files: Files, flavor: dict[object, object]) -> str | None:
    """The class that the flavor names, else the class in its pickle."""
    named = _string(flavor.get("model_class"))
    path = _find_file(files, flavor.get("pickled_model"))
    if named or path is None:
        return named
    description = skops.describe(path) or pickles.describe(path)
    return description.model_class if description else None


def _mlflow_signature(signature: dict[object, object]) -> Signature | None:
    inputs, outputs = _parse_fields(signature.get("inputs")), _parse_fields(signature.get("outputs"))
    return Signature(inputs, outputs) if inputs or outputs else None


def _parse_fields(schema: object) -> tuple[SignatureField, ...]:
    """Parse the fields of a schema, which MLflow writes as JSON inside the YAML; empty if one of them is unknown."""
    import json

    try:
        specs = json.loads(_string(schema) or "[]")
    except (ValueError, RecursionError):
        return ()
    fields = [_parse_field(spec) for spec in specs] if isinstance(specs, list) else []
    return tuple(field for field in fields if field) if all(fields) else ()


def _parse_field(spec: object) -> SignatureField | None:
    match spec:
        case {"type": "tensor", "tensor-spec": {"dtype": str(dtype), "shape": list(shape)}, **more}:
            lengths = tuple(length if type(length) is int and length >= 0 else None for length in shape)
            return SignatureField(_string(more.get("name")), tensor_type(dtype), lengths)
        case {"type": str(type_), **more}:
            nullable = more.get("required") is False or more.get("optional") is True
            return SignatureField(_string(more.get("name")), TYPES.get(type_, "any"), nullable=nullable)
        case _:
            return None


def tensor_type(dtype: str) -> str:
    """Modelreg's type for the NumPy dtype ``dtype``."""
    if dtype == "bool":
        return "boolean"
    if dtype.startswith("datetime64"):
        return "datetime"
    return dtype if dtype.rstrip("0123456789") in ("int", "uint", "float") else "string" if dtype == "str" else "any"
