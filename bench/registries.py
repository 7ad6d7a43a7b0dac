"""Create registries of any size: versions are added to the catalog only, without stored files."""

from __future__ import annotations

from pathlib import Path

from modelreg.domain.evaluations import Scores
from modelreg.domain.facts import Facts
from modelreg.domain.references import Digest, ModelName, Reference
from modelreg.domain.registrations import Provenance, RecognisedModel
from modelreg.domain.scans import ImportedName, Scan, Verdict
from modelreg.domain.stages import Stage
from modelreg.domain.transitions import StageChange
from modelreg.domain.versions import READY, Environment, ModelFile
from modelreg.store.actor import current_actor
from modelreg.store.catalog.writer import CatalogWriter, NewVersion
from modelreg.store.folder import RegistryFolder


def create_registry(folder: Path, models: int, versions: int) -> None:
    """Create a registry of ``models`` models with ``versions`` versions each, the newest in Production."""
    registry = RegistryFolder(folder, lock_timeout=30)
    registry.create()
    with registry.catalog.writing(current_actor()) as writer:
        for model in range(models):
            _add_model(writer, ModelName(f"model-{model:06d}"), model * versions, versions)


def _add_model(writer: CatalogWriter, name: ModelName, first_index: int, versions: int) -> None:
    for index in range(first_index, first_index + versions):
        number = writer.add_version(name, _build_version(index))
        if index % 10 == 0:
            _add_history(writer, Reference(name, number))
    writer.set_stage(name, StageChange(number, Stage.NONE, Stage.PRODUCTION))


def _add_history(writer: CatalogWriter, reference: Reference) -> None:
    """Add an evaluation, an approval and an import, which some versions of any registry have."""
    version = writer.version(reference)
    data_digest = Digest(f"sha256:{0:064x}")
    writer.put_evaluation(
        version, "holdout", Scores("classification", {"roc_auc": 0.9, "accuracy": 0.8}, {}, None, data_digest, 1000)
    )
    writer.approve(version, "read the evaluation")
    writer.record_import(
        version.name, version.version, {"tags": {}, "description": "", "location": "sqlite:///mlflow.db"}
    )


_IMPORTS = (
    "joblib.numpy_pickle.NumpyArrayWrapper",
    "numpy.dtype",
    "numpy.ndarray",
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._tree.Tree",
)
"""The names that a pickled random forest imports."""


_OTHER_FILES = tuple(
    ModelFile(name, Digest(f"sha256:{number:064x}"), 100) for number, name in enumerate(("MLmodel", "conda.yaml"), 1)
)
"""Files that many versions share."""


def _build_imports() -> tuple[ImportedName, ...]:
    parts = (name.rpartition(".") for name in _IMPORTS)
    return tuple(ImportedName(module, name, Verdict.SAFE) for module, _, name in parts)


def _build_version(index: int) -> NewVersion:
    digest = Digest(f"sha256:{index:064x}")
    return NewVersion(
        status=READY,
        digest=digest,
        files=(ModelFile("model.pkl", digest, 1000), *_OTHER_FILES[: index % 3]),
        described=RecognisedModel("sklearn", "joblib", "sklearn.ensemble._forest.RandomForestClassifier"),
        scan=Scan(Verdict.SAFE, _build_imports(), ()),
        facts=Facts(True, None, {"accuracy": 0.91, "roc_auc": 0.95}, {"max_depth": "8"}),
        tags={"team": "growth", "run": str(index)} if index % 2 else {},
        description="",
        provenance=Provenance("/models/model.pkl", None, None, None, None, None, Environment("3.11", {"numpy": "2.0"})),
    )
