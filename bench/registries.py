"""Registries of any size, filled through the catalog, without files."""

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


def fill(folder: Path, models: int, versions: int) -> None:
    """Make a registry of ``models`` models with ``versions`` versions each, the newest in Production."""
    home = RegistryFolder(folder, lock_timeout=30)
    home.create()
    with home.catalog.writing(current_actor()) as change:
        for model in range(models):
            _add_model(change, ModelName(f"model-{model:06d}"), model * versions, versions)


def _add_model(change: CatalogWriter, name: ModelName, first: int, versions: int) -> None:
    for count in range(first, first + versions):
        number = change.add_version(name, _version(count))
        if count % 10 == 0:
            _live_with(change, Reference(name, number))
    change.set_stage(name, StageChange(number, Stage.NONE, Stage.PRODUCTION))


def _live_with(change: CatalogWriter, reference: Reference) -> None:
    """What happens to some versions of any registry: they are measured, approved, tagged, and came from elsewhere."""
    version = change.version(reference)
    data = Digest(f"sha256:{0:064x}")
    change.put_evaluation(
        version, "holdout", Scores("classification", {"roc_auc": 0.9, "accuracy": 0.8}, {}, None, data, 1000)
    )
    change.approve(version, "read the evaluation")
    change.record_import(
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
"""What a forest imports."""


_OTHER_FILES = tuple(
    ModelFile(name, Digest(f"sha256:{number:064x}"), 100) for number, name in enumerate(("MLmodel", "conda.yaml"), 1)
)
"""Files that many versions have in common."""


def _imports() -> tuple[ImportedName, ...]:
    parts = (name.rpartition(".") for name in _IMPORTS)
    return tuple(ImportedName(module, name, Verdict.SAFE) for module, _, name in parts)


def _version(count: int) -> NewVersion:
    digest = Digest(f"sha256:{count:064x}")
    return NewVersion(
        status=READY,
        digest=digest,
        files=(ModelFile("model.pkl", digest, 1000), *_OTHER_FILES[: count % 3]),
        described=RecognisedModel("sklearn", "joblib", "sklearn.ensemble._forest.RandomForestClassifier"),
        scan=Scan(Verdict.SAFE, _imports(), ()),
        facts=Facts(True, None, {"accuracy": 0.91, "roc_auc": 0.95}, {"max_depth": "8"}),
        tags={"team": "growth", "run": str(count)} if count % 2 else {},
        description="",
        provenance=Provenance("/models/model.pkl", None, None, None, None, None, Environment("3.11", {"numpy": "2.0"})),
    )
